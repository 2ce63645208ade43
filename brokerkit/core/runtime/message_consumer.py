"""Consuming messages that are settled one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import compress
from typing import Any

from ..adapters.receivers import batched_receiver, receiver
from ..adapters.streams import batched_message_stream, message_stream
from ..contract.ack_errors import as_ack_error
from ..contract.consumer import Fetched, MessageDriver, Outcome
from ..vocabulary.cancellation import Cancellation
from ..vocabulary.errors import AckFailed, BrokerError, LockLost
from ..vocabulary.freed import freed
from ..vocabulary.messages import Message
from ..vocabulary.protocols import BatchHandler, MessageHandler
from .consumer import Consumer
from .consumer_thread import NEVER, RETRY_SECONDS
from .received import Fetch, ReceivedBatch

PENDING, ACKED, NACKED, REJECTED, LOST = range(5)
_STATE_AFTER = {Outcome.ACK: ACKED, Outcome.NACK: NACKED, Outcome.REJECT: REJECTED}


class MessageFetch(Fetch):
    """The messages of one fetch, with a receipt and a state for each.

    Attributes:
        receipts: By row, for the driver.
        states: By row: PENDING, ACKED, NACKED, REJECTED or LOST.
        locked_at: The monotonic time from which the locks count.
        unread: Rows that no caller receives any more, and that are still to be returned.
    """

    def __init__(self, consumer: MessageConsumer, fetched: Fetched) -> None:
        super().__init__(consumer, fetched.columns)
        self.receipts = fetched.receipts
        self.states = bytearray(fetched.columns.length)
        self.locked_at = self.received_at
        self.unread: list[int] = []

    def settled(self, row: int) -> bool:
        """Tell whether a message is settled or lost."""
        return self.states[row] != PENDING

    def pending(self, start: int, stop: int) -> list[int]:
        """Return the rows from `start` up to but excluding `stop` that are not settled."""
        return [row for row in range(start, stop) if not self.states[row]]

    @property
    def open(self) -> bool:
        """Whether any message is not settled."""
        return PENDING in self.states

    def mark_pending(self, state: int) -> None:
        """Give every message that is not settled this state."""
        self.states = bytearray(old or state for old in self.states)


class MessageConsumer(Consumer[Message]):
    """A consumer of messages. It has every message protocol of ``brokerkit.core``.

    Nothing is fetched before a caller asks for it. Closing it returns to the broker all messages that are
    not settled, received by a caller or not.

    Only the driver's thread changes the states of messages; callers read them.
    """

    _driver: MessageDriver
    _outstanding: dict[Any, None]

    @property
    def redelivers_by_key(self) -> bool:
        """Whether the return of a message brings back the later ones of its key, also acknowledged ones."""
        return self._driver.redelivers_by_key

    def next_message(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Message | None:
        """Return the next message, or None if none came within `timeout` seconds.

        Args:
            timeout: Seconds to wait. None for no limit.
            cancellation: Ends the wait from another thread.

        Raises:
            Cancelled: `cancellation` was cancelled.
            Closed: The consumer is closed.
            BrokerError: The broker refused, or did not answer until the timeout.
        """
        return self._next(timeout, cancellation)

    def _items(self, received: ReceivedBatch) -> list[Message]:
        return received.messages()

    def stream(
        self, *, cancellation: Cancellation | None = None
    ) -> AbstractContextManager[Iterator[Message]]:
        """Return a context manager with an iterator over messages that are fetched in the background."""
        return message_stream(self).stream(cancellation=cancellation)

    def batch_stream(
        self,
        *,
        max_messages: int = 500,
        window: float = 0.5,
        cancellation: Cancellation | None = None,
    ) -> AbstractContextManager[Iterator[list[Message]]]:
        """Return a context manager with an iterator over batches that are fetched in the background.

        Args:
            max_messages: How many messages a batch has at most.
            window: Seconds to wait for more, counted from the first message of a batch.
            cancellation: Ends the iterator from another thread.
        """
        stream = batched_message_stream(self, max_messages=max_messages, window=window)
        return stream.batch_stream(cancellation=cancellation)

    def receive(
        self,
        handler: MessageHandler,
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Call `handler` for each message, from `workers` threads; see `Receiver`."""
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
        """Call `handler` for each batch, from `workers` threads; see `BatchedReceiver`.

        Args:
            handler: Called with a list of messages.
            max_messages: How many messages a batch has at most.
            window: Seconds to wait for more, counted from the first message of a batch.
            workers: How many threads call it.
            cancellation: Ends the call from another thread.
        """
        batched_receiver(self, max_messages=max_messages, window=window).receive_batch(
            handler, workers=workers, cancellation=cancellation
        )

    # The driver's thread.

    def _as_fetch(self, fetched: Fetched) -> Fetch:
        return MessageFetch(self, fetched)

    def _settle(
        self,
        fetch: MessageFetch,
        rows: Sequence[int],
        outcome: Outcome,
        delay: float | None,
        reason: str | None,
    ) -> dict[int, BrokerError]:
        self._lapse(fetch, time.monotonic())
        failures: dict[int, BrokerError] = {}
        asked = []
        for row in rows:
            state = fetch.states[row]
            if state == PENDING:
                asked.append(row)
            elif (outcome is Outcome.ACK and state != ACKED) or (outcome is Outcome.REJECT and state == LOST):
                failures[row] = _too_late(state)
        if asked:
            receipts = [fetch.receipts[row] for row in asked]
            results = self._driver.settle(receipts, outcome, delay=delay, reason=reason)
            states, settled = fetch.states, _STATE_AFTER[outcome]
            for row, error in zip(asked, results, strict=True):
                if error is None:
                    states[row] = settled
                    continue
                problem = as_ack_error(self._translate(error))
                if isinstance(problem, LockLost):
                    fetch.states[row] = LOST
                # one that was lost is delivered again, which is what nack() asks for
                if outcome is not Outcome.NACK or not isinstance(problem, LockLost):
                    failures[row] = problem
        if not fetch.open:
            self._outstanding.pop(fetch, None)
        return failures

    def _lapse(self, fetch: MessageFetch, now: float) -> None:
        """Mark messages as lost whose locks have expired."""
        lock = self._driver.lock_seconds
        if lock is not None and now > fetch.locked_at + lock:
            fetch.mark_pending(LOST)

    def _keep_alive(self) -> float:
        lock = self._driver.lock_seconds
        again = NEVER
        kept: list[MessageFetch] = []
        for fetch in list(self._outstanding):
            now = time.monotonic()
            self._lapse(fetch, now)
            end = fetch.received_at + self._hold_seconds
            if not fetch.open:
                self._outstanding.pop(fetch, None)
            elif now >= end:
                if lock is None:
                    self._return(fetch)
                else:
                    again = min(again, fetch.locked_at + lock + 0.01)
                    if not self._return_unread(fetch):
                        again = min(again, now + RETRY_SECONDS)
            elif lock is not None and not self.capabilities.lock_extension:
                again = min(again, fetch.locked_at + lock + 0.01, end)
            else:
                again = min(again, end)
                kept.append(fetch)
        return again if lock is None or not kept else min(again, self._extend_due(kept, lock))

    def _extend_due(self, fetches: Sequence[MessageFetch], lock: float) -> float:
        """Extend the locks that are due, with those that soon will be. Return when the next are due."""
        now = time.monotonic()
        if any(now >= fetch.locked_at + lock / 3 for fetch in fetches):
            self._extend([fetch for fetch in fetches if now >= fetch.locked_at + lock / 4])
        return min(max(fetch.locked_at + lock / 3, now + lock / 20) for fetch in fetches)

    def _extend(self, fetches: Sequence[MessageFetch]) -> None:
        """Extend the locks of fetches with one call. A fetch with a retryable error is due again."""
        held = [(fetch, row) for fetch in fetches for row in fetch.pending(0, len(fetch))]
        began = time.monotonic()
        errors = self._driver.extend([fetch.receipts[row] for fetch, row in held])
        again: set[MessageFetch] = set()
        for (fetch, row), error in zip(held, errors, strict=True):
            if error is None:
                continue
            problem = self._translate(error)
            if problem.retryable:
                again.add(fetch)
            else:
                fetch.states[row] = LOST
        for fetch in fetches:
            if fetch not in again:
                fetch.locked_at = began

    def _return_unread(self, fetch: MessageFetch) -> bool:
        """Return the rows of a fetch that no caller received within `hold` seconds.

        Return false if the broker did not take some of them, so that it is to be tried again.
        """
        with freed(self._lock), self._lock:
            unread = list(filter(lambda received: received.fetch is fetch, self._buffer))
            for received in unread:
                self._buffer.remove(received)
                fetch.unread += received.pending_rows()
        rows = [row for row in fetch.unread if not fetch.settled(row)]
        if rows:
            failures = self._settle(fetch, rows, Outcome.NACK, None, None)
            rows = [row for row in rows if row in failures and failures[row].retryable]
        fetch.unread = rows
        return not rows

    def _return(self, fetch: MessageFetch) -> None:
        """Return a whole fetch, where there are no locks that expire."""
        receipts = [fetch.receipts[row] for row in fetch.pending(0, len(fetch))]
        self._driver.settle(receipts, Outcome.NACK, delay=None, reason=None)
        fetch.mark_pending(LOST)
        self._outstanding.pop(fetch, None)

    def _give_back(self, timeout: float) -> None:
        receipts: list[Any] = []
        for fetch in self._outstanding:
            receipts.extend(compress(fetch.receipts, (not state for state in fetch.states)))
            fetch.mark_pending(NACKED)
        self._outstanding.clear()
        try:
            receipts += self._driver.stop(timeout)
        finally:
            if receipts:
                self._driver.settle(receipts, Outcome.NACK, delay=None, reason=None)


def _too_late(state: int) -> AckFailed:
    """Return the error for acknowledging a message that is returned, rejected or lost."""
    if state == LOST:
        return LockLost(
            "the lock expired before the message was settled; it will be, or was, delivered "
            "again (hold= sets for how long messages are kept, where the system lets locks be extended)"
        )
    word = "returned with nack()" if state == NACKED else "rejected"
    return AckFailed(f"the message was already {word}; it cannot be acknowledged any more")
