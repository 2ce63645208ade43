"""Ranges of time on the real broker, where producers set times in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from confluent_kafka import Producer

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing import eventually
from brokerkit.widgets.browse import histogram
from brokerkit.widgets.browse.histogram import of_topic
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker
MakeTopic = Callable[..., str]
BEGIN = 1_700_000_000
KEEP = {"retention.ms": -1}
CASE = [("a", 10), ("b", 100), ("late", 20), ("c", 110)]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(BEGIN + seconds, UTC)


@pytest.fixture
def session(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as s:
        yield s


@pytest.fixture
def produce(kafka_server: KafkaServer) -> Callable[..., None]:
    """Produces (value, seconds) pairs as another program would."""

    def send(topic: str, rows: list[tuple[str, float]], partition: int = 0, **settings: object) -> None:
        producer = Producer({"bootstrap.servers": kafka_server.bootstrap, **settings})
        for value, seconds in rows:
            stamp = round((BEGIN + seconds) * 1000)
            while True:
                try:
                    producer.produce(topic, value, partition=partition, timestamp=stamp)
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(60) == 0

    return send


def values(frame: pd.DataFrame) -> list[str]:
    return [str(value) for value in frame["value"]]


def test_rows_of_a_window_are_found_behind_later_ones_and_no_others_are_shown(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None]
) -> None:
    topic = make_topic(**KEEP)
    produce(topic, CASE)
    assert values(session.scan(topic, start=at(15), end=at(30)).to_pandas()) == ["late"]
    assert values(session.peek(topic, start=at(50))) == ["b", "c"]
    assert values(session.peek(topic, start=at(50), newest=True)) == ["b", "c"]
    assert values(session.peek(topic, end=at(50))) == ["a", "late"]
    assert values(session.peek(topic, 1, end=at(50))) == ["late"]
    assert values(session.peek(topic, 1, start=at(15), end=at(105))) == ["b"]
    assert values(session.peek(topic, start=at(15), end=3)) == ["b", "late"]
    assert values(session.peek(topic, start={0: at(105)})) == ["c"]


def test_lateness_bounds_how_far_is_looked_and_the_read_says_so(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None]
) -> None:
    topic = make_topic(**KEEP)
    produce(topic, CASE)
    short = session.scan(topic, start=at(15), end=at(30), lateness="20s")
    assert values(short.to_pandas()) == []
    assert "more than 20 s" in repr(short)
    assert "lateness=" in str(session.last_read)
    whole = session.scan(topic, start=at(15), end=at(30))
    assert "lateness" not in repr(whole)
    assert values(session.scan(topic, end=at(30), lateness=69.9).to_pandas()) == ["a"]
    assert values(session.scan(topic, end=at(30), lateness=timedelta(seconds=71)).to_pandas()) == [
        "a",
        "late",
    ]
    assert values(session.scan(topic, end=at(30), lateness=None).to_pandas()) == ["a", "late"]
    assert values(session.peek(topic, end=at(30), lateness=0)) == ["a"]
    assert "more than 0 s" in str(session.last_read)
    for wrong in ("soon", -1, "-1h", True):
        with pytest.raises(bk.ConfigError, match="lateness"):
            session.scan(topic, lateness=wrong)


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


def test_exports_copies_and_workers_read_the_window_alone(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None], tmp_path: Path
) -> None:
    topic, target = make_topic(**KEEP), make_topic(**KEEP)
    produce(topic, CASE)
    window = {"start": at(15), "end": at(105)}
    session.scan(topic, **window).to_parquet(tmp_path / "out")
    assert values(pd.read_parquet(tmp_path / "out", columns=["value"])) == ["b", "late"]
    with pytest.raises(bk.ConfigError, match="something else"):
        session.scan(topic, **window, lateness="5s").to_parquet(tmp_path / "out")
    outcome = session.copy(topic, session, target, **window)
    assert (outcome["status"] == "confirmed").all()
    assert values(session.peek(target)) == ["b", "late"]
    assert len(session.copy(topic, session, target, **window, resume=outcome)) == 2
    assert len(session.peek(target)) == 2


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


def test_what_was_written_last_is_among_the_newest_whatever_its_time(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None]
) -> None:
    topic = make_topic(3, **KEEP)
    produce(topic, [(f"new {n}", 1_000 + n) for n in range(20)], 0)
    produce(topic, [("old time", 1)], 1)
    assert values(session.peek(topic, 5)) == ["old time", *(f"new {n}" for n in range(16, 20))]
    assert values(session.peek(topic, 1)) == ["new 19"]
    assert values(session.peek(topic, 5, end=at(1_010))) == ["old time", *(f"new {n}" for n in range(6, 10))]


def test_a_tail_from_a_time_shows_nothing_older_of_before_and_all_that_comes(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None]
) -> None:
    topic = make_topic(**KEEP)
    produce(topic, CASE)
    tail = session.tail(topic, start=at(50), paused=True)
    try:
        assert values(tail.frame) == ["b", "c"]
        produce(topic, [("live", 1)])
        tail.paused = False
        eventually(lambda: "live" in values(tail.frame), "the live message comes")
        assert values(tail.frame) == ["b", "c", "live"]
    finally:
        tail.stop()


def test_a_histogram_counts_late_rows_where_they_belong(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = make_topic(**KEEP)
    produce(topic, [(str(n), 60 * n) for n in (0, 5, 9, 1, 1, 5)])
    counted = of_topic(session, topic)
    by_minute = {edge // 60_000_000: n for edge, n in zip(counted.edges, counted.counts, strict=False) if n}
    assert sorted(by_minute.values()) == [1, 1, 2, 2]
    assert "every message" in counted.source
    monkeypatch.setattr(histogram, "READ_MESSAGES", 3)
    approximate = of_topic(session, topic)
    assert "approximate" in approximate.source
    assert sum(approximate.counts) == 6


def test_a_search_that_is_copied_as_a_call_keeps_the_window(
    session: Session, make_topic: MakeTopic, produce: Callable[..., None]
) -> None:
    topic = make_topic(**KEEP)
    produce(topic, CASE)
    browser = session.browse(topic, start=at(15), end=at(105))
    assert browser.wait(20)
    assert values(browser.frame) == ["b", "late"]
    assert values(eval(browser.fixed_call, {"s": session})) == ["b", "late"]
