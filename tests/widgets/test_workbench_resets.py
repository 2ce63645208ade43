"""Subscriptions moved from the workbench: a plan, a confirmation, receipts."""

from __future__ import annotations

import threading

import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.subscriptions import Receipt
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.browse import TopicBrowser
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session

from .test_browse import last, say, told


def opened(session: Session, subscription: int | None = 0) -> tuple[TopicBrowser, list[dict]]:
    browser = session.browse("orders")
    assert browser.wait(60)
    sent = told(browser)
    say(browser, "open", tab="subscriptions")
    say(browser, "subscription", place=subscription)
    return browser, sent


def lag(session: Session) -> int:
    return int(session.subscriptions("orders").set_index("subscription")["lag"]["billing"])


@pytest.fixture
def shop(s: Session) -> Session:
    s.create_topic("orders", partitions=3)
    s.create_subscription("orders", "audit", start="latest")
    s.publish_batch("orders", [f"{n}" for n in range(60)])
    s.create_subscription("orders", "billing", start="latest")
    return s


def test_a_plan_says_what_is_read_again_and_moves_nothing(shop: Session) -> None:
    browser, sent = opened(shop, 1)
    say(browser, "plan_reset", to="earliest")
    plan = last(sent, "reset")
    assert (plan["subscription"], plan["done"], plan["summary"]) == (
        "billing", False, "60 are read again; the lag becomes 60",
    )  # fmt: skip
    assert sum(int(each["again"]) for each in plan["rows"]) == 60
    assert eval(plan["call"], {"s": shop})["lag_after"].sum() == 60
    assert lag(shop) == 0


def test_the_plan_is_carried_out_and_read_back(shop: Session) -> None:
    browser, sent = opened(shop, 1)
    say(browser, "plan_reset", to="earliest")
    say(browser, "carry_out_reset", confirm=None)
    done = last(sent, "reset")
    assert done["done"]
    assert {each["status"] for each in done["rows"]} <= {"done", "accepted"}
    eventually(
        lambda: last(sent, "subscriptions")["chosen"]["head"].endswith("lag 60 messages, 0 in flight"),
        "the subscription is loaded again",
    )
    say(browser, "carry_out_reset", confirm=None)
    assert "look at the plan first" in state_of(browser._model)["problem"]


@pytest.mark.parametrize(("to", "text"), [("", "say where to move it"), ("someday", "someday")])
def test_what_is_no_position_is_refused(shop: Session, to: str, text: str) -> None:
    browser, sent = opened(shop)
    say(browser, "plan_reset", to=to)
    assert text in state_of(browser._model)["problem"] + last(sent, "reset")["problem"]
    assert last(sent, "reset")["rows"] == []


def test_a_plan_goes_with_its_subscription(shop: Session) -> None:
    browser, sent = opened(shop, 1)
    say(browser, "plan_reset", to="earliest")
    say(browser, "subscription", place=0)
    assert last(sent, "reset")["subscription"] == ""
    say(browser, "carry_out_reset", confirm=None)
    assert "look at the plan first" in state_of(browser._model)["problem"]
    say(browser, "subscription", place=None)
    say(browser, "plan_reset", to="latest")
    assert "choose a subscription first" in state_of(browser._model)["problem"]


def test_production_asks_for_the_name_and_read_only_refuses(shop: Session) -> None:
    with bk.connect("inmem://resets", production=True, allow_changes=True) as s:
        s.create_topic("orders")
        s.create_subscription("orders", "billing", start="latest")
        s.publish("orders", "x")
        browser, sent = opened(s)
        say(browser, "plan_reset", to="latest")
        assert last(sent, "reset")["confirm"]
        say(browser, "carry_out_reset", confirm="bill")
        assert "to move it, type its name: billing" in state_of(browser._model)["problem"]
        assert lag(s) == 1
        say(browser, "carry_out_reset", confirm="billing")
        assert last(sent, "reset")["done"]
        with bk.connect("inmem://resets", read_only=True) as reader:
            browser, sent = opened(reader)
            say(browser, "plan_reset", to="earliest")
            assert "read-only" in last(sent, "reset")["refused"]
            say(browser, "carry_out_reset", confirm=None)
            assert "read-only" in last(sent, "reset")["problem"]


def test_the_plan_that_is_shown_is_carried_out_and_no_other(shop: Session) -> None:
    browser, sent = opened(shop, 0)
    say(browser, "plan_reset", to="latest")
    shop.publish_batch("orders", [f"new {n}" for n in range(30)])
    say(browser, "carry_out_reset", confirm=None)
    left = shop.subscriptions("orders").set_index("subscription")["lag"]["audit"]
    assert (left, last(sent, "reset")["summary"]) == (30, "60 are skipped")


@pytest.mark.parametrize("click", ["plan_reset", "refresh", "subscription"])
def test_the_receipts_of_a_reset_are_shown_whatever_is_clicked_meanwhile(
    shop: Session, monkeypatch: pytest.MonkeyPatch, click: str
) -> None:
    browser, sent = opened(shop, 1)
    say(browser, "plan_reset", to="earliest")
    gate, operating = threading.Event(), type(shop.connection.subscriptions())
    reset = operating.reset

    def held(self: object, plan: object) -> object:
        assert gate.wait(20)
        return reset(self, plan)

    monkeypatch.setattr(operating, "reset", held)
    browser._view.receive({"type": "carry_out_reset", "confirm": None})
    browser._view.receive({"type": click, "to": "latest", "place": 0})
    if click == "plan_reset":
        assert "wait until billing is moved" in state_of(browser._model)["problem"]
    gate.set()
    assert browser.wait(60)
    say(browser, "subscription", place=1)
    assert (last(sent, "reset")["done"], last(sent, "reset")["summary"]) == (True, "60 are read again")


@pytest.mark.parametrize("to", ["{0: x", "{0: 10**", "9" * 400, "{'a': 1}"])
def test_after_a_position_that_cannot_be_read_another_can_be_planned(shop: Session, to: str) -> None:
    browser, sent = opened(shop, 1)
    say(browser, "plan_reset", to=to)
    assert state_of(browser._model)["problem"] or last(sent, "reset")["problem"]
    assert not last(sent, "reset")["running"]
    say(browser, "refresh")
    say(browser, "subscription", place=1)
    say(browser, "plan_reset", to="earliest")
    assert last(sent, "reset")["summary"] == "60 are read again; the lag becomes 60"


def test_the_summary_of_receipts_says_what_failed(shop: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, sent = opened(shop, 1)
    say(browser, "plan_reset", to="earliest")
    first, *others = browser._view.resetting.shown.plan.moves
    receipts = [Receipt(first, "done"), *(Receipt(each, "failed") for each in others)]
    operating = type(shop.connection.subscriptions())
    monkeypatch.setattr(operating, "reset", lambda self, plan: receipts)
    say(browser, "carry_out_reset", confirm=None)
    assert last(sent, "reset")["summary"] == "2 failed, 1 done"


@pytest.mark.parametrize("name", ["shop\\billing", "long" * 40, "bill\u202eing"])
def test_on_production_any_subscription_can_be_moved(name: str) -> None:
    with bk.connect("inmem://", production=True, allow_changes=True) as s:
        s.create_topic("orders")
        s.publish("orders", "x")
        s.create_subscription("orders", name, start="latest")
        browser, sent = opened(s)
        say(browser, "plan_reset", to="earliest")
        say(browser, "carry_out_reset", confirm=last(sent, "reset")["typed"])
        assert last(sent, "reset")["done"]
