"""Adapters between the pulling protocols."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from ..arguments import check_count, check_seconds
from ..cancellation import Cancellation, Deadline
from ..errors import Cancelled
from ..messages import Message, Record
from ..protocols import BatchedMessageIterator, MessageIterator, RecordIterator

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Pull(Protocol[T_co]):
    def __call__(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> T_co | None: ...


class BatchedIterator(Generic[T]):
    """Gathers batches from something that gives one at a time; for one thread at a time.

    What came before a cancelled or interrupted call is handed over by the next one.
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
        """Up to `max_messages`: as soon as there are that many, or what is there at `timeout`.

        An error of the source is raised after what came before it was handed over.
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
        """What came and was not handed over; it is yours now."""
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
    """A MessageIterator as a BatchedMessageIterator."""
    return BatchedIterator(source.next_message)


def batched_record_iterator(source: RecordIterator) -> BatchedIterator[Record]:
    """A RecordIterator as a BatchedRecordIterator."""
    return BatchedIterator(source.next_record)


def message_iterator(source: BatchedMessageIterator) -> MessageIterator:
    """A BatchedMessageIterator as a MessageIterator, which never asks for more than one."""
    return _SingleMessages(source)
