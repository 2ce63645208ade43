"""What is typed as the ends of a range, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from brokerkit.widgets.browse.meaning import meant, meant_range
from brokerkit.workbench import Session

from .test_browse import FORM, browse, last, say, told


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", ""),
        ("earliest", "the first message that is kept"),
        ("now", "the end, as it is when it is read"),
        ("17", "offset 17 of each partition"),
        ("-100", "100 before the end of each partition"),
        ("{0: 17, 1: 4}", "a place of its own in 2 partitions"),
        ("2026-01-31T12:00", "2026-01-31 12:00:00 UTC"),
        ("2026-01-31 12:00+02:00", "2026-01-31 10:00:00 UTC"),
    ],
)
def test_a_place_is_said_in_words(typed: str, said: str) -> None:
    found = meant(typed)
    assert (found["text"], found["wrong"]) == (said, "")
    assert (found["at"] is not None) == said.endswith("UTC")


@pytest.mark.parametrize("typed", ["tomorrow", "yesterday 25:00", "{0: 17", "what", "<b>"])
def test_what_is_no_place_is_said_with_what_is(typed: str) -> None:
    assert "Try yesterday 13:00" in meant(typed)["wrong"]
    assert typed not in str(meant(typed))


def test_days_are_those_of_utc() -> None:
    before = datetime.now(UTC)
    at = meant("yesterday 13:30")["at"]
    after = datetime.now(UTC)
    assert at is not None
    found = datetime.fromtimestamp(at / 1_000, UTC)
    days = {(each - timedelta(days=1)).date() for each in (before, after)}
    assert (found.date() in days, found.hour, found.minute) == (True, 13, 30)


@pytest.mark.parametrize(
    ("start", "end", "wrong"),
    [
        ("today", "yesterday", True),
        ("2026-01-31", "2026-01-31", True),
        ("-15min", "-15min", True),
        ("yesterday", "today", False),
        ("-15min", "now", False),
        ("100", "yesterday", False),
        ("today", "", False),
        ("what", "yesterday", False),
    ],
)
def test_an_end_before_the_beginning_is_said(start: str, end: str, wrong: bool) -> None:
    first, last_of = meant_range(start, end)
    assert ("not after the beginning" in last_of["wrong"]) == wrong
    assert "beginning" not in first["wrong"]


def test_the_form_takes_what_was_explained_and_the_call_runs(s: Session) -> None:
    s.create_topic("orders")
    s.publish_batch("orders", ["{}"] * 5)
    browser = browse(s, "orders")
    sent = told(browser)
    say(browser, "range", start="yesterday", end="-15 min", asked=7)
    shown = last(sent, "meant")
    assert shown["asked"] == 7
    assert shown["start"]["text"].endswith("00:00:00 UTC")
    assert shown["end"]["wrong"] == ""
    say(browser, "query", **{**FORM, "start": "yesterday"})
    assert browser.call == "s.peek('orders', start='yesterday', newest=True)"
    assert len(eval(browser.call, {"s": s})) == 5
    (row, *_) = last(sent, "rows")["rows"]
    assert abs(row["time"] - datetime.now(UTC).timestamp() * 1_000) < 86_400_000
