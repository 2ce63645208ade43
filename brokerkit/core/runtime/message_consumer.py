"""Consuming messages that are settled one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import compress
from typing import Any

from ..adapters.receivers import batched_receiver, receiver
from ..adapters.streams import batched_message_stream, message_stream
from ..contract.driver import Fetched, MessageDriver, Outcome, as_ack_error
from ..vocabulary.cancellation import Cancellation
from ..vocabulary.errors import AckFailed, BrokerError, LockLost
from ..vocabulary.messages import Message
from ..vocabulary.protocols import BatchHandler, MessageHandler
from .consumer import NEVER, Consumer
from .received import Fetch, ReceivedBatch

PENDING, ACKED, NACKED, REJECTED, LOST = range(5)
_STATE_AFTER = {Outcome.ACK: ACKED, Outcome.NACK: NACKED, Outcome.REJECT: REJECTED}


class MessageFetch(Fetch):
    """Fetched messages with a receipt and a state each."""

    def __init__(self, consumer: MessageConsumer, fetched: Fetched) -> None:
        super().__init__(consumer, fetched.columns)
        self.receipts = fetched.receipts
        self.states = bytearray(fetched.columns.length)
        self.locked_at = self.received_at

    def settled(self, row: int) -> bool:
        return self.states[row] != PENDING

    def pending(self, start: int, stop: int) -> list[int]:
        return [row for row in range(start, stop) if not self.states[row]]

    @property
    def open(self) -> bool:
        return PENDING in self.states

    def mark_pending(self, state: int) -> None:
        self.states = bytearray(old or state for old in self.states)


class MessageConsumer(Consumer):
    """Consumes messages; every message protocol of `brokerkit.core` in one object.

    Nothing is fetched before somebody asks for it. What was fetched and never handed over is given
    back on `close`.
    """

    _driver: MessageDriver
    _outstanding: set[Any]

    def next_message(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Message | None:
        """The next message, or None when none came within `timeout` seconds."""
        messages = self._next_items(1, timeout, cancellation)
        return messages[0] if messages else None

    def next_batch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> list[Message]:
        """Up to `max_messages`: as soon as there are that many, or what is there at `timeout`."""
        return self._next_items(max_messages, timeout, cancellation)

    def _items(self, held: ReceivedBatch) -> list[Message]:
        return held.messages()

    def __iter__(self) -> Iterator[Message]:
        """Messages for ever; every one is yours to settle."""
        while True:
            message = self.next_message()
            if message is not None:
                yield message

    def stream(
        self, *, cancellation: Cancellation | None = None
    ) -> AbstractContextManager[Iterator[Message]]:
        """Messages fetched in the background while the block runs."""
        return message_stream(self).stream(cancellation=cancellation)

    def batch_stream(
        self,
        *,
        max_messages: int = 500,
        window: float = 0.5,
        cancellation: Cancellation | None = None,
    ) -> AbstractContextManager[Iterator[list[Message]]]:
        """Batches fetched in the background; `window` seconds count from a batch's first message."""
        stream = batched_message_stream(self, max_messages=max_messages, window=window)
        return stream.batch_stream(cancellation=cancellation)

    def receive(
        self,
        handler: MessageHandler,
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Call `handler` for each message from `workers` threads; see `Receiver`."""
        receiver(self).receive(handler, workers=workers, cancellation=cancellation)

    def receive_batch(
        self,
        handler: BatchHandler,
        *,
        max_messages: int = 500,
        window: float = 0.5,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Call `handler` for each batch from `workers` threads; see `BatchedReceiver`."""
        batched_receiver(self, max_messages=max_messages, window=window).receive_batch(
            handler, workers=workers, cancellation=cancellation
        )

    # The owner thread.

    def _chunk(self, fetched: Fetched) -> Fetch:
        return MessageFetch(self, fetched)

    def _settle(
        self,
        chunk: MessageFetch,
        rows: Sequence[int],
        outcome: Outcome,
        delay: float | None,
        reason: str | None,
    ) -> dict[int, BrokerError]:
        self._lapse(chunk, time.monotonic())
        failures: dict[int, BrokerError] = {}
        asked = []
        for row in rows:
            state = chunk.states[row]
            if state == PENDING:
                asked.append(row)
            elif outcome is Outcome.ACK and state != ACKED:
                failures[row] = _too_late(state)
        if asked:
            receipts = [chunk.receipts[row] for row in asked]
            results = self._driver.settle(receipts, outcome, delay=delay, reason=reason)
            for row, error in zip(asked, results, strict=True):
                if error is None:
                    chunk.states[row] = _STATE_AFTER[outcome]
                    continue
                problem = as_ack_error(self._translate(error))
                if isinstance(problem, LockLost):
                    chunk.states[row] = LOST
                if outcome is Outcome.ACK or not isinstance(problem, LockLost):
                    failures[row] = problem
        if not chunk.open:
            self._outstanding.discard(chunk)
        return failures

    def _lapse(self, chunk: MessageFetch, now: float) -> None:
        """Mark as lost what the broker has taken back by now."""
        lock = self._driver.lock_seconds
        if lock is not None and now > chunk.locked_at + lock:
            chunk.mark_pending(LOST)

    def _keep_alive(self) -> float:
        lock = self._driver.lock_seconds
        again = NEVER
        for chunk in list(self._outstanding):
            now = time.monotonic()
            self._lapse(chunk, now)
            end = chunk.received_at + self._hold_seconds
            if not chunk.open:
                self._outstanding.discard(chunk)
            elif now >= end:
                if lock is None:
                    self._return(chunk)
                else:
                    self._return_unread(chunk)
                    again = min(again, chunk.locked_at + lock + 0.01)
            elif lock is not None and not self.capabilities.lock_extension:
                again = min(again, chunk.locked_at + lock + 0.01, end)
            elif lock is not None:
                if now >= chunk.locked_at + lock / 3:
                    self._extend(chunk)
                again = min(again, max(chunk.locked_at + lock / 3, now + lock / 20), end)
            else:
                again = min(again, end)
        return again

    def _extend(self, chunk: MessageFetch) -> None:
        rows = chunk.pending(0, len(chunk))
        began = time.monotonic()
        extended = True
        for row, error in zip(rows, self._driver.extend([chunk.receipts[r] for r in rows]), strict=True):
            if error is None:
                continue
            problem = self._translate(error)
            if problem.retryable:
                extended = False
            else:
                chunk.states[row] = LOST
        if extended:
            chunk.locked_at = began

    def _return_unread(self, chunk: MessageFetch) -> None:
        """Give back the rows of a chunk that nobody took in `hold` seconds."""
        with self._lock:
            unread = [held for held in self._buffer if held.chunk is chunk]
            for held in unread:
                self._buffer.remove(held)
        for held in unread:
            self._settle(chunk, held.pending_rows(), Outcome.NACK, None, None)

    def _return(self, chunk: MessageFetch) -> None:
        """Give back a whole chunk, where the broker would not take it back by itself."""
        receipts = [chunk.receipts[row] for row in chunk.pending(0, len(chunk))]
        self._driver.settle(receipts, Outcome.NACK, delay=None, reason=None)
        chunk.mark_pending(LOST)
        self._outstanding.discard(chunk)

    def _give_back(self) -> None:
        receipts: list[Any] = []
        for chunk in self._outstanding:
            receipts.extend(compress(chunk.receipts, (not state for state in chunk.states)))
            chunk.mark_pending(NACKED)
        self._outstanding.clear()
        if receipts:
            self._driver.settle(receipts, Outcome.NACK, delay=None, reason=None)


def _too_late(state: int) -> AckFailed:
    if state == LOST:
        return LockLost(
            "the lock expired before the acknowledgement; the message will be, or was, delivered "
            "again (hold= sets for how long messages are kept, where the system lets locks be extended)"
        )
    word = "given back with nack()" if state == NACKED else "rejected"
    return AckFailed(f"the message was already {word}; it cannot be acknowledged any more")
