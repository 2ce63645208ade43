"""Copies from Service Bus to Service Bus: what a message has arrives as it was, and packed in nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusMessage

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

from .conftest import new_queue
from .test_values import TYPED

pytestmark = pytest.mark.broker

PROPERTIES: list[dict[str, Any]] = [
    {"$sb.message_id": "m-1", "$sb.correlation_id": UUID(int=3), "$sb.subject": "größe", "$sb.to": "a b"},
    {
        "$sb.message_id": 7,
        "$sb.correlation_id": b"\xff",
        "$sb.user_id": b"\x00u",
        "$sb.content_type": "text/plain",
    },
    {"$sb.message_id": "ttl", "$sb.time_to_live": 3600, "$sb.reply_to": "q", "$sb.reply_to_session_id": "s"},
    {"$sb.message_id": "body", "$sb.body_type": "value:json"},
]


def shown(session: Session, queue: str) -> list[tuple[str, list[tuple[Any, ...]]]]:
    frame = session.scan(queue, progress=False).to_pandas()
    return [
        (
            value,
            sorted(tuple(pair.values()) for pair in attributes if pair["name"] != "bk-publish-time"),
        )
        for value, attributes in zip(frame["value"], frame["attributes"], strict=True)
    ]


def copied(session: Session, source: str, target: str, **options: Any) -> None:
    before = shown(session, source)
    outcome = session.copy(source, session, target, progress=False, **options)
    assert outcome.counts["confirmed"] == len(before)
    assert shown(session, target) == before
    assert shown(session, source) == before


def test_properties_of_the_service_arrive_as_they_were(session: Session) -> None:
    source, target = new_queue(session), new_queue(session)
    for each in PROPERTIES:
        session.publish(source, "1", attributes=each)
    copied(session, source, target)


def test_attributes_of_every_type_arrive_as_they_were(session: Session) -> None:
    source, target = new_queue(session), new_queue(session)
    session.publish_batch(source, [OutboundMessage(b"x", attributes=[pair]) for pair in TYPED])
    session.publish_batch(source, [OutboundMessage(b"all", "k", TYPED)])
    copied(session, source, target)


def test_properties_with_odd_names_arrive_under_their_names(session: Session) -> None:
    source, target = new_queue(session), new_queue(session)
    names = ("$other", "$pulsar.event_time", "$", "bk-$sb.mine", "", " ", "a.b:c", "ü")
    session.publish(source, "1", attributes=dict.fromkeys(names, "x"))
    copied(session, source, target)


def test_a_scheduled_message_is_scheduled_where_it_is_copied_to(session: Session) -> None:
    source, target = new_queue(session), new_queue(session)
    moment = datetime(2126, 1, 1, tzinfo=UTC)
    session.publish(source, "later", attributes={"$sb.scheduled_enqueue_time": moment, "$sb.message_id": "l"})
    session.copy(source, session, target, progress=False)
    (row,) = session.scan(target, progress=False).to_pandas().itertuples()
    found = {pair["name"]: pair["value"] for pair in row.attributes}
    assert found["$sb.state"] == b"scheduled"
    assert found["$sb.scheduled_enqueue_time"].startswith(b"2126-01-01")


def test_facts_that_only_the_service_knows_travel_beside_the_message(session: Session) -> None:
    """Where it was dead-lettered cannot be set, and is not lost: it is back in a system that can keep it."""
    queue, target = new_queue(session), new_queue(session)
    session.publish(queue, "bad", attributes={"$sb.message_id": "b"})
    with session.consumer(queue) as consumer:
        message = consumer.next_message(60)
        assert message is not None
        message.reject(reason="broken")
    dead = f"{queue}/$deadletterqueue"
    session.copy(dead, session, target, progress=False)
    with bk.connect("inmem://") as rich:
        rich.create_topic("t", partitions=1)
        session.copy(target, rich, "t", progress=False)
        frame = rich.peek("t")
    was = session.peek(dead)
    for name in ("$sb.dead_letter_source", "$sb.message_id", "DeadLetterReason"):
        assert bk.attr(frame, name).tolist() == bk.attr(was, name).tolist(), name
    assert bk.attr(session.peek(target), "DeadLetterReason").tolist() == ["broken"]


def test_values_that_the_service_does_not_take_come_back_from_it(session: Session) -> None:
    """Finer times, larger integers and foreign texts under its names are packed, and are back at the end."""
    pairs: list[tuple[str, Any]] = [
        ("fine", datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ("large", 2**70),
        ("$sb.time_to_live", "an hour"),
        ("$sb.unknown", "x"),
        ("$sb.body_type", "value:text"),
    ]
    queue = new_queue(session)
    with bk.connect("inmem://") as rich:
        for name in ("from", "to"):
            rich.create_topic(name, partitions=1)
        rich.publish_batch("from", [OutboundMessage(b"x", attributes=[pair]) for pair in pairs])
        assert rich.copy("from", session, queue, progress=False).counts["confirmed"] == len(pairs)
        session.copy(queue, rich, "to", progress=False)
        frames = [rich.peek(name) for name in ("from", "to")]
    for name, _ in pairs:
        before, after = (bk.attr(frame, name).dropna().tolist() for frame in frames)
        assert before == after != [], name


FOREIGN: list[dict[str, Any]] = [
    {"$sb.subject": "theirs"},
    {"$sb.unknown": 7, "a": "b"},
    {"$sb.time_to_live": "an hour", "$sb.state": "solid"},
    {"$sb.message_id": "m", "bk-$sb.message_id": "n"},
    {"$sb.scheduled_enqueue_time": "2001-01-01"},
]


@pytest.mark.parametrize("way", ["frame", "copy", "over another system"])
def test_application_properties_with_the_names_of_the_service_and_its_own_beside_them_arrive_as_they_were(
    session: Session, client: Any, way: str
) -> None:
    source, target = new_queue(session), new_queue(session)
    with client.get_queue_sender(source) as sender:
        for number, properties in enumerate(FOREIGN):
            sent = ServiceBusMessage(b"1", application_properties=properties, message_id=f"real-{number}")
            sent.subject = "own"
            sender.send_messages(sent)
    before = shown(session, source)
    assert ("bk-$sb.subject", b"theirs", "string") in before[0][1]
    assert ("$sb.subject", b"own", "string") in before[0][1]
    if way == "frame":
        outcome = session.publish_frame(target, session.scan(source, progress=False).to_pandas())
        assert outcome["status"].tolist() == ["confirmed"] * len(FOREIGN)
    elif way == "copy":
        session.copy(source, session, target, progress=False)
    else:
        with bk.connect("inmem://") as other:
            other.create_topic("between", partitions=1)
            session.copy(source, other, "between", progress=False)
            other.copy("between", session, target, progress=False)
    assert shown(session, target) == before
    with client.get_queue_receiver(target) as receiver:
        found = receiver.peek_messages(len(FOREIGN))
    theirs = [
        {name.decode(): value.decode() if isinstance(value, bytes) else value for name, value in each.application_properties.items()}
        for each in found
    ]  # fmt: skip
    assert [
        {name: value for name, value in each.items() if name != "bk-publish-time"} for each in theirs
    ] == FOREIGN
    assert [(each.message_id, each.subject) for each in found] == [
        (f"real-{n}", "own") for n in range(len(FOREIGN))
    ]


def test_a_header_of_another_system_that_looks_like_the_services_own_is_sent_as_a_property(
    session: Session,
) -> None:
    rows: list[dict[str, Any]] = [
        {"$sb.unknown": "x"},
        {"$sb.time_to_live": "an hour"},
        {"$sb.user_id": "text", "a": "b"},
    ]
    queue = new_queue(session)
    with bk.connect("inmem://") as other:
        other.create_topic("t", partitions=1)
        other.publish_batch("t", [OutboundMessage(b"x", attributes=each) for each in rows])
        outcome = session.publish_frame(queue, other.peek("t"))
    assert outcome["status"].tolist() == ["confirmed"] * 3
    assert ["$sb." in note for note in outcome["note"]] == [True] * 3
    found = [{name for name, *_ in pairs} for _, pairs in shown(session, queue)]
    assert [f"bk-{next(iter(each))}" in names for each, names in zip(rows, found, strict=True)] == [True] * 3
    with pytest.raises(bk.PublishFailed, match="own properties"):
        session.publish(queue, "new", attributes={"$sb.unknown": "x"})
