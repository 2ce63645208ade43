"""Positions that hold no message: said where positions are looked at, and never as something that was lost."""

from __future__ import annotations

import pytest

from brokerkit.core import OutboundMessage
from brokerkit.widgets.browse import TopicBrowser
from brokerkit.widgets.browse.gaps import gap_text
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session

from .test_browse import last, say, told

REMOVED = "messages that were removed"


@pytest.fixture
def gapped(s: Session) -> Session:
    """Ten messages of which 3, 4 and 9 are not there any more."""
    s.create_topic("orders")
    s.publish_batch("orders", [OutboundMessage(f"m{n}", key="k") for n in range(10)])
    frame = s.peek("orders", start="earliest")
    s.purge("orders", rows=frame.iloc[[3, 4, 9]], confirm="orders", progress=False)
    return s


def opened(session: Session, **query: object) -> tuple[TopicBrowser, list[dict]]:
    browser = session.browse("orders", **query)
    assert browser.wait(60)
    sent = told(browser)
    say(browser, "rows", first=0, count=60)
    return browser, sent


def gaps(sent: list[dict]) -> dict[str, str]:
    shown = last(sent, "rows")
    column = shown["columns"].index("value")
    return {each["cells"][column]: each["gap"] for each in shown["rows"] if each["gap"]}


@pytest.mark.parametrize("query", [{"start": "earliest"}, {}, {"start": 1}, {"end": 9}])
def test_the_row_after_a_gap_says_what_is_before_it(gapped: Session, query: dict) -> None:
    _, sent = opened(gapped, **query)
    assert gaps(sent) == {"m5": f"offsets 3 to 4 hold no message: {REMOVED}"}


@pytest.mark.parametrize("start", [4, {0: 4}])
def test_an_offset_that_was_asked_for_and_holds_no_message_is_said(gapped: Session, start: object) -> None:
    _, sent = opened(gapped, start=start)
    assert gaps(sent) == {"m5": f"offset 4 holds no message: {REMOVED}"}


@pytest.mark.parametrize(
    "query",
    [
        {"where": lambda value: value != "m7"},
        {"key": "k"},
        {"start": "-1h"},
        {"start": "earliest", "end": "2100-01-01"},
    ],
)
def test_where_not_all_was_wanted_nothing_is_said(gapped: Session, query: dict) -> None:
    _, sent = opened(gapped, **query)
    assert gaps(sent) == {}


def test_rows_in_another_order_say_nothing(gapped: Session) -> None:
    browser, sent = opened(gapped, start="earliest")
    browser.sort = "value"
    say(browser, "rows", first=0, count=60)
    assert gaps(sent) == {}


def test_a_page_knows_the_rows_before_it(gapped: Session) -> None:
    browser, sent = opened(gapped, start="earliest")
    say(browser, "rows", first=3, count=2)
    assert gaps(sent) == {"m5": f"offsets 3 to 4 hold no message: {REMOVED}"}


def test_a_step_says_what_it_stepped_over_and_what_is_beyond(gapped: Session) -> None:
    browser, _ = opened(gapped, start="earliest")
    browser.selected = [2]
    for by, expected in ((1, "m5"), (-1, "m2")):
        browser.step(by, "partition")
        assert browser.wait(60)
        assert browser.message is not None
        assert browser.message.text == expected
        fields = dict(browser.message.view(None)["fields"])
        assert fields["stepped over"] == f"offsets 3 to 4 hold no message: {REMOVED}"
    browser.step(-1, "partition")
    assert browser.wait(60)
    assert browser.message is not None
    assert "stepped over" not in dict(browser.message.view(None)["fields"])
    browser.selected = [8]
    browser.step(1, "partition")
    assert browser.wait(60)
    assert f"no later message in its partition; offset 9 holds no message: {REMOVED}" in str(
        state_of(browser._model)["problem"]
    )


def test_a_system_whose_positions_all_hold_messages_says_nothing() -> None:
    assert gap_text("", 3, 4) == ""
    assert gap_text(REMOVED, 5, 4) == ""
