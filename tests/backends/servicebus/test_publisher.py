"""Publishing: batches, limits, outcomes, and entities that look for duplicates."""

from __future__ import annotations

from typing import Any

import pytest

from brokerkit.core import (
    ConfigError,
    Connection,
    NotFound,
    NotSupported,
    OutboundMessage,
    TooLarge,
    Unauthorized,
    connect,
)
from brokerkit.sandbox.servicebus.server import ServiceBusServer

from .conftest import new_name, new_queue, new_topic, publish
from .test_consumer import consumer_of, counts

pytestmark = pytest.mark.broker

LIMIT = 1024 * 1024
"""Bytes of a message in the emulator; a batch may have a quarter of that."""


def test_a_batch_is_split_at_the_limit_of_the_link(broker: Connection) -> None:
    queue = new_queue(broker)
    sent = [b"%06d" % number + b"x" * 10_000 for number in range(300)]
    publish(broker, queue, *sent)
    with consumer_of(broker, queue) as consumer:
        got = []
        while len(got) < len(sent):
            held = consumer.fetch(300, 60)
            assert held is not None
            got.extend(held.columns.values("value"))
            held.ack()
    assert got == sent


def test_a_message_that_is_too_large_for_a_batch_goes_alone(broker: Connection) -> None:
    queue = new_queue(broker)
    large = b"x" * 800_000
    publish(broker, queue, b"before", large, b"after")
    with consumer_of(broker, queue) as consumer:
        got: list[bytes | None] = []
        while len(got) < 3:
            held = consumer.fetch(3, 60)
            assert held is not None
            got.extend(held.columns.values("value"))
            held.ack()
    assert got == [b"before", large, b"after"]


def test_a_message_above_the_limit_fails_typed_and_its_siblings_arrive(broker: Connection) -> None:
    queue = new_queue(broker)
    with broker.publisher() as publisher:
        results = publisher.topic(queue).publish_batch(
            [OutboundMessage(b"a"), OutboundMessage(b"x" * (LIMIT + 1)), OutboundMessage(b"b")]
        )
    assert [result.status for result in results] == ["confirmed", "failed", "confirmed"]
    assert isinstance(results[1].error, TooLarge)
    assert "1,048,576" in str(results[1].error)
    assert not results[1].error.retryable
    assert counts(broker, queue)["active"] == 2


def test_attributes_count_for_the_limit(broker: Connection) -> None:
    queue = new_queue(broker)
    with broker.publisher() as publisher, pytest.raises(TooLarge):
        publisher.topic(queue).publish(OutboundMessage(b"x" * (LIMIT - 50), attributes={"a": "y" * 100}))


def test_one_publisher_sends_to_several_entities(broker: Connection) -> None:
    queues = [new_queue(broker) for _ in range(3)]
    with broker.publisher() as publisher:
        batch = [(queue, OutboundMessage(b"%d" % number)) for number in range(10) for queue in queues]
        results = publisher.send([*batch, (new_name(), OutboundMessage(b"nowhere"))])
    assert all(result.ok for result in results[:-1])
    assert isinstance(results[-1].error, NotFound)
    assert [counts(broker, queue)["active"] for queue in queues] == [10, 10, 10]


@pytest.mark.parametrize("part", ["Subscriptions/me", "$deadletterqueue"])
def test_messages_are_not_sent_to_a_subscription_or_sub_queue(broker: Connection, part: str) -> None:
    topic = new_topic(broker, "me")
    with broker.publisher() as publisher, pytest.raises(ConfigError, match=f"publish to '{topic}'"):
        publisher.topic(f"{topic}/{part}").publish(OutboundMessage(b"x"))


def test_an_entity_that_looks_for_duplicates_stores_an_id_once(broker: Connection) -> None:
    queue = new_queue(broker, duplicate_detection=60)
    publish(broker, queue, OutboundMessage(b"1", dedup_id="a"), OutboundMessage(b"2", dedup_id="b"))
    publish(broker, queue, OutboundMessage(b"again", dedup_id="a"), b"3", b"3")
    with consumer_of(broker, queue) as consumer:
        messages = consumer.next_batch(10, 2)
        assert [message.data for message in messages] == [b"1", b"2", b"3", b"3"]
        assert messages[0].attributes.get("$sb.message_id") == "a"
        # without an id of the caller's each has one of its own, by which it is sent again safely
        assert len({message.attributes.get("$sb.message_id") for message in messages}) == 4
        for message in messages:
            message.ack()


def test_without_the_right_to_send_publishing_is_unauthorized(
    servicebus_server: ServiceBusServer, broker: Connection
) -> None:
    queue = new_queue(broker)
    url = servicebus_server.connection_string_of("ListenOnly")
    with connect(url) as listener, listener.publisher() as publisher:
        (result,) = publisher.topic(queue).publish_batch([OutboundMessage(b"x")], timeout=10)
    assert result.status == "failed"
    assert isinstance(result.error, Unauthorized)
    assert not result.error.retryable


def test_an_account_with_send_rights_can_publish(
    servicebus_server: ServiceBusServer, broker: Connection
) -> None:
    queue = new_queue(broker)
    with connect(servicebus_server.connection_string_of("SendOnly")) as sender:
        publish(sender, queue, b"x")
        with pytest.raises(Unauthorized):
            sender.inspector().topics()
    assert counts(broker, queue)["active"] == 1


def test_a_publisher_continues_after_the_entity_was_deleted_and_created_again(broker: Connection) -> None:
    queue = new_queue(broker)
    with broker.publisher() as publisher:
        topic = publisher.topic(queue)
        assert topic.publish(OutboundMessage(b"1")).ok
        broker.delete_topic(queue)
        with pytest.raises(NotFound):
            topic.publish(OutboundMessage(b"2"), timeout=5)
        broker.create_topic(queue)
        assert topic.publish(OutboundMessage(b"3")).ok


def test_transactions_are_not_offered(broker: Connection) -> None:
    with pytest.raises(NotSupported, match="publish_batch"):
        broker.publisher(transactional_id="x")


def test_a_lost_answer_is_unknown_and_sent_again_only_where_that_does_no_harm(
    servicebus_server: ServiceBusServer, broker: Connection
) -> None:
    plain, safe = new_queue(broker), new_queue(broker, duplicate_detection=600)

    def sent(queue: str) -> Any:
        with broker.publisher() as publisher:
            assert publisher.topic(queue).publish(OutboundMessage(b"first")).ok
            servicebus_server.pause()
            try:
                (result,) = publisher.topic(queue).publish_batch([OutboundMessage(b"second")], timeout=1.5)
            finally:
                servicebus_server.resume()
        return result

    for queue in (plain, safe):
        result = sent(queue)
        assert result.status == "unknown"
        assert result.error.retryable
        assert counts(broker, queue)["active"] in (1, 2)
