"""What an entity is, as the administration tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import NotFound

from .connection import ServiceBusConnection, log
from .names import DEAD_LETTERS, EntityName

Kind = Literal["queue", "topic", "subscription"]
REFUSED = (401, 403)
LEAST_SECONDS = 0.1


@dataclass(frozen=True)
class Entity:
    """properties: as the administration's client has them.

    lock_seconds: None where nothing is locked (a topic). sessions: whether only sessions can be taken.
    duplicate_window: seconds for which the ids of messages are known, where duplicates are detected.
    """

    kind: Kind
    properties: Any
    lock_seconds: float | None = None
    sessions: bool = False
    partitioned: bool = False
    duplicate_detection: bool = False
    duplicate_window: float | None = None


def limits(deadline: Deadline) -> dict[str, float]:
    """Arguments with which a request of the administration ends in time."""
    seconds = max(LEAST_SECONDS, min(deadline.remaining(), 300.0))
    return {"connection_timeout": seconds, "read_timeout": seconds}


def find(link: ServiceBusConnection, name: EntityName, deadline: Deadline) -> Entity:
    """The queue, topic or subscription of a name. Raises NotFound, and what the administration raises."""
    if name.subscription is not None:
        return _subscription(link, name, deadline)
    administration = link.administration
    try:
        # of a topic's description the client library finds no queue in it
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
        found = _topic(link, name, deadline)
    return Entity(
        "topic",
        found,
        partitioned=bool(found.enable_partitioning),
        duplicate_detection=bool(found.requires_duplicate_detection),
        duplicate_window=_seconds(found.duplicate_detection_history_time_window),
    )


def _topic(link: ServiceBusConnection, name: EntityName, deadline: Deadline) -> Any:
    try:
        return link.administration.get_topic(name.name, **limits(deadline))
    except ResourceNotFoundError as error:
        raise no_entity(name.name) from error


def _subscription(link: ServiceBusConnection, name: EntityName, deadline: Deadline) -> Entity:
    try:
        found = link.administration.get_subscription(name.name, name.subscription, **limits(deadline))
    except ResourceNotFoundError as error:
        find(link, EntityName(name.name), deadline)
        raise no_subscription(name) from error
    return Entity("subscription", found, _seconds(found.lock_duration), bool(found.requires_session))


def find_if_permitted(link: ServiceBusConnection, name: EntityName, deadline: Deadline) -> Entity | None:
    """The same; None where one may send or listen but not look, or where there is no administration."""
    if link.lacks_administration:
        return None
    try:
        return find(link, name, deadline)
    except HttpResponseError as error:
        if error.status_code not in REFUSED:
            raise
        log.info("what %s is cannot be looked up: %s", name, error.message)
        return None


def no_entity(name: str) -> NotFound:
    return NotFound(
        f"there is no queue or topic {name!r}: create it with create_topic({name!r}), or see topics() for "
        "those that are there"
    )


def no_subscription(name: EntityName) -> NotFound:
    return NotFound(
        f"topic {name.name!r} has no subscription {name.subscription!r}: create it with "
        f"create_subscription({name.name!r}, {name.subscription!r}), or give start= here"
    )


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


@dataclass(frozen=True)
class Counts:
    """Messages by state. readable: all but those in sub-queues. bytes: None of a subscription.

    created: when the entity was made, which tells it from one of the same name that was deleted.
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
        """From what the administration's client calls runtime properties."""

        def number(name: str) -> int:
            # of topics and subscriptions not all are known
            return getattr(runtime, f"{name}_count", 0) or 0

        active, scheduled = number("active_message"), number("scheduled_message")
        dead, transfer = number("dead_letter_message"), number("transfer_dead_letter_message")
        total = number("total_message") - dead - transfer - number("transfer_message")
        readable = max(active + scheduled, total)
        size = getattr(runtime, "size_in_bytes", None)
        return cls(active, scheduled, dead, transfer, readable, size, runtime.created_at_utc)

    def in_part(self, sub_queue: str | None) -> int:
        """Messages that can be looked at in the entity itself or in one of its sub-queues."""
        if sub_queue is None:
            return self.readable
        return self.dead_letter if sub_queue == DEAD_LETTERS else self.transfer_dead_letter

    def details(self) -> Mapping[str, int]:
        return {
            "active": self.active,
            "scheduled": self.scheduled,
            "deferred": max(0, self.readable - self.active - self.scheduled),
            "dead_letter": self.dead_letter,
            "transfer_dead_letter": self.transfer_dead_letter,
        }


def counts(link: ServiceBusConnection, name: EntityName, kind: Kind, deadline: Deadline) -> Counts:
    """How many messages an entity has now."""
    administration, within = link.administration, limits(deadline)
    if kind == "subscription":
        runtime = administration.get_subscription_runtime_properties(name.name, name.subscription, **within)
    elif kind == "queue":
        runtime = administration.get_queue_runtime_properties(name.name, **within)
    else:
        runtime = administration.get_topic_runtime_properties(name.name, **within)
    return Counts.of(runtime)
