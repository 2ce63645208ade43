"""Create and delete topics, and look up and create subscriptions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pulsar

from brokerkit.core.contract.consumer import SubscriptionNotFound
from brokerkit.core.contract.options import COUNT, Option, OptionTable
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError, NotFound, NotSupported
from brokerkit.core.vocabulary.positions import AtOffset, AtTime, Earliest, Latest, Position
from brokerkit.core.vocabulary.topics import Bounds

from .connection import PulsarConnection, leave
from .entries import Entries
from .names import check_subscription, rest_path
from .positions import NO_POSITION, LedgerBounds, entry_id, unpack
from .ranges import Ranges
from .rest import NEEDED
from .subscription_options import SubscriptionOptions
from .topics import Topics

TOPIC_OPTIONS = OptionTable(
    {"partitions": Option(COUNT, "number of partitions (default: a topic without partitions)")}
)
CLOCK_SECONDS = 60.0
"""The largest difference allowed between the clocks of the broker and of this machine."""


def create_topic(topics: Topics, topic: str, options: Mapping[str, Any], timeout: float) -> None:
    """Create a topic.

    Raises:
        AlreadyExists: The topic exists.
        NotFound: Its namespace does not exist.
        NotSupported: There is no REST endpoint.
    """
    rest = topics.required_rest()
    partitions = TOPIC_OPTIONS.read(options)["partitions"]
    full = topics.full(topic)
    path = rest_path(full)
    try:
        if partitions is None:
            rest.ask("PUT", path, timeout)
        else:
            rest.ask("PUT", f"{path}/partitions", timeout, body=partitions)
    except AlreadyExists as error:
        raise AlreadyExists(f"topic {full!r} already exists") from error.__cause__
    except NotFound as error:
        raise NotFound(f"the namespace of {full!r} is not there") from error.__cause__


def delete_topic(topics: Topics, topic: str, timeout: float) -> None:
    """Delete a topic with its subscriptions.

    Raises NotFound, and NotSupported without the REST endpoint.
    """
    rest = topics.required_rest()
    deadline = Deadline(timeout)
    full = topics.full(topic)
    whole = topics.partitions(full, deadline.remaining()) == [None]
    path = rest_path(full) if whole else f"{rest_path(full)}/partitions"
    rest.ask("DELETE", path, deadline.remaining(), params={"force": "true"})


class Subscriptions:
    """The subscriptions of a connection's topics.

    Without the REST endpoint it is not known whether a subscription exists. Attaching to a missing one
    then creates it, unless the broker is configured not to; with `start` it is created there first, which
    changes nothing if it exists.
    """

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._connection: PulsarConnection = topics.connection
        self._ranges = Ranges(topics)

    def find(self, full: str, name: str, timeout: float) -> None:
        """Check that every partition of a topic has a subscription. Do nothing where that is not known.

        Raises:
            NotFound: The topic does not exist.
            SubscriptionNotFound: A partition does not have the subscription.
        """
        check_subscription(name)
        deadline = Deadline(timeout)
        parts = self._topics.parts(full, deadline.remaining())
        if self._topics.rest is not None and self._without(parts, name, deadline):
            raise SubscriptionNotFound(f"topic {full!r} has no subscription {name!r}", full, name)

    def complete(
        self, full: str, name: str, start: Position, options: SubscriptionOptions, timeout: float
    ) -> None:
        """Create a subscription in the partitions that do not have it, or may not have it."""
        deadline = Deadline(timeout)
        if isinstance(start, AtOffset) and start.offset >= 0:
            raise ConfigError(f"{start.offset} is not a position: {NO_POSITION}")
        parts = self._topics.parts(full, deadline.remaining())
        self._create(full, self._without(parts, name, deadline), name, start, options, deadline)

    def create(
        self, topic: str, name: str, start: Position, options: SubscriptionOptions, timeout: float
    ) -> None:
        """Create a subscription that begins at a position.

        Raises:
            AlreadyExists: The topic has a subscription of this name.
            NotFound: The topic does not exist.
        """
        check_subscription(name)
        deadline = Deadline(timeout)
        full = self._topics.full(topic)
        parts = self._topics.parts(full, deadline.remaining())
        missing = self._without(parts, name, deadline)
        if len(missing) < len(parts):
            raise AlreadyExists(f"topic {full!r} has a subscription {name!r} already; it goes on from there")
        self._create(full, missing, name, start, options, deadline)

    def _without(
        self, parts: Mapping[int | None, str], name: str, deadline: Deadline
    ) -> dict[int | None, str]:
        """Return the partitions that do not have the subscription, or all of them if that is not known."""
        rest = self._topics.rest
        if rest is None:
            return dict(parts)
        return {
            number: part
            for number, part in parts.items()
            if name not in rest.subscriptions(part, deadline.remaining())
        }

    def _create(
        self,
        full: str,
        parts: Mapping[int | None, str],
        name: str,
        start: Position,
        options: SubscriptionOptions,
        deadline: Deadline,
    ) -> None:
        if isinstance(start, AtTime) and start.microseconds > (time.time() + CLOCK_SECONDS) * 1e6:
            raise ConfigError(f"start={start} lies in the future; a subscription begins now or earlier")
        if isinstance(start, Earliest | Latest):
            for part in parts.values():
                self._make(part, name, options, deadline, earliest=isinstance(start, Earliest))
        elif self._topics.rest is None:
            # the subscription may exist, and would be moved
            raise NotSupported(f'start={start} needs the REST endpoint, or "earliest" or "latest": {NEEDED}')
        elif parts:
            found = self._ranges.locate(full, start, deadline.remaining())
            for number, part in parts.items():
                place, bounds = found[number]
                at = None if place >= bounds.end else self.begin(part, place, bounds, number, deadline)
                self._make(part, name, options, deadline, earliest=place <= bounds.start, at=at)

    def begin(self, part: str, place: int, bounds: Bounds, partition: int | None, deadline: Deadline) -> Any:
        """Return the library's id at which a subscription begins with the message at a position."""
        ledger, number, batch = unpack(place)
        if batch >= 0:
            return pulsar.MessageId(-1 if partition is None else partition, ledger, number, batch)
        entries = Entries(self._topics.required_rest(), part)
        found = entries.entry(place, deadline)
        if found is not None and found.chunk and isinstance(bounds, LedgerBounds):
            # only a subscription that begins with the first chunk receives the message
            first = entries.begin(bounds, found, deadline)
            place = place if first is None else first
        return entry_id(place, partition)

    def _make(
        self,
        part: str,
        name: str,
        options: SubscriptionOptions,
        deadline: Deadline,
        *,
        earliest: bool,
        at: Any = None,
    ) -> None:
        """Create the subscription in one partition, by attaching a consumer and seeking."""
        position = pulsar.InitialPosition.Earliest if earliest else pulsar.InitialPosition.Latest

        def make() -> None:
            # no prefetch: messages given to it, or left between two chunks, reach no other consumer in time
            consumer = options.subscribe(
                self._connection, part, name, 0, initial_position=position, start_message_id_inclusive=True
            )
            try:
                if at is not None and not earliest:
                    consumer.seek(at)
            except BaseException:
                # a subscription that begins at the wrong place must not remain
                consumer.unsubscribe()
                raise
            leave(consumer)

        self._connection.call(make, deadline.remaining(), f"creating subscription {name!r}")
