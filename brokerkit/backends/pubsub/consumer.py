"""The consumer of a subscription, whose messages are settled one by one."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import grpc
from grpc import StatusCode

from brokerkit.core.contract.consumer import (
    ConsumerRequest,
    Fetched,
    MessageDriver,
    Outcome,
    SubscriptionNotFound,
)
from brokerkit.core.contract.fetch_size import FetchSize
from brokerkit.core.contract.options import refuse_unknown
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.capabilities import AckKind
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError, NotFound
from brokerkit.core.vocabulary.positions import Earliest, Position

from .admin import create_subscription, delivery_of, get_subscription, get_topic
from .codec import to_columns
from .connection import PubSubConnection, log
from .errors import code_of
from .inbox import Inbox, Received
from .limits import MAX_DELAY_SECONDS, MIN_LOCK_SECONDS
from .names import DELETED_TOPIC
from .parking import Parking
from .returning import GIVE_BACK_SECONDS, Returning
from .settling import Settling
from .temporary import create_temporary, new_name, remove_temporary

ANSWER_SECONDS = 10.0
"""Seconds that the broker may take to answer one question."""
ACK_SECONDS = 5.0
EXTEND_SECONDS = 3.0
AGAIN_SECONDS = 2.0
"""How long a message that was returned may take to be delivered again: 1 s in Google's emulator."""
SETTLE_IN_SECONDS = 0.5
"""How long a consumer that has just attached may take to fetch the answer to an earlier request."""


class PubSubConsumer(MessageDriver):
    """A consumer whose receipts are acknowledgement ids.

    Attributes:
        ack: How acknowledgements of this subscription are confirmed, known once the consumer is
            attached.
    """

    ack: AckKind = "sent"

    def __init__(self, connection: PubSubConnection, request: ConsumerRequest, parking: Parking) -> None:
        assert request.subscription is not None
        self._connection = connection
        self._request = request
        self._parking = parking
        self._inbox: Inbox | None = None
        self._settling: Settling | None = None
        self._fetch_size = FetchSize()
        self._path = ""
        self._returning: Returning | None = None
        self._settled_in = Deadline(SETTLE_IN_SECONDS)
        self._returned = Deadline(0.0)

    def attach(self, wait: float) -> bool:
        path, found = self._find()
        seconds = found.ack_deadline_seconds if found is not None else MIN_LOCK_SECONDS
        self.lock_seconds = float(seconds or MIN_LOCK_SECONDS)
        self.ack = "confirmed" if found is not None and found.enable_exactly_once_delivery else "sent"
        ordered = found is not None and bool(found.enable_message_ordering)
        # https://docs.cloud.google.com/pubsub/docs/ordering, "Redelivery"
        # also where it may not be asked
        self.redelivers_by_key = ordered or found is None
        self._settling = Settling(self._connection, path, ordered=ordered)
        self._returning = Returning(self._settling, self.lock_seconds)
        self._inbox = self._parking.take(path) or Inbox(self._connection, path)
        self._path = path
        self._settled_in = Deadline(SETTLE_IN_SECONDS)
        return True

    def _find(self) -> tuple[str, Any | None]:
        """Return the path of the subscription, and its configuration if it may be read."""
        name = self._request.subscription or ""
        topic = self._request.topic
        path = self._connection.path("subscriptions", name)
        topic_path = self._connection.path("topics", topic)
        try:
            found = get_subscription(self._connection, name, ANSWER_SECONDS)
        except grpc.RpcError as error:
            if code_of(error) is not StatusCode.PERMISSION_DENIED:
                raise
            # an account that may only consume may not read the configuration
            log.info("subscription %r cannot be described; assuming a deadline of 10 s", name)
            return path, None
        if found is None:
            get_topic(self._connection, topic, ANSWER_SECONDS)
            raise SubscriptionNotFound(f"topic {topic!r} has no subscription {name!r}", topic, name)
        if found.topic != topic_path:
            raise ConfigError(self._other_topic(name, found.topic))
        if found.detached:
            raise NotFound(
                f"the subscription {name!r} was detached from its topic and receives no more messages"
            )
        kind = delivery_of(found)
        if kind != "pull":
            raise ConfigError(
                f"the subscription {name!r} delivers by {kind} and cannot be pulled: create another one "
                "of the topic"
            )
        return path, found

    def create_subscription(self, start: Position, timeout: float) -> None:
        request = self._request
        assert request.subscription is not None
        create_subscription(
            self._connection, request.topic, request.subscription, start, request.options, timeout
        )

    def _other_topic(self, name: str, found: str) -> str:
        if found == DELETED_TOPIC:
            return (
                f"the topic of subscription {name!r} was deleted; a new topic of that name has no "
                "subscriptions: create one with another name"
            )
        return (
            f"the subscription {name!r} reads topic {self._connection.shown(found)!r}, not "
            f"{self._request.topic!r}: use its own topic, or another subscription name"
        )

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        assert self._inbox is not None
        assert self._returning is not None
        # the next message may be one whose return failed
        self._returning.step()
        received, age = self._inbox.take(self._fetch_size.of(max_messages), wait)
        if age > (self.lock_seconds or MIN_LOCK_SECONDS) / 3:
            received = self._renewed(received)
        columns = to_columns(received, self._request.topic)
        self._fetch_size.learn(columns)
        return Fetched(columns, [each.ack_id for each in received])

    def _renewed(self, received: Sequence[Received]) -> Sequence[Received]:
        """Renew the deadlines of messages that waited here for long; return those that are still held."""
        outcomes = self.extend([each.ack_id for each in received])
        return [each for each, error in zip(received, outcomes, strict=True) if error is None]

    def wake(self) -> None:
        inbox = self._inbox
        if inbox is not None:
            inbox.wake()

    def idle(self) -> None:
        """Return to the broker the messages that arrived after the last caller stopped waiting."""
        if self._returning is None:
            return
        unwanted = self._inbox.unwanted() if self._inbox is not None and self._settled_in.passed else ()
        if unwanted:
            self._returned = Deadline(AGAIN_SECONDS)
        self._returning.add([each.ack_id for each in unwanted])

    def settle(
        self, receipts: Sequence[Any], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> list[BaseException | None]:
        assert self._settling is not None
        if outcome is Outcome.ACK:
            return self._settling.acknowledge(receipts, ACK_SECONDS)
        seconds = ceil(delay or 0)
        if seconds > MAX_DELAY_SECONDS:
            raise ConfigError(f"nack(delay=) may be {MAX_DELAY_SECONDS} s at most here, not {delay:g}")
        if not seconds:
            self._returned = Deadline(AGAIN_SECONDS)
        return self._settling.set_deadline(receipts, seconds, GIVE_BACK_SECONDS)

    def extend(self, receipts: Sequence[Any]) -> list[BaseException | None]:
        assert self._settling is not None
        seconds = int(self.lock_seconds or MIN_LOCK_SECONDS)
        return self._settling.set_deadline(receipts, seconds, EXTEND_SECONDS)

    def close(self, timeout: float) -> None:
        """Stop pulling. The subscription stays, and a pending request is left to the next consumer."""
        inbox, self._inbox = self._inbox, None
        returning = self._returning
        if returning is None:
            return
        returning.finish(min(timeout, GIVE_BACK_SECONDS))
        if inbox is not None and inbox.asking:

            def give_back(received: Sequence[Received]) -> None:
                returning.add([each.ack_id for each in received])
                returning.finish(GIVE_BACK_SECONDS)

            self._parking.park(self._path, inbox, give_back, self._returned)


class TemporaryConsumer(PubSubConsumer):
    """A consumer of a subscription that is created on attach and deleted on close.

    The subscription named in the request is not touched: the temporary one has a name of its own.
    """

    def __init__(self, connection: PubSubConnection, request: ConsumerRequest, parking: Parking) -> None:
        refuse_unknown(set(request.options) - {"temporary"}, "temporary=True, which takes no further options")
        super().__init__(connection, request, parking)
        self._name: str | None = None

    def _find(self) -> tuple[str, Any | None]:
        if self._name is None:
            # the name is set before the request, so that a lost answer leaves no subscription behind
            self._name = new_name()
        start = self._request.start or Earliest()
        try:
            found = create_temporary(self._connection, self._request.topic, self._name, start, ANSWER_SECONDS)
        except AlreadyExists:
            # it was created by an attempt whose answer was lost
            found = get_subscription(self._connection, self._name, ANSWER_SECONDS)
        return self._connection.path("subscriptions", self._name), found

    def close(self, timeout: float) -> None:
        try:
            super().close(timeout / 2)
        finally:
            if self._name is not None:
                remove_temporary(self._connection, self._name, timeout / 2)
