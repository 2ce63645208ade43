"""What clicks on dead letters and plans are good for: one reading, one plan, one mask, one viewer at a time."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.widgets.browse import TopicBrowser
from brokerkit.widgets.browse.orders import Order, confirmed_name
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session
from tests.session.letters import desk

from .test_browse import last, say, told
from .test_workbench_changes import carry_out, change
from .test_workbench_letters import PLAN, click, opened, runs

__all__ = ["desk"]


def problem(browser: TopicBrowser) -> str:
    return str(state_of(browser._model)["problem"])


def slowly(browser: TopicBrowser, session: Session) -> threading.Event:
    """Let the reading of letters wait for an event."""
    go = threading.Event()

    def dead_letters(*args: Any, **options: Any) -> pd.DataFrame:
        assert go.wait(10)
        return session.dead_letters(*args, **options)

    browser._model.letters._session = SimpleNamespace(dead_letters=dead_letters)
    return go


def test_the_mask_of_a_browser_hides_in_its_dead_letters_too(s: Session) -> None:
    s.create_topic("t")
    s.create_topic("t-dlq")
    s.publish("t-dlq", '{"email": "u@x.org"}')
    for masked_first in (True, False):
        browser = s.browse("t", **({"mask": "email"} if masked_first else {}))
        assert browser.wait(60)
        sent = told(browser)
        say(browser, "open", tab="letters")
        if not masked_first:
            assert last(sent, "letters")["rows"][0]["value"] == '{"email": "u@x.org"}'
            browser.query = {"mask": "email"}
            assert browser.wait(60)
        click(browser, "letter", row=0)
        click(browser, "choose_letters", group=None, row=0, on=True)
        shown = last(sent, "letters")
        assert (shown["rows"][0]["value"], shown["letter"]["text"]) == (
            '{"email": "***"}',
            '{"email": "***"}',
        )
        assert list(browser.letters["value"]) == ['{"email": "***"}']
        assert "mask=" in last(sent, "call")["call"]
        assert list(runs(sent, browser)["value"]) == ['{"email": "***"}']
        say(browser, "plan_change", verb="redrive", **PLAN)
        assert "these rows are masked" in change(sent)["problem"]


def test_a_click_on_letters_of_an_earlier_reading_is_ignored(desk: Session) -> None:
    browser, sent = opened(desk)
    seen = last(sent, "letters")
    desk.redrive(desk.dead_letters("orders").iloc[:2], confirm="orders", progress=False)
    say(browser, "refresh")
    for kind, more in (
        ("edit_letter", {"row": 3, "text": "other"}),
        ("choose_letters", {"group": None, "row": 0, "on": True}),
        ("letter", {"row": 3}),
    ):
        say(browser, kind, generation=seen["generation"], **more)
        say(browser, kind, **more)
    now = last(sent, "letters")
    assert (now["all"], now["chosen"], now["letter"], browser.letters.empty) == (10, 0, None, True)
    say(browser, "letters_by", by="consumer")
    say(browser, "choose_letters", generation=now["generation"], group=1, row=None, on=True)
    assert last(sent, "letters")["chosen"] == 0


def test_a_choice_outlives_another_tab_and_its_plan_no_other_reading(desk: Session) -> None:
    browser, sent = opened(desk)
    click(browser, "edit_letter", row=3, text='{"mended": 1}')
    say(browser, "plan_change", verb="redrive", **PLAN)
    say(browser, "open", tab="messages")
    say(browser, "open", tab="letters")
    say(browser, "hello")
    assert (last(sent, "letters")["chosen"], change(sent)["count"]) == (1, 1)
    assert [each["row"] for each in last(sent, "letters")["rows"] if each["edited"]] == [3]
    assert ("alt", "1 edited") in map(tuple, change(sent)["checks"])
    say(browser, "refresh")
    assert (last(sent, "letters")["chosen"], change(sent)) == (0, None)
    carry_out(browser, sent, again=False, confirm=None)
    assert "look at the plan first" in problem(browser)
    assert desk.peek("orders", where=lambda value: value.get("mended") == 1).empty


def test_a_reading_ends_whatever_is_clicked_meanwhile(desk: Session) -> None:
    browser, sent = opened(desk)
    go = slowly(browser, desk)
    receive, letters = browser._view.receive, browser._model.letters
    receive({"type": "letters", "naming": "", "give_back": False})
    receive({"type": "letters_by", "by": "consumer"})
    receive({"type": "edit_letter", "generation": letters.generation, "row": 0, "text": "other"})
    say_plan = {"type": "plan_change", "verb": "redrive", **PLAN}
    receive(say_plan)
    go.set()
    assert browser.wait(60)
    shown = last(sent, "letters")
    assert (shown["loading"], shown["by"], len(shown["groups"]), shown["chosen"]) == (
        False, "consumer", 1, 0,
    )  # fmt: skip
    assert change(sent) is None


@pytest.mark.extended
def test_one_plan_is_carried_out_once_although_two_viewers_click(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    s.create_topic("t")
    s.create_topic("copies")
    s.publish_batch("t", ["a", "b"])
    browser = s.browse("t")
    assert browser.wait(60)
    sent = told(browser)
    browser.selected = [0, 1]
    plan = {**PLAN, "of": "rows", "to": "copies"}
    say(browser, "plan_change", verb="send", **plan)
    seen = change(sent)["number"]
    say(browser, "plan_change", verb="send", **plan)
    say(browser, "carry_out_change", number=seen, again=False, confirm=None)
    assert "another plan was made meanwhile" in problem(browser)
    both = threading.Barrier(2)

    def refused(order: Order) -> str:
        # what is looked at between the check and the start
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.3)
        return ""

    monkeypatch.setattr(Order, "refused", property(refused))
    viewer = partial(carry_out, browser, sent, again=False, confirm=None)
    viewers = [threading.Thread(target=viewer) for _ in range(2)]
    for each in viewers:
        each.start()
    for each in viewers:
        each.join()
    assert browser.wait(60)
    assert s.describe("copies").messages == 2


def test_a_session_is_named_by_itself_and_only_to_send_to(desk: Session) -> None:
    with (
        bk.connect("inmem://first") as first,
        bk.connect("inmem://second", production=True, allow_changes=True) as second,
    ):
        for each in (first, second):
            each.create_topic("orders")
        browser, sent = opened(desk)
        click(browser, "choose_letters", group=None, row=0, on=True)
        say(browser, "plan_change", verb="redrive", **{**PLAN, "session": second.token})
        carry_out(browser, sent, again=False, confirm=None)
        assert (desk.describe("orders").messages, second.describe("orders").messages) == (13, 0)
        browser.selected = browser.frame.iloc[:1]
        tokens = {name: token for token, name in change(sent)["sessions"]}
        send = {**PLAN, "of": "rows", "to": "orders"}
        first.close()
        say(browser, "plan_change", verb="send", **{**send, "session": tokens["inmem://second"]})
        assert change(sent)["confirm"]
        say(browser, "plan_change", verb="send", **{**send, "session": tokens["inmem://first"]})
        assert "not open any more" in problem(browser)
        click(browser, "choose_letters", group=None, row=0, on=True)
        for verb in ("move", "delete"):
            say(browser, "plan_change", verb=verb, **{**PLAN, "to": "orders"})
            assert f"to {verb} them, open the topic that has them" in problem(browser)


def test_the_way_back_is_refused_while_a_change_runs(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    s.create_topic("t")
    s.create_topic("t-dlq")
    s.publish_batch("t-dlq", ["a", "b"])
    browser, sent = opened(s, "t")
    left: list[bool] = []
    browser._view._back = ("Dashboard", lambda: left.append(True))
    click(browser, "choose_letters", group=None, row=None, on=True)
    say(browser, "plan_change", verb="redrive", **PLAN)
    carried_out = Order.carried_out
    begun, go = threading.Event(), threading.Event()

    def slow(order: Order, earlier: pd.DataFrame | None) -> pd.DataFrame:
        begun.set()
        assert go.wait(10)
        return carried_out(order, earlier)

    monkeypatch.setattr(Order, "carried_out", slow)
    number = change(sent)["number"]
    browser._view.receive({"type": "carry_out_change", "number": number, "again": False, "confirm": None})
    assert begun.wait(60)
    browser._view.receive({"type": "back"})
    assert (left, "wait until it is done" in problem(browser)) == ([], True)
    go.set()
    assert browser.wait(60)
    assert change(sent)["counts"] == [["confirmed", 2]]
    browser._model.forget()
    assert (change(sent), browser._view.changing._last) == (None, None)
    say(browser, "back")
    assert left == [True]


def test_letters_are_taken_only_when_that_is_asked_for_with_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def taking(call: Any) -> Any:
        """Note that they are taken, and show them nevertheless."""

        def made(session: Session, *args: Any, **options: Any) -> pd.DataFrame:
            if options.pop("side_effects", None) is None:
                return call(session, *args, **options)
            taken.append(call.__name__)
            known = session.connection.capabilities
            session.connection.capabilities = replace(known, slices="repeatable")
            try:
                return call(session, *args, **options)
            finally:
                session.connection.capabilities = known

        return made

    for name in ("dead_letters", "redrive"):
        monkeypatch.setattr(Session, name, taking(getattr(Session, name)))
    with bk.connect("inmem://taking", production=True, allow_changes=True) as s:
        s.create_topic("t")
        s.create_topic("t-dlq")
        s.publish_batch("t-dlq", ["a", "b"])
        s.connection.capabilities = replace(s.connection.capabilities, slices="never")
        browser, sent = opened(s, "t")
        assert (last(sent, "letters")["read"], last(sent, "letters")["confirm"]) == (False, "t")
        say(browser, "letters", naming="", give_back=True, confirm="other")
        assert "to look with side effects, type the topic's name" in problem(browser)
        assert taken == []
        say(browser, "letters", naming="", give_back=True, confirm="t")
        assert (last(sent, "letters")["all"], taken) == (2, ["dead_letters"])
        say(browser, "open", tab="messages")
        say(browser, "open", tab="letters")
        say(browser, "refresh")
        assert (last(sent, "letters")["all"], taken) == (2, ["dead_letters"])
        click(browser, "choose_letters", group=None, row=None, on=True)
        say(browser, "plan_change", verb="redrive", **PLAN)
        assert taken == ["dead_letters", "redrive"]
        assert "side_effects='give back'" in change(sent)["call"].replace('"', "'")
        browser._model.letters.load(browser.query)
        assert browser.wait(60)
        assert (last(sent, "letters")["read"], change(sent)) == (False, None)
        assert taken == ["dead_letters", "redrive"]


@pytest.mark.parametrize(
    ("topics", "verb", "read_for", "name"),
    [
        (["persistent://public/default/t"], "move", None, "persistent://public/default/t"),
        (["persistent://public/default/t-DLQ"], "redrive", "t", "t"),
        (["persistent://public/default/t"], "delete", None, "t"),
        (["t-dlq", "t-retry"], "redrive", None, "t"),
    ],
)
def test_a_change_is_confirmed_with_the_name_that_the_call_asks_for(
    topics: list[str], verb: Any, read_for: str | None, name: str
) -> None:
    frame = pd.DataFrame({"topic": topics})
    if read_for is not None:
        frame.attrs["brokerkit"] = {"dead_letters": read_for}
    assert confirmed_name(frame, verb, "t") == name
