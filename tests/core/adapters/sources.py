"""Small sources that implement the protocols, over one list that the test fills."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from brokerkit.core.vocabulary.cancellation import Cancellation, Deadline
from brokerkit.core.vocabulary.errors import AckFailed, BrokerError
from brokerkit.core.vocabulary.messages import Message, Record


class Settling:
    """A delivery that records how it was settled."""

    def __init__(self, refuse: Exception | None = None) -> None:
        self.outcome: str | None = None
        self.refuse = refuse

    @property
    def settled(self) -> bool:
        return self.outcome is not None

    def _settle(self, outcome: str) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.outcome = self.outcome or outcome

    def ack(self, *, require_confirmed: bool = False) -> None:
        self._settle("ack")

    def nack(self, *, delay: float | None = None) -> None:
        self._settle("nack")

    def reject(self, *, reason: str | None = None) -> None:
        self._settle("reject")


MADE: list[Message] = []
"""Kept until the test is over, so that none warns of not being settled."""


def make(number: int, key: bytes | None = None, refuse: bool = False) -> Message:
    delivery = Settling(AckFailed(f"{number} refused") if refuse else None)
    MADE.append(Message(id=str(number), data=b"", key=key, delivery=delivery))
    return MADE[-1]


def make_record(topic: str, partition: int, offset: int | None, refuse: BrokerError | None = None) -> Record:
    return Record(topic, partition, offset, b"", key=b"", delivery=Settling(refuse))


def outcome(item: Message | Record) -> str | None:
    assert isinstance(item.delivery, Settling)
    return item.delivery.outcome


class Box:
    """Messages of a broker; counts what was received, and fails when told to."""

    def __init__(self, count: int = 0) -> None:
        self.changed = threading.Condition()
        self.waiting: deque[Message] = deque()
        self.received: list[Message] = []
        self.error: BaseException | None = None
        self.add(count)

    def add(self, count: int) -> None:
        with self.changed:
            first = len(self.received) + len(self.waiting)
            self.waiting.extend(make(first + number) for number in range(count))
            self.changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Fail once everything that is there was received."""
        with self.changed:
            self.error = error
            self.changed.notify_all()

    def take(self, timeout: float | None, cancellation: Cancellation | None) -> Message | None:
        deadline = Deadline(timeout)
        with self.changed:
            while True:
                if cancellation is not None:
                    cancellation.raise_if_cancelled()
                if self.waiting:
                    self.received.append(self.waiting.popleft())
                    return self.received[-1]
                if self.error is not None:
                    raise self.error
                if deadline.passed:
                    return None
                self.changed.wait(deadline.slice(0.02))


class IteratorSource(Box):
    def next_message(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Message | None:
        return self.take(timeout, cancellation)


class BatchIteratorSource(Box):
    def next_batch(
        self, max_messages: int, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> list[Message]:
        deadline = Deadline(timeout)
        batch: list[Message] = []
        try:
            while len(batch) < max_messages:
                left = None if deadline.at is None else deadline.remaining()
                message = self.take(left, cancellation)
                if message is None:
                    break
                batch.append(message)
        except BaseException:
            with self.changed:
                del self.received[len(self.received) - len(batch) :]
                self.waiting.extendleft(reversed(batch))
            if not batch or (cancellation is not None and cancellation.cancelled):
                raise
            return self.next_batch(len(batch), 0.0)
        return batch


class StreamSource(Box):
    @contextmanager
    def stream(self, *, cancellation: Cancellation | None = None) -> Iterator[Iterator[Message]]:
        def messages() -> Iterator[Message]:
            while True:
                message = self.take(None, cancellation)
                assert message is not None
                yield message

        yield messages()


class BatchStreamSource(Box):
    @contextmanager
    def batch_stream(self, *, cancellation: Cancellation | None = None) -> Iterator[Iterator[list[Message]]]:
        def batches() -> Iterator[list[Message]]:
            while True:
                message = self.take(None, cancellation)
                assert message is not None
                yield [message]

        yield batches()


class ReceiverSource(Box):
    def receive(
        self,
        handler: Callable[[Message], object],
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        while cancellation is None or not cancellation.cancelled:
            message = self.take(0.02, None)
            if message is not None:
                handler(message)


class BatchReceiverSource(Box):
    def receive_batch(
        self,
        handler: Callable[[list[Message]], object],
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        while cancellation is None or not cancellation.cancelled:
            message = self.take(0.02, None)
            if message is not None:
                handler([message])


SINGLE_SOURCES = [IteratorSource, BatchIteratorSource, StreamSource, ReceiverSource]
SOON = 20.0
"""What ends at once may take so long on a machine that does much else; what hangs takes longer."""
ALL_SOURCES = [*SINGLE_SOURCES, BatchStreamSource, BatchReceiverSource]


def ids(messages: list[Message]) -> list[int]:
    return [int(message.id) for message in messages]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds
