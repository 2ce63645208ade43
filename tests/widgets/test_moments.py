"""Every moment that a view shows goes with the number from which it is shown in another zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from brokerkit.testing.waiting import eventually
from brokerkit.widgets.dashboard.view import state_of as dashboard_state
from brokerkit.widgets.moments import milliseconds_of
from brokerkit.workbench import Session
from tests.session.letters import desk

from .test_browse import last, say, told

__all__ = ["desk"]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (None, None),
        ("2026-01-01", None),
        (pd.NaT, None),
        (1_500_000, 1_500),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), -1),
        (datetime.max.replace(tzinfo=UTC), 253_402_300_799_999),
        (pd.Timestamp("2026-11-28T23:00:00.123456", tz="Europe/Berlin"), 1_795_903_200_123),
    ],
)
def test_a_moment_is_milliseconds(moment: object, expected: int | None) -> None:
    assert milliseconds_of(moment) == expected


def lately(at: int | None) -> bool:
    return at is not None and abs(time.time() * 1_000 - at) < 600_000


def test_letters_their_groups_and_receipts_have_moments(desk: Session) -> None:
    browser = desk.browse("orders")
    assert browser.wait(60)
    sent = told(browser)
    say(browser, "open", tab="letters")
    assert browser.wait(60)
    shown = last(sent, "letters")
    assert lately(shown["at"])
    assert all(lately(each["at"]) for each in shown["rows"])
    assert all(map(lately, shown["groups"][0]["at"]))
    say(browser, "choose_letters", generation=shown["generation"], group=None, row=0, on=True)
    plan = {"of": "letters", "to": "", "session": "", "rate": "", "keep": False, "most": ""}
    say(browser, "plan_change", verb="redrive", mode="text", where="", **plan)
    assert browser.wait(60)
    assert last(sent, "change")["change"]["at"] is None
    say(
        browser,
        "carry_out_change",
        number=last(sent, "change")["change"]["number"],
        again=False,
        confirm=None,
    )
    assert browser.wait(60)
    assert lately(last(sent, "change")["change"]["at"])


def test_subscriptions_have_the_moment_of_their_oldest(desk: Session) -> None:
    desk.publish("orders", "{}")
    browser = desk.browse("orders")
    assert browser.wait(60)
    sent = told(browser)
    say(browser, "open", tab="subscriptions")
    say(browser, "subscription", place=0)
    assert browser.wait(60)
    say(browser, "subscription", place=0)
    assert browser.wait(60)
    shown = last(sent, "subscriptions")
    assert lately(shown["rows"][0]["oldest_at"])
    known = [each["oldest_at"] for each in shown["chosen"]["progress"]]
    assert sorted(map(lately, known)) == [False, False, True]


def test_a_tail_and_a_dashboard_have_moments(desk: Session) -> None:
    tail = desk.tail("orders")
    view, sent = tail._shown_view(), []
    view.panel.widget.send = lambda message, *_: sent.append(message)
    view.show_all()
    assert all(lately(each["at"]) for each in last(sent, "snapshot")["rows"])
    tail.close()
    dashboard = desk.dashboard()
    dashboard.refresh()
    eventually(lambda: dashboard._model.looks.at is not None, "it looked")
    assert lately(dashboard_state(dashboard._model)["refreshed_at"])
    dashboard.close()
