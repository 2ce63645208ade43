"""The consumer, which finds out what to take messages from and hands them over."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from brokerkit.core.contract.background import abandon, ended, submit
from brokerkit.core.contract.consumer import (
    ConsumerRequest,
    Fetched,
    MessageDriver,
    Outcome,
    SubscriptionNotFound,
)
from brokerkit.core.contract.fetch_size import FetchSize
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.positions import Position

from .admin import create_subscription
from .codec import to_columns
from .connection import OPEN_SECONDS, ServiceBusConnection
from .consumer_options import ConsumerOptions, read_consumer_options
from .deferred_source import DeferredSource
from .entities import Entity, find_if_permitted
from .names import EntityName
from .queue_source import QueueSource
from .session_source import ACCEPT_SECONDS, SessionSource
from .settling import Errors
from .source import Source


class ServiceBusConsumer(MessageDriver):
    """A consumer that takes messages from a source. A background thread finds and opens the source."""

    def __init__(self, connection: ServiceBusConnection, request: ConsumerRequest) -> None:
        self._connection = connection
        self._options = read_consumer_options(request.options)
        self._name = EntityName.parse(request.topic, request.subscription)
        self._opening: Future[Source] | None = None
        self._source: Source | None = None
        self._fetch_size = FetchSize()

    @property
    def lock_seconds(self) -> float | None:  # type: ignore[override]  # it is known once it is attached
        return None if self._source is None else self._source.lock_seconds

    def attach(self, wait: float) -> bool:
        if self._opening is None:
            self._opening = submit(
                lambda: open_source(self._connection, self._name, self._options),
                f"servicebus consumer of {self._name}",
            )
        if not ended(self._opening, wait):
            return False
        opening, self._opening = self._opening, None
        self._source = opening.result()
        return True

    def create_subscription(self, start: Position, timeout: float) -> None:
        topic, subscription = self._name.name, self._name.subscription
        assert subscription is not None
        create_subscription(self._connection, topic, subscription, start, self._options.creation, timeout)

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        assert self._source is not None
        messages, receipts = self._source.take(self._fetch_size.of(max_messages), wait)
        columns = to_columns(messages, str(self._name), delivered=True)
        self._fetch_size.learn(columns)
        return Fetched(columns, receipts)

    def settle(
        self, receipts: Sequence[Any], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> Errors:
        assert self._source is not None
        return self._source.settle(receipts, outcome, reason)

    def extend(self, receipts: Sequence[Any]) -> Errors:
        assert self._source is not None
        return self._source.extend(receipts)

    def idle(self) -> None:
        if self._source is not None:
            self._source.idle()

    def close(self, timeout: float) -> None:
        """Close the consumer.

        Locked messages that were not settled are delivered again after their lock ends.
        """
        opening, self._opening = self._opening, None
        if opening is not None:
            abandon(opening, lambda made: made.close())
        if self._source is not None:
            self._source.close()


def open_source(connection: ServiceBusConnection, name: EntityName, options: ConsumerOptions) -> Source:
    """Return the source to consume from, connected.

    Raises NotFound, ConfigError or the error of opening it.
    """
    found = _find(connection, name)
    lock = None if found is None else found.lock_seconds
    asked = options.session is not None or options.next_session
    if name.sub_queue is not None or (found is not None and not found.sessions):
        if asked:
            raise ConfigError(f"{name} has no sessions: leave session= out")
        sessions = False
    else:
        sessions = asked or found is not None
    if options.deferred is not None:
        if sessions:
            raise NotSupported(
                f"{name} has sessions, whose deferred messages are taken through their session: "
                "native.client.get_queue_receiver(..., session_id=...).receive_deferred_messages(...)"
            )
        return DeferredSource(connection, name, connection.receiver(name), lock, options.deferred)
    if not sessions:
        return QueueSource(connection, name, connection.receiver(name), lock)
    first = None if options.session is None else connection.session(name, options.session, ACCEPT_SECONDS)
    return SessionSource(connection, name, options.session, lock, first, ahead=options.ahead)


def _find(connection: ServiceBusConnection, name: EntityName) -> Entity | None:
    """Return the entity, or None if it may not be looked up."""
    deadline = Deadline(OPEN_SECONDS)
    try:
        found = find_if_permitted(connection, name.owner, deadline)
    except SubscriptionNotFound:
        owner = find_if_permitted(connection, EntityName(name.name), deadline)
        if owner is not None and owner.kind == "queue":
            raise ConfigError(
                f"{name.name!r} is a queue and has no subscriptions: leave subscription= out"
            ) from None
        raise
    if found is not None and found.kind == "topic":
        raise ConfigError(
            f"{name.name!r} is a topic: its messages are in its subscriptions, subscription=... names one"
        )
    return found
