"""Chosen rows in the workbench: moved, deleted, redriven and sent elsewhere, by a plan, with receipts."""

from __future__ import annotations

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.session.base import open_sessions
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.browse import TopicBrowser, changing
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session

from .test_browse import last, say, told

PLAN = {
    "of": "rows",
    "to": "",
    "session": "",
    "rate": "",
    "keep": False,
    "most": "",
    "mode": "text",
    "where": "",
}


@pytest.fixture
def shop(s: Session) -> Session:
    s.create_topic("orders")
    s.create_topic("other")
    s.publish_batch("orders", [OutboundMessage(f"m{n}", key="k") for n in range(6)])
    return s


def chosen(session: Session, *places: int) -> tuple[TopicBrowser, list[dict]]:
    browser = session.browse("orders")
    assert browser.wait(60)
    sent = told(browser)
    browser.selected = list(places)
    return browser, sent


def change(sent: list[dict]) -> dict:
    return last(sent, "change")["change"]


def carry_out(browser: TopicBrowser, sent: list[dict], *, again: bool, confirm: str | None) -> None:
    """A click on the button of the plan that was shown last."""
    plans = [each["change"]["number"] for each in sent if each["type"] == "change" and each["change"]]
    say(browser, "carry_out_change", number=plans[-1], again=again, confirm=confirm)


def runs(shown: dict, browser: TopicBrowser, **more: object) -> pd.DataFrame:
    return eval(shown["call"], {"s": browser.session, "browser": browser, **more})


def test_rows_are_moved_once_the_topic_is_typed(shop: Session) -> None:
    browser, sent = chosen(shop, 1, 2)
    say(browser, "plan_change", verb="move", **PLAN)
    assert (change(sent)["asked"], change(sent)["lines"], change(sent)["problem"]) == (False, [], "")
    say(browser, "plan_change", verb="move", **{**PLAN, "to": "nowhere"})
    assert change(sent)["problem"] or change(sent)["count"] == 2
    say(browser, "plan_change", verb="move", **{**PLAN, "to": "other"})
    plan = change(sent)
    assert (plan["count"], plan["places"]) == (2, [{"name": "other", "now": "0", "after": "2"}])
    assert len(runs(plan, browser)) == 2
    assert len(shop.peek("other")) == 0
    carry_out(browser, sent, again=False, confirm=None)
    assert change(sent)["counts"] == [["confirmed", 2]]
    assert list(shop.peek("other")["value"]) == ["m1", "m2"]
    eventually(lambda: len(browser.frame) == 4, "the rows are read again")
    assert len(runs(change(sent), browser)) == 0


def test_rows_are_deleted_only_with_the_name_of_the_topic(shop: Session) -> None:
    browser, sent = chosen(shop, 0, 5)
    say(browser, "plan_change", verb="delete", **PLAN)
    plan = change(sent)
    assert (plan["count"], plan["confirm"], plan["typed"]) == (2, True, "orders")
    assert list(runs(plan, browser)["status"]) == ["planned"] * 2
    carry_out(browser, sent, again=False, confirm=None)
    assert "type the topic's name: orders" in state_of(browser._model)["problem"]
    assert len(shop.peek("orders")) == 6
    carry_out(browser, sent, again=False, confirm="orders")
    assert change(sent)["counts"] == [["removed", 2]]
    assert list(shop.peek("orders")["value"]) == ["m1", "m2", "m3", "m4"]


def test_rows_are_sent_to_another_session_and_stay(shop: Session) -> None:
    with bk.connect("inmem://elsewhere") as elsewhere:
        elsewhere.create_topic("copies")
        browser, sent = chosen(shop, 3, 4)
        say(browser, "plan_change", verb="send", **PLAN)
        tokens = {name: token for token, name in change(sent)["sessions"]}
        assert (tokens["inmem://"], change(sent)["sessions"][0][1]) == ("", "inmem://")
        say(
            browser,
            "plan_change",
            verb="send",
            **{**PLAN, "to": "copies", "session": tokens["inmem://elsewhere"]},
        )
        plan = change(sent)
        assert (plan["count"], plan["done"]) == (2, False)
        assert ("good", "the originals stay here") in map(tuple, plan["checks"])
        assert len(runs(plan, browser)) == 2
        assert len(elsewhere.peek("copies")) == 0
        carry_out(browser, sent, again=False, confirm=None)
        assert change(sent)["counts"] == [["confirmed", 2]]
        assert change(sent)["lines"][0]["target"].startswith("copies 0-")
        assert list(elsewhere.peek("copies")["value"]) == ["m3", "m4"]
        assert len(shop.peek("orders")) == 6


def test_what_could_not_be_sent_is_sent_by_resume_and_nothing_twice(shop: Session) -> None:
    shop.publish("orders", "long" * 20)
    shop.connection.native.topic("other").max_message_bytes = 20
    browser, sent = chosen(shop, 5, 6)
    say(browser, "plan_change", verb="send", **{**PLAN, "to": "other"})
    carry_out(browser, sent, again=False, confirm=None)
    assert (change(sent)["left"], [each["status"] for each in change(sent)["lines"]]) == (
        1, ["failed", "confirmed"],
    )  # fmt: skip
    shop.connection.native.topic("other").max_message_bytes = 1_000
    carry_out(browser, sent, again=True, confirm=None)
    assert (change(sent)["left"], change(sent)["counts"]) == (0, [["confirmed", 2]])
    assert list(shop.peek("other")["value"]) == ["m5", "long" * 20]


@pytest.mark.parametrize("verb", ["move", "delete", "send", "redrive"])
def test_a_read_only_session_refuses_in_the_words_of_the_call(verb: str) -> None:
    calls = {
        "move": lambda s, rows: s.move(rows, "other", confirm="orders"),
        "delete": lambda s, rows: s.purge("orders", rows=rows, confirm="orders"),
        "send": lambda s, rows: s.publish_frame("other", rows),
        "redrive": lambda s, rows: s.redrive(rows, to="other", confirm="orders"),
    }
    with bk.connect(f"inmem://refusing-{verb}") as owner:
        owner.create_topic("orders")
        owner.create_topic("other")
        owner.publish("orders", "m")
        with bk.connect(f"inmem://refusing-{verb}", read_only=True) as looker:
            browser, sent = chosen(looker, 0)
            say(browser, "plan_change", verb=verb, **{**PLAN, "to": "other"})
            plan = change(sent)
            with pytest.raises(bk.NotSupported) as refused:
                calls[verb](looker, browser.selected)
            assert plan["refused"] == str(refused.value)
            carry_out(browser, sent, again=False, confirm="orders")
            assert state_of(browser._model)["problem"].startswith(str(refused.value)[:80])
            assert len(owner.peek("orders")) == 1


def test_production_asks_for_the_name_of_what_changes(shop: Session) -> None:
    with bk.connect("inmem://named", production=True, allow_changes=True) as there:
        there.create_topic("copies")
        browser, sent = chosen(shop, 0)
        say(browser, "plan_change", verb="send", **PLAN)
        tokens = {name: token for token, name in change(sent)["sessions"]}
        say(
            browser,
            "plan_change",
            verb="send",
            **{**PLAN, "to": "copies", "session": tokens["inmem://named"]},
        )
        assert (change(sent)["confirm"], change(sent)["typed"]) == (True, "copies")
        carry_out(browser, sent, again=False, confirm="orders")
        assert there.peek("copies").empty
        carry_out(browser, sent, again=False, confirm="copies")
        assert len(there.peek("copies")) == 1


@pytest.mark.parametrize(
    ("typed", "text"),
    [({"rate": "fast"}, "At most"), ({"rate": "0"}, "At most"), ({"most": "-1"}, "Redriven at most")],
)
def test_what_is_typed_wrong_is_said_and_nothing_is_planned(
    shop: Session, typed: dict[str, str], text: str
) -> None:
    browser, sent = chosen(shop, 0)
    say(browser, "plan_change", verb="redrive", **{**PLAN, "to": "other", **typed})
    assert text in state_of(browser._model)["problem"]
    assert not any(each["type"] == "change" and each["change"] for each in sent)


def test_nothing_chosen_is_nothing_to_change(shop: Session) -> None:
    browser, _ = chosen(shop)
    browser.selected = None
    say(browser, "plan_change", verb="move", **{**PLAN, "to": "other"})
    assert "choose messages first" in state_of(browser._model)["problem"]


def test_a_closed_session_holds_what_needs_it_and_copies_go_to_another(shop: Session) -> None:
    browser, sent = chosen(shop, 0)
    assert state_of(browser._model)["held"] == {}
    shop.close()
    held = state_of(browser._model)["held"]
    assert {"redrive", "move", "delete"} <= set(held)
    assert all("this session was closed" in why for why in held.values())
    # others may be open in this process
    assert ("send" in held) == (not open_sessions())
    with bk.connect("inmem://") as other:
        other.create_topic("orders")
        assert "send" not in state_of(browser._model)["held"]
        say(browser, "plan_change", verb="send", **{**PLAN, "to": "orders", "session": other.token})
        assert change(sent)["problem"] == ""
        assert change(sent)["checks"][0] == ["good", "1 of 1 can be sent"]


def test_what_the_system_lacks_is_known_with_the_reason(shop: Session) -> None:
    browser, sent = chosen(shop, 0)
    assert state_of(browser._model)["lacks"] == {}
    say(browser, "plan_change", verb="move", **{**PLAN, "to": "other"})
    say(browser, "forget_change")
    assert change(sent) is None


def test_a_delete_that_is_stopped_says_what_was_not_tried(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    s.create_topic("orders")
    s.publish_batch("orders", [f"m{n}" for n in range(450)])
    browser = s.browse("orders", limit=450)
    assert browser.wait(60)
    sent = told(browser)
    browser.selected = list(range(450))
    say(browser, "plan_change", verb="delete", **PLAN)
    monkeypatch.setattr(changing, "TOLD_SECONDS", 0.0)
    tell, now = browser._model.tell, browser._view.changing

    def stopping(*what: str) -> None:
        tell(*what)
        if now.shown is not None and now.shown.running and now.shown.done:
            now.stop()

    browser._model.tell = stopping  # type: ignore[method-assign]
    carry_out(browser, sent, again=False, confirm="orders")
    say(browser, "hello")
    shown, left = change(sent), len(s.peek("orders", 450))
    counts = dict(map(tuple, shown["counts"]))
    assert 0 < counts["removed"] < 450
    assert counts["not tried"] == 450 - counts["removed"] - counts.get("unknown", 0)
    assert left >= counts["not tried"]
    assert shown["running"] is False
    assert not any("perhaps" in line["target"] for line in shown["lines"])
