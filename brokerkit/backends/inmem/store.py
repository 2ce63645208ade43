"""The broker itself: all topics and their subscriptions and groups, behind one lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from brokerkit.core.contract.garbage_collection import gc_paused
from brokerkit.core.vocabulary.dead_letters import OURS
from brokerkit.core.vocabulary.errors import AlreadyExists, BrokerError, NotFound, TooLarge
from brokerkit.core.vocabulary.messages import OutboundMessage, is_ours, to_microseconds
from brokerkit.core.vocabulary.positions import Position, resolve
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.core.vocabulary.topics import Bounds, PublishTerms

from .faults import Faults
from .log import Partition, Topic
from .options import SUBSCRIPTION_OPTIONS, TOPIC_OPTIONS
from .subscriptions import Group, Subscription

DURABILITY = "in the memory of this process; lost when it ends"
MAX_MESSAGE_BYTES = 8 * 1024 * 1024


class Store:
    """An in-memory broker: topics, subscriptions and groups. It is safe to use from any thread.

    Attributes:
        changed: A condition that is notified when there may be something new to read.
        faults: Switches that cause failures on purpose, for tests.
        topics: The topics, by name.
        subscriptions: The subscriptions, by topic and name.
        groups: The groups, by topic and name.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.faults = Faults(self.changed, self._lose_connections)
        self.topics: dict[str, Topic] = {}
        self.subscriptions: dict[tuple[str, str], Subscription] = {}
        self.groups: dict[tuple[str, str], Group] = {}

    @property
    def readers(self) -> list[Subscription | Group]:
        """All subscriptions and groups."""
        return [*self.subscriptions.values(), *self.groups.values()]

    def check(self, timeout: float) -> None:
        """Wait while the broker is paused.

        Raises:
            Unavailable: The broker is stopped, or still paused after `timeout` seconds.
        """
        self.faults.check(timeout)

    def topic(self, name: str) -> Topic:
        """Return a topic, after deleting what is beyond its retention.

        Raises:
            NotFound: There is no such topic.
        """
        found = self.topics.get(name)
        if found is None:
            raise NotFound(
                f"there is no topic {name!r}; create it with create_topic({name!r}), "
                f"or choose one of: {', '.join(sorted(self.topics)[:20]) or 'none so far'}"
            )
        found.enforce_retention()
        return found

    def check_place(self, name: str, message: OutboundMessage) -> None:
        """Raise NotFound if the topic, or the partition that the message names, does not exist."""
        with self.changed:
            if message.partition is not None:
                self.topic(name).partition(message.partition)
            else:
                self.topic(name)

    def terms(self, name: str) -> PublishTerms:
        """Return the terms on which a topic accepts messages."""
        with self.changed:
            topic = self.topic(name)
            return PublishTerms(
                len(topic.partitions),
                place=topic.place,
                max_bytes=topic.max_message_bytes,
                known_again=timedelta.max,
            )

    def create_topic(self, name: str, options: Mapping[str, Any]) -> None:
        """Create a topic. See `TOPIC_OPTIONS` for the options.

        Raises:
            AlreadyExists: The topic already exists.
            ConfigError: An option is unknown or wrong.
        """
        given = TOPIC_OPTIONS.read(options)
        with self.changed:
            if name in self.topics:
                raise AlreadyExists(f"topic {name!r} already exists")
            self.topics[name] = Topic(
                name,
                [Partition(name, number) for number in range(given["partitions"])],
                given["retention_seconds"],
                given["retention_messages"],
                MAX_MESSAGE_BYTES,
            )

    def delete_topic(self, name: str) -> None:
        """Delete a topic with its subscriptions and groups.

        Raises:
            NotFound: There is no such topic.
        """
        with self.changed:
            self.topic(name)
            del self.topics[name]
            for readers in (self.subscriptions, self.groups):
                for place in [place for place in readers if place[0] == name]:
                    del readers[place]
            self.changed.notify_all()

    def bounds(self, name: str) -> list[Bounds]:
        """Return the readable range of each partition."""
        with self.changed:
            return [
                Bounds(each.number, each.start, each.end, each.messages, counted="exact")
                for each in self.topic(name).partitions
            ]

    def at_time(self, name: str, moment: int) -> dict[int | None, int]:
        """Return the offset of the first message at or after a moment, for each partition with one."""
        with self.changed:
            found = {each.number: each.at_time(moment) for each in self.topic(name).partitions}
            return {number: offset for number, offset in found.items() if offset is not None}

    def _begins(self, name: str, start: Position) -> dict[int | None, int]:
        return resolve(start, self.bounds(name), lambda moment: self.at_time(name, moment), otherwise=start)

    def create_subscription(
        self, topic: str, name: str, start: Position, options: Mapping[str, Any]
    ) -> Subscription:
        """Create a subscription. See `SUBSCRIPTION_OPTIONS` for the options.

        Raises:
            AlreadyExists: The subscription already exists.
            ConfigError: An option is unknown or wrong.
            NotFound: There is no such topic.
        """
        given = SUBSCRIPTION_OPTIONS.read(options)
        with self.changed:
            if (topic, name) in self.subscriptions:
                raise AlreadyExists(f"subscription {name!r} of {topic!r} already exists")
            begins = self._begins(topic, start)
            made = self.subscriptions[topic, name] = Subscription(
                self.topic(topic),
                name,
                lambda partition: begins[partition.number],
                given["ack_deadline"],
                given["ordered"],
                given["dead_letter_topic"],
            )
            return made

    def create_group(self, topic: str, name: str, start: Position) -> Group:
        """Create a group.

        Raises:
            AlreadyExists: The group already exists.
            NotFound: There is no such topic.
        """
        with self.changed:
            if (topic, name) in self.groups:
                raise AlreadyExists(f"group {name!r} of {topic!r} already exists")
            begins = self._begins(topic, start)
            committed = {each.number: begins[each.number] for each in self.topic(topic).partitions}
            made = self.groups[topic, name] = Group(self.topic(topic), name, committed)
            return made

    def publish(self, batch: Sequence[tuple[str, OutboundMessage]]) -> list[PublishResult]:
        """Store the messages that can be stored, and return the result of each message."""
        with gc_paused():
            results = [self._publish_one(topic, message) for topic, message in batch]
        with self.changed:
            self.changed.notify_all()
        return results

    def _publish_one(self, name: str, message: OutboundMessage) -> PublishResult:
        fault = self.faults.publish_fault()
        if fault is not None and not fault.stored:
            return PublishResult(fault.status, error=fault.error)
        try:
            with self.changed:
                topic = self.topic(name)
                known = self._known(topic, message)
                if known is not None:
                    return known
                identity = self._append(topic, message)
        except BrokerError as error:
            return PublishResult("failed", error=error)
        if fault is not None:
            return PublishResult(fault.status, error=fault.error)
        return PublishResult("confirmed", identity)

    def _known(self, topic: Topic, message: OutboundMessage) -> PublishResult | None:
        """Return the result of a message that is already stored, by its deduplication id, or None."""
        identity = topic.published_ids.get(message.dedup_id or "")
        if identity is None or message.dedup_id is None:
            return None
        if is_ours(message.dedup_id):
            return PublishResult("confirmed", identity)
        return PublishResult("duplicate", identity, note=f"the topic has a message of this id: {identity}")

    def _append(self, topic: Topic, message: OutboundMessage) -> str:
        size = len(message.data or b"")
        if size > topic.max_message_bytes:
            raise TooLarge(f"{size:,} bytes; the limit is {topic.max_message_bytes:,}")
        if message.dedup_id is not None and message.dedup_id in topic.published_ids:
            return topic.published_ids[message.dedup_id]
        partition = (
            topic.choose(message.key) if message.partition is None else topic.partition(message.partition)
        )
        time = None if message.publish_time is None else to_microseconds(message.publish_time)
        entry = partition.append(message.key, message.data, tuple(message.attributes) or None, time)
        identity = f"{partition.number}-{entry.offset}"
        if message.dedup_id is not None:
            topic.published_ids[message.dedup_id] = identity
        return identity

    def dead_letter(
        self, subscription: Subscription, partition: int, offset: int, deliveries: int, reason: str | None
    ) -> None:
        """Store a message that was rejected in the topic for such, with why and where from.

        Raises:
            NotFound: There is no such topic.
        """
        name, origin = subscription.dead_letter_topic, subscription.topic
        entry = origin.partitions[partition].get(offset)
        if name is None or entry is None:
            return
        told = {
            "topic": origin.name,
            "partition": str(partition),
            "offset": str(offset),
            "time": str(entry.time // 1000),
            "subscription": subscription.name,
            "deliveries": str(deliveries),
            **({} if reason is None else {"reason": reason}),
        }
        attributes = [*(entry.attributes or ()), *((OURS + each, text) for each, text in told.items())]
        self._append(self.topic(name), OutboundMessage(entry.value, entry.key, attributes))

    def publish_transaction(self, batch: Sequence[tuple[str, OutboundMessage]]) -> None:
        """Store the messages of a transaction at once.

        Each partition that gets some also gets a marker after them, which takes an offset.
        """
        with self.changed:
            # all or nothing: if a topic was deleted meanwhile, fail before anything is stored
            for name, message in batch:
                self.check_place(name, message)
            touched = set()
            for name, message in batch:
                identity = self._append(self.topic(name), message)
                touched.add((name, int(identity.split("-")[0])))
            for name, number in touched:
                self.topics[name].partitions[number].append(None, None, None, control=True)
            self.changed.notify_all()

    def wait(self, ready: Callable[[], Any], seconds: float, next_event: Callable[[], float]) -> Any:
        """Wait under the lock until `ready` returns a true value, and return that value.

        Args:
            ready: Called after every change.
            seconds: How long to wait at most.
            next_event: Returns the time, on the monotonic clock, at which to call `ready` without a change.

        Returns:
            The last value of `ready`, or None while the broker is paused.

        Raises:
            Unavailable: The broker is stopped.
        """
        end = time.monotonic() + seconds
        while True:
            self.faults.refuse_if_stopped()
            found = None if self.faults.paused else ready()
            now = time.monotonic()
            if found or now >= end:
                return found
            self.changed.wait(max(0.0, min(end, next_event()) - now) or 0.001)

    def _lose_connections(self) -> None:
        for subscription in self.subscriptions.values():
            subscription.lose_connections()


_stores: dict[str, Store] = {}
_lock = threading.Lock()


def shared_store(name: str) -> Store:
    """Return the shared broker with a name. It is created on first use."""
    with _lock:
        return _stores.setdefault(name, Store())
