"""Attributes go into copies as they are wherever the target can hold them, and are packed only elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.server import Server
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker

TEXTS = {
    "latin": "Grüße",
    "greek": "αβγ",
    "emoji": "🙂 a 🙂",
    "quotes": '"a" & <b> \\ %20',
    "empty": "",
}
NAMED = {"größe": "1", "with space": "2", "a:b": "3", "日本": "4", "$other": "5"}
EDGES = {"spaces": "  a ", "lines": "a\nb\tc", "none": "a\x00b", "long": "é" * 3_000}
HELD: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "pulsar_server": (TEXTS | NAMED | EDGES, {}),
    "servicebus_server": (TEXTS | NAMED | EDGES, {}),
    "pubsub_emulator": (TEXTS | NAMED | EDGES | {"long": "é" * 500}, {}),
    "nats_server": (TEXTS, NAMED | EDGES),
    "kafka_server": (TEXTS | NAMED | EDGES, {}),
}
"""What each system holds as it is, and what it does not."""


@pytest.fixture(params=HELD)
def target(request: pytest.FixtureRequest) -> Iterator[tuple[str, Session]]:
    server: Server = request.getfixturevalue(request.param)
    with bk.connect(server.address) as session:
        yield request.param, session


@pytest.fixture
def source() -> Iterator[Session]:
    with bk.connect(f"inmem://attributes-{uuid.uuid4().hex}") as session:
        session.create_topic("all")
        yield session


def subscribed(session: Session, topic: str) -> str | None:
    """Create the subscription that a topic is copied through, where it cannot be read without one."""
    if session.capabilities.slices != "never":
        return None
    session.create_subscription(topic, f"{topic}-me")
    return f"{topic}-me"


def pairs(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {p["name"]: p["value"].decode() for p in row if p["value"] is not None} for row in frame["attributes"]
    ]


def shown(attributes: list[dict[str, Any]], system: str) -> list[tuple[Any, ...]]:
    """What is compared: Kafka does not tell text from bytes."""
    kept = ("name", "value") if system == "kafka_server" else ("name", "value", "type")
    return sorted(
        tuple(pair[each] for each in kept) for pair in attributes if pair["name"] != "bk-publish-time"
    )


def test_attributes_that_a_system_holds_are_there_by_their_names(
    source: Session, target: tuple[str, Session]
) -> None:
    name, session = target
    held, packed = HELD[name]
    topic = f"attributes-{uuid.uuid4().hex[:8]}"
    session.create_topic(topic)
    if name == "pubsub_emulator":
        session.create_subscription(topic, f"{topic}-me")
    source.publish("all", "1", attributes=held)
    source.publish("all", "2", attributes=held | packed)
    assert (source.copy("all", session, topic)["status"] == "confirmed").all()
    if name == "pubsub_emulator":
        copied = session.pull(topic, 2, subscription=f"{topic}-me", timeout=60, idle=20).sort_values("value")
    else:
        copied = session.peek(topic, 2)
    first, second = pairs(copied)
    for found in (first, second):
        assert {each: found.get(each) for each in held} == held
    assert "bk-attributes" not in first
    assert ("bk-attributes" in second) == bool(packed)
    assert not set(packed) & set(second)


def test_attributes_come_back_equal_from_every_system(source: Session, target: tuple[str, Session]) -> None:
    name, session = target
    topic = f"attributes-{uuid.uuid4().hex[:8]}"
    session.create_topic(topic)
    through = subscribed(session, topic)
    source.create_topic("back")
    given = {"ä": "ö", **TEXTS, **NAMED, **EDGES}
    if name == "pubsub_emulator":
        # what is packed there must be as short as any attribute
        given["long"] = "é" * 500
    source.publish("all", "1", attributes=given)
    with source.connection.publisher() as publisher:
        publisher.topic("all").publish(
            OutboundMessage(b"2", attributes=[("i", 5), ("ü", b"\xff"), ("a", "1"), ("a", "2"), ("b", True)])
        )
    assert (source.copy("all", session, topic)["status"] == "confirmed").all()
    assert (session.copy(topic, source, "back", subscription=through)["status"] == "confirmed").all()
    first, back = (source.peek(each, 2) for each in ("all", "back"))
    for row in range(2):
        mine, found = (shown(frame["attributes"].iloc[row], name) for frame in (first, back))
        assert found == mine


@pytest.mark.parametrize("name", ["pubsub_emulator", "nats_server", "pulsar_server"])
def test_headers_of_kafka_are_text_in_copies_on_systems_without_bytes_and_come_back_as_they_were(
    kafka_server: Server, request: pytest.FixtureRequest, name: str
) -> None:
    server: Server = request.getfixturevalue(name)
    topics = [f"attributes-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    headers = [
        ("trace", b"abc"),
        ("latin", "Grüße".encode()),
        ("raw", b"\xff\x00"),
        ("empty", b""),
        ("null", None),
    ]
    with bk.connect(server.address) as session, bk.connect(kafka_server.address) as kafka:
        for each in topics:
            kafka.create_topic(each)
        session.create_topic(topics[0])
        through, look = subscribed(session, topics[0]), f"{topics[0]}-look"
        if through is not None:
            session.create_subscription(topics[0], look)
        kafka.publish(topics[0], "1", attributes=headers)
        assert kafka.copy(topics[0], session, topics[0]).counts["confirmed"] == 1
        assert session.copy(topics[0], kafka, topics[1], subscription=through).counts["confirmed"] == 1
        there = session.peek(topics[0]) if through is None else session.pull(topics[0], 1, subscription=look)
        back = kafka.peek(topics[1])
    texts = {p["name"]: (p["value"], p["type"]) for p in there["attributes"].iloc[0]}
    assert (texts["trace"], texts["latin"]) == ((b"abc", "string"), ("Grüße".encode(), "string"))
    assert not {"raw", "null"} & set(texts)
    found = [(p["name"], p["value"]) for p in back["attributes"].iloc[0] if p["name"] != "bk-publish-time"]
    assert sorted(found, key=str) == sorted(headers, key=str)


@pytest.mark.parametrize("name", ["pstest_server", "nats_server"])
def test_what_was_copied_to_kafka_is_copied_back_with_the_time_of_its_first_publication(
    kafka_server: Server, request: pytest.FixtureRequest, name: str
) -> None:
    server: Server = request.getfixturevalue(name)
    topics = [f"attributes-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    with bk.connect(server.address) as session, bk.connect(kafka_server.address) as kafka:
        through = ""
        for each in topics:
            session.create_topic(each)
            through = subscribed(session, each)
        kafka.create_topic(topics[0])
        session.publish(topics[0], "1", key="k", attributes={"trace": "abc"})
        first = None if through is None else f"{topics[0]}-me"
        assert session.copy(topics[0], kafka, topics[0], subscription=first).counts["confirmed"] == 1
        assert kafka.copy(topics[0], session, topics[1]).counts["confirmed"] == 1
        stored = kafka.peek(topics[0])
        back = (
            session.peek(topics[1]) if through is None else session.pull(topics[1], 1, subscription=through)
        )
    times = [
        {p["name"]: p["value"] for p in each["attributes"].iloc[0]}["bk-publish-time"]
        for each in (stored, back)
    ]
    assert times[0] == times[1]


@pytest.mark.parametrize("names", [["note"], ["größe", "note"], [f"n{number}" for number in range(8)]])
def test_attributes_that_are_too_long_for_pubsub_are_named_as_the_user_named_them(
    source: Session, request: pytest.FixtureRequest, names: list[str]
) -> None:
    server: Server = request.getfixturevalue("pubsub_emulator")
    source.publish("all", "1", attributes=dict.fromkeys(names, "x" * 3_000) | {"short": "1"})
    topic = f"attributes-{uuid.uuid4().hex[:8]}"
    with bk.connect(server.address) as session:
        session.create_topic(topic)
        outcome = source.copy("all", session, topic)
    assert list(outcome["status"]) == ["failed"]
    error = outcome["error"].iloc[0]
    assert all(repr(name) in error for name in names[:5])
    assert "short" not in error
