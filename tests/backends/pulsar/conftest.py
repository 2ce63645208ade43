"""A connection to the real server, and a topic of its own for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Protocol

import httpx
import pytest

from brokerkit.core import (
    Connection,
    Message,
    MessageConsumer,
    OutboundMessage,
    PublishResult,
    RecordConsumer,
    connect,
)
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually

NACK_DELAY = 0.2


class Make(Protocol):
    """Creates a topic and returns its full name."""

    def __call__(self, partitions: int | None = None, /) -> str: ...


def new_name() -> str:
    """A name that no other test uses."""
    return f"name-{uuid.uuid4().hex[:12]}"


def publish(broker: Connection, topic: str, *messages: bytes | OutboundMessage) -> list[PublishResult]:
    """Publish all of them, every one confirmed."""
    outgoing = [m if isinstance(m, OutboundMessage) else OutboundMessage(m) for m in messages]
    with broker.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(outgoing)
    assert [result for result in results if not result.ok] == []
    return results


def publish_as_one_batch(broker: Connection, topic: str, *payloads: bytes) -> None:
    """Publish one entry with all of them in it, as other clients do."""
    producer = broker.native.create_producer(
        topic,
        batching_enabled=True,
        batching_max_publish_delay_ms=5000,
        batching_max_messages=len(payloads),
        batching_max_allowed_size_in_bytes=4_000_000,
        max_pending_messages=2 * len(payloads),
    )
    stored: list[Any] = []
    for payload in payloads:
        producer.send_async(payload, lambda result, message_id: stored.append(message_id))
    producer.flush()
    eventually(lambda: len(stored) == len(payloads), "all are stored")
    assert len({(each.ledger_id(), each.entry_id()) for each in stored}) == 1
    producer.close()


def limit_size(server: PulsarServer, topic: str, size: int) -> None:
    """Set the policy of a topic for the size of its messages, and wait until the broker applies it."""
    path = f"{server.admin}/admin/v2/{topic.replace('://', '/')}/maxMessageSize"
    httpx.post(path, json=size).raise_for_status()
    eventually(lambda: httpx.get(path).text == str(size), "the policy is applied")


def messages_of(broker: Connection, topic: str, subscription: str = "me", **options: Any) -> MessageConsumer:
    """A consumer of messages; its subscription begins with the first message."""
    consumer = broker.consumer(topic, subscription, **{"start": "earliest", **options})
    assert isinstance(consumer, MessageConsumer)
    return consumer


def records_of(broker: Connection, topic: str, subscription: str = "me", **options: Any) -> RecordConsumer:
    """A consumer of records; its subscription begins with the first record."""
    consumer = broker.consumer(topic, subscription, model="record", **{"start": "earliest", **options})
    assert isinstance(consumer, RecordConsumer)
    return consumer


def take(consumer: MessageConsumer, number: int, within: float = 60.0) -> list[Message]:
    """Exactly so many messages."""
    got = consumer.next_batch(number, within)
    assert len(got) == number, [message.data for message in got]
    return got


def settled(messages: list[Message]) -> list[bytes | None]:
    """Acknowledge all; their payloads."""
    for message in messages:
        message.ack()
    return [message.data for message in messages]


@pytest.fixture(scope="session")
def url(pulsar_server: PulsarServer) -> str:
    return f"{pulsar_server.url}?admin={pulsar_server.admin}&nack_delay={NACK_DELAY}"


@pytest.fixture
def broker(url: str) -> Iterator[Connection]:
    with connect(url) as connection:
        yield connection


@pytest.fixture
def make(broker: Connection) -> Make:
    def make_topic(partitions: int | None = None, /) -> str:
        name = new_name()
        broker.create_topic(name, partitions=partitions)
        return f"persistent://public/default/{name}"

    return make_topic
