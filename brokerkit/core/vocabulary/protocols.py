"""The protocols, for code that works with any broker.

A `timeout` is in seconds, and None waits for ever. A wait that ends without a result returns None or an
empty list. A wait that is cancelled raises `Cancelled`, and a failure raises another `BrokerError`.
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
    """A source of messages, one at a time."""

    def next_message(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Message | None:
        """Return the next message, or None if none came within `timeout`."""
        ...


@runtime_checkable
class BatchedMessageIterator(Protocol):
    """A source of messages, several at a time, each settled on its own."""

    def next_batch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> list[Message]:
        """Return `max_messages` messages, or those that came within `timeout`."""
        ...


@runtime_checkable
class RecordIterator(Protocol):
    """A source of records of a log, one at a time."""

    def next_record(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Record | None:
        """Return the next record, or None if none came within `timeout`."""
        ...


@runtime_checkable
class BatchedRecordIterator(Protocol):
    """A source of records of a log, several at a time."""

    def next_batch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> list[Record]:
        """Return `max_messages` records, or those that came within `timeout`."""
        ...


@runtime_checkable
class MessageStream(Protocol):
    """A source of messages that fetches them in the background."""

    def stream(
        self, *, cancellation: Cancellation | None = None
    ) -> AbstractContextManager[Iterator[Message]]:
        """Return a context manager with an iterator. Leaving it stops fetching, and raises its error."""
        ...


@runtime_checkable
class BatchedMessageStream(Protocol):
    """A source of batches of messages that fetches them in the background."""

    def batch_stream(
        self, *, cancellation: Cancellation | None = None
    ) -> AbstractContextManager[Iterator[list[Message]]]:
        """Return a context manager with an iterator. Leaving it stops fetching, and raises its error."""
        ...


@runtime_checkable
class Receiver(Protocol):
    """A source that calls a handler for each message, from threads of its own."""

    def receive(
        self,
        handler: MessageHandler,
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Call a handler for each message. Return when cancelled, raise when the source or a handler fails.

        Args:
            handler: Settles its message. If it raises, the message is returned to the broker, and the error
                is raised here. If it raises `Cancelled`, the message is left as it is.
            workers: How many threads call it.
            cancellation: Ends the call from another thread.
        """
        ...


@runtime_checkable
class BatchedReceiver(Protocol):
    """A source that calls a handler for each batch of messages, from threads of its own."""

    def receive_batch(
        self,
        handler: BatchHandler,
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Call a handler for each batch of messages, as `Receiver.receive` does for each message."""
        ...


@runtime_checkable
class Topic(Protocol):
    """A topic to publish to."""

    @property
    def name(self) -> str:
        """The name of the topic."""
        ...

    def publish(self, message: OutboundMessage, *, timeout: float | None = None) -> PublishResult:
        """Publish one message and wait for the confirmation. Raise the error if there is none."""
        ...

    def publish_batch(
        self, messages: Sequence[OutboundMessage], *, timeout: float | None = None
    ) -> list[PublishResult]:
        """Publish messages and return the outcome of each, in order. A message that fails does not raise."""
        ...


@runtime_checkable
class Publisher(Protocol):
    """A publisher to any topic."""

    def topic(self, name: str) -> Topic:
        """Return the topic of this name."""
        ...


@runtime_checkable
class TransactionalPublisher(Publisher, Protocol):
    """A publisher whose messages become visible together, or never."""

    def begin(self) -> None:
        """Begin a transaction."""
        ...

    def commit(self, *, timeout: float | None = None) -> None:
        """Make everything since `begin` visible together."""
        ...

    def abort(self, *, timeout: float | None = None) -> None:
        """Drop everything since `begin`."""
        ...

    def transaction(self) -> AbstractContextManager[Publisher]:
        """Return a context manager that commits when the block ends normally, and aborts when it raises."""
        ...


PositionLike: TypeAlias = "str | int | date | Position | Mapping[int, Position | str | int | date] | None"


@runtime_checkable
class TopicInspector(Protocol):
    """A view of topics that reads without side effects: nothing on the broker changes."""

    def topics(self) -> list[TopicInfo]:
        """Return every topic that may be listed."""
        ...

    def describe(self, topic: str) -> TopicDescription:
        """Return the partitions of a topic, and its subscriptions or groups."""
        ...

    def bounds(self, topic: str) -> list[Bounds]:
        """Return the readable range of each partition, end exclusive."""
        ...

    def plan(
        self,
        topic: str,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        limit: int | None = None,
    ) -> list[Slice]:
        """Return slices from `start` up to but excluding `end`, which any process can read again."""
        ...

    def read(self, slice_: Slice) -> Iterator[Columns]:
        """Iterate over the rows of a slice, in order, in batches of bounded size."""
        ...
