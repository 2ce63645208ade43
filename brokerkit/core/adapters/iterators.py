"""Adapters between the pulling protocols."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from ..vocabulary.arguments import check_count, check_seconds
from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.errors import Cancelled
from ..vocabulary.messages import Message, Record
from ..vocabulary.protocols import BatchedMessageIterator, MessageIterator, RecordIterator

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Pull(Protocol[T_co]):
    def __call__(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> T_co | None: ...


class BatchedIterator(Generic[T]):
    """Make batches of a source that gives one item at a time. For one thread at a time.

    Items that came before a cancelled or interrupted call are handed over by the next call.
    """

    def __init__(self, pull: _Pull[T]) -> None:
        self._pull = pull
        self._held: list[T] = []
        self._error: Exception | None = None

    def next_batch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> list[T]:
        """Return up to `max_messages`: as soon as there are that many, or those that are there at `timeout`.

        An error of the source is raised after the items that came before it were handed over.
        """
        count = check_count(max_messages, "max_messages")
        deadline = Deadline(check_seconds(timeout, "timeout"))
        if self._error is not None and not self._held:
            error, self._error = self._error, None
            raise error
        while len(self._held) < count and self._error is None:
            if cancellation is not None:
                cancellation.raise_if_cancelled()
            remaining = None if deadline.at is None else deadline.remaining()
            try:
                item = self._pull(remaining, cancellation=cancellation)
            except Cancelled:
                raise
            except Exception as failure:
                if not self._held:
                    raise
                self._error = failure
                break
            if item is not None:
                self._held.append(item)
            elif deadline.at is not None:
                break
        # assignments only: a signal between a call and its result's name would lose the batch
        if len(self._held) <= count:
            batch, self._held = self._held, []
        else:
            batch, self._held = self._held[:count], self._held[count:]
        return batch

    def take_held(self) -> list[T]:
        """Return the items that came and were not handed over. They belong to the caller now."""
        held, self._held = self._held, []
        return held


class _SingleMessages:
    def __init__(self, source: BatchedMessageIterator) -> None:
        self._source = source

    def next_message(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Message | None:
        batch = self._source.next_batch(1, timeout, cancellation=cancellation)
        return batch[0] if batch else None


def batched_iterator(source: MessageIterator) -> BatchedIterator[Message]:
    """Make a BatchedMessageIterator of a MessageIterator."""
    return BatchedIterator(source.next_message)


def batched_record_iterator(source: RecordIterator) -> BatchedIterator[Record]:
    """Make a BatchedRecordIterator of a RecordIterator."""
    return BatchedIterator(source.next_record)


def message_iterator(source: BatchedMessageIterator) -> MessageIterator:
    """Make a MessageIterator of a BatchedMessageIterator. It never asks for more than one message."""
    return _SingleMessages(source)
