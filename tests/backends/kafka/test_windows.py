"""Ranges of time on the real broker, where producers set times in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from confluent_kafka import Producer

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.widgets.browse import histogram
from brokerkit.widgets.browse.histogram import of_topic
from brokerkit.workbench import Session
from tests.backends.windows import CASE, NewTopic, Windows, at, millis, values

pytestmark = pytest.mark.broker
MakeTopic = Callable[..., str]
KEEP = {"retention.ms": -1}


@pytest.fixture
def session(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as s:
        yield s


@pytest.fixture
def new_topic(make_topic: MakeTopic) -> NewTopic:
    return lambda: make_topic(**KEEP)


@pytest.fixture
def produce(kafka_server: KafkaServer) -> Callable[..., None]:
    """Produces (value, seconds) pairs as another program would."""

    def send(topic: str, rows: list[tuple[str, float]], partition: int = 0, **settings: object) -> None:
        # an idempotent producer keeps the order where a new partition has no leader at first
        servers = {"bootstrap.servers": kafka_server.bootstrap, "enable.idempotence": True}
        producer = Producer({**servers, **settings})
        for value, seconds in rows:
            stamp = millis(seconds)
            while True:
                try:
                    producer.produce(topic, value, partition=partition, timestamp=stamp)
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(60) == 0

    return send


class TestWindows(Windows):
    """The suite that other systems run as well."""


def test_a_window_ends_at_an_offset_and_begins_at_a_time_of_each_partition(
    session: Session, new_topic: NewTopic, produce: Callable[..., None]
) -> None:
    topic = new_topic()
    produce(topic, CASE)
    assert values(session.peek(topic, start=at(15), end=3)) == ["b", "late"]
    assert values(session.peek(topic, start={0: at(105)})) == ["c"]


def test_lateness_is_exact_to_the_message(
    session: Session, new_topic: NewTopic, produce: Callable[..., None]
) -> None:
    topic = new_topic()
    produce(topic, CASE)
    for lateness, found in ((69.9, ["a"]), (71, ["a", "late"]), (None, ["a", "late"])):
        assert values(session.scan(topic, end=at(30), lateness=lateness).to_pandas()) == found


def test_windows_of_random_times_are_exact_over_segments_and_compressed_batches(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None]
) -> None:
    chance = random.Random(7)
    topic = make_topic(2, **KEEP, **{"segment.bytes": 1_048_576})
    written: list[tuple[int, str, float]] = []
    for partition, compression in ((0, "none"), (1, "zstd")):
        # in each partition times go on, mixed within ten minutes
        rows = [
            (f"{partition}-{n}-" + "x" * 400, n + chance.uniform(-300, 300) + (0.5 if n % 7 else 0))
            for n in range(6_000)
        ]
        produce(topic, rows, partition, **{"compression.type": compression, "batch.num.messages": 500})
        written += [(partition, value, seconds) for value, seconds in rows]
    for _ in range(12):
        low = chance.uniform(-400, 6_000)
        high = low + chance.choice([0.5, 20, 600, 4_000])
        first, last = at(low), at(high)
        expected = [v for _, v, t in written if first <= at(round(t * 1000) / 1000) < last]
        for lateness in ("10min", "1h"):
            scanned = session.scan(topic, start=first, end=last, lateness=lateness, slice_rows=700)
            assert sorted(values(scanned.to_pandas())) == sorted(expected)
        assert len(session.peek(topic, 20_000, start=first, end=last)) == len(expected)


def test_a_topic_that_the_broker_stamps_is_neither_filtered_nor_read_further(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None]
) -> None:
    topic = make_topic(**KEEP, **{"message.timestamp.type": "LogAppendTime"})
    for row in CASE:
        produce(topic, [row])
    times = session.peek(topic)["publish_time"]
    (piece,) = session.scan(topic, start=times.iloc[0], end=times.iloc[-1]).slices
    assert (piece.since, piece.until) == (None, None)
    assert piece.end == list(times).index(times.iloc[-1])


def test_the_message_written_last_is_among_the_newest_whatever_its_time(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None]
) -> None:
    topic = make_topic(3, **KEEP)
    produce(topic, [(f"new {n}", 1_000 + n) for n in range(20)], 0)
    produce(topic, [("old time", 1)], 1)
    assert values(session.peek(topic, 5)) == ["old time", *(f"new {n}" for n in range(16, 20))]
    assert values(session.peek(topic, 1)) == ["new 19"]
    assert values(session.peek(topic, 5, end=at(1_010))) == ["old time", *(f"new {n}" for n in range(6, 10))]


@pytest.mark.parametrize(
    ("partitions", "odd", "other"),
    [
        (3, 150, 95_000_000),
        *(
            pytest.param(*each, marks=pytest.mark.extended)
            for each in ((1, 0, 0), (3, 0, 0), (3, 1, 95_000_000), (1, 150, -1_600_000_000))
        ),
    ],
)
def test_a_histogram_of_a_large_topic_shows_how_nearly_all_of_its_times_lie(
    session: Session,
    make_topic: MakeTopic,
    produce: Callable[..., None],
    partitions: int,
    odd: int,
    other: float,
) -> None:
    chance, count = random.Random(5), 25_000
    topic = make_topic(partitions, **KEEP)
    # times go on, mixed within a minute; more in the second half of the time
    seconds = [6_000 * (n / count) ** 0.5 + chance.uniform(-60, 0) for n in range(count)]
    seconds[:odd] = [other] * odd
    for partition in range(partitions):
        produce(topic, [(str(n), seconds[n]) for n in range(partition, count, partitions)], partition)
    found = of_topic(session, topic)
    assert "estimated" in found.source
    if odd > 1:
        assert "far from the others" in found.source
    assert count - 600 <= sum(found.counts) <= count + 100
    assert millis(-1_000) * 1_000 < found.edges[0]
    assert found.edges[-1] < millis(7_000) * 1_000
    edges = [edge / 1e6 - millis(0) / 1e3 for edge in found.edges]
    right = np.histogram(seconds[odd:], bins=edges)[0]
    assert np.abs(np.array(found.counts) - right).sum() < 0.25 * count


def test_a_histogram_of_a_large_topic_with_few_messages_in_each_place_counts_all(
    session: Session, new_topic: NewTopic, produce: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = new_topic()
    produce(topic, [(str(n), 60 * n) for n in (0, 5, 9, 1, 1, 5)])
    monkeypatch.setattr(histogram, "READ_MESSAGES", 3)
    found = of_topic(session, topic)
    assert sorted(n for n in found.counts if n) == [1, 1, 2, 2]
