"""Ranges of time on the real broker, where producers set times in any order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import brokerkit as bk
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.workbench import Session
from tests.backends.windows import CASE, NewTopic, Produce, Windows, at, millis, values
from tests.brokers.pulsar_producer import ClockedProducer

from .conftest import Make

pytestmark = pytest.mark.broker


@pytest.fixture(params=["with the REST endpoint", "without"])
def session(request: pytest.FixtureRequest, url: str, pulsar_server: PulsarServer) -> Iterator[Session]:
    """A session that knows the REST endpoint, and one that does not."""
    with bk.connect(url if request.param != "without" else pulsar_server.url) as opened:
        yield opened


@pytest.fixture
def new_topic(make: Make) -> NewTopic:
    return make


@pytest.fixture
def host(pulsar_server: PulsarServer) -> str:
    return pulsar_server.url.removeprefix("pulsar://")


@pytest.fixture
def produce(host: str) -> Produce:
    """Produces (value, seconds) pairs as programs with other clocks would."""

    def send(topic: str, rows: list[tuple[str, float]]) -> None:
        with ClockedProducer(host, topic) as producer:
            producer.send((value, millis(seconds)) for value, seconds in rows)

    return send


class TestWindows(Windows):
    """The suite that other systems run as well."""


def test_a_window_ends_at_a_message_and_begins_at_a_time(
    session: Session, new_topic: NewTopic, produce: Produce
) -> None:
    topic = new_topic()
    produce(topic, CASE)
    fourth = session.peek(topic)["id"].iloc[3]
    assert values(session.peek(topic, start=at(15), end=fourth)) == ["b", "late"]


@pytest.mark.parametrize(
    "session", ["with the REST endpoint", pytest.param("without", marks=pytest.mark.soak)], indirect=True
)
@pytest.mark.extended
def test_windows_of_random_times_are_exact_over_partitions_and_batches(
    session: Session, make: Make, host: str
) -> None:
    chance = random.Random(7)
    topic = make(2)
    written: list[tuple[str, int]] = []
    for partition in (0, 1):
        with ClockedProducer(host, f"{topic}-partition-{partition}") as producer:
            for n in range(300):
                # in each partition times go on, mixed within ten minutes
                time = millis(10 * n + chance.uniform(-300, 300))
                batch = [f"{partition}-{n}-{each}" for each in range(chance.choice([1, 1, 7]))]
                if len(batch) > 1:
                    producer.send_batch(batch, time)
                else:
                    producer.send([(batch[0], time)])
                written += [(value, time) for value in batch]
    assert sorted(values(session.scan(topic).to_pandas())) == sorted(value for value, _ in written)
    for _ in range(8):
        low = chance.uniform(-400, 3_000)
        high = low + chance.choice([0.5, 20, 600, 2_000])
        expected = [value for value, time in written if millis(low) <= time < millis(high)]
        first, last = (datetime.fromtimestamp(millis(each) / 1000, UTC) for each in (low, high))
        for lateness in ("10min", "1h"):
            scanned = session.scan(topic, start=first, end=last, lateness=lateness, slice_rows=100)
            assert sorted(values(scanned.to_pandas())) == sorted(expected)
        assert len(session.peek(topic, 20_000, start=first, end=last)) == len(expected)
