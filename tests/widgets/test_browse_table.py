"""Pages of many rows, in any order, and histograms of topics and rows."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from itertools import pairwise

import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames.build import FrameBuilder
from brokerkit.widgets.browse.histogram import BUCKETS, edges_between, of_rows, of_topic
from brokerkit.widgets.browse.table import PAGE, ResultTable
from brokerkit.workbench import Session

MILLION = 1_000_000
MINUTE = 60_000_000


@pytest.fixture(scope="module")
def million() -> pa.Table:
    """A million rows, a second apart."""
    offsets = list(range(MILLION))
    columns = Columns(
        MILLION,
        topic="orders",
        partition=0,
        offset=offsets,
        id=list(map(str, offsets)),
        value=[b'{"id": %d}' % (offset * 7919 % MILLION) for offset in offsets],
        publish_time=[offset * 1_000_000 for offset in offsets],
    )
    builder = FrameBuilder()
    return builder.to_table([builder.batch(columns)])


@pytest.mark.extended
def test_any_page_of_a_million_rows_is_small_and_right(million: pa.Table) -> None:
    table = ResultTable(million)
    for first in (0, 123_456, MILLION - 30):
        page = table.page(first, 60, ["offset", "value"])
        assert [row["place"] for _, row in page] == list(range(first, min(first + 60, MILLION)))
        assert page[0][1]["cells"] == [str(first), f'{{"id": {first * 7919 % MILLION}}}']
        assert len(json.dumps(page)) < 16_000
    assert table.page(MILLION + 5, 60, ["offset"]) == []
    assert len(table.page(0, MILLION, ["offset"])) == PAGE


def test_a_million_rows_are_ordered_and_found_again(million: pa.Table) -> None:
    table = ResultTable(million)
    table.sort_by(("offset", False))
    assert [identity for identity, _ in table.page(0, 3, ["offset"])] == ["999999", "999998", "999997"]
    number = table.find("777")
    assert number == 777
    assert table.place(number) == MILLION - 778
    assert table.numbers(MILLION - 778, 1) == [777]
    table.sort_by(None)
    assert table.place(777) == 777


def test_a_histogram_of_rows_counts_each_of_them_once(million: pa.Table) -> None:
    found = of_rows(million)
    assert sum(found.counts) == MILLION
    assert len(found.edges) == len(found.counts) + 1
    assert len(found.counts) <= BUCKETS
    assert "1,000,000 messages from 1970-01-01" in found.view()["label"]


@pytest.mark.parametrize(
    "span", [0, 1, 999, 5_000, 1_000_000, 61 * MINUTE, 86_400_000_000, 400 * 86_400_000_000, 10**17]
)
def test_edges_are_round_and_few_and_enclose_everything(span: int) -> None:
    first = 1_700_000_000_123_456
    edges = edges_between(first, first + span)
    assert edges[0] <= first
    assert edges[-1] > first + span
    assert 2 <= len(edges) <= BUCKETS + 2
    assert len({after - before for before, after in pairwise(edges)}) == 1


def dated(s: Session, partitions: int, minutes: list[int]) -> None:
    """A topic whose messages were published in these minutes of 2024."""
    s.create_topic("t", partitions=partitions)
    s.publish_batch("t", [str(minute) for minute in minutes])
    begin = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    for partition in s.native.topics["t"].partitions:
        for index, entry in enumerate(partition._entries):
            object.__setattr__(entry, "time", begin + int(entry.value) * MINUTE)
            partition._entries[index] = entry


def test_by_the_index_and_by_reading_it_is_the_same_histogram(s: Session) -> None:
    dated(s, 3, sorted([*range(0, 600, 7), *range(0, 600, 50), 599, 599, 599]))
    by_index = of_topic(s, "t")
    by_reading = of_rows(s.scan("t", progress=False).to_arrow())
    assert by_index.counts == by_reading.counts
    assert by_index.edges == by_reading.edges
    assert by_index.source == "of the topic, from the broker's time index"


def test_by_the_index_next_to_nothing_is_read(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    dated(s, 1, list(range(3_000)))
    read = []
    original = s.inspector.read
    monkeypatch.setattr(
        s.inspector, "read", lambda slice_, **options: read.append(slice_) or original(slice_, **options)
    )
    of_topic(s, "t")
    assert sum(min(slice_.end - slice_.start, 2_000) for slice_ in read) <= 2_001


def test_a_topic_without_messages_has_no_bars(s: Session) -> None:
    s.create_topic("t")
    assert of_topic(s, "t").counts == ()
    assert (
        of_rows(s.peek("t", 5).head(0).pipe(lambda frame: pa.table(s.scan("t", progress=False)))).counts == ()
    )


def test_a_brush_sets_the_window_and_the_call_reads_it(s: Session) -> None:
    pytest.importorskip("anywidget")
    dated(s, 2, list(range(600)))
    browser = s.browse("t", limit=1_000)
    assert browser.wait(60)
    browser._model.count()
    assert browser.wait(60)
    view = browser._model.facts.histogram.view()
    low, high = 10, 19
    wanted = sum(view["counts"][low:high])
    assert browser.widget is not None
    browser._view.receive({"type": "window", "start": view["edges"][low], "end": view["edges"][high]})
    assert browser.wait(60)
    assert len(browser.frame) == wanted > 0
    assert browser.frame.equals(eval(browser.call, {"s": s}))
    assert "start='2024-01-01T" in browser.call
    browser._view.receive({"type": "window", "start": None, "end": None})
    assert browser.wait(60)
    assert browser.call == "s.peek('t', 1000)"


@pytest.mark.extended
def test_a_count_that_takes_too_long_is_given_up_with_the_next(s: Session) -> None:
    dated(s, 1, list(range(600)))
    browser = s.browse("t")
    assert browser.wait(60)
    s.native.faults.pause()
    began = time.monotonic()
    browser._model.count()
    browser.close(0.2)
    s.native.faults.resume()
    assert browser.wait(60)
    assert time.monotonic() - began < 60
    assert browser.problem is None or isinstance(browser.problem, bk.BrokerError)
