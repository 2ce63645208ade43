"""Narrowing a look: both ends, partitions, headers; and stopping one to go on later."""

from __future__ import annotations

import json
import threading
import warnings
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.session.options import ReadOptions
from brokerkit.session.read.peek import Peek, new_peek
from brokerkit.session.read.ranges import parse_range
from brokerkit.workbench import Session


def ids(df) -> list[int]:
    return [json.loads(value)["id"] for value in df["value"]]


def peeking(s: Session, topic: str, limit: int, *, newest: bool, **options) -> Peek:
    made = new_peek(s, limit, ReadOptions(**options))
    made.plan(topic, parse_range(None, None), newest=newest)
    return made


def test_the_newest_of_a_window_with_both_ends(orders: Session) -> None:
    assert ids(orders.peek("orders", 3, start=1, end=4)) == [3, 4, 5]
    assert ids(orders.peek("orders", 3, start=1, end=4, newest=True)) == [9, 10, 11]
    assert ids(orders.peek("orders", 30, start=6, newest=True)) == [18, 19]


def test_the_first_without_a_start(orders: Session) -> None:
    assert ids(orders.peek("orders", 3, newest=False)) == [0, 1, 2]


def test_partitions_narrow_a_peek_and_a_scan(orders: Session) -> None:
    assert ids(orders.peek("orders", 2, partitions=[1])) == [16, 19]
    frame = orders.scan("orders", partitions=[0, 2], progress=False).to_pandas()
    assert set(frame["partition"]) == {0, 2}
    with pytest.raises(bk.NotFound, match="no partition 9"):
        orders.peek("orders", partitions=[9])
    with pytest.raises(bk.NotFound, match="no partition 9"):
        orders.scan("orders", partitions=[9])
    with pytest.raises(bk.ConfigError, match="numbers of partitions"):
        orders.peek("orders", partitions=["a"])


def test_header_picks_by_name_and_by_value(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch(
        "t",
        [
            OutboundMessage("none"),
            OutboundMessage("a1", attributes=[("a", "1")]),
            OutboundMessage("a12", attributes=[("a", "1"), ("b", "x"), ("a", "2")]),
            OutboundMessage("typed", attributes={"a": 2}),
        ],
    )
    assert s.peek("t", header="a")["value"].tolist() == ["a1", "a12", "typed"]
    assert s.peek("t", header={"a": "2"})["value"].tolist() == ["a12", "typed"]
    assert s.peek("t", header={"a": b"1", "b": "x"})["value"].tolist() == ["a12"]
    assert s.peek("t", header={"a": "3"})["value"].tolist() == []
    assert s.scan("t", header={"b": "x"}, progress=False).to_pandas()["value"].tolist() == ["a12"]
    for wrong in (5, {}, {"a": object()}, {5: "a"}):
        with pytest.raises(bk.ConfigError, match="header"):
            s.peek("t", header=wrong)
    with pytest.raises(bk.ConfigError, match="attributes=False"):
        s.peek("t", header="a", attributes=False)


@pytest.mark.extended
@pytest.mark.parametrize("newest", [True, False])
def test_a_stopped_look_continues_and_misses_nothing(s: Session, newest: bool) -> None:
    s.create_topic("t", partitions=2)
    for start in range(0, 20_000, 10_000):
        s.publish_batch("t", [{"id": number} for number in range(start, start + 10_000)])
    stop = Cancellation()
    seen = threading.Event()

    def wanted(value) -> bool:
        if value["id"] == 10_000:
            seen.set()
            stop.cancel()
        return value["id"] % 100 == 0

    look = peeking(s, "t", 1_000, newest=newest, where=wanted)
    with pytest.raises(bk.Cancelled):
        look.read(stop, progress=False)
    assert seen.is_set()
    found = look.table().num_rows
    assert found < 200
    assert look.left > 0
    look.read(progress=False)
    assert look.left == 0
    assert sorted(json.loads(each)["id"] for each in look.table()["value"].to_pylist()) == [
        *range(0, 20_000, 100)
    ]


@pytest.mark.parametrize("newest", [True, False])
def test_a_look_at_its_limit_continues_to_a_higher_one(orders: Session, newest: bool) -> None:
    look = peeking(orders, "orders", 4, newest=newest)
    look.read(progress=False)
    assert look.report.stopped == "at the limit"
    for limit in (9, 30):
        look.limit = limit
        look.read(progress=False)
        expected = orders.peek("orders", limit, newest=newest)
        assert look.table()["value"].to_pylist() == expected["value"].tolist()
    assert look.report.stopped == "at the end"


@pytest.mark.parametrize("newest", [True, False])
def test_the_covered_range_read_again_has_the_rows_found(orders: Session, newest: bool) -> None:
    look = peeking(orders, "orders", 2, newest=newest, where=lambda value: value["id"] % 2 == 0)
    look.read(progress=False)
    start = {run.partition: run.covered[0] for run in look.runs}
    end = {run.partition: run.covered[1] for run in look.runs}
    again = orders.peek("orders", 100, start=start, end=end, where=lambda value: value["id"] % 2 == 0)
    kept = sum(run.rows for run in look.runs)
    assert len(again) == kept
    assert set(look.table()["value"].to_pylist()) <= set(again["value"])


@pytest.mark.extended
def test_a_step_back_keeps_no_more_rows_than_were_asked_for(s: Session) -> None:
    s.create_topic("large")
    s.publish_batch("large", [f"{number}" for number in range(30_000)])
    kept: list[int] = []
    peek = new_peek(s, 5, ReadOptions(where=lambda value: value < 27_000))
    peek.on_read = lambda _: kept.append(sum(batch.num_rows for run in peek.runs for batch in run.begun))
    peek.plan("large", parse_range(None, None), newest=True)
    peek.read()
    assert peek.table().column("value").to_pylist() == [f"{number}" for number in range(26_995, 27_000)]
    assert len(kept) > 5
    assert max(kept) <= 5
    peek.limit = 50
    peek.read()
    assert peek.table().column("value").to_pylist() == [f"{number}" for number in range(26_950, 27_000)]


@pytest.mark.parametrize("start", [8, 10**6, {0: 8, 1: 8, 2: 8}, {1: 10**6}], ids=str)
def test_a_start_after_the_end_says_so(orders: Session, start: Any) -> None:
    with pytest.warns(bk.AfterTheEndWarning, match=r"orders: the start .* lies after the end"):
        orders.peek("orders", start=start, partitions=[1])
    with pytest.warns(bk.AfterTheEndWarning, match="of another topic"):
        orders.scan("orders", start=start, progress=False).to_pandas()


@pytest.mark.parametrize("start", [7, {0: 10**6, 1: 0}, -100, "2100-01-01", "latest"], ids=str)
def test_a_plausible_start_causes_no_warning(orders: Session, start: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", bk.AfterTheEndWarning)
        orders.peek("orders", start=start)
        orders.scan("orders", start=start, end=10**9, progress=False).to_pandas()


def test_an_offset_beyond_64_bits_is_refused_in_words(orders: Session) -> None:
    with pytest.raises(bk.ConfigError, match=r"2\*\*63 - 1, not one of 64 bits"):
        orders.peek("orders", start=2**63)
