"""Dead letters in the workbench: grouped, chosen, edited, and sent again by a plan."""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.widgets.browse import TopicBrowser
from brokerkit.widgets.browse import changing as changing_module
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session
from tests.session.letters import desk

from .test_browse import last, say, told
from .test_workbench_changes import carry_out

__all__ = ["desk"]
PLAN = {
    "of": "letters",
    "to": "",
    "session": "",
    "rate": "",
    "keep": False,
    "most": "",
    "mode": "text",
    "where": "",
}


def opened(session: Session, topic: str = "orders") -> tuple[TopicBrowser, list[dict]]:
    browser = session.browse(topic)
    assert browser.wait(60)
    sent = told(browser)
    say(browser, "open", tab="letters")
    return browser, sent


def change(sent: list[dict]) -> dict:
    return last(sent, "change")["change"]


def click(browser: TopicBrowser, kind: str, **content: object) -> None:
    """A click on the letters that are shown now."""
    say(browser, kind, generation=browser._model.letters.generation, **content)


def runs(sent: list[dict], browser: TopicBrowser) -> pd.DataFrame:
    """What the call below the tab returns."""
    return eval(last(sent, "call")["call"], {"s": browser.session, "browser": browser})


def test_dead_letters_are_grouped_and_the_groups_add_up(desk: Session) -> None:
    browser, sent = opened(desk)
    shown = last(sent, "letters")
    assert [(each["name"], each["count"], each["share"]) for each in shown["groups"]] == [
        ("Timeout", "8", 1.0),
        ("BadCard", "4", 0.5),
    ]
    assert (shown["head"], shown["total"], shown["where"][:13]) == ("12 dead letters", 12, "in orders-dlq")
    assert {each["origin"] for each in shown["groups"]} == {"orders"}
    assert len(runs(sent, browser)) == 12
    for by, count in (("consumer", 1), ("hour", 1), ("reason", 2)):
        say(browser, "letters_by", by=by)
        assert sum(each["size"] for each in last(sent, "letters")["groups"]) == 12
        assert len(last(sent, "letters")["groups"]) == count
    say(browser, "letters_of", group=1, first=0)
    assert [each["reason"] for each in last(sent, "letters")["rows"]] == ["BadCard"] * 4


def test_chosen_letters_are_planned_confirmed_and_gone(desk: Session) -> None:
    browser, sent = opened(desk)
    click(browser, "choose_letters", group=1, row=None, on=True)
    say(browser, "plan_change", verb="redrive", **PLAN)
    click(browser, "choose_letters", group=None, row=0, on=True)
    assert (last(sent, "letters")["chosen"], change(sent)) == (5, None)
    before = desk.dead_letters("orders")
    say(browser, "plan_change", verb="redrive", **PLAN)
    plan = change(sent)
    assert (plan["count"], plan["done"], plan["confirm"], plan["problem"]) == (5, False, False, "")
    assert {each["name"]: (each["now"], each["after"]) for each in plan["places"]} == {
        "orders": ("12", "17"), "dead letters": ("12", "7"),
    }  # fmt: skip
    assert ("good", "none is edited") in map(tuple, plan["checks"])
    assert len(runs(sent, browser)) == 5
    assert desk.dead_letters("orders").equals(before)
    carry_out(browser, sent, again=False, confirm=None)
    done = change(sent)
    assert (done["done"], done["counts"], done["left"]) == (True, [["confirmed", 5]], 0)
    assert last(sent, "letters")["head"] == "7 dead letters"
    assert len(desk.dead_letters("orders")) == 7
    assert last(sent, "described")["topic"]["messages"] == "17"
    assert {each["name"]: each["messages"] for each in last(sent, "topics")["rows"]}["orders-dlq"] == "7"
    assert len(runs(sent, browser)) == 0
    carry_out(browser, sent, again=False, confirm=None)
    assert "look at the plan first" in state_of(browser._model)["problem"]


def test_an_edited_letter_is_sent_as_it_was_edited(desk: Session) -> None:
    browser, sent = opened(desk)
    click(browser, "letter", row=3)
    assert last(sent, "letters")["letter"]["text"] == desk.dead_letters("orders")["value"].iloc[3]
    click(browser, "edit_letter", row=3, text='{"mended": 1}')
    shown = last(sent, "letters")
    assert [each["row"] for each in shown["rows"] if each["edited"] and each["chosen"]] == [3]
    click(browser, "edit_letter", row=2, text="other")
    click(browser, "edit_letter", row=2, text=None)
    click(browser, "choose_letters", group=None, row=2, on=False)
    say(browser, "plan_change", verb="redrive", **PLAN)
    click(browser, "edit_letter", row=3, text='{"mended": 2}')
    assert change(sent) is None
    carry_out(browser, sent, again=False, confirm=None)
    assert "look at the plan first" in state_of(browser._model)["problem"]
    say(browser, "plan_change", verb="redrive", **PLAN)
    assert ("alt", "1 edited") in map(tuple, change(sent)["checks"])
    carry_out(browser, sent, again=False, confirm=None)
    assert len(desk.peek("orders", where=lambda value: value.get("mended") == 2)) == 1
    assert desk.dead_letters("orders", where="other").empty


def test_what_cannot_be_edited_as_text_says_why(s: Session) -> None:
    s.create_topic("t")
    s.create_topic("t-dlq")
    s.publish_batch("t-dlq", [b"\xff\x00", None, "line\rend"])
    browser, sent = opened(s, "t")
    whys = []
    for row in range(3):
        click(browser, "letter", row=row)
        whys.append((last(sent, "letters")["letter"]["text"], last(sent, "letters")["letter"]["why"]))
    assert [text for text, _ in whys] == [None] * 3
    assert all(why for _, why in whys)
    click(browser, "edit_letter", row=0, text="x")
    assert "cannot be edited" in state_of(browser._model)["problem"]


def test_what_came_back_too_often_is_said_and_stays(desk: Session) -> None:
    for _ in range(2):
        desk.redrive("orders", confirm="orders", progress=False)
        with desk.consumer("orders", "billing") as consumer:
            for each in consumer.next_batch(12, 5):
                each.reject(reason="again")
    browser, sent = opened(desk)
    click(browser, "choose_letters", group=None, row=None, on=True)
    say(browser, "plan_change", verb="redrive", **{**PLAN, "most": "3"})
    assert ("warn", "12 come back for the 3rd time; refused after 3") in map(tuple, change(sent)["checks"])
    say(browser, "plan_change", verb="redrive", **{**PLAN, "most": "2"})
    plan = change(sent)
    assert ("warn", "12 come back for the 3rd time and is refused") in map(tuple, plan["checks"])
    assert (plan["count"], len(plan["lines"])) == (0, 12)
    assert "redriven 2 times already" in plan["lines"][0]["said"]
    assert len(runs(sent, browser)) == 12
    carry_out(browser, sent, again=False, confirm=None)
    assert change(sent)["counts"] == [["failed", 12]]
    assert change(sent)["lines"][0]["target"] == "stays here"


def test_what_failed_is_resumed_and_nothing_is_sent_twice(s: Session) -> None:
    s.create_topic("t")
    s.create_topic("t-dlq")
    s.connection.native.topic("t").max_message_bytes = 20
    s.publish_batch("t-dlq", ["short", "x" * 50, "small"])
    browser, sent = opened(s, "t")
    click(browser, "choose_letters", group=None, row=None, on=True)
    say(browser, "plan_change", verb="redrive", **PLAN)
    carry_out(browser, sent, again=False, confirm=None)
    done = change(sent)
    assert (sorted(map(tuple, done["counts"])), done["left"]) == ([("confirmed", 2), ("failed", 1)], 1)
    assert [each["status"] for each in done["lines"]] == ["failed", "confirmed", "confirmed"]
    s.connection.native.topic("t").max_message_bytes = 1_000
    carry_out(browser, sent, again=True, confirm=None)
    done = change(sent)
    assert (done["counts"], done["left"]) == ([["confirmed", 3]], 0)
    assert sorted(s.peek("t")["value"]) == ["short", "small", "x" * 50]
    assert s.dead_letters("t").empty


@pytest.mark.extended
def test_a_redrive_is_stopped_between_two_parts_and_goes_on(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changing_module, "TOLD_SECONDS", 0)
    s.create_topic("t")
    s.create_topic("t-dlq")
    s.publish_batch("t-dlq", [f"{n}" for n in range(1_200)])
    browser, sent = opened(s, "t")
    click(browser, "choose_letters", group=None, row=None, on=True)
    say(browser, "plan_change", verb="redrive", **PLAN)
    changing, tell = browser._view.changing, browser._model.tell

    def stopping(*what: str) -> None:
        tell(*what)
        if changing.shown.running and changing.shown.done:
            changing.stop()

    browser._model.tell = stopping
    carry_out(browser, sent, again=False, confirm=None)
    browser._model.tell = tell
    shown = change(sent)
    assert "it was stopped" in shown["problem"]
    assert (shown["done"], shown["left"] + sum(count for _, count in shown["counts"])) == (True, 1_200)
    carry_out(browser, sent, again=True, confirm=None)
    assert (change(sent)["counts"], change(sent)["left"]) == ([["confirmed", 1_200]], 0)
    assert s.describe("t").messages == 1_200


def test_production_asks_for_the_name_and_read_only_refuses_in_the_words_of_the_call(s: Session) -> None:
    with bk.connect("inmem://told-letters", production=True, allow_changes=True) as owner:
        owner.create_topic("t")
        owner.create_topic("t-dlq")
        owner.publish("t-dlq", "x")
        for session, name in ((owner, "t"), (None, "t")):
            looker = session or bk.connect("inmem://told-letters", read_only=True)
            browser, sent = opened(looker, name)
            click(browser, "choose_letters", group=None, row=None, on=True)
            say(browser, "plan_change", verb="redrive", **PLAN)
            plan = change(sent)
            assert plan["count"] == 1
            if session is None:
                with pytest.raises(bk.NotSupported) as refused:
                    looker.redrive(browser.letters, confirm="t")
                assert plan["refused"] == str(refused.value)
                carry_out(browser, sent, again=False, confirm="t")
                assert str(refused.value) in state_of(browser._model)["problem"]
                looker.close()
            else:
                assert (plan["confirm"], plan["typed"]) == (True, "t")
                carry_out(browser, sent, again=False, confirm="other")
                assert "type the topic's name: t" in state_of(browser._model)["problem"]
            assert len(owner.dead_letters("t")) == 1


def test_a_topic_without_dead_letters_says_where_to_look(s: Session) -> None:
    s.create_topic("t")
    s.create_topic("broken.t")
    s.publish("broken.t", "x")
    browser, sent = opened(s, "t")
    assert "no topic holds dead letters of 't'" in last(sent, "letters")["problem"]
    assert last(sent, "letters")["head"] == "Dead letters: not known"
    say(browser, "letters", naming="broken.{topic}", give_back=False)
    assert last(sent, "letters")["head"] == "1 dead letter"
    assert len(runs(sent, browser)) == 1
    click(browser, "choose_letters", group=None, row=None, on=True)
    say(browser, "plan_change", verb="redrive", **PLAN)
    assert (change(sent)["count"], len(runs(sent, browser))) == (1, 1)
    carry_out(browser, sent, again=False, confirm=None)
    assert change(sent)["counts"] == [["confirmed", 1]]


def test_how_often_letters_were_tried_is_a_column_where_it_is_known_of_any(desk: Session) -> None:
    browser, sent = opened(desk)
    assert last(sent, "letters")["tries"]
    desk.create_topic("broken.orders")
    desk.publish("broken.orders", "x")
    say(browser, "letters", naming="broken.{topic}", give_back=False)
    assert [(each["deliveries"], each["redriven"]) for each in last(sent, "letters")["rows"]] == [("", "")]
    assert not last(sent, "letters")["tries"]
    desk.publish_batch("broken.orders", [OutboundMessage("y", attributes={"bk-redriven": "2"})])
    say(browser, "letters", naming="broken.{topic}", give_back=False)
    assert last(sent, "letters")["tries"]


def test_letters_go_with_their_topic(desk: Session) -> None:
    desk.create_topic("other")
    browser, sent = opened(desk)
    click(browser, "choose_letters", group=0, row=None, on=True)
    say(browser, "plan_change", verb="redrive", **PLAN)
    browser.query = "other"
    assert browser.wait(60)
    assert (last(sent, "letters")["read"], change(sent)) == (False, None)
    with pytest.raises(bk.ConfigError, match="open their tab first"):
        _ = browser.letters


def test_values_of_dead_letters_are_shown_as_text_without_control_characters(s: Session) -> None:
    s.create_topic("t")
    s.create_topic("t-dlq")
    told_why = {"dead-letter-reason": "<img src=x>\u202e\n", "dead-letter-description": "\x1b[31m"}
    s.publish("t-dlq", "<b>\u202e\n</b>", attributes=told_why)
    browser, sent = opened(s, "t")
    click(browser, "letter", row=0)
    click(browser, "choose_letters", group=None, row=0, on=True)
    say(browser, "plan_change", verb="redrive", **PLAN)
    for message in (last(sent, "letters"), change(sent)):
        told_all = json.dumps(message, ensure_ascii=False).replace("\\n", "")
        assert "\u202e" not in told_all.replace("<b>\u202e</b>", "")
        assert "\x1b" not in told_all


@pytest.mark.extended
def test_only_those_that_match_a_condition_are_planned_and_sent(desk: Session) -> None:
    browser, sent = opened(desk)
    click(browser, "choose_letters", group=0, row=None, on=True)
    small = {"mode": "python", "where": 'value["id"] < 4'}
    say(browser, "try_change", of="letters", **small)
    assert last(sent, "tried_change")["text"] == "3 of 8 chosen match; 5 stay"
    say(browser, "plan_change", verb="redrive", **PLAN | small)
    plan = change(sent)
    assert (plan["count"], plan["form"][5:]) == (3, ["python", 'value["id"] < 4'])
    assert ("good", "3 of 8 chosen match; 5 stay") in map(tuple, plan["checks"])
    assert {"name": "dead letters", "now": "12", "after": "9"} in plan["places"]
    assert last(sent, "call")["call"].startswith("s.redrive(browser.letters, where=lambda value: ")
    assert len(runs(sent, browser)) == 3
    carry_out(browser, sent, again=False, confirm=None)
    assert change(sent)["counts"] == [["confirmed", 3]]
    again = desk.peek("orders", 100, where=lambda value: value["id"] < 4)
    assert sorted(Counter(again["value"]).values()) == [1, 2, 2, 2]
    assert len(desk.dead_letters("orders")) == 9


def test_a_text_narrows_too_and_what_matches_nothing_is_said(desk: Session) -> None:
    browser, sent = opened(desk)
    click(browser, "choose_letters", group=None, row=None, on=True)
    say(browser, "plan_change", verb="redrive", **PLAN | {"where": '"id": 11'})
    assert change(sent)["count"] == 1
    assert len(runs(sent, browser)) == 1
    say(browser, "plan_change", verb="redrive", **PLAN | {"where": "nowhere"})
    assert state_of(browser._model)["problem"] == "Only where: 0 of 12 chosen match; 12 stay"
    for where, said in ((" ", ""), ("value[", "✕ not a Python expression"), ("value[0]", "0 of 12 chosen")):
        say(browser, "try_change", of="letters", mode="python", where=where)
        assert last(sent, "tried_change")["text"].startswith(said)
    assert "it failed on 12 messages (KeyError: 0)" in last(sent, "tried_change")["text"]


def test_only_edits_of_what_is_sent_are_counted(desk: Session) -> None:
    browser, sent = opened(desk)
    click(browser, "choose_letters", group=None, row=None, on=True)
    for row, text in ((0, '{"id": 100}'), (1, '{"id": 200}')):
        click(browser, "edit_letter", row=row, text=text)
    where = {"mode": "python", "where": 'value["id"] == 100'}
    say(browser, "plan_change", verb="redrive", **PLAN | where)
    assert ("alt", "1 edited") in map(tuple, change(sent)["checks"])


def test_a_condition_is_completed_with_the_fields_of_the_letters(desk: Session) -> None:
    browser, sent = opened(desk)
    say(browser, "fields", of="letters")
    assert last(sent, "fields_seen")["fields"] == [{"name": "id", "python": 'value["id"]', "kind": "number"}]
