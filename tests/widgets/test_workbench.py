"""The workbench without a browser: rows that say what they are, fields, and the facts about a topic."""

from __future__ import annotations

import gzip
import json

import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.widgets.browse import TopicBrowser
from brokerkit.widgets.browse.facts_view import facts_view
from brokerkit.widgets.browse.state import state_of
from brokerkit.widgets.row_view import size_text
from brokerkit.workbench import Session

from .test_browse import last, say, told


@pytest.fixture
def shop(s: Session) -> Session:
    s.create_topic("orders", partitions=3)
    s.create_subscription("orders", "billing", start="earliest")
    s.publish_batch("orders", [
        OutboundMessage(json.dumps({"id": n, "who": {"name": f"n{n % 5}"}, "items": [n, "x'y\n"]}), key=f"c{n}")
        for n in range(50)
    ])  # fmt: skip
    return s


def browse(session: Session, **options: object) -> tuple[TopicBrowser, list[dict]]:
    browser = session.browse("orders", **options)
    assert browser.wait(60)
    return browser, told(browser)


def rows(browser: TopicBrowser, sent: list[dict]) -> list[dict]:
    say(browser, "rows", first=0, count=60)
    return last(sent, "rows")["rows"]


def test_rows_say_what_they_are_and_missing_is_none_of_it(shop: Session) -> None:
    for payload in (None, b"\xff\x00", gzip.compress(b'{"id": 1}')[:-4] + b"xxxx", b""):
        shop.publish("orders", payload)
    browser, sent = browse(shop)
    shown = rows(browser, sent)
    assert [row["kind"] for row in shown[:5]] == ["text", "failed", "bytes", "null", "text"]
    empty, failed, binary, gone = shown[:4]
    assert (empty["said"], empty["size"]) == ("", "0 B")
    assert failed["said"].startswith("Not decoded: gzip")
    assert binary["said"] == "ff 00"
    assert gone["said"] == "Tombstone: null payload"
    assert [row["format"] for row in shown[:5]] == ["text", "gzip", "bytes", "", "json"]


def test_a_payload_that_a_decoder_refused_says_why(shop: Session) -> None:
    shop.publish("orders", "no json")
    browser, sent = browse(shop, decode="json")
    assert rows(browser, sent)[0]["kind"] == "failed"
    assert "Not decoded: not valid JSON" in rows(browser, sent)[0]["said"]


def test_the_newest_row_is_on_top_and_the_frame_stays_as_peek_returns_it(shop: Session) -> None:
    browser, sent = browse(shop)
    assert state_of(browser._model)["newest_on_top"]
    ids = [json.loads(value)["id"] for value in browser.frame["value"]]
    column = last(sent, "rows")["columns"].index("value") if rows(browser, sent) else 0
    assert [json.loads(row["cells"][column])["id"] for row in rows(browser, sent)] == ids[::-1]
    assert [row["place"] for row in rows(browser, sent)] == list(range(50))
    say(browser, "rows", first=40, count=5)
    assert [row["place"] for row in last(sent, "rows")["rows"]] == [40, 41, 42, 43, 44]
    say(browser, "select", place=0)
    assert browser.selected["value"].iloc[0] == browser.frame["value"].iloc[-1]
    say(browser, "sort", column=0)
    assert not state_of(browser._model)["newest_on_top"]


@pytest.mark.parametrize(
    ("path", "where", "found"),
    [
        ([0], "value['id'] == 49", 1),
        ([1, 0], "value['who']['name'] == 'n4'", 10),
        ([2, 1], "value['items'][1] == \"x'y\\n\"", 50),
    ],
)
def test_a_field_of_any_depth_becomes_a_filter(
    shop: Session, path: list[int], where: str, found: int
) -> None:
    browser, sent = browse(shop)
    say(browser, "select", place=0)
    say(browser, "field", path=path, what="path")
    assert last(sent, "copied")["text"] == where.partition(" == ")[0]
    say(browser, "field", path=path, what="filter")
    assert browser.call == f"s.peek('orders', where=lambda value: {where})"
    assert len(browser.frame) == found
    assert browser.frame.equals(eval(browser.call, {"s": shop}))


def test_a_field_becomes_a_column_beside_those_shown(shop: Session) -> None:
    browser, _ = browse(shop)
    before = browser.columns
    say(browser, "select", place=0)
    say(browser, "field", path=[0], what="column")
    place = before.index("value")
    assert browser.columns == [*before[:place], "value.id", *before[place:]]
    say(browser, "field", path=[1, 0], what="column")
    assert browser.columns == [*before[:place], "value.id", "value.who.name", *before[place:]]
    assert sorted(set(browser.frame["value.who.name"])) == ["n0", "n1", "n2", "n3", "n4"]
    assert browser.frame.equals(eval(browser.call, {"s": shop, "bk": bk}))
    say(browser, "field", path=[2, 1], what="column")
    assert "a place in a list is no column: choose items" in state_of(browser._model)["problem"]


def test_fields_of_any_depth_are_columns_and_go_with_the_topic(shop: Session) -> None:
    deep = {"a": {"b": {"c": {"d": 7}}}, "who": {"name": 1}}
    shop.publish("orders", deep, key="same")
    shop.publish("orders", {"a": {"b": 3}}, key="same")
    browser, _ = browse(shop, key="same")
    before = browser.columns
    say(browser, "select", place=1)
    say(browser, "field", path=[0, 0, 0, 0], what="column")
    say(browser, "field", path=[1, 0], what="column")
    place = before.index("value")
    assert browser.columns == [*before[:place], "value.a.b.c.d", "value.who.name", *before[place:]]
    assert browser.frame.equals(eval(browser.call, {"s": shop, "bk": bk}))
    say(browser, "sort", column=browser.columns.index("value.a.b.c.d"))
    assert browser.frame.equals(eval(browser.call, {"s": shop, "bk": bk}))
    assert state_of(browser._model)["problem"] == ""
    browser.query = {"key": "c1"}
    assert browser.wait(60)
    assert browser.frame.equals(eval(browser.call, {"s": shop, "bk": bk}))
    shop.create_topic("other")
    browser.query = "other"
    assert browser.wait(60)
    assert "expand" not in browser.call


def test_a_field_whose_name_has_dots_is_another_column_than_the_field_of_a_field(shop: Session) -> None:
    shop.publish("orders", {"a": {"b": 1}, "a.b": 2, "c": {"d.e": {"f": 5}}}, key="dots")
    for path, name, value in (
        ([0, 0], "value.a.b#2", 1),
        ([1], "value.a.b", 2),
        ([2, 0, 0], "value.c.d.e.f", 5),
    ):
        browser, _ = browse(shop, key="dots")
        say(browser, "select", place=0)
        for _ in range(2):
            say(browser, "field", path=path, what="column")
        assert browser.columns.count(name) == 1
        assert list(browser.frame[name]) == [value]
        assert browser.frame.equals(eval(browser.call, {"s": shop, "bk": bk}))
        browser.close()


def test_every_message_of_the_view_is_answered(shop: Session) -> None:
    browser, sent = browse(shop)
    for message in (
        {"type": "copy"}, {"type": "compose", "what": "new"}, {"type": "companion", "which": ["odd"]},
        {"type": "window", "start": 1e300}, {"type": "odd"},
    ):  # fmt: skip
        sent.clear()
        browser._view.panel._receive(None, message)
        assert sent[-1] == {"type": "here"}, message


def test_an_error_goes_with_the_next_click_and_stays_until_then(shop: Session) -> None:
    browser, _ = browse(shop)
    say(browser, "field", path=[0], what="filter")
    for passive in ("hello", "here", "topics", "rows"):
        say(browser, passive)
        assert "choose a message first" in state_of(browser._model)["problem"]
    for click in ("select", "copy", "compare", "histogram"):
        say(browser, "field", path=[9], what="filter")
        assert state_of(browser._model)["problem"]
        say(browser, click)
        assert state_of(browser._model)["problem"] == ""
        assert browser.widget.state["problem"] == ""


@pytest.mark.parametrize("change", [{"where": "n3"}, {"limit": 3}, {"start": "earliest"}, {"topic": "empty"}])
def test_a_histogram_of_rows_goes_with_its_rows(shop: Session, change: dict) -> None:
    shop.create_topic("empty")
    browser, sent = browse(shop)
    say(browser, "histogram", of="rows")
    assert last(sent, "histogram")["histogram"] is not None
    say(browser, "expand", on=True)
    assert last(sent, "histogram")["histogram"] is not None
    browser.query = change
    browser.wait(60)
    assert last(sent, "histogram")["histogram"] is None


def test_what_was_known_of_a_topic_goes_with_it(shop: Session) -> None:
    shop.create_topic("empty")
    browser, sent = browse(shop)
    say(browser, "open", tab="subscriptions")
    say(browser, "open", tab="schema")
    assert "billing" in str(last(sent, "subscriptions"))
    before = last(sent, "schema")
    browser.query = "empty"
    browser.wait(60)
    assert "billing" not in str(last(sent, "subscriptions"))
    assert last(sent, "schema") is not before


def test_what_is_no_field_is_refused(shop: Session) -> None:
    browser, _ = browse(shop)
    say(browser, "field", path=[0], what="filter")
    assert "choose a message first" in state_of(browser._model)["problem"]
    say(browser, "select", place=0)
    for path, text in (
        ([9], "no such field"),
        ([1], "choose a field of it"),
        ([], "choose a field of the value"),
    ):
        say(browser, "field", path=path, what="filter")
        assert text in state_of(browser._model)["problem"]


def test_every_tab_has_a_call_that_runs(shop: Session) -> None:
    browser, sent = browse(shop)
    calls = {}
    for tab in ("messages", "partitions", "subscriptions", "configuration", "schema"):
        say(browser, "open", tab=tab)
        calls[tab] = last(sent, "call")["call"]
    assert calls["partitions"] == "s.describe('orders').partitions"
    for tab in ("messages", "partitions", "subscriptions", "configuration"):
        eval(calls[tab], {"s": shop})
    assert "no schema registry" in last(sent, "schema")["problem"]
    say(browser, "open", tab="subscriptions")
    assert last(sent, "subscriptions")["rows"][0]["lag"] == "50"
    say(browser, "subscription", place=0)
    assert (
        last(sent, "subscriptions")["chosen"]["head"]
        == "subscription billing (idle): lag 50 messages, 0 in flight"
    )
    assert len(eval(last(sent, "call")["call"], {"s": shop}).progress) == 3
    say(browser, "subscription", place=None)
    assert last(sent, "subscriptions")["chosen"] is None
    say(browser, "open", tab="nonsense")
    assert last(sent, "call")["tab"] == "subscriptions"


def test_sizes_are_a_few_characters() -> None:
    sizes = (None, 0, 999, 1_000, 2_500_000, 3_210_000_000, 4_000_000_000_000)
    assert [size_text(size) for size in sizes] == ["", "0 B", "999 B", "1.0 kB", "2.5 MB", "3.2 GB", "4.0 TB"]


def test_counts_of_one_are_singular(s: Session) -> None:
    s.create_topic("orders")
    s.publish("orders", "only")
    browser, sent = browse(s)
    facts = facts_view(browser._model.facts.description)
    assert facts["facts"].startswith("1 message · 1 partition")
    say(browser, "topics", first=0, count=10)
    assert last(sent, "topics")["rows"][0]["exactly"] == "1 message"
    browser._model.count("rows")
    assert browser._model.facts.histogram.view()["label"].startswith("1 message from")
    say(browser, "try", mode="text", where="on")
    assert last(sent, "tried")["text"] == "matches 1 of 1 row shown now"


def test_a_closed_session_is_shown_and_a_browser_that_is_gone_is_not_kept_for_it(shop: Session) -> None:
    browser, _ = browse(shop)
    told_of: list[bool] = []
    browser._model.on_change = lambda *what: told_of.append(state_of(browser._model)["closed"])
    shop.close()
    assert told_of[-1] is True


def test_a_new_message_needs_a_topic_only(shop: Session) -> None:
    browser, _ = browse(shop, key="missing")
    say(browser, "compose", what="new")
    assert browser._model.companions.composer.topic == "orders"
    assert browser._model.companions.composer.value in (None, b"")
    with pytest.raises(bk.ConfigError, match="choose a topic first"):
        shop.browse()._model.compose(new=True)


def test_a_message_leads_to_the_next_with_its_correlation_id(s: Session) -> None:
    s.create_topic("orders")
    s.publish_batch("orders", [
        OutboundMessage(f"{n}", attributes={"other": "o", "correlation-id": f"x{n % 3}"}) for n in range(9)
    ])  # fmt: skip
    browser, _ = browse(s)
    browser.selected = 4
    say(browser, "step", by=1, along="header", header=1)
    assert browser.selected["value"].iloc[0] == "7"
    for by, value in ((-1, "4"), (-1, "1"), (1, "4")):
        browser.step(by, "header", "correlation-id")
        assert browser.wait(60)
        assert browser.selected["value"].iloc[0] == value
        assert list(eval(browser.message_call, {"s": s})["value"]) == [value]
    browser.step(1, "header", "correlation-id")
    browser.wait(60)
    browser.step(1, "header", "correlation-id")
    browser.wait(60)
    assert "no later message with this header in its partition" in str(browser.problem)
    say(browser, "step", by=1, along="header", header=7)
    assert "no header" in str(browser.problem)
    say(browser, "header", place=1)
    assert list(browser.frame["value"]) == ["1", "4", "7"]
    assert browser.frame.equals(eval(browser.call, {"s": s}))


def test_rows_that_were_sent_again_say_so(s: Session) -> None:
    s.create_topic("orders")
    s.create_topic("orders-dlq")
    s.publish_batch("orders-dlq", ["given up", "too"])
    s.redrive("orders", to="orders", confirm="orders", progress=False)
    s.publish("orders", "first")
    s.publish("orders", "again", attributes={"bk-message-id": "7<b>"})
    browser, sent = browse(s)
    assert [each["again"] for each in rows(browser, sent)] == [
        "Sent again: it was 7<b> before", "", "Sent again: redrive number 1", "Sent again: redrive number 1",
    ]  # fmt: skip
