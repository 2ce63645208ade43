"""What does not make sense is one error that says what was wrong and what to do, at once."""

from __future__ import annotations

import math
import re
import sys
import time

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.core.runtime import registry
from brokerkit.workbench import Session

FRAME = pd.DataFrame({"a": [1, 2], "f": [1.5, 2.5]})
NOT_COUNTS = [0, -1, True, 1.5, "5", np.True_, np.float64(3)]
NOT_SECONDS = ["5", -1, math.nan, True, object()]
NOT_POSITIONS = ["tomorrow", "-15 minutes", True, 1.5, [], math.nan, pd.NaT, {0: "x"}, {0: None}, {"a": 1}]
NOT_TOPICS = [None, 5, "", "  ", b"orders", 1.5]


def refused(error: type[Exception], text: str, call) -> None:
    """The call raises this error with this text, without waiting for anything."""
    began = time.monotonic()
    with pytest.raises(error) as caught:
        call()
    assert re.search(text, str(caught.value)), str(caught.value)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("foo://x", r"unknown scheme 'foo': expected one of .*inmem"),
        ("localhost:9092", r"neither a connection URL \(for example inmem://"),
        ("", "connect needs a URL"),
        (5, "connect needs a URL .* not 5"),
        (None, "environment variable BROKERKIT_URL"),
        ("sandbox+foo://", "no sandbox for 'foo'"),
    ],
)
def test_an_address_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch, target: object, text: str) -> None:
    monkeypatch.delenv("BROKERKIT_URL", raising=False)
    refused(bk.ConfigError, text, lambda: bk.connect(target))


def test_connect_without_an_address_takes_it_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKERKIT_URL", "inmem://from-the-environment")
    with bk.connect() as session:
        assert session.name == "inmem://from-the-environment"


def test_a_missing_client_library_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("brokerkit.backends.kafka")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    registry.backend.cache_clear()
    refused(
        bk.ConfigError, r"pip install 'brokerkit-notebook\[kafka\]'", lambda: bk.connect("kafka://localhost")
    )


def test_an_unknown_option_names_the_known_ones(orders: Session) -> None:
    refused(bk.ConfigError, "unknown option 'foo'; known are none", lambda: bk.connect("inmem://", foo=1))
    refused(
        bk.ConfigError, "'partition'; known are partitions", lambda: orders.create_topic("x", partition=3)
    )
    refused(bk.ConfigError, "'foo'; known are", lambda: orders.pull("orders", subscription="me", foo=1))


@pytest.mark.parametrize(
    "use",
    [
        lambda s: s.peek("nope"),
        lambda s: s.peek("nope", start="earliest"),
        lambda s: s.scan("nope"),
        lambda s: s.scan(["orders", "nope"]),
        lambda s: s.describe("nope"),
        lambda s: s.pull("nope", subscription="me"),
        lambda s: s.pull("nope", subscription="me", start="earliest"),
        lambda s: next(s.batches("nope", subscription="me", start="earliest")),
        lambda s: s.create_subscription("nope", "me"),
        lambda s: s.delete_topic("nope", confirm="nope"),
        lambda s: s.reread(s.peek("orders", 1).assign(topic="nope")),
    ],
)
def test_a_missing_topic_is_named_with_what_is_there(orders: Session, use) -> None:
    refused(bk.NotFound, "there is no topic 'nope'.*orders", lambda: use(orders))
    assert orders.topics()["topic"].tolist() == ["orders"]


@pytest.mark.parametrize("topic", NOT_TOPICS)
def test_an_invalid_topic_is_refused(orders: Session, topic: object) -> None:
    for use in (
        orders.peek,
        orders.scan,
        orders.describe,
        orders.create_topic,
        lambda name: orders.pull(name, subscription="me"),
        lambda name: orders.publish(name, "x"),
        lambda name: orders.publish_frame(name, FRAME),
        lambda name: orders.delete_topic(name, confirm=name),
    ):
        refused(bk.ConfigError, "a topic name must be a non-empty string", lambda use=use: use(topic))


def test_a_scan_of_no_topics(orders: Session) -> None:
    refused(bk.ConfigError, "at least one topic", lambda: orders.scan([]))


@pytest.mark.parametrize("position", NOT_POSITIONS)
def test_an_invalid_position_is_refused(orders: Session, position: object) -> None:
    text = "expected .*earliest"
    refused(bk.ConfigError, text, lambda: orders.peek("orders", start=position))
    refused(bk.ConfigError, text, lambda: orders.scan("orders", end=position))
    refused(bk.ConfigError, "expected", lambda: orders.pull("orders", subscription="me", start=position))


def test_a_partition_that_is_not_there(orders: Session) -> None:
    refused(bk.NotFound, "no partition 9: the topic has 0, 1, 2", lambda: orders.peek("orders", start={9: 1}))


@pytest.mark.parametrize("count", NOT_COUNTS)
def test_an_invalid_count_is_refused(orders: Session, count: object) -> None:
    text = "must be a positive integer, not "
    refused(bk.ConfigError, "limit " + text, lambda: orders.peek("orders", count))
    refused(bk.ConfigError, "limit " + text, lambda: orders.scan("orders", limit=count))
    refused(bk.ConfigError, "slice_rows " + text, lambda: orders.scan("orders", slice_rows=count))
    refused(bk.ConfigError, "n " + text, lambda: orders.pull("orders", count, subscription="me"))
    refused(bk.ConfigError, "size " + text, lambda: orders.batches("orders", subscription="me", size=count))


@pytest.mark.parametrize("seconds", NOT_SECONDS)
def test_an_invalid_number_of_seconds_is_refused(orders: Session, seconds: object) -> None:
    text = "must be a number of seconds"
    for name in ("timeout", "idle", "hold", "connect_timeout"):
        refused(
            bk.ConfigError,
            f"{name} {text}",
            lambda name=name: orders.pull("orders", subscription="me", **{name: seconds}),
        )
    refused(bk.ConfigError, text, lambda: orders.publish("orders", "x", timeout=seconds))
    refused(bk.ConfigError, text, lambda: orders.publish_batch("orders", ["x"], timeout=seconds))
    refused(bk.ConfigError, text, lambda: orders.publish_frame("orders", FRAME, timeout=seconds))
    refused(bk.ConfigError, text, lambda: bk.connect("inmem://", timeout=seconds))


def test_a_subscription_is_needed_and_named(orders: Session) -> None:
    refused(bk.ConfigError, "needs subscription=", lambda: orders.pull("orders"))
    refused(bk.ConfigError, "needs subscription=", lambda: orders.batches("orders"))
    for name in ("", 5, b"me"):
        refused(
            bk.ConfigError,
            "subscription name must be a non-empty string",
            lambda name=name: orders.pull("orders", subscription=name),
        )


def test_other_arguments_of_pull(orders: Session) -> None:
    refused(
        bk.ConfigError,
        "ack must be True or False",
        lambda: orders.pull("orders", subscription="me", ack="no"),
    )
    refused(bk.ConfigError, "model must be", lambda: orders.pull("orders", subscription="me", model="x"))
    refused(
        bk.ConfigError,
        'side_effects must be "give back"',
        lambda: orders.pull("orders", subscription="me", side_effects="y"),
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"where": 5}, "where must be a text, a function .* not int"),
        ({"where": pc.field("nope") > 2}, "No match for .*nope.*over the columns topic, partition"),
        ({"where": pc.field("offset")}, "must be true or false for each row"),
        ({"where": "\ud800"}, "where=.* is not valid text"),
        ({"key": 5}, "key must be str or bytes"),
        ({"decode": "xml"}, "decode='xml' is not known here; expected one of 'auto'"),
        ({"decode": len}, "declare the Arrow type"),
        ({"decode": 5}, "decode=5 cannot be used"),
    ],
)
def test_filters_and_decoders(orders: Session, arguments: dict, text: str) -> None:
    refused(bk.ConfigError, text, lambda: orders.peek("orders", **arguments))
    refused(bk.ConfigError, text, lambda: orders.scan("orders", **arguments))
    if "decode" in arguments:
        refused(bk.ConfigError, text, lambda: orders.pull("orders", subscription="me", **arguments))


@pytest.mark.parametrize("value", [5, 1.5, True, object(), {1}, (1, 2), np.int64(1), pd.DataFrame()])
def test_a_value_that_is_neither_json_nor_text_nor_bytes(orders: Session, value: object) -> None:
    refused(
        TypeError,
        "must be dict, list .as JSON., str, bytes or None, not ",
        lambda: orders.publish("orders", value),
    )


@pytest.mark.parametrize("value", [{"a": object()}, {"a": {1}}, {1: 2}, {"a": math.inf}, {"a": b"x"}])
def test_json_that_cannot_be_written_exactly(orders: Session, value: object) -> None:
    refused(TypeError, "cannot be written as JSON", lambda: orders.publish("orders", value))


def test_json_that_is_nested_too_deeply(orders: Session) -> None:
    deep: list = []
    for _ in range(20_000):
        deep = [deep]
    refused(TypeError, "nested too deeply", lambda: orders.publish("orders", deep))


def test_text_that_is_not_utf_8(orders: Session) -> None:
    refused(bk.ConfigError, "UTF-8 cannot hold .*position 1", lambda: orders.publish("orders", "a\ud800"))
    refused(bk.ConfigError, "UTF-8 cannot hold", lambda: orders.publish("orders", "a", key="\ud800"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "x\ud800"}, r"the value\['a'\] has a character .*'.ud800' at position 1"),
        (
            ["x", {"b": ["", "\udfff"]}],
            r"the value\[1\]\['b'\]\[1\] has a character .*'.udfff' at position 0",
        ),
        ({"a": [{"x\ud800": 1}]}, r"the name 'x.ud800' has a character"),
    ],
)
def test_text_inside_a_non_text_value_is_found(orders: Session, value: object, text: str) -> None:
    before = orders.peek("orders", 99)
    refused(bk.ConfigError, text, lambda: orders.publish("orders", value))
    refused(bk.ConfigError, text, lambda: orders.publish_batch("orders", ["good", value]))
    refused(bk.ConfigError, text, lambda: orders.compose("orders", value=value))
    assert orders.peek("orders", 99).equals(before)


@pytest.mark.parametrize("key", [5, True, ["k"]])
def test_an_invalid_key_is_refused(orders: Session, key: object) -> None:
    refused(TypeError, "key must be bytes, str or None", lambda: orders.publish("orders", "x", key=key))


@pytest.mark.parametrize(
    "attributes", [5, "text", ["ab"], [("a",)], {1: "a"}, {"a": [1]}, {"a": object()}, [("a", "b", "c")]]
)
def test_invalid_attributes_are_refused(orders: Session, attributes: object) -> None:
    refused(TypeError, "attribute", lambda: orders.publish("orders", "x", attributes=attributes))


@pytest.mark.parametrize("values", ["abc", b"abc", {"a": 1}, 5, None, FRAME])
def test_one_value_or_a_frame_is_not_a_batch(orders: Session, values: object) -> None:
    refused(TypeError, "publish_batch needs a list of values", lambda: orders.publish_batch("orders", values))
    assert len(orders.peek("orders")) == 20


@pytest.mark.parametrize("frame", [5, None, "x", [1], {"a": [1]}, pd.Series([1]), pd.DataFrame(), FRAME.T])
def test_an_object_other_than_a_frame_is_refused(orders: Session, frame: object) -> None:
    refused(bk.ConfigError, "frame|column name", lambda: orders.publish_frame("orders", frame))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"key": "nope"}, "no column 'nope' for the key; the frame has a"),
        ({"key": "f"}, "column 'f' for the key is double"),
        ({"kind": "x"}, "expected 'messages' or 'rows'"),
        ({"kind": "messages"}, "needs the column 'value'"),
        ({"columns": ["x"]}, "no column 'x'; the frame has a"),
        ({"columns": "a"}, r"expected a list of column names, \['a'\]"),
        ({"resume": 5}, "resume= wants the outcome frame"),
        ({"resume": FRAME}, "resume= wants the outcome frame"),
    ],
)
def test_arguments_of_publish_frame(orders: Session, arguments: dict, text: str) -> None:
    refused(bk.ConfigError, text, lambda: orders.publish_frame("orders", FRAME, **arguments))


@pytest.mark.parametrize("confirm", [None, "order", True, ""])
def test_deleting_wants_the_name_again(orders: Session, confirm: object) -> None:
    refused(bk.ConfigError, "confirm='orders'", lambda: orders.delete_topic("orders", confirm=confirm))
    assert len(orders.topics()) == 1


def test_creating_an_existing_object_is_refused(orders: Session) -> None:
    refused(bk.AlreadyExists, "'orders' already exists", lambda: orders.create_topic("orders"))
    orders.create_subscription("orders", "me")
    refused(
        bk.AlreadyExists,
        "'me' of 'orders' already exists",
        lambda: orders.create_subscription("orders", "me"),
    )


def test_rows_that_cannot_be_reread_are_refused(orders: Session) -> None:
    for frame in (5, FRAME):
        refused(
            bk.ConfigError,
            "needs the columns topic, partition and offset",
            lambda frame=frame: orders.reread(frame),
        )
