"""Ranges of time on a real broker, where producers set times in any order: one suite for each that has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.testing import eventually
from brokerkit.widgets.browse.histogram import of_topic
from brokerkit.workbench import Session

BEGIN = 1_700_000_000
CASE = [("a", 10), ("b", 100), ("late", 20), ("c", 110)]

NewTopic = Callable[[], str]
Produce = Callable[..., None]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(BEGIN + seconds, UTC)


def millis(seconds: float) -> int:
    return round((BEGIN + seconds) * 1000)


def values(frame: pd.DataFrame) -> list[str]:
    return [str(value) for value in frame["value"]]


class Windows:
    """Subclass it as ``Test...`` with the fixtures `session`, `new_topic` and `produce` (topic, rows)."""

    def test_rows_of_a_window_are_found_behind_later_ones_and_no_others_are_shown(
        self, session: Session, new_topic: NewTopic, produce: Produce
    ) -> None:
        topic = new_topic()
        produce(topic, CASE)
        whole = session.scan(topic).to_pandas()
        assert list(whole["publish_time"]) == [pd.Timestamp(at(seconds)) for _, seconds in CASE]
        assert values(session.scan(topic, start=at(15), end=at(30)).to_pandas()) == ["late"]
        assert values(session.peek(topic, start=at(50))) == ["b", "c"]
        assert values(session.peek(topic, start=at(50), newest=True)) == ["b", "c"]
        assert values(session.peek(topic, end=at(50))) == ["a", "late"]
        assert values(session.peek(topic, 1, end=at(50))) == ["late"]
        assert values(session.peek(topic, 1, start=at(15), end=at(105))) == ["b"]

    def test_lateness_bounds_how_far_is_looked_and_the_read_says_so(
        self, session: Session, new_topic: NewTopic, produce: Produce
    ) -> None:
        topic = new_topic()
        # many between, since some brokers read whole batches
        produce(topic, [("a", 10), *((f"b{n}", 100 + n) for n in range(200)), ("late", 20), ("c", 310)])
        short = session.scan(topic, start=at(15), end=at(30), lateness="20s")
        assert "more than 20 s" in repr(short)
        assert values(short.to_pandas()) == []
        assert "lateness=" in str(session.last_read)
        for enough in ("1h", timedelta(seconds=300), None):
            found = session.scan(topic, start=at(15), end=at(30), lateness=enough)
            assert values(found.to_pandas()) == ["late"]
        assert "lateness" not in repr(session.scan(topic, start=at(15), end=at(30)))
        assert values(session.peek(topic, end=at(30), lateness=0)) == ["a"]
        assert "more than 0 s" in str(session.last_read)
        for wrong in ("soon", -1, "-1h", True):
            with pytest.raises(bk.ConfigError, match="lateness"):
                session.scan(topic, lateness=wrong)

    def test_exports_copies_and_workers_read_the_window_alone(
        self, session: Session, new_topic: NewTopic, produce: Produce, tmp_path: Path
    ) -> None:
        topic, target = new_topic(), new_topic()
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
        self, session: Session, new_topic: NewTopic, produce: Produce
    ) -> None:
        topic = new_topic()
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
        self, session: Session, new_topic: NewTopic, produce: Produce
    ) -> None:
        topic = new_topic()
        produce(topic, [(str(n), 60 * n) for n in (0, 5, 9, 1, 1, 5)])
        counted = of_topic(session, topic)
        assert sorted(n for n in counted.counts if n) == [1, 1, 2, 2]
        assert "every message" in counted.source

    def test_a_search_that_is_copied_as_a_call_keeps_the_window(
        self, session: Session, new_topic: NewTopic, produce: Produce
    ) -> None:
        topic = new_topic()
        produce(topic, CASE)
        browser = session.browse(topic, start=at(15), end=at(105))
        assert browser.wait(20)
        assert values(browser.frame) == ["b", "late"]
        assert values(eval(browser.fixed_call, {"s": session})) == ["b", "late"]
