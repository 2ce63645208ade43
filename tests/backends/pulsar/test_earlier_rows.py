"""Producers of Pulsar set the times: a subscription that begins at a time also delivers earlier rows behind it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import pytest

import brokerkit as bk
from brokerkit.backends.pulsar.ranges import EarlierStartWarning
from brokerkit.sandbox.pulsar import PulsarServer
from tests.backends.windows import at, millis
from tests.brokers.pulsar_producer import ClockedProducer

from .conftest import Make, new_name

pytestmark = pytest.mark.broker
SECONDS = [0, 60, 70, 80, 90, 100, 110, 10, 20, 120]


@pytest.mark.parametrize(("second", "earlier"), [(50, 2), (15, 1), (0, 0)])
@pytest.mark.parametrize("way", ["pull", "batches"])
def test_rows_that_are_earlier_than_the_start_are_counted(
    url: str, pulsar_server: PulsarServer, make: Make, way: str, second: int, earlier: int
) -> None:
    topic = make()
    with ClockedProducer(pulsar_server.url.removeprefix("pulsar://"), topic) as producer:
        producer.send((f"{number}", millis(each)) for number, each in enumerate(SECONDS))
    with bk.connect(url) as session, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        reading = {"subscription": new_name(), "start": at(second), "idle": 0.5}
        if way == "pull":
            rows = len(session.pull(topic, **reading))
        else:
            rows = sum(len(batch.frame) for batch in session.batches(topic, **reading))
    texts = [str(each.message) for each in told if each.category is bk.EarlierRowsWarning]
    assert rows == len(SECONDS) - [each >= second for each in SECONDS].index(True)
    assert [text.partition(" are ")[0] for text in texts] == (
        [f"{earlier} of these {rows} rows"] if earlier else []
    )


UNSORTED = {
    "in between": [0, 20, 10, 30, 10],
    "first": [50, 0, 1, 2, 3, 4, 5],
    "far behind a later one": [0, 100, 10, 10, 10, 20, 30, 10, 5],
    "last": [0, 10, 0, 10, 0, 10, 0, 20],
}


def sent(server: PulsarServer, topic: str, seconds: list[int]) -> None:
    with ClockedProducer(server.url.removeprefix("pulsar://"), topic) as producer:
        producer.send((f"{number}", millis(each)) for number, each in enumerate(seconds))


def expected(seconds: list[int]) -> list[str]:
    first = [each >= 20 for each in seconds].index(True)
    return [f"{number}" for number in range(first, len(seconds))]


@pytest.mark.filterwarnings("ignore::brokerkit.EarlierRowsWarning")
@pytest.mark.parametrize("name", UNSORTED)
@pytest.mark.parametrize("partition", [None, 1])
def test_a_subscription_from_a_time_on_misses_no_row_where_times_are_not_sorted(
    url: str, pulsar_server: PulsarServer, make: Make, name: str, partition: int | None
) -> None:
    seconds = UNSORTED[name]
    topic = make(2) if partition is not None else make()
    sent(pulsar_server, topic if partition is None else f"{topic}-partition-{partition}", seconds)
    with bk.connect(url) as session:
        rows = session.pull(topic, subscription=new_name(), start=at(20), idle=0.5)
    assert list(rows["value"]) == expected(seconds)


@pytest.mark.filterwarnings("ignore::brokerkit.EarlierRowsWarning")
@pytest.mark.parametrize("name", UNSORTED)
def test_a_reset_to_a_time_misses_no_row_where_times_are_not_sorted(
    url: str, pulsar_server: PulsarServer, make: Make, name: str
) -> None:
    topic, subscription = make(), new_name()
    sent(pulsar_server, topic, UNSORTED[name])
    with bk.connect(url) as session:
        session.create_subscription(topic, subscription, start="latest")
        session.reset(topic, subscription, to=at(20), confirm=subscription)
        rows = session.pull(topic, subscription=subscription, idle=0.5)
    assert list(rows["value"]) == expected(UNSORTED[name])


@pytest.mark.parametrize("way", ["create", "reset", "create on partitions"])
def test_it_is_said_where_the_place_of_a_time_was_not_found_soon_enough(
    url: str, pulsar_server: PulsarServer, make: Make, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    split = "partitions" in way
    topic, subscription = make(1 if split else None), new_name()
    sent(pulsar_server, f"{topic}-partition-0" if split else topic, SECONDS)
    with bk.connect(url) as session:
        begin: Callable[[], object] = partial(session.create_subscription, topic, subscription, start=at(100))
        if way == "reset":
            session.create_subscription(topic, subscription, start="latest")
            begin = partial(session.reset, topic, subscription, to=at(100), confirm=subscription)
        monkeypatch.setattr("brokerkit.backends.pulsar.ranges.LOOKING", 0.0)
        with pytest.warns(EarlierStartWarning, match="not found soon enough"):
            begin()
        rows = session.pull(topic, subscription=subscription, idle=0.5)
    assert list(rows["value"]) == [f"{number}" for number in range(len(SECONDS))]


@pytest.mark.extended
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::brokerkit.EarlierRowsWarning")
def test_a_subscription_from_a_time_on_begins_there_behind_a_million_messages_of_the_hour_before(
    url: str, pulsar_server: PulsarServer, make: Make
) -> None:
    topic = make()
    with ClockedProducer(pulsar_server.url.removeprefix("pulsar://"), topic) as producer:
        for number in range(1_000):
            # one after the other, each up to ten minutes late
            late = 600 * (number * 7 % 10) // 10
            producer.send_batch([f"{number}:{row}" for row in range(1_000)], millis(4_000 + number - late))
    times = [4_000 + number - 600 * (number * 7 % 10) // 10 for number in range(1_000)]
    first = next(number for number, each in enumerate(times) if each >= 4_950)
    with bk.connect(url) as session:
        # half of the time to connect is for looking, of which a loaded machine needs much
        rows = session.pull(topic, 1, subscription=new_name(), start=at(4_950), idle=0.5, connect_timeout=400)
    assert list(rows["value"]) == [f"{first}:0"]
