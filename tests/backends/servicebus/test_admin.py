"""Creating and deleting queues, topics and subscriptions."""

from __future__ import annotations

from typing import Any

import pytest

from brokerkit.core import (
    AlreadyExists,
    ConfigError,
    Connection,
    NotFound,
    NotSupported,
    Unauthorized,
    connect,
)
from brokerkit.sandbox.servicebus.server import ServiceBusServer

from .conftest import new_name, new_queue, new_topic, publish
from .test_consumer import consumer_of, one

pytestmark = pytest.mark.broker


def details(broker: Connection, topic: str) -> dict[str, Any]:
    return dict(broker.inspector().describe(topic).details)


def test_a_topic_is_a_queue_unless_it_is_said(broker: Connection) -> None:
    queue, topic = new_name(), new_name()
    broker.create_topic(queue)
    broker.create_topic(topic, kind="topic")
    assert details(broker, queue)["kind"] == "queue"
    assert details(broker, topic)["kind"] == "topic"


def test_the_settings_of_a_queue_are_what_was_asked_for(broker: Connection) -> None:
    queue = new_queue(
        broker,
        sessions=True,
        lock_seconds=45,
        max_delivery_count=7,
        time_to_live=3600,
        dead_letter_on_expiry=True,
        duplicate_detection=120,
        max_megabytes=2048,
    )
    found = details(broker, queue)
    assert found["requires_session"] is True
    assert found["lock_duration_seconds"] == 45
    assert found["max_delivery_count"] == 7
    assert found["default_message_time_to_live_seconds"] == 3600
    assert found["dead_lettering_on_message_expiration"] is True
    assert found["requires_duplicate_detection"] is True


def test_dead_letters_are_forwarded_where_it_is_asked_for(broker: Connection) -> None:
    target = new_queue(broker)
    queue = new_queue(broker, forward_dead_letters_to=target)
    publish(broker, queue, b"x")
    with consumer_of(broker, queue) as consumer:
        one(consumer).reject(reason="why")
    with consumer_of(broker, target) as consumer:
        message = one(consumer)
        assert message.attributes.get("DeadLetterReason") == "why"
        assert message.attributes.get("$sb.dead_letter_source") == queue
        message.ack()


def test_an_existing_object_is_reported(broker: Connection) -> None:
    queue, topic = new_queue(broker), new_topic(broker, "me")
    for name, kind in ((queue, "queue"), (queue, "topic"), (topic, "topic")):
        with pytest.raises(AlreadyExists, match=name):
            broker.create_topic(name, kind=kind)
    with pytest.raises(AlreadyExists, match="me"):
        broker.create_subscription(topic, "me")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"kind": "exchange"}, ConfigError, "queue"),
        ({"partitions": 3}, NotSupported, "sessions=True"),
        ({"colour": "red"}, ConfigError, "lock_seconds"),
        ({"lock_seconds": -1}, ConfigError, "above 0"),
        ({"max_delivery_count": 0}, ConfigError, "positive"),
        ({"sessions": "perhaps"}, ConfigError, "true or false"),
        ({"kind": "topic", "sessions": True}, ConfigError, "sessions"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    broker: Connection, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        broker.create_topic(new_name(), **options)


def test_queues_topics_and_subscriptions_are_deleted(broker: Connection) -> None:
    queue, topic = new_queue(broker), new_topic(broker, "one", "two")
    broker.delete_topic(f"{topic}/Subscriptions/one")
    assert [each.name for each in broker.inspector().describe(topic).subscriptions] == ["two"]
    broker.delete_topic(topic)
    broker.delete_topic(queue)
    for gone in (queue, topic, f"{topic}/Subscriptions/two"):
        with pytest.raises(NotFound):
            broker.delete_topic(gone)
    with pytest.raises(ConfigError, match="sub-queue"):
        broker.delete_topic(f"{queue}/$deadletterqueue")


def test_a_subscription_begins_now_and_nowhere_else(broker: Connection) -> None:
    topic = new_topic(broker)
    publish(broker, topic, b"before")
    broker.create_subscription(topic, "me", start="earliest")
    publish(broker, topic, b"after")
    with consumer_of(broker, topic, "me") as consumer:
        message = one(consumer)
        assert message.data == b"after"
        message.ack()
    for start in (5, "-1h"):
        with pytest.raises(NotSupported, match="later subscriptions"):
            broker.create_subscription(topic, "other", start=start)


def test_a_queue_has_no_subscriptions(broker: Connection) -> None:
    with pytest.raises(NotSupported, match="kind="):
        broker.create_subscription(new_queue(broker), "me")


def test_a_filter_lets_only_some_messages_pass(broker: Connection) -> None:
    topic = new_topic(broker)
    broker.create_subscription(topic, "me", filter="kind = 'order'")
    with broker.publisher() as publisher:
        from brokerkit.core import OutboundMessage

        for kind in ("order", "note"):
            assert publisher.topic(topic).publish(OutboundMessage(kind, attributes={"kind": kind})).ok
    with consumer_of(broker, topic, "me") as consumer:
        message = one(consumer)
        assert message.data == b"order"
        message.ack()
        assert consumer.next_message(0.3) is None


def test_missing_administration_rights_are_reported(servicebus_server: ServiceBusServer) -> None:
    with connect(servicebus_server.connection_string_of("SendOnly")) as sender:
        with pytest.raises(Unauthorized) as raised:
            sender.create_topic(new_name())
        assert not raised.value.retryable
