"""The protocols: what code that works with any broker is written against.

`timeout` is in seconds, None waits for ever. A wait that ends with nothing returns an empty
result (None, an empty list); a tripped `Cancellation` raises `Cancelled`; a failure raises the
`BrokerError` that says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from .cancellation import Cancellation
from .messages import Message, OutboundMessage, Record
from .results import PublishResult

if TYPE_CHECKING:
    from .columns import Columns
    from .positions import Position
    from .topics import Bounds, Slice, TopicDescription, TopicInfo

MessageHandler: TypeAlias = Callable[[Message], object]
BatchHandler: TypeAlias = Callable[[list[Message]], object]


@runtime_checkable
class MessageIterator(Protocol):
    """Pulls one message at a time."""

    def next_message(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Message | None:
        """The next message, or None when none came within `timeout`."""
        ...


@runtime_checkable
class BatchedMessageIterator(Protocol):
    """Pulls several messages at a time, each settled on its own."""

    def next_batch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> list[Message]:
        """Up to `max_messages`: as soon as there are that many, or what is there at `timeout`."""
        ...


@runtime_checkable
class RecordIterator(Protocol):
    """Pulls one record of a log at a time."""

    def next_record(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Record | None:
        """The next record, or None when none came within `timeout`."""
        ...


@runtime_checkable
class BatchedRecordIterator(Protocol):
    """Pulls several records of a log at a time."""

    def next_batch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> list[Record]:
        """Up to `max_messages`: as soon as there are that many, or what is there at `timeout`."""
        ...


@runtime_checkable
class MessageStream(Protocol):
    """Messages produced in the background while the ``with`` block runs."""

    def stream(
        self, *, cancellation: Cancellation | None = None
    ) -> AbstractContextManager[Iterator[Message]]:
        """Leaving the block stops the producer and re-raises its error."""
        ...


@runtime_checkable
class BatchedMessageStream(Protocol):
    """Batches of messages produced in the background while the ``with`` block runs."""

    def batch_stream(
        self, *, cancellation: Cancellation | None = None
    ) -> AbstractContextManager[Iterator[list[Message]]]:
        """Leaving the block stops the producer and re-raises its error."""
        ...


@runtime_checkable
class Receiver(Protocol):
    """Calls a handler for each message, from threads of its own."""

    def receive(
        self,
        handler: MessageHandler,
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Block until cancelled (returns) or failed (raises).

        The handler settles its message. If it raises, the message is given back, and the error is
        raised from here; raising `Cancelled` leaves the message as it is.
        """
        ...


@runtime_checkable
class BatchedReceiver(Protocol):
    """Calls a handler for each batch of messages, from threads of its own."""

    def receive_batch(
        self,
        handler: BatchHandler,
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Block until cancelled (returns) or failed (raises); the rules of `Receiver.receive`."""
        ...


@runtime_checkable
class Topic(Protocol):
    """Where messages are published."""

    @property
    def name(self) -> str: ...

    def publish(self, message: OutboundMessage, *, timeout: float | None = None) -> PublishResult:
        """Publish one and wait for the broker's confirmation; raise the error if there is none."""
        ...

    def publish_batch(
        self, messages: Sequence[OutboundMessage], *, timeout: float | None = None
    ) -> list[PublishResult]:
        """Publish all and return the outcome of each, in order; a message's failure does not raise."""
        ...


@runtime_checkable
class Publisher(Protocol):
    """Gives topics to publish to."""

    def topic(self, name: str) -> Topic: ...


@runtime_checkable
class TransactionalPublisher(Publisher, Protocol):
    """A publisher whose messages become visible together, or never."""

    def begin(self) -> None: ...

    def commit(self, *, timeout: float | None = None) -> None: ...

    def abort(self, *, timeout: float | None = None) -> None: ...

    def transaction(self) -> AbstractContextManager[Publisher]:
        """Commit when the block ends normally, abort when it raises."""
        ...


PositionLike: TypeAlias = "str | int | date | Position | Mapping[int, Position | str | int | date] | None"


@runtime_checkable
class Browser(Protocol):
    """Reads without side effects: nothing on the broker changes."""

    def topics(self) -> list[TopicInfo]: ...

    def describe(self, topic: str) -> TopicDescription: ...

    def bounds(self, topic: str) -> list[Bounds]:
        """The readable range of each partition, end exclusive."""
        ...

    def plan(
        self,
        topic: str,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        limit: int | None = None,
    ) -> list[Slice]:
        """Turn positions into slices that can be read again, here or in another process."""
        ...

    def read(self, piece: Slice) -> Iterator[Columns]:
        """The rows of a slice, in order, in batches of bounded size."""
        ...
