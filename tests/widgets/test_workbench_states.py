"""States of the workbench: which one is shown last, what waits for what, and what is kept."""

from __future__ import annotations

import gc
import re
import threading
import time

import pytest

from brokerkit.core.vocabulary.errors import Unavailable
from brokerkit.session.read.peek import Peek
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.browse import TopicBrowser
from brokerkit.widgets.browse.shown_rows import ShownRows
from brokerkit.widgets.browse.state import state_of
from brokerkit.widgets.panel import Panel
from brokerkit.workbench import Session

from .test_browse import last, say, told


@pytest.fixture
def shop(s: Session) -> Session:
    s.create_topic("orders", partitions=3)
    s.publish_batch("orders", [f'{{"id": {n}}}' for n in range(400)])
    return s


def browse(session: Session, **options: object) -> tuple[TopicBrowser, list[dict]]:
    browser = session.browse("orders", **options)
    assert browser.wait(60)
    return browser, told(browser)


def tell(browser: TopicBrowser, sent: list[dict], message: dict, number: int | None = None) -> None:
    """A message of the composer's view, for the composer shown."""
    number = last(sent, "companion")["number"] if number is None else number
    say(browser, "companion", which="compose", number=number, message=message)


def held(session: Session) -> tuple[TopicBrowser, threading.Event]:
    """A browser whose search has found some rows and goes on only after the event."""
    gate, reached = threading.Event(), threading.Event()

    def wanted(value: dict) -> bool:
        if value["id"] == 300:
            reached.set()
            gate.wait(90)
        return True

    browser = session.browse("orders", start="earliest", limit=1_000, where=wanted)
    assert reached.wait(60)
    return browser, gate


def test_what_was_read_stays_while_the_same_is_read_again_and_when_that_fails(
    shop: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, sent = browse(shop, limit=5)
    say(browser, "select", place=1)
    before, model = browser.frame, browser._model
    gate, reached = threading.Event(), threading.Event()

    def lost(*_: object, **__: object) -> None:
        reached.set()
        gate.wait(90)
        raise Unavailable("the broker does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(Peek, "plan", lost)
        model.ask(model.query.but())
        assert reached.wait(60)
        assert len(model.rows.result) == 5
        assert state_of(model)["search"]["running"]
        gate.set()
        assert browser.wait(60)
        state = state_of(model)
        assert (state["problem"], state["lost"]) == ("the broker does not answer", True)
        assert re.fullmatch(r"Newest 5 of 400, as of \d\d:\d\d:\d\d UTC", state["search"]["text"])
        assert browser.frame.equals(before)
        assert browser.frame.attrs["brokerkit"]["read"] == before.attrs["brokerkit"]["read"]
        assert len(browser.selected) == 1
        # another query has no rows that could stay
        model.ask(model.query.but(where="x"))
        assert browser.wait(60)
        assert len(model.rows.result) == 0
    say(browser, "again")
    assert state_of(model)["problem"] == ""
    shop.publish("orders", "new")
    model.ask(model.query.but(where=None))
    assert browser.wait(60)
    assert "new" in browser.frame["value"].tolist()
    say(browser, "again")
    assert len(browser.frame) == 5
    assert last(sent, "rows")["total"] == 5
    shop.purge("orders", before="latest", confirm="orders", progress=False)
    say(browser, "again")
    assert len(model.rows.result) == 0


def test_the_newest_state_is_the_last_one_shown() -> None:
    pytest.importorskip("anywidget")
    shown: list[int] = []
    panel = Panel(["browse.js"], {}, lambda message: None)
    panel.widget.observe(lambda change: shown.append(change["new"]["n"]), "state")
    newest = 0

    def state() -> dict[str, int]:
        time.sleep(0.01)  # a state takes a while: others would overtake it
        return {"n": newest}

    def change() -> None:
        nonlocal newest
        newest += 1
        panel.show(state)

    threads = [threading.Thread(target=change) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert shown[-1] == 8
    assert shown == sorted(shown)


def test_rows_of_a_search_that_was_replaced_are_not_shown(shop: Session) -> None:
    rows = ShownRows()
    found = shop.peek("orders", 3)
    table = rows.builder.to_table([])
    assert not rows.put(table, lambda: False)
    assert not rows.are(table)
    assert rows.put(table, lambda: True)
    assert rows.are(table)
    assert len(found) == 3


@pytest.mark.parametrize(
    "click",
    [
        ("sort", {"column": 0}),
        ("columns", {"shown": [0, 1]}),
        ("unselect", {}),
        ("expand", {"on": True}),
    ],
)
def test_no_click_waits_for_a_search(shop: Session, click: tuple[str, dict]) -> None:
    browser, gate = held(shop)
    told(browser)
    search = browser._model.search
    begun = time.monotonic()
    browser._view.receive({"type": click[0], **click[1]})
    assert time.monotonic() - begun < 60
    assert browser.running
    assert browser._model.search is search
    gate.set()
    assert browser.wait(60)
    assert len(browser.frame) == 400
    if click[0] == "expand":
        assert "value.id" in browser.columns


@pytest.mark.parametrize(
    ("options", "words", "more", "everything"),
    [
        ({}, "Newest 100 of 400", "Show 100 more", "Show all 400"),
        ({"start": "earliest"}, "First 100 of 400", "Show 100 more", "Show all 400"),
        ({"limit": 150}, "Newest 150 of 400", "Show 150 more", "Show all 400"),
        ({"where": "1", "limit": 10}, "Newest 10 that match, 300 of 400 read", "Show 10 more", "Read to the end"),
        ({"limit": 1_000}, "Complete: 400 rows of 400 read", "", ""),
    ],
)  # fmt: skip
def test_the_count_adds_up_and_says_how_to_go_on(
    shop: Session, options: dict, words: str, more: str, everything: str
) -> None:
    browser, _ = browse(shop, **options)
    search = state_of(browser._model)["search"]
    assert search["text"].partition(", 1")[0].startswith(words.partition(",")[0])
    assert (search["more"], search["all"]) == (more, everything)
    if more:
        say(browser, "continue", all=False)
        assert len(browser.frame) == min(400, 2 * options.get("limit", 100))
        say(browser, "continue", all=True)
        assert state_of(browser._model)["search"]["text"].startswith("Complete")
        wanted = browser.frame["value"].str.contains("1") if "where" in options else [True] * 400
        assert len(browser.frame) == sum(wanted)


def test_what_was_composed_and_not_sent_is_kept(shop: Session) -> None:
    browser, sent = browse(shop)
    say(browser, "compose", what="new")
    first = browser._model.companions.composer
    assert last(sent, "opened")["which"] == "compose"
    say(browser, "compose", what="new")
    second = browser._model.companions.composer
    assert second is not first
    tell(browser, sent, {"type": "edit", "value": ["text", "typed"]})
    assert last(sent, "companion")["state"]["value"] == ["text", "typed"] or second.value == b"typed"
    for what in ("new", "edit"):
        say(browser, "compose", what=what)
        assert browser._model.companions.composer is second
        assert state_of(browser._model)["kept"] == what
    tell(browser, sent, {"type": "send", "confirm": None})
    assert second.outcome.counts["confirmed"] == 1
    assert last(sent, "companion")["state"]["sent"]
    say(browser, "compose", what="new")
    assert browser._model.companions.composer is not second
    assert state_of(browser._model)["kept"] == ""
    tell(browser, sent, {"type": "edit", "value": ["text", "again"]})
    say(browser, "compose", what="new", replace=True)
    assert browser._model.companions.composer.value in (None, b"")


def test_what_was_not_confirmed_is_not_closed_unasked(shop: Session) -> None:
    browser, sent = browse(shop)
    say(browser, "compose", what="new")
    composer = browser._model.companions.composer
    tell(browser, sent, {"type": "topic", "text": "missing"})
    tell(browser, sent, {"type": "edit", "value": ["text", "precious"]})
    tell(browser, sent, {"type": "send", "confirm": None})
    assert (composer.outcome.counts["failed"], composer.unsent) == (1, True)
    say(browser, "put_away", which="compose")
    assert browser._model.companions.composer is composer
    assert browser.widget.state["kept"] == "close"
    tell(browser, sent, {"type": "topic", "text": "orders"})
    tell(browser, sent, {"type": "send", "confirm": None})
    assert browser.widget.state["kept"] == ""
    tell(browser, sent, {"type": "edit", "value": ["text", "again"]})
    assert browser.widget.state["kept"] == ""
    say(browser, "put_away", which="compose", replace=True)
    assert browser._model.companions.composer is None


def test_a_click_in_a_composer_is_not_for_the_one_that_replaced_it(shop: Session) -> None:
    browser, sent = browse(shop)
    browser._model.compose(new=True)
    first = last(sent, "companion")["number"]
    second = browser._model.compose(new=True)
    for message in ({"type": "edit", "value": ["text", "typed"]}, {"type": "send", "confirm": None}):
        tell(browser, sent, message, first)
    assert (second.value, second.outcome) == (b"", None)
    tell(browser, sent, {"type": "edit", "value": ["text", "typed"]})
    assert second.value == b"typed"


def test_a_widget_that_was_replaced_shows_nothing_more_in_its_tab(shop: Session) -> None:
    browser, sent = browse(shop)
    old_composer, old_tail = browser._model.compose(new=True), browser.follow()
    old = {each["number"] for each in sent if "number" in each}
    browser._model.compose(new=True)
    tail = browser.follow()
    before = len(sent)
    old_composer.value = "old"
    old_tail.clear()
    old_tail.stop()
    assert old.isdisjoint({each["number"] for each in sent[before:] if "number" in each})
    assert not old_composer._model.on_change
    assert not old_tail._model.viewers
    tail.close()


def test_a_composer_in_the_browser_and_in_a_cell_of_its_own_show_the_same(shop: Session) -> None:
    browser, sent = browse(shop)
    composer = browser.compose() if len(browser.selected) else browser._model.compose(new=True)
    own = composer.widget
    composer.value = "both"
    assert own.state["value"] == ["text", "both"]
    assert last(sent, "companion")["state"]["value"] == ["text", "both"]


def counts(sent: list[dict]) -> tuple[str, str]:
    """How many messages the header and the list of topics show."""
    (line,) = [each for each in last(sent, "topics")["rows"] if each["name"] == "orders"]
    return last(sent, "described")["topic"]["messages"], line["messages"]


def test_the_counts_are_new_after_sending(shop: Session) -> None:
    browser, sent = browse(shop)
    say(browser, "refresh")
    eventually(lambda: counts(sent) == ("400", "400"), "the counts are shown")
    composer = browser._model.compose(new=True)
    composer.value = "one more"
    composer.send()
    eventually(lambda: counts(sent) == ("401", "401"), "the message that was sent is counted")


def test_a_topic_whose_description_fails_says_why_and_not_that_it_loads(
    shop: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, sent = browse(shop)

    def fail(*_: object, **__: object) -> None:
        raise TimeoutError("the broker is away")

    monkeypatch.setattr(browser._model.topics, "describe", fail)
    shop.create_topic("other")
    browser.query = "other"
    browser.wait(60)
    assert (last(sent, "described")["topic"], last(sent, "described")["problem"]) == (
        None,
        "the broker is away",
    )
    browser._model.facts.load_backlogs(["other"])
    browser.wait(60)
    assert browser._model.topics.backlogs["other"] == "?"
    monkeypatch.undo()
    say(browser, "refresh")
    assert last(sent, "described")["topic"]["name"] == "other"
    assert last(sent, "described")["problem"] == ""


def test_refreshing_loads_the_open_tab_again(shop: Session) -> None:
    browser, sent = browse(shop)
    say(browser, "open", tab="subscriptions")
    assert last(sent, "subscriptions")["rows"] == []
    shop.create_subscription("orders", "late")
    say(browser, "refresh")
    assert [each["name"] for each in last(sent, "subscriptions")["rows"]] == ["late"]


def test_a_session_keeps_no_browser_that_is_gone(shop: Session) -> None:
    from brokerkit.widgets.browse import lifetime

    before = len(shop._on_close)
    for _ in range(20):
        shop.browse("orders").wait(20)
    gc.collect()
    assert len(shop._on_close) <= before + 1
    eventually(lambda: gc.collect() >= 0 and len(lifetime._shown[shop]) < 20, "browsers are freed", within=60)
