"""Look up an entity in the administration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from brokerkit.core.contract.consumer import SubscriptionNotFound
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import NotFound

from .connection import ServiceBusConnection, log
from .names import DEAD_LETTERS, EntityName

Kind = Literal["queue", "topic", "subscription"]
REFUSED = (401, 403)
LEAST_SECONDS = 0.1


@dataclass(frozen=True)
class Entity:
    """A queue, topic or subscription as the administration describes it.

    Attributes:
        kind: Which of the three it is.
        properties: The properties as the administration client has them.
        lock_seconds: How long a message is locked; None for a topic, where none is locked.
        sessions: Whether messages can be taken by session only.
        partitioned: Whether the entity is partitioned.
        duplicate_detection: Whether the entity drops messages with an id that it has seen.
        duplicate_window: How many seconds ids are remembered, if duplicates are detected.
    """

    kind: Kind
    properties: Any
    lock_seconds: float | None = None
    sessions: bool = False
    partitioned: bool = False
    duplicate_detection: bool = False
    duplicate_window: float | None = None


def limits(deadline: Deadline) -> dict[str, float]:
    """Return arguments with which a request to the administration ends in time."""
    seconds = max(LEAST_SECONDS, min(deadline.remaining(), 300.0))
    return {"connection_timeout": seconds, "read_timeout": seconds}


def find(connection: ServiceBusConnection, name: EntityName, deadline: Deadline) -> Entity:
    """Return the queue, topic or subscription of a name.

    Raises NotFound, and the errors of the administration client.
    """
    if name.subscription is not None:
        return _subscription(connection, name, deadline)
    administration = connection.administration
    try:
        # given the description of a topic, the client library does not find a queue in it
        found = administration.get_queue(name.name, **limits(deadline))
        return Entity(
            "queue",
            found,
            _seconds(found.lock_duration),
            bool(found.requires_session),
            bool(found.enable_partitioning),
            bool(found.requires_duplicate_detection),
            _seconds(found.duplicate_detection_history_time_window),
        )
    except (ResourceNotFoundError, AttributeError):
        found = _topic(connection, name, deadline)
    return Entity(
        "topic",
        found,
        partitioned=bool(found.enable_partitioning),
        duplicate_detection=bool(found.requires_duplicate_detection),
        duplicate_window=_seconds(found.duplicate_detection_history_time_window),
    )


def _topic(connection: ServiceBusConnection, name: EntityName, deadline: Deadline) -> Any:
    try:
        return connection.administration.get_topic(name.name, **limits(deadline))
    except ResourceNotFoundError as error:
        raise no_entity(name.name) from error


def _subscription(connection: ServiceBusConnection, name: EntityName, deadline: Deadline) -> Entity:
    try:
        found = connection.administration.get_subscription(name.name, name.subscription, **limits(deadline))
    except ResourceNotFoundError as error:
        find(connection, EntityName(name.name), deadline)
        raise no_subscription(name) from error
    return Entity("subscription", found, _seconds(found.lock_duration), bool(found.requires_session))


def find_if_permitted(
    connection: ServiceBusConnection, name: EntityName, deadline: Deadline
) -> Entity | None:
    """Return the same, or None without the right to look it up or without an administration."""
    if connection.lacks_administration:
        return None
    try:
        return find(connection, name, deadline)
    except HttpResponseError as error:
        if error.status_code not in REFUSED:
            raise
        log.info("the kind of %s cannot be looked up: %s", name, error.message)
        return None


def no_entity(name: str) -> NotFound:
    """Return the NotFound for a missing queue or topic."""
    return NotFound(
        f"there is no queue or topic {name!r}: create it with create_topic({name!r}), or choose one of "
        "topics()"
    )


def no_subscription(name: EntityName) -> NotFound:
    """Return the NotFound for a missing subscription."""
    assert name.subscription is not None
    text = f"topic {name.name!r} has no subscription {name.subscription!r}"
    return SubscriptionNotFound(text, name.name, name.subscription)


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


@dataclass(frozen=True)
class Counts:
    """The number of messages in each state.

    Attributes:
        readable: All messages but those in sub-queues.
        bytes: The size of all messages; None for a subscription.
        created: When the entity was created, which tells it from a deleted one of the same name.
    """

    active: int
    scheduled: int
    dead_letter: int
    transfer_dead_letter: int
    readable: int
    bytes: int | None
    created: datetime | None

    @classmethod
    def of(cls, runtime: Any) -> Counts:
        """Return the counts in the runtime properties of the administration client."""

        def number(name: str) -> int:
            # some counts are missing for topics and subscriptions
            return getattr(runtime, f"{name}_count", 0) or 0

        active, scheduled = number("active_message"), number("scheduled_message")
        dead, transfer = number("dead_letter_message"), number("transfer_dead_letter_message")
        total = number("total_message") - dead - transfer - number("transfer_message")
        readable = max(active + scheduled, total)
        size = getattr(runtime, "size_in_bytes", None)
        return cls(active, scheduled, dead, transfer, readable, size, runtime.created_at_utc)

    def in_part(self, sub_queue: str | None) -> int:
        """Return how many messages can be peeked at in the entity itself or in one of its sub-queues."""
        if sub_queue is None:
            return self.readable
        return self.dead_letter if sub_queue == DEAD_LETTERS else self.transfer_dead_letter

    def details(self) -> Mapping[str, int]:
        """Return the number of messages by state, for display."""
        return {
            "active": self.active,
            "scheduled": self.scheduled,
            "deferred": max(0, self.readable - self.active - self.scheduled),
            "dead_letter": self.dead_letter,
            "transfer_dead_letter": self.transfer_dead_letter,
        }


def counts(connection: ServiceBusConnection, name: EntityName, kind: Kind, deadline: Deadline) -> Counts:
    """Return how many messages an entity has now."""
    administration, within = connection.administration, limits(deadline)
    if kind == "subscription":
        runtime = administration.get_subscription_runtime_properties(name.name, name.subscription, **within)
    elif kind == "queue":
        runtime = administration.get_queue_runtime_properties(name.name, **within)
    else:
        runtime = administration.get_topic_runtime_properties(name.name, **within)
    return Counts.of(runtime)
