"""The stage of a test: a connection with short methods for what the behaviours do."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Self, TypeAlias

from brokerkit.core import (
    BrokerError,
    Connection,
    Message,
    MessageConsumer,
    OutboundMessage,
    PublishResult,
    Record,
    RecordConsumer,
    StaleAck,
)
from brokerkit.core.vocabulary.capabilities import Capabilities, Model

from .harness import Harness

Item: TypeAlias = Message | Record
AnyConsumer: TypeAlias = MessageConsumer | RecordConsumer

RECEIVE_SECONDS = 25.0
"""How long a test waits for messages that must come. The first join of a Kafka group takes 3 s; most locks
that are not given back end after 30 s."""
DELETE_SECONDS = 5.0


def payload(item: Item) -> bytes | None:
    """Return the payload of a message or record."""
    return item.data if isinstance(item, Message) else item.value


def payloads(items: Iterable[Item]) -> list[bytes]:
    """Return the payloads, in order; none of them may be null."""
    found: list[bytes] = []
    for item in items:
        data = payload(item)
        assert data is not None, f"the payload of {identity(item)} is null"
        found.append(data)
    return found


def identity(item: Item) -> str:
    """Return the id of a message, which is unique in its topic and the same on redelivery."""
    assert item.id, "it has no id"
    return item.id


def numbered(count: int, start: int = 0) -> list[bytes]:
    """Return payloads that differ, and whose order is their sort order."""
    return [b"%05d" % number for number in range(start, start + count)]


class Stage:
    """A connection for one test, with short methods to publish and receive.

    Received messages are kept until the stage closes, so that only the test about them sees warnings for
    messages that were not settled.

    Args:
        harness: The system under test.
        model: The model that the test is about. None for that of the harness.
    """

    def __init__(self, harness: Harness, model: Model | None = None) -> None:
        self.harness = harness
        self._open = ExitStack()
        self._kept: list[Sequence[Item]] = []
        self._topics: list[str] = []
        self.connection = self.connect()
        self._open.callback(self._delete_topics)
        self.model: Model = model or harness.model or self.connection.capabilities.models[0]

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities of the system for the model that the test is about."""
        return self.connection.capabilities.of(self.model)

    @property
    def records(self) -> bool:
        """Whether this test is about the record model."""
        return self.model == "record"

    def connect(self) -> Connection:
        """Return another connection, closed with the stage."""
        return self._open.enter_context(self.harness.connect())

    def topic(self, partitions: int = 1) -> str:
        """Create an empty topic, deleted with the stage. Return its name."""
        name = self.harness.make_topic(self.connection, partitions)
        self._topics.append(name)
        return name

    def _delete_topics(self) -> None:
        # topics that are left behind make every list of topics and groups longer for later tests
        for name in self._topics:
            with suppress(BrokerError):
                self.connection.delete_topic(name, timeout=DELETE_SECONDS)

    def subscription(self, topic: str, *, start: Any = "earliest", **options: Any) -> str:
        """Create a subscription of a topic, from its beginning by default. Return its name."""
        name = f"reader-{uuid.uuid4().hex[:8]}"
        self.connection.create_subscription(topic, name, start=start, model=self.model, **options)
        return name

    def consumer(self, topic: str, subscription: str, **options: Any) -> AnyConsumer:
        """Return a consumer of an existing subscription, closed with the stage."""
        consumer = self.connection.consumer(topic, subscription, model=self.model, **options)
        self._open.enter_context(consumer)
        return consumer

    def messages(self, topic: str, subscription: str, **options: Any) -> MessageConsumer:
        """Return a consumer of the message model."""
        consumer = self.consumer(topic, subscription, **options)
        assert isinstance(consumer, MessageConsumer)
        return consumer

    def reader(self, topic: str, **options: Any) -> AnyConsumer:
        """Return a consumer of a new subscription, from the beginning of the topic."""
        return self.consumer(topic, self.subscription(topic), **options)

    def publish(self, topic: str, *messages: bytes | OutboundMessage) -> list[PublishResult]:
        """Publish messages, each of which must be confirmed. Return the outcomes."""
        outgoing = [m if isinstance(m, OutboundMessage) else OutboundMessage(m) for m in messages]
        with self.connection.publisher() as publisher:
            results = publisher.topic(topic).publish_batch(outgoing)
        assert [r for r in results if not r.ok] == []
        return results

    def filled(self, count: int, partitions: int = 1) -> tuple[str, list[bytes]]:
        """Create a topic with so many messages. Return its name and their payloads."""
        topic = self.topic(partitions)
        sent = numbered(count)
        self.publish(topic, *sent)
        return topic, sent

    def batch(
        self, consumer: AnyConsumer, count: int, timeout: float | None = RECEIVE_SECONDS, **options: Any
    ) -> list[Item]:
        """Call `next_batch`, and keep the messages until the stage closes."""
        found: list[Item] = list(consumer.next_batch(count, timeout, **options))
        self._kept.append(found)
        return found

    def receive(self, consumer: AnyConsumer, count: int, within: float = RECEIVE_SECONDS) -> list[Item]:
        """Return exactly so many messages, which must come within the time."""
        found = self.batch(consumer, count, within)
        assert len(found) == count, f"{len(found)} of {count} messages came within {within:g} s"
        return found

    def one(self, consumer: AnyConsumer, within: float = RECEIVE_SECONDS) -> Item:
        """Return the next message, which must come within the time."""
        return self.receive(consumer, 1, within)[0]

    def round_trip(self, message: OutboundMessage) -> Item:
        """Publish a message to a new topic, and return it as it comes."""
        topic = self.topic()
        self.publish(topic, message)
        return self.one(self.reader(topic))

    def nothing_more(self, consumer: AnyConsumer, wait: float | None = None) -> None:
        """Assert that no message comes for a while."""
        assert payloads(self.batch(consumer, 1, self.harness.quiet_seconds if wait is None else wait)) == []

    def drain(
        self, consumer: AnyConsumer, complete: Callable[[list[Item]], bool], within: float = RECEIVE_SECONDS
    ) -> list[Item]:
        """Receive and acknowledge messages until `complete` returns true. Raises AssertionError."""
        found: list[Item] = []
        deadline = time.monotonic() + within
        while not complete(found):
            if time.monotonic() > deadline:
                raise AssertionError(f"still incomplete after {within:g} s and {len(found)} messages")
            batch = self.batch(consumer, 500, 0.2)
            acknowledge(batch)
            found.extend(batch)
        return found

    def drain_all(
        self, consumer: AnyConsumer, expected: Iterable[bytes | None], within: float = RECEIVE_SECONDS
    ) -> list[Item]:
        """Receive and acknowledge until every expected payload has come at least once."""
        missing = set(expected)
        return self.drain(consumer, lambda found: missing <= set(payloads(found)), within)

    def take(self, consumer: AnyConsumer, count: int, within: float = RECEIVE_SECONDS) -> list[bytes | None]:
        """Return the payloads of so many messages, acknowledged a batch at a time."""
        found: list[bytes | None] = []
        deadline = time.monotonic() + within
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} messages came within {within:g} s"
            for held in consumer.fetch_many(count - len(found), 0.5):
                found.extend(held.columns.values("value"))
                held.ack()
        return found

    def keep(self, *items: Item) -> None:
        """Keep messages that a test received by other means."""
        self._kept.append(items)

    def close(self) -> None:
        """Close everything that was opened, and delete the topics."""
        self._open.close()
        self._kept.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def acknowledge(items: Sequence[Item]) -> None:
    """Acknowledge all. Of records, acknowledge the last of each partition, which includes those before it."""
    last: dict[tuple[str, int], Record] = {}
    for item in items:
        if isinstance(item, Record):
            last[item.topic, item.partition] = item
        else:
            item.ack()
    for record in last.values():
        record.ack()


def acknowledge_ours(items: Sequence[Item]) -> list[Item]:
    """Acknowledge messages one by one. Return those whose acknowledgement took effect.

    In a group whose members change, a record may be taken away before, and is then delivered again.
    """
    return [item for item in items if _took_effect(item)]


def _took_effect(item: Item) -> bool:
    try:
        item.ack()
    except StaleAck:
        return False
    return True
