"""Taking messages: locks, rejecting, idling, and what is given back."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from brokerkit.core import (
    ConfigError,
    Connection,
    LockLost,
    Message,
    MessageConsumer,
    NotFound,
    NotSupported,
    connect,
)
from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.testing.waiting import eventually

from .conftest import new_name, new_queue, new_topic, publish

pytestmark = pytest.mark.broker


def consumer_of(
    broker: Connection, topic: str, subscription: str | None = None, **options: Any
) -> MessageConsumer:
    consumer = broker.consumer(topic, subscription, **options)
    assert isinstance(consumer, MessageConsumer)
    return consumer


def one(consumer: MessageConsumer, within: float = 50) -> Message:
    message = consumer.next_message(within)
    assert message is not None
    return message


def counts(broker: Connection, topic: str) -> dict[str, Any]:
    """What the administration says of a queue."""
    return dict(broker.inspector().describe(topic).details)


def test_the_topic_of_a_message_is_the_entity_that_it_came_from(broker: Connection) -> None:
    topic = new_topic(broker, "me")
    publish(broker, topic, b"x")
    with consumer_of(broker, topic, "me") as consumer:
        message = one(consumer)
        assert message.topic == f"{topic}/Subscriptions/me"
        assert message.id == "1"
        message.ack()


def test_a_lock_is_kept_for_as_long_as_the_message_is_held(broker: Connection) -> None:
    queue = new_queue(broker, lock_seconds=5)
    publish(broker, queue, *[b"%d" % number for number in range(20)])
    with consumer_of(broker, queue) as consumer, consumer_of(broker, queue) as other:
        held = consumer.fetch(20, 60)
        assert held is not None
        assert len(held) == 20
        assert other.next_batch(1, 7.0) == []
        held.ack()
        assert other.next_batch(1, 0.5) == []


def test_a_lock_that_was_lost_while_the_message_was_held_is_lock_lost(broker: Connection) -> None:
    queue = new_queue(broker, lock_seconds=3)
    publish(broker, queue, b"first", b"second")
    with consumer_of(broker, queue, hold=0.5) as consumer, consumer_of(broker, queue) as other:
        late = consumer.fetch(2, 60)
        assert late is not None
        again = other.next_batch(2, 60)
        assert len(again) == 2
        assert {message.delivery_count for message in again} == {2}
        with pytest.raises(LockLost) as raised:
            late.ack()
        assert not raised.value.retryable
        for message in again:
            message.ack()


def test_one_lost_lock_of_many_is_the_only_one_that_is_lost(broker: Connection, client: Any) -> None:
    queue = new_queue(broker, lock_seconds=5)
    publish(broker, queue, *[b"%d" % number for number in range(5)])
    with consumer_of(broker, queue) as consumer:
        held = consumer.fetch(5, 60)
        assert held is not None
        messages = held.messages()
        # another client settles one of them by its lock token
        token = held.fetch.receipts[2].lock_token  # type: ignore[attr-defined]  # of this backend
        with client.get_queue_receiver(queue) as thief:
            thief._settle_message_via_mgmt_link("completed", [token])
        # the others' locks are renewed all the same
        eventually(lambda: messages[2].delivery.settled, "the loss is noticed", within=60)  # type: ignore[union-attr]
        time.sleep(7)  # longer than a lock lasts
        with pytest.raises(LockLost) as raised:
            held.ack()
        assert list(raised.value.failures) in ([], [2])
    with consumer_of(broker, queue) as rest:
        assert rest.next_batch(1, 0.5) == []


def test_a_rejected_message_is_dead_lettered_with_its_reason(broker: Connection) -> None:
    queue = new_queue(broker)
    publish(broker, queue, b"poison", b"other poison")
    with consumer_of(broker, queue) as consumer:
        one(consumer).reject(reason="cannot be parsed")
        one(consumer).reject()
    with consumer_of(broker, f"{queue}/$deadletterqueue") as dead:
        first, second = dead.next_batch(2, 60)
        assert first.attributes.get("DeadLetterReason") == "cannot be parsed"
        assert second.attributes.get("DeadLetterReason") == "rejected"
        first.ack()
        second.ack()


def test_a_message_returned_too_often_is_dead_lettered(broker: Connection) -> None:
    queue = new_queue(broker, max_delivery_count=3)
    publish(broker, queue, b"x")
    with consumer_of(broker, queue) as consumer:
        for expected in (1, 2, 3):
            message = one(consumer)
            assert message.delivery_count == expected
            message.nack()
        assert consumer.next_message(0.5) is None
    assert counts(broker, queue)["dead_letter"] == 1


def test_nack_with_a_delay_is_refused_and_says_what_there_is(broker: Connection) -> None:
    queue = new_queue(broker)
    publish(broker, queue, b"x")
    with consumer_of(broker, queue) as consumer:
        message = one(consumer)
        with pytest.raises(NotSupported, match="without a delay"):
            message.nack(delay=5)
        message.ack()


def test_an_idle_consumer_takes_nothing_from_others(broker: Connection) -> None:
    queue = new_queue(broker)
    with consumer_of(broker, queue) as idle, consumer_of(broker, queue) as other:
        assert idle.next_batch(100, 0.2) == []
        time.sleep(1.5)  # it has asked for messages, and rests now
        publish(broker, queue, b"x")
        message = one(other, 60)
        assert message.delivery_count == 1
        message.ack()


def test_messages_of_a_closed_consumer_are_redelivered_at_once(broker: Connection) -> None:
    queue = new_queue(broker, lock_seconds=300)
    publish(broker, queue, *[b"%d" % number for number in range(50)])
    consumer = consumer_of(broker, queue)
    held = consumer.fetch(10, 60)
    assert held is not None
    consumer.close()
    with consumer_of(broker, queue) as again:
        pieces = again.fetch_many(50, 60)
        assert sum(map(len, pieces)) == 50
        for slice_ in pieces:
            slice_.ack()


def test_many_acknowledgements_are_confirmed_each_by_itself(broker: Connection) -> None:
    queue = new_queue(broker)
    publish(broker, queue, *[b"%d" % number for number in range(1200)])
    with consumer_of(broker, queue) as consumer:
        left = 1200
        while left:
            held = consumer.fetch(left, 20)
            assert held is not None
            held.ack(require_confirmed=True)
            left -= len(held)
    assert counts(broker, queue)["active"] == 0


@pytest.mark.parametrize(
    ("made", "subscription", "error", "said"),
    [
        ("topic", None, ConfigError, "subscription="),
        ("topic", "missing", NotFound, "create_subscription"),
        ("queue", "me", ConfigError, "leave subscription= out"),
        ("nothing", None, NotFound, "create_topic"),
        ("nothing", "me", NotFound, "create_topic"),
    ],
)
def test_an_unusable_subscription_says_why(
    broker: Connection, made: str, subscription: str | None, error: type[Exception], said: str
) -> None:
    name = {"topic": lambda: new_topic(broker), "queue": lambda: new_queue(broker), "nothing": new_name}[
        made
    ]()
    with consumer_of(broker, name, subscription) as consumer, pytest.raises(error, match=said):
        consumer.next_message(60)


def test_start_creates_a_missing_subscription_with_its_options(broker: Connection) -> None:
    topic = new_topic(broker)
    with consumer_of(
        broker, topic, "me", start="latest", filter="size > 1", max_delivery_count=7
    ) as consumer:
        consumer.attach()
    (found,) = broker.inspector().describe(topic).subscriptions
    assert found.name == "me"
    assert found.details["max_delivery_count"] == 7
    assert found.details["rules"] == {"filter": "size > 1"}


def test_unknown_options_are_refused(broker: Connection) -> None:
    with pytest.raises(ConfigError, match="session"):
        broker.consumer("q", colour="red")


def test_a_listener_that_may_not_look_consumes_all_the_same(servicebus_server: ServiceBusServer) -> None:
    with connect(servicebus_server.connection_string) as broker:
        queue = new_queue(broker, lock_seconds=5)
        publish(broker, queue, b"x")
    url = servicebus_server.connection_string_of("ListenOnly")
    with connect(url) as listener, consumer_of(listener, queue) as consumer:
        message = one(consumer)
        time.sleep(7)  # longer than a lock lasts
        message.ack()
        assert consumer.next_message(0.3) is None


def test_two_threads_of_one_consumer_share_its_link(broker: Connection) -> None:
    queue = new_queue(broker)
    publish(broker, queue, *[b"%d" % number for number in range(200)])
    got: list[bytes | None] = []
    with consumer_of(broker, queue) as consumer:

        def consume() -> None:
            while messages := consumer.next_batch(20, 1.0):
                for message in messages:
                    message.ack()
                    got.append(message.data)

        threads = [threading.Thread(target=consume) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
    assert sorted(got) == sorted(b"%d" % number for number in range(200))  # type: ignore[type-var]
