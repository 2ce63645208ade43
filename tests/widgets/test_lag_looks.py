"""The lag of subscriptions over time in the workbench: what is asked, kept and said."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from typing import Any

import pytest

from brokerkit.core.vocabulary.errors import Unavailable
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.browse import TopicBrowser, lag_looks
from brokerkit.widgets.browse.lag_view import lag_head
from brokerkit.workbench import Session

from .test_browse import last, say, told


@pytest.fixture
def shop(s: Session) -> Session:
    s.create_topic("orders", partitions=3)
    for name in ("audit", "billing"):
        s.create_subscription("orders", name, start="earliest")
    s.publish_batch("orders", [{"id": n} for n in range(30)])
    return s


def opened(session: Session, *, chosen: int | None = 1) -> tuple[TopicBrowser, list[dict]]:
    browser = session.browse("orders")
    assert browser.wait(60)
    sent = told(browser)
    say(browser, "open", tab="subscriptions")
    assert browser.wait(60)
    if chosen is not None:
        say(browser, "subscription", place=chosen)
        assert browser.wait(60)
    return browser, sent


def look(browser: TopicBrowser, sent: list[dict]) -> dict:
    """What a view is told that asks when it is time."""
    looks = browser._model.facts.lag
    looks._begun = float("-inf")
    count = sum(each["type"] == "lag" for each in sent)
    say(browser, "lag")
    eventually(lambda: sum(each["type"] == "lag" for each in sent) > count, "the look is shown")
    return last(sent, "lag")


def test_lag_is_collected_total_and_by_partition(shop: Session) -> None:
    browser, sent = opened(shop)
    first = look(browser, sent)
    assert (first["subscription"], first["total"], first["head"]) == ("billing", [30], "30")
    shop.publish_batch("orders", [{"id": n} for n in range(12)])
    shop.pull("orders", 42, subscription="audit", timeout=60)
    second = look(browser, sent)
    assert second["total"] == [30, 42]
    assert second["growing"]
    assert second["head"].startswith("42, growing by ")
    assert len(second["times"]) == 2
    assert [sum(line["points"][at] for line in second["lines"]) for at in (0, 1)] == [30, 42]
    assert sum(int(each["lag"]) for each in second["progress"]) == 42
    assert second["described"] == "subscription billing (idle): lag 42 messages, 0 in flight"
    assert {each["name"]: each["lag"] for each in second["rows"]} == {"audit": "0", "billing": "42"}
    assert re.search(r"every \d+ s while it is in sight", second["cost"])
    assert int(eval(second["call"], {"s": shop})["lag"].sum()) == 42


def test_what_is_read_meanwhile_is_said_to_be_caught_up_in_time(shop: Session) -> None:
    browser, sent = opened(shop)
    look(browser, sent)
    looks = browser._model.facts.lag.looks
    looks[0] = replace(looks[0], at=looks[0].at - 60_000_000)
    shop.pull("orders", 15, subscription="billing", timeout=60)
    falling = look(browser, sent)
    assert falling["head"].startswith("15, falling by ")
    assert "caught up in about" in falling["head"]
    shop.pull("orders", 15, subscription="billing", timeout=60)
    assert look(browser, sent)["head"].startswith("0, falling by ")
    browser._model.facts.lag.looks.popleft()
    browser._model.facts.lag.looks.popleft()
    assert look(browser, sent)["head"] == "0, caught up"


def test_a_reset_is_not_taken_for_reading(shop: Session) -> None:
    browser, sent = opened(shop)
    look(browser, sent)
    say(browser, "plan_reset", to="latest")
    say(browser, "carry_out_reset", confirm=None)
    assert browser.wait(60)
    shop.publish_batch("orders", ["x"] * 5)
    shown = look(browser, sent)
    assert shown["total"][0] == 30
    assert shown["head"].startswith("5")
    assert "falling" not in shown["head"]
    # what is read from then on counts again
    shop.pull("orders", 3, subscription="billing", timeout=60)
    assert look(browser, sent)["head"].startswith("2, growing by ")


@pytest.mark.parametrize("before", [1, 4])
def test_a_reset_from_outside_is_not_taken_for_reading(shop: Session, before: int) -> None:
    browser, sent = opened(shop)
    for _ in range(before):
        look(browser, sent)
    shop.reset("orders", "billing", "latest", confirm="billing")
    look(browser, sent)
    shop.publish("orders", "x")
    shown = look(browser, sent)
    assert shown["head"].startswith("1, growing by ")
    shop.reset("orders", "billing", "earliest", confirm="billing")
    assert look(browser, sent)["head"] == "31"


def test_reading_in_steps_that_differ_is_reading(shop: Session) -> None:
    browser, sent = opened(shop)
    for count in (9, 3, 12):
        look(browser, sent)
        shop.pull("orders", count, subscription="billing", timeout=60)
    shown = look(browser, sent)
    assert shown["total"] == [30, 21, 18, 6]
    assert shown["head"].startswith("6, falling by ")


@pytest.mark.parametrize(
    ("lag", "rate", "head"),
    [
        (5, -10.0, "5, falling by 10/s"),
        (5, -5.0, "5, falling by 5/s, caught up in about 1 s"),
        (0, -5.0, "0, falling by 5/s"),
        (7, None, "7"),
    ],
)
def test_no_lag_is_caught_up_in_no_time(lag: int, rate: float | None, head: str) -> None:
    assert lag_head(lag, rate) == head


def test_nothing_is_asked_by_itself_in_another_tab_or_of_a_closed_session(
    shop: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, sent = opened(shop)
    asked: list[str] = []
    operating = type(shop.connection.subscriptions())
    listed = operating.listed
    monkeypatch.setattr(operating, "listed", lambda *a, **k: asked.append("listed") or listed(*a, **k))
    look(browser, sent)
    assert asked == ["listed"]
    # a second view asks at the same time
    browser._model.facts.lag._begun = float("inf")
    say(browser, "lag")
    assert browser.wait(60)
    assert asked == ["listed"]
    browser._model.facts.lag._begun = float("-inf")
    say(browser, "open", tab="partitions")
    say(browser, "lag")
    assert browser.wait(60)
    assert asked == ["listed"]
    say(browser, "open", tab="subscriptions")
    assert browser.wait(60)
    count = len(asked)
    shop.close()
    browser._model.facts.lag._begun = float("-inf")
    say(browser, "lag")
    assert browser.wait(60)
    assert len(asked) == count


def test_points_are_bounded_and_belong_to_their_topic(shop: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag_looks, "PARTITIONS", 2)
    shop.create_topic("other")
    browser, sent = opened(shop)
    looks = browser._model.facts.lag
    look(browser, sent)
    assert len(looks.parts[-1].lags) == 2
    looks.looks.extend([looks.looks[-1]] * 1_000)
    looks.parts.extend([looks.parts[-1]] * 1_000)
    assert (len(looks.looks), len(looks.parts)) == (lag_looks.KEPT,) * 2
    shown = look(browser, sent)
    assert len(shown["total"]) == lag_looks.KEPT
    assert (len(shown["lines"]), shown["more"]) == (2, 1)
    assert max(len(each["points"]) for each in shown["rows"]) == 30
    browser.query = "other"
    assert browser.wait(60)
    assert (len(looks.looks), len(looks.parts), looks.of) == (0, 0, "")


def test_a_look_at_a_topic_that_was_left_is_dropped(shop: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.create_topic("other")
    browser, _ = opened(shop)
    gate, operating = threading.Event(), type(shop.connection.subscriptions())
    listed = operating.listed

    def slow(*args: Any, **more: Any) -> Any:
        found = listed(*args, **more)
        assert gate.wait(60)
        return found

    monkeypatch.setattr(operating, "listed", slow)
    looks = browser._model.facts.lag
    looks.look("orders", "billing")
    looks.clear()
    gate.set()
    assert browser.wait(60)
    assert len(looks.looks) == 0


def test_a_failed_look_is_said_and_what_was_found_stays(
    shop: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, sent = opened(shop)
    look(browser, sent)

    def gone(*_: Any, **__: Any) -> Any:
        raise Unavailable("the broker does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(shop.connection.subscriptions()), "listed", gone)
        shown = look(browser, sent)
        assert (shown["problem"], shown["total"]) == ("the broker does not answer", [30])
    assert look(browser, sent)["problem"] == ""


def test_looks_that_take_long_are_asked_for_less_often(shop: Session) -> None:
    browser, sent = opened(shop)
    look(browser, sent)
    looks = browser._model.facts.lag
    for took, every in ((0.01, 5.0), (1.0, 20.0), (30.0, 60.0)):
        looks.took = took
        assert looks.every == every


def test_without_a_chosen_one_only_the_list_is_asked(shop: Session) -> None:
    browser, sent = opened(shop, chosen=None)
    shown = look(browser, sent)
    assert (shown["subscription"], shown["times"], shown["call"]) == ("", [], "")
    assert {each["name"]: each["lag"] for each in shown["rows"]} == {"audit": "30", "billing": "30"}
