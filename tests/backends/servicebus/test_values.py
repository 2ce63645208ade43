"""What was sent comes out as it was: types of attributes, kinds of bodies, properties of the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage

from brokerkit.backends.servicebus.body import body_of
from brokerkit.core import ConfigError, Connection, Message, MessageConsumer, OutboundMessage

from .conftest import new_queue, publish

pytestmark = pytest.mark.broker

MOMENT = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
TYPED: list[tuple[str, Any]] = [
    ("text", "ünï"),
    ("empty", ""),
    ("bytes that are text", b"text"),
    ("bytes", b"\xff\x00"),
    ("null", None),
    ("true", True),
    ("false", False),
    ("small", 5),
    ("negative", -(2**63)),
    ("large", 2**64 - 1),
    ("float", 0.1),
    ("time", MOMENT),
    ("uuid", UUID(int=7)),
]


def taken(broker: Connection, topic: str, subscription: str | None = None, **options: Any) -> Message:
    """The next message, acknowledged."""
    with broker.consumer(topic, subscription, **options) as consumer:
        assert isinstance(consumer, MessageConsumer)
        message = consumer.next_message(60)
        assert message is not None
        message.ack()
        return message


def looked_at(broker: Connection, topic: str) -> list[tuple[bytes | None, bytes | None, list[Any]]]:
    """Key, payload and attributes of what is in a queue."""
    browser = broker.inspector()
    rows = []
    for slice_ in browser.plan(topic):
        for columns in browser.read(slice_):
            for key, value, pairs in zip(
                columns.values("key"), columns.values("value"), columns.values("attributes"), strict=True
            ):
                rows.append((key, value, list(pairs or ())))
    return rows


def test_attributes_of_every_type_come_out_as_they_went_in(broker: Connection) -> None:
    queue = new_queue(broker)
    publish(broker, queue, OutboundMessage(b"x", attributes=TYPED))
    assert looked_at(broker, queue) == [(None, b"x", TYPED)]
    message = taken(broker, queue)
    assert list(message.attributes) == TYPED
    assert [type(value) for _, value in message.attributes] == [type(value) for _, value in TYPED]


def test_attributes_of_a_message_in_several_frames_keep_their_types(broker: Connection) -> None:
    queue = new_queue(broker)
    payload = bytes(range(256)) * 1000
    publish(broker, queue, OutboundMessage(payload, key="k", attributes=TYPED))
    message = taken(broker, queue)
    assert (message.data, message.key, list(message.attributes)) == (payload, b"k", TYPED)


def test_attributes_of_microsofts_client_are_turned_back(broker: Connection, client: Any) -> None:
    queue = new_queue(broker)
    given = {"text": "ünï", "int": 2**31 - 1, "float": 1.5, "flag": True, "id": UUID(int=7), "at": MOMENT}
    with client.get_queue_sender(queue) as sender:
        sender.send_messages(ServiceBusMessage(b"x", application_properties=dict(given), message_id="m"))
    assert dict(taken(broker, queue).attributes) == {**given, "$sb.message_id": "m"}


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"n": 2**64}, "64 bits"),
        ({"n": MOMENT.replace(microsecond=1)}, "milliseconds"),
        ({"n": "\ud800"}, "UTF-8"),
        ({"\ud800": "n"}, "UTF-8"),
        ({"$sb.colour": "red"}, r"\$sb\.message_id"),
        ({"$sb.message_id": "x" * 129}, "128"),
        ({"$sb.time_to_live": -1}, "above 0"),
        ({"$sb.scheduled_enqueue_time": "tomorrow"}, "ISO"),
        ({"$sb.partition_key": "other"}, "the same"),
        ({"$sb.body_type": "value:text"}, "not published"),
    ],
)
def test_unsupported_messages_are_refused_before_sending(
    broker: Connection, attributes: dict[str, Any], said: str
) -> None:
    queue = new_queue(broker)
    with broker.publisher() as publisher, pytest.raises(ConfigError, match=said):
        publisher.topic(queue).publish(OutboundMessage(b"x", "key", attributes))
    assert looked_at(broker, queue) == []


@pytest.mark.parametrize("key", [b"\xff", "x" * 129])
def test_a_key_that_cannot_be_a_session_id_is_refused(broker: Connection, key: Any) -> None:
    queue = new_queue(broker)
    with broker.publisher() as publisher, pytest.raises(ConfigError, match="key"):
        publisher.topic(queue).publish(OutboundMessage(b"x", key))


PROPERTIES: list[tuple[str, Any]] = [
    ("$sb.message_id", "id-1"),
    ("$sb.user_id", b"me"),
    ("$sb.to", "somewhere"),
    ("$sb.subject", "a label"),
    ("$sb.reply_to", "back"),
    ("$sb.correlation_id", UUID(int=9)),
    ("$sb.content_type", "application/json"),
    ("$sb.content_encoding", "gzip"),
    ("$sb.reply_to_session_id", "s2"),
    ("$sb.time_to_live", 90),
]


def test_properties_of_the_service_are_attributes_both_ways(broker: Connection, client: Any) -> None:
    queue = new_queue(broker)
    publish(broker, queue, OutboundMessage(b"x", key="session", attributes=[("own", "1"), *PROPERTIES]))
    with client.get_queue_receiver(queue) as receiver:
        (message,) = receiver.receive_messages(1, max_wait_time=10)
        assert message.message_id == "id-1"
        assert message.subject == "a label"
        assert message.session_id == "session"
        assert message.content_type == "application/json"
        assert message.time_to_live == timedelta(seconds=90)
        receiver.abandon_message(message)
    assert list(taken(broker, queue).attributes) == [("own", "1"), *PROPERTIES]


def test_a_partition_key_without_a_session_stays_the_key(broker: Connection, client: Any) -> None:
    queue = new_queue(broker)
    with client.get_queue_sender(queue) as sender:
        sender.send_messages(ServiceBusMessage(b"x", partition_key="p", message_id="m"))
    message = taken(broker, queue)
    assert message.key == b"p"
    assert list(message.attributes) == [("$sb.message_id", "m"), ("$sb.partition_key", "p")]
    publish(broker, queue, OutboundMessage(b"again", message.key, message.attributes))
    with client.get_queue_receiver(queue) as receiver:
        (again,) = receiver.receive_messages(1, max_wait_time=10)
        assert (again.partition_key, again.session_id) == ("p", None)


BODIES: list[tuple[dict[str, Any], bytes, str | None]] = [
    ({"data_body": b"data"}, b"data", None),
    ({"data_body": [b"in ", b"parts"]}, b"in parts", None),
    ({"value_body": "text ü"}, "text ü".encode(), "value"),
    ({"value_body": b"\xff"}, b"\xff", "value:binary"),
    ({"value_body": {"a": [1, None, 2.5, "x"]}}, b'{"a":[1,null,2.5,"x"]}', "value:json"),
    ({"value_body": True}, b"true", "value:json"),
    ({"value_body": {"id": UUID(int=7)}}, b'{"id":"00000000-0000-0000-0000-000000000007"}', "value:text"),
    ({"sequence_body": [1, "two"]}, b'[[1,"two"]]', "sequence"),
]


@pytest.mark.parametrize(("body", "payload", "kind"), BODIES)
def test_each_kind_of_body_is_read_and_published_again(
    broker: Connection, client: Any, body: dict[str, Any], payload: bytes, kind: str | None
) -> None:
    queue = new_queue(broker)
    with client.get_queue_sender(queue) as sender:
        sender.send_messages(AmqpAnnotatedMessage(**body))
    expected = [] if kind is None else [("$sb.body_type", kind)]
    assert looked_at(broker, queue) == [(None, payload, expected)]
    message = taken(broker, queue)
    assert (message.data, list(message.attributes)) == (payload, expected)
    if kind == "value:text":
        return
    publish(broker, queue, OutboundMessage(message.data, message.key, message.attributes))
    with client.get_queue_receiver(queue) as receiver:
        (again,) = receiver.receive_messages(1, max_wait_time=10)
        if kind is None:
            assert b"".join(again.body) == payload
        receiver.abandon_message(again)
    assert looked_at(broker, queue) == [(None, payload, expected)]


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"{", "value:json"),
        (b"\xff", "value"),
        (b"[1]", "sequence"),
        (str(2**40).encode(), "value:json"),
        (b'{"TYPE": "INT", "VALUE": 1}', "value:json"),
        (None, "value"),
        (b"x", "colour"),
    ],
)
def test_a_payload_that_is_not_of_the_kind_that_it_names_is_refused(payload: bytes | None, kind: str) -> None:
    with pytest.raises(ConfigError):
        body_of(payload, kind)


def test_a_null_payload_is_not_an_empty_one(broker: Connection) -> None:
    queue = new_queue(broker)
    sent = [OutboundMessage(None), OutboundMessage(None, key="k"), OutboundMessage(b"")]
    publish(broker, queue, *sent)
    assert looked_at(broker, queue) == [(None, None, []), (b"k", None, []), (None, b"", [])]
