"""Rows are bounded in bytes: a page, a pull or a batch ends early, says so, and the next one goes on."""

from __future__ import annotations

import warnings

import pytest

import brokerkit as bk
from brokerkit.session.arguments import MAX_BYTES, MaxBytesWarning
from brokerkit.widgets.browse.calls import shown_call
from brokerkit.widgets.browse.model import BrowserModel
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session
from tests.memory.big_messages import numbers

SIZE = 10_000
COUNT = 60
ROOM = 105_000


def filled(s: Session, partitions: int = 1, sizes: tuple[int, ...] = (SIZE,)) -> None:
    s.create_topic("t", partitions=partitions)
    s.publish_batch("t", [f"{n:06d}".ljust(sizes[n % len(sizes)], "x") for n in range(COUNT)])


@pytest.mark.extended
@pytest.mark.parametrize("model", ["message", "record"])
@pytest.mark.parametrize("sizes", [(SIZE,), (100, 30_000, 7), (ROOM, 10)])
def test_batches_end_at_max_bytes_and_continue_without_losing_a_row(
    s: Session, model: str, sizes: tuple[int, ...]
) -> None:
    filled(s, sizes=sizes)
    seen: list[int] = []
    options = {"subscription": "me", "start": "earliest", "idle": 0.05, "model": model}
    for batch in s.batches("t", size=1_000, max_bytes=ROOM, **options):
        with batch:
            seen += numbers(batch.frame["value"])
            assert batch.frame["value"].str.len().sum() <= ROOM
            if seen[-1] < COUNT - 1:
                assert batch.ended == "at max_bytes=105,000"
                assert "at max_bytes=105,000" in repr(batch)
    assert seen == list(range(COUNT))
    assert s.describe("t").subscriptions["lag"].tolist() == [0]


@pytest.mark.extended
@pytest.mark.parametrize("model", ["message", "record"])
def test_a_message_larger_than_the_bound_comes_alone(s: Session, model: str) -> None:
    filled(s)
    seen = []
    options = {"subscription": "me", "start": "earliest", "idle": 0.05, "model": model}
    for batch in s.batches("t", max_bytes=5, **options):
        with batch:
            assert len(batch) == 1
            seen += numbers(batch.frame["value"])
    assert seen == list(range(COUNT))


@pytest.mark.extended
@pytest.mark.parametrize("model", ["message", "record"])
def test_a_pull_says_that_it_ended_at_max_bytes_and_the_next_continues(s: Session, model: str) -> None:
    filled(s)
    seen: list[int] = []
    while len(seen) < COUNT:
        frame = s.pull("t", 1_000, subscription="me", start="earliest", max_bytes=ROOM, model=model)
        assert len(frame) == 10
        if len(seen) < COUNT - 10:
            assert frame.attrs["brokerkit"]["stopped"] == "at max_bytes=105,000"
        seen += numbers(frame["value"])
    assert seen == list(range(COUNT))


def test_attributes_and_keys_count_as_bytes(s: Session) -> None:
    s.create_topic("t")
    for _ in range(10):
        s.publish("t", "", key="k" * SIZE, attributes={"a": "b" * SIZE})
    assert len(s.pull("t", subscription="me", start="earliest", max_bytes=3 * SIZE)) == 1
    assert len(s.pull("t", subscription="me", max_bytes=5 * SIZE)) == 2


@pytest.mark.parametrize("newest", [True, False])
def test_a_peek_ends_at_max_bytes_with_a_warning(s: Session, newest: bool) -> None:
    filled(s)
    with pytest.warns(MaxBytesWarning, match=r"the peek of 't' ends at max_bytes=\d+,\d+ with \d+ rows"):
        found = numbers(s.peek("t", 1_000, newest=newest, max_bytes=ROOM)["value"])
    assert s.last_read.stopped == "at max_bytes"
    assert 5 <= len(found) <= 10
    assert found == (list(range(COUNT - len(found), COUNT)) if newest else list(range(len(found))))
    with pytest.warns(MaxBytesWarning):
        assert numbers(s.peek("t", newest=newest, max_bytes=1)["value"]) == [COUNT - 1 if newest else 0]


def test_a_peek_that_has_its_rows_says_nothing_about_bytes(s: Session) -> None:
    filled(s, sizes=(10,) * (COUNT - 5) + (SIZE,) * 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", MaxBytesWarning)
        assert len(s.peek("t", 5, max_bytes=ROOM)) == 5
        assert len(s.peek("t", COUNT, max_bytes=None)) == COUNT
    assert s.last_read.stopped == "at the limit"


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("options", [{}, {"start": "earliest"}, {"where": "x"}])
def test_a_browser_stops_at_max_bytes_and_continues_without_losing_a_row(
    s: Session, monkeypatch: pytest.MonkeyPatch, partitions: int, options: dict[str, str]
) -> None:
    filled(s, partitions)
    monkeypatch.setattr("brokerkit.widgets.browse.query.MAX_BYTES", ROOM)
    browser = BrowserModel(s, "t", limit=1_000, max_bytes=ROOM, **options)
    pages = 0
    while browser.wait(60) and browser.search.status == "at max_bytes":
        seen = numbers(browser.rows.result.rows.column("value").to_pylist())
        assert 0 < SIZE * len(seen) <= ROOM * (pages + 1)
        browser.go_on()
        pages += 1
    assert pages >= 5
    assert browser.search.status == "at the end"
    found = browser.frame()
    assert sorted(numbers(found["value"])) == list(range(COUNT))
    assert not found["id"].duplicated().any()


def test_a_browser_says_that_it_stopped_for_memory_and_offers_to_continue(s: Session) -> None:
    filled(s)
    browser = BrowserModel(s, "t", limit=1_000, max_bytes=ROOM)
    assert browser.wait(60)
    shown = state_of(browser)["search"]
    assert shown["text"].startswith("At the limit of memory (105.0 kB): ")
    assert "left" in shown["text"]
    assert shown["more"] == "Continue"
    assert "max_bytes=105000" in shown_call(browser)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "1MB"])
def test_a_bound_that_is_not_a_number_of_bytes_is_refused(s: Session, wrong: object) -> None:
    s.create_topic("t")
    for call in (s.peek, s.pull, s.batches, s.browse):
        with pytest.raises(bk.ConfigError, match="max_bytes must be a positive integer"):
            call("t", max_bytes=wrong)


def test_the_bound_is_the_same_everywhere() -> None:
    assert MAX_BYTES == 128_000_000
