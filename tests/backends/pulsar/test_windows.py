"""Ranges of time on the real broker, where producers set times in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually
from brokerkit.widgets.browse.histogram import of_topic
from brokerkit.workbench import Session
from tests.brokers.pulsar_producer import ClockedProducer

from .conftest import Make

pytestmark = pytest.mark.broker
BEGIN = 1_700_000_000
CASE = [("a", 10), ("b", 100), ("late", 20), ("c", 110)]
Produce = Callable[[str, list[tuple[str, float]]], None]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(BEGIN + seconds, UTC)


def millis(seconds: float) -> int:
    return round((BEGIN + seconds) * 1000)


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with bk.connect(url) as opened:
        yield opened


@pytest.fixture(params=["with the REST endpoint", "without"])
def either(request: pytest.FixtureRequest, url: str, pulsar_server: PulsarServer) -> Iterator[Session]:
    """A session that knows the REST endpoint, and one that does not."""
    with bk.connect(url if request.param != "without" else pulsar_server.url) as opened:
        yield opened


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


def values(frame: pd.DataFrame) -> list[str]:
    return [str(value) for value in frame["value"]]


def test_rows_of_a_window_are_found_behind_later_ones_and_no_others_are_shown(
    either: Session, make: Make, produce: Produce
) -> None:
    topic, session = make(), either
    produce(topic, CASE)
    whole = session.scan(topic).to_pandas()
    assert list(whole["publish_time"]) == [pd.Timestamp(at(seconds)) for _, seconds in CASE]
    assert values(session.scan(topic, start=at(15), end=at(30)).to_pandas()) == ["late"]
    assert values(session.peek(topic, start=at(50))) == ["b", "c"]
    assert values(session.peek(topic, start=at(50), newest=True)) == ["b", "c"]
    assert values(session.peek(topic, end=at(50))) == ["a", "late"]
    assert values(session.peek(topic, 1, end=at(50))) == ["late"]
    assert values(session.peek(topic, 1, start=at(15), end=at(105))) == ["b"]
    assert values(session.peek(topic, start=at(15), end=whole["id"].iloc[3])) == ["b", "late"]


def test_lateness_bounds_how_far_is_looked_and_the_read_says_so(
    session: Session, make: Make, produce: Produce
) -> None:
    topic = make()
    produce(topic, [("a", 10), *((f"b{n}", 100 + n) for n in range(200)), ("late", 20), ("c", 310)])
    short = session.scan(topic, start=at(15), end=at(30), lateness="20s")
    assert "more than 20 s" in repr(short)
    assert values(short.to_pandas()) == []
    assert "lateness=" in str(session.last_read)
    for enough in ("1h", timedelta(seconds=300), None):
        assert values(session.scan(topic, start=at(15), end=at(30), lateness=enough).to_pandas()) == ["late"]
    assert values(session.peek(topic, end=at(30), lateness=0)) == ["a"]
    assert "more than 0 s" in str(session.last_read)
    for wrong in ("soon", -1, True):
        with pytest.raises(bk.ConfigError, match="lateness"):
            session.scan(topic, lateness=wrong)


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


def test_exports_copies_and_workers_read_the_window_alone(
    session: Session, make: Make, produce: Produce, tmp_path: Path
) -> None:
    topic, target = make(), make()
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


def test_a_tail_from_a_time_shows_nothing_older_of_before_and_all_that_comes(
    session: Session, make: Make, produce: Produce
) -> None:
    topic = make()
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
    session: Session, make: Make, produce: Produce
) -> None:
    topic = make()
    produce(topic, [(str(n), 60 * n) for n in (0, 5, 9, 1, 1, 5)])
    counted = of_topic(session, topic)
    assert sorted(n for n in counted.counts if n) == [1, 1, 2, 2]
    assert "every message" in counted.source


def test_a_search_that_is_copied_as_a_call_keeps_the_window(
    session: Session, make: Make, produce: Produce
) -> None:
    topic = make()
    produce(topic, CASE)
    browser = session.browse(topic, start=at(15), end=at(105))
    assert browser.wait(20)
    assert values(browser.frame) == ["b", "late"]
    assert values(eval(browser.fixed_call, {"s": session})) == ["b", "late"]
