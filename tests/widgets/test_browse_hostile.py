"""Nothing that a broker holds is markup, freezes the view, or is sent to it whole."""

from __future__ import annotations

import json
import time

import pytest

from brokerkit.core import OutboundMessage
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session
from tests.frames.hostile import KEYS, NAMES, PAYLOADS, VALUES
from tests.widgets.test_browse import FORM, browse, last, run, say, told
from tests.widgets.test_tail import HOSTILE

DEEP = '{"a":' * 20_000 + "1" + "}" * 20_000
WIDE = json.dumps({f"k{number}": number for number in range(20_000)})
LARGE = json.dumps({"items": ["x" * 100] * 20_000})
NAUGHTY = ("\x1b", "\u202e", "\x00", "\x07")


@pytest.fixture
def hostile(s: Session) -> Session:
    s.create_topic("t")
    s.publish_batch("t", _messages())
    return s


def _messages() -> list[OutboundMessage]:
    made = [OutboundMessage(each, key=each[:500], attributes={each[:500]: each[:500]}) for each in HOSTILE]
    made += [OutboundMessage(each) for each in (DEEP, WIDE, LARGE)]
    made += [OutboundMessage(each, key=KEYS[number % len(KEYS)]) for number, each in enumerate(PAYLOADS)]
    made.append(OutboundMessage("v", attributes=[(name, b"\xff\x00\x1b") for name in NAMES]))
    values = [value for value in VALUES if value != "\ud800"]
    made.append(OutboundMessage("v", attributes=[("a", value) for value in values]))
    return made


def harmless(sent: list[dict]) -> None:
    text = json.dumps(sent, ensure_ascii=False)
    assert not [each for each in NAUGHTY if each in text]
    assert max(len(json.dumps(each)) for each in sent) < 200_000


@pytest.mark.extended
def test_every_message_is_shown_in_every_form_short_and_without_control_characters(hostile: Session) -> None:
    browser = browse(hostile, "t")
    sent = told(browser)
    say(browser, "hello")
    slowest = 0.0
    for place in range(len(browser._model.rows.result)):
        began = time.process_time()
        say(browser, "select", place=place)
        for form in ("tree", "text", "hex", "layers"):
            say(browser, "payload", form=form)
        slowest = max(slowest, time.process_time() - began)
    # of the processor, for one message in all its forms, of 2 MB the largest: a freeze would take minutes
    assert slowest < 20
    harmless(sent)
    forms = {each["payload"]["form"] for each in sent if each["type"] == "payload"}
    assert forms == {"tree", "text", "hex", "layers"}


@pytest.mark.extended
def test_two_hostile_messages_are_compared(hostile: Session) -> None:
    browser = browse(hostile, "t")
    sent = told(browser)
    for first in range(0, len(browser._model.rows.result) - 1, 2):
        say(browser, "select", place=first)
        say(browser, "select", place=first + 1, how="toggle")
        say(browser, "compare")
    harmless([each for each in sent if each["type"] != "compared"])
    assert not [each for each in NAUGHTY if each in json.dumps(sent, ensure_ascii=False)]


def test_json_nested_too_deeply_says_why_it_has_no_tree(s: Session) -> None:
    s.create_topic("t")
    s.publish("t", DEEP)
    browser = browse(s, "t")
    sent = told(browser)
    say(browser, "select", place=0)
    assert last(sent, "detail")["message"]["payload"]["form"] == "text"
    say(browser, "payload", form="tree")
    assert "nested too deeply" in last(sent, "payload")["payload"]["problem"]


def test_a_large_object_is_shown_level_by_level_a_hundred_at_a_time(s: Session) -> None:
    s.create_topic("t")
    s.publish(
        "t", '{"big": 9007199254740993, "a": 1.10, "a": [{"b": null}], "c": [' + ",".join(["1"] * 250) + "]}"
    )
    browser = browse(s, "t")
    sent = told(browser)
    say(browser, "select", place=0)
    payload = last(sent, "detail")["message"]["payload"]
    items = payload["children"]["items"]
    # digits and repeated names as they were sent
    assert [(each["name"], each["text"]) for each in items] == [
        ("big", "9007199254740993"), ("a", "1.10"), ("a", "[1 item]"), ("c", "[250 items]"),
    ]  # fmt: skip
    say(browser, "payload", form="tree", path=[2, 0])
    assert last(sent, "payload")["payload"]["children"]["items"][0] | {"text": "null"} == {
        "name": "b", "kind": "null", "text": "null", "more": False,
    }  # fmt: skip
    say(browser, "payload", form="tree", path=[3], first=200)
    part = last(sent, "payload")["payload"]["children"]
    assert (part["first"], part["total"], len(part["items"])) == (200, 250, 50)
    for nonsense in ([99], [0, 0], ["x"], [-1]):
        say(browser, "payload", form="tree", path=nonsense)


@pytest.mark.extended
def test_topics_and_columns_with_hostile_names_are_listed_and_opened(s: Session) -> None:
    names = [each[:200] for each in HOSTILE if each.strip()]
    for name in dict.fromkeys(names):
        s.create_topic(name)
        s.publish(name, {"<b>\u202e": 1, "\x1b[31m": 2})
    browser = browse(s)
    sent = told(browser)
    say(browser, "topics", first=0, count=100)
    listed = last(sent, "topics")
    for row in listed["rows"]:
        say(browser, "topic", n=row["n"], generation=listed["generation"])
        say(browser, "expand", on=True)
        frame = browser.frame
        assert len(frame) == 1
        assert frame.equals(run(browser.call, s, browser))
        state = state_of(browser._model)
        assert not [each for each in NAUGHTY if each in json.dumps(state, ensure_ascii=False)]
        page = browser._repr_mimebundle_()["text/html"]
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>\u202e" not in page
    harmless(sent)


def test_pictures_of_several_characters_look_in_the_table_as_they_are(s: Session) -> None:
    s.create_topic("t")
    s.publish("t", "by 👩\u200d💻\u200b", key="❤\ufe0f\u200d🔥")
    browser = browse(s, "t")
    sent = told(browser)
    say(browser, "hello")
    (row,) = last(sent, "rows")["rows"]
    text = json.dumps(row, ensure_ascii=False)
    assert "by 👩\u200d💻\\\\u200b" in text
    assert '"❤\ufe0f\u200d🔥"' in text


def test_hostile_input_is_shown_as_escapes(s: Session) -> None:
    s.create_topic("t")
    s.publish("t", "a\u202eb", key="k\u202e")
    browser = browse(s, "t")
    told(browser)
    say(browser, "query", **FORM | {"where": "\u202e", "key": "k\u202e"})
    assert len(browser.frame) == 1
    assert "\u202e" not in browser.call
    assert len(run(browser.call, s, browser)) == 1
    assert "\u202e" not in json.dumps(state_of(browser._model), ensure_ascii=False)


def test_a_message_from_nowhere_is_ignored(s: Session) -> None:
    s.create_topic("t")
    s.publish("t", {"a": 1})
    browser = browse(s, "t")
    told(browser)
    for kind, content in [
        ("topic", {"n": 10**9, "generation": browser._model.topics.generation}),
        ("select", {"place": 10**9}),
        ("select", {"place": "x"}),
        ("rows", {"first": -5, "count": 10**9}),
        ("rows", {"first": 10**9, "count": 5}),
        ("sort", {"column": 10**9}),
        ("columns", {"shown": [10**9]}),
        ("payload", {"form": "nonsense", "first": -1}),
        ("window", {"from": "x", "to": 10**30}),
        ("query", {}),
        ("nonsense", {}),
    ]:
        say(browser, kind, **content)
    assert state_of(browser._model)["topic"] == "t"
