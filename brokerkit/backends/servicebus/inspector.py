"""Describe queues, topics and subscriptions without side effects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from brokerkit.core.contract.inspector import InspectorDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import NotSupported
from brokerkit.core.vocabulary.topics import Bounds, TopicDescription, TopicInfo
from brokerkit.core.vocabulary.windows import TimeOrder

from .codec import PARTITION_BITS
from .connection import ServiceBusConnection
from .entities import Counts, Entity, counts, find, find_if_permitted, limits
from .names import SUB_QUEUES, EntityName
from .operating import marked_settings, rules_of, runtimes_of, settings_of, subscription_infos
from .reader import FIRST, Peeking

OTHER_PARTITIONS = 1 << PARTITION_BITS
"""The sequence numbers of a partitioned entity, from the second partition on."""


class ServiceBusInspector(InspectorDriver):
    """An inspector that gets settings and counts from the administration, and messages by peeking."""

    def __init__(self, connection: ServiceBusConnection) -> None:
        self._connection = connection
        self._peeking = Peeking(connection)
        # the last messages may be taken out, but the sequence numbers of an entity go on from there
        self._ends: dict[EntityName, tuple[datetime | None, int]] = {}

    def topics(self, timeout: float) -> list[TopicInfo]:
        """Return the queues, topics and subscriptions with their sub-queues.

        Empty sub-queues are marked internal.
        """
        deadline = Deadline(timeout)
        administration = self._connection.administration
        rows: list[TopicInfo] = []
        for runtime in administration.list_queues_runtime_properties(**limits(deadline)):
            rows.extend(_rows(EntityName(runtime.name), "queue", Counts.of(runtime)))
        for topic in administration.list_topics_runtime_properties(**limits(deadline)):
            details = {"kind": "topic", "subscriptions": topic.subscription_count}
            rows.append(TopicInfo(topic.name, None, None, topic.size_in_bytes, False, details))
            for runtime in runtimes_of(self._connection, topic.name, deadline):
                rows.extend(_rows(EntityName(topic.name, runtime.name), "subscription", Counts.of(runtime)))
        return rows

    def describe(self, topic: str, timeout: float) -> TopicDescription:
        deadline = Deadline(timeout)
        name = EntityName.parse(topic)
        found = find(self._connection, name.owner, deadline)
        details: dict[str, Any] = {"kind": found.kind, **settings_of(found.properties)}
        settings = marked_settings(found.properties)
        details["confirmation"] = _confirmation(found.properties, self._connection.emulator)
        if found.kind == "topic":
            size = counts(self._connection, name, "topic", deadline).bytes
            return TopicDescription(
                topic, (), subscription_infos(self._connection, name, deadline), size, details
            )
        known = counts(self._connection, name.owner, found.kind, deadline)
        if name.sub_queue is not None:
            details["kind"] = "sub-queue"
        details.update(known.details())
        if found.kind == "subscription":
            details["rules"] = rules_of(self._connection, name, deadline)
        size = known.bytes if name.sub_queue is None else None
        bounds = (self._bounds(name, known, deadline),)
        return TopicDescription(topic, bounds, (), size, details, settings=settings)

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        deadline = Deadline(timeout)
        name = EntityName.parse(topic)
        found = find_if_permitted(self._connection, name.owner, deadline)
        if found is not None and found.kind == "topic":
            raise _no_messages(topic)
        return [self._bounds(name, self._counts(name, found, deadline), deadline)]

    def _counts(self, name: EntityName, found: Entity | None, deadline: Deadline) -> Counts | None:
        return None if found is None else counts(self._connection, name.owner, found.kind, deadline)

    def _bounds(self, name: EntityName, known: Counts | None, deadline: Deadline) -> Bounds:
        messages = None if known is None else known.in_part(name.sub_queue)
        first = self._peeking.first(name, FIRST, deadline)
        if first is None:
            end = self._end(name, known, FIRST)
            return Bounds(None, end, end, 0, counted="exact")
        start = int(first.sequence_number)
        last = self._peeking.last_number(name, start, start + (messages or 1) - 1, deadline)
        end = self._end(name, known, last + 1)
        if messages is None:
            return Bounds(None, start, end)
        return Bounds(None, start, end, min(messages, end - start), counted="exact")

    def _end(self, name: EntityName, known: Counts | None, end: int) -> int:
        """Return the end as it is now, or as it was before messages were taken out."""
        created = None if known is None else known.created
        seen_of, seen = self._ends.get(name, (None, end))
        if created is None or seen_of != created:
            seen = end
        end = max(seen, end)
        self._ends[name] = created, end
        return end

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        deadline = Deadline(timeout)
        name = EntityName.parse(topic)
        (bounds,) = self.bounds(topic, timeout)
        milliseconds = -(-microseconds // 1000)
        found = self._peeking.first_at(name, bounds.start, bounds.end, milliseconds, deadline)
        return {} if found is None else {None: found}

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        """Return whether times go on with the sequence numbers.

        They do not in a sub-queue, where messages keep their numbers, nor between partitions.
        """
        name = EntityName.parse(topic)
        if name.sub_queue is not None or self._peeking.first(name, OTHER_PARTITIONS, Deadline(timeout)):
            return "none"
        return "sorted"

    def close(self, timeout: float) -> None:
        self._peeking.close()


def _no_messages(topic: str) -> NotSupported:
    return NotSupported(
        f"{topic!r} is a topic, whose messages are in its subscriptions: look into one of them, "
        f"{topic}/Subscriptions/NAME (describe({topic!r}) lists them)"
    )


def _rows(name: EntityName, kind: str, known: Counts) -> Iterator[TopicInfo]:
    details = {"kind": kind, **known.details()}
    dead = known.dead_letter + known.transfer_dead_letter
    yield TopicInfo(str(name), None, known.readable, known.bytes, False, details, dead_letters=dead)
    for sub_queue in SUB_QUEUES:
        count = known.in_part(sub_queue)
        part = EntityName(name.name, name.subscription, sub_queue)
        yield TopicInfo(str(part), None, count, None, not count, {"kind": "sub-queue"})


def _confirmation(properties: Any, emulator: bool) -> str:
    """Return what a confirmation of an entity means, as far as the service tells."""
    if emulator:
        where = "stored by an emulator, which may lose it when it stops"
    elif getattr(properties, "enable_express", None):
        where = "in memory of the service at first, written later (express): an outage may lose it"
    else:
        where = "stored by the service in three copies; in several zones where the namespace has them"
    if getattr(properties, "requires_duplicate_detection", None):
        return (
            f"{where}; or already there: a message of the same id within the duplicate window is not stored"
        )
    return where
