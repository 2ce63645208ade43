"""The portable half of consuming, which keeps the promises about received messages.

A `Consumer` owns a driver and its thread. It fetches only while a caller waits for messages, keeps
messages that no caller received for the next call, extends locks, settles messages, and returns to the
broker what is not settled.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from ..contract.ack_errors import as_ack_error
from ..contract.consumer import Backlog, Outcome
from ..vocabulary.arguments import check_count, check_seconds
from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.errors import BrokerError, Cancelled, Closed, NotSupported
from ..vocabulary.freed import freed
from .consumer_thread import FETCH_SLICE, NEVER, ConsumerThread, Waiter
from .received import Fetch, ReceivedBatch
from .silence import Ending, Silence

SETTLE_SECONDS = 30.0

T = TypeVar("T")
Item = TypeVar("Item")
"""What a consumer yields: `Message` or `Record`."""


class Consumer(ConsumerThread, Generic[Item]):
    """The part of a consumer that both models share. Use `MessageConsumer` or `RecordConsumer`.

    The methods here are those of the callers; any thread may use them.
    """

    def settle(
        self,
        fetch: Fetch,
        rows: Sequence[int],
        outcome: Outcome,
        *,
        delay: float | None = None,
        reason: str | None = None,
    ) -> dict[int, BrokerError]:
        """Settle rows of a fetch, and wait for it, 30 seconds at most.

        Args:
            fetch: A fetch of this consumer.
            rows: Rows of the fetch. Nothing is done for rows that are settled already, but acknowledging
                one that was not acknowledged before fails.
            outcome: How they are settled.
            delay: Seconds before a NACK takes effect, where the system can delay it.
            reason: Why they are rejected, where the system keeps a reason.

        Returns:
            The errors of the rows that failed, by row.

        Raises:
            AckFailed: The call to the broker failed for all rows.
            Closed: The consumer is closed.
            NotSupported: The system cannot settle a message so.
            Unavailable: The broker did not answer in time. The call goes on.
        """
        if self._closed:
            raise Closed(f"the consumer of {self.name} is closed; unsettled messages were returned")

        def settled() -> dict[int, BrokerError]:
            try:
                return self._settle(fetch, rows, outcome, delay, reason)
            except NotSupported:
                raise
            except Exception as error:
                problem = as_ack_error(self._translate(error))
                raise problem from problem.__cause__

        return self._driver_thread.call(settled, timeout=SETTLE_SECONDS)

    def attach(self, *, cancellation: Cancellation | None = None) -> None:
        """Wait until messages can flow, `connect_timeout` seconds at most. Reading attaches by itself.

        Raises:
            Unavailable: Attaching took longer than `connect_timeout`.
            NotFound: The topic or the subscription does not exist.
            Cancelled: `cancellation` was cancelled.
            Closed: The consumer is closed.
        """
        self._wait(lambda: self._attached or None, Deadline(None), cancellation, want=0)

    def fetch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> ReceivedBatch | None:
        """Return the messages that are there now, else the first that come.

        An interrupted call loses nothing: the next one returns the same rows.

        Args:
            max_messages: How many rows the batch may have at most.
            timeout: Seconds to wait, counted from when the consumer is attached. None for no limit. With
                0 it still looks once.
            cancellation: Ends the wait from another thread.

        Returns:
            A batch, or None if nothing came.

        Raises:
            Cancelled: `cancellation` was cancelled.
            Closed: The consumer is closed.
            BrokerError: The broker refused, or did not answer until the timeout.
        """
        count = check_count(max_messages, "max_messages")
        deadline = Deadline(check_seconds(timeout, "timeout"))
        return self._moved(count, deadline, cancellation, _Transit())

    def _moved(
        self, count: int, deadline: Deadline, cancellation: Cancellation | None, transit: _Transit
    ) -> ReceivedBatch | None:
        """Wait for the first rows of the buffer, and return them."""
        try:
            self._wait(lambda: self._take(count, transit), deadline, cancellation, want=count)
        except BaseException:
            self._put_back([transit.received] if transit.received is not None else [])
            raise
        # signals are handled around calls only, and there is none from here to the caller's variable
        return transit.received

    def fetch_many(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        window: float | None = None,
        idle: float | None = None,
        thorough: bool = False,
        ending: Ending | None = None,
        max_bytes: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> list[ReceivedBatch]:
        """Return batches with `max_messages` rows in all, or those that came until the timeout.

        On a system that sends no more while messages are unsettled, return what one fetch brought. If an
        error ends the wait after some messages came, return them: the next call raises the error.

        Args:
            max_messages: How many rows the batches have together at most.
            timeout: Seconds to wait, counted from when the consumer is attached. None for no limit.
            window: Seconds to wait for more, counted from the first message. It replaces the timeout.
            idle: Stop after so many seconds without a new message, once the first has come. Where the
                broker says what is left, wait for that, unless nothing came for
                `silence.SILENT_SECONDS`.
            thorough: Apply the rule of `idle` to the first message too: do not stop at the timeout while
                the broker says that messages are left.
            ending: Its `why` is set to the reason why the wait ended.
            max_bytes: How many bytes of keys, payloads and attributes the rows have together at most; a
                larger row is returned alone. None for no limit. The next call returns what did not fit.
            cancellation: Ends the wait from another thread. The next call returns what came.

        Raises:
            Cancelled: `cancellation` was cancelled.
            Closed: The consumer is closed.
            BrokerError: The broker refused, or did not answer until the timeout, and no message came.
        """
        ending = Ending() if ending is None else ending
        silence = Silence(self.backlog)
        deadline = Deadline(check_seconds(timeout, "timeout"))
        quiet = check_seconds(idle, "idle")
        missing = check_count(max_messages, "max_messages")
        room = None if max_bytes is None else check_count(max_bytes, "max_bytes")
        batches: list[ReceivedBatch] = []
        there: int | None = None
        try:
            while missing:
                patience = deadline.remaining()
                if batches and quiet is not None:
                    patience = min(patience, quiet)
                transit = _Transit(room, alone=not batches)
                until = Deadline(None if patience == NEVER else patience)
                received = self._moved(missing, until, cancellation, transit)
                if transit.full:
                    ending.why = f"at max_bytes={max_bytes:,}"
                    break
                if received is None:
                    by_idle = bool(batches) and quiet is not None and not deadline.passed
                    asked = by_idle or (thorough and not batches)
                    if not asked:
                        break
                    why = silence.why(quiet if by_idle else timeout, deadline if by_idle else None)
                    # a fetch that was under way may have brought messages before the question was asked
                    if why is not None and not self._buffer:
                        ending.why = why
                        break
                    if not by_idle:
                        deadline = deadline.restarted()
                    continue
                batches.append(received)
                silence.broken()
                missing -= len(received)
                if room is not None:
                    room = max(0, room - transit.size)
                if window is not None and len(batches) == 1:
                    deadline = Deadline(window)
                # take only what is there now: a trickle of messages would never let this end
                if deadline.passed:
                    there = len(self._buffer) if there is None else there - 1
                    if there <= 0:
                        break
                if self.waits_for_settling:
                    ending.why = "with what one fetch brought"
                    break
            if ending.why is None:
                ending.why = "at the timeout" if missing else f"at {max_messages:,} messages"
        except (Cancelled, Closed):
            self._put_back(batches)
            raise
        except BrokerError as error:
            if not batches:
                raise
            # return what came first; the next call raises the error
            if not error.retryable:
                with freed(self._lock), self._lock:
                    self._error = self._error or error
        except BaseException:
            self._put_back(batches)
            raise
        return batches

    def backlog(self, mark: Any, timeout: float) -> Backlog | None:
        """Ask the driver for its backlog; see `ConsumerDriver.backlog`.

        Raises:
            Unavailable: The broker did not answer within `timeout` seconds.
        """

        def asked() -> Backlog | None:
            try:
                return self._driver.backlog(mark)
            except Exception as error:
                problem = self._translate(error)
                raise problem from problem.__cause__

        return self._driver_thread.call(asked, timeout=timeout)

    @property
    def waits_for_settling(self) -> bool:
        """Whether no more messages come before those that were received are settled."""
        return not self.capabilities.more_while_held and not self._buffer

    @abstractmethod
    def _items(self, received: ReceivedBatch) -> list[Item]:
        """Return the rows of a batch as objects."""

    def _next(self, timeout: float | None, cancellation: Cancellation | None) -> Item | None:
        """Return the next message or record, or None if none came within `timeout` seconds."""
        items = self.next_batch(1, timeout, cancellation=cancellation)
        return items[0] if items else None

    def __iter__(self) -> Iterator[Item]:
        """Iterate over messages or records without end. The caller settles each."""
        while True:
            item = self._next(None, None)
            if item is not None:
                yield item

    def next_batch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> list[Item]:
        """Return `max_messages` messages or records, or those that came within `timeout` seconds.

        Args:
            max_messages: How many to return at most.
            timeout: Seconds to wait. None for no limit.
            cancellation: Ends the wait from another thread.

        Raises:
            Cancelled: `cancellation` was cancelled. The next call returns what came.
            Closed: The consumer is closed.
            BrokerError: The broker refused, or did not answer until the timeout, and nothing came.
        """
        batches = self.fetch_many(max_messages, timeout, cancellation=cancellation)
        try:
            return [item for received in batches for item in self._items(received)]
        except BaseException:
            self._put_back(batches)
            raise

    def _put_back(self, batches: Sequence[ReceivedBatch]) -> None:
        """Put batches back, in their order, for the next call to return."""
        with freed(self._lock), self._lock:
            self._buffer.extendleft(reversed(batches))
            self._announce()

    def _take(self, count: int, transit: _Transit) -> bool | None:
        """Move the first rows of the buffer into `transit`, as far as it has room. The caller holds `_lock`.

        Return true, or None if there are no rows.
        """
        while self._buffer:
            received = self._buffer[0]
            if received.settled:
                self._buffer.popleft()
                continue
            count = transit.fitting(received, count)
            if not count:
                transit.full = True
            elif len(received) > count:
                transit.received, self._buffer[0] = received.split(count)
            else:
                transit.received = received
                self._buffer.popleft()
            return True
        return None

    def _wait(
        self,
        attempt: Callable[[], T | None],
        deadline: Deadline,
        cancellation: Cancellation | None,
        *,
        want: int,
    ) -> T | None:
        """Wait until `attempt` returns something, and return it. Return None at the deadline.

        `attempt` is called with `_lock` held. `want` is how many rows the caller waits for.
        """
        fetches_before = self._fetches
        waiter = Waiter(want, deadline)
        grace = Deadline(2 * FETCH_SLICE)
        try:
            with freed(self._lock), self._lock:
                self._waiters.append(waiter)
            while True:
                with freed(self._lock), self._lock:
                    self._check_open()
                    if cancellation is not None:
                        cancellation.raise_if_cancelled()
                    found = attempt()
                    if found is not None:
                        return found
                    if self._error is not None:
                        # raised once: the next call tries again
                        error, self._error = self._error, None
                        raise error
                    if not self._attached:
                        waiter.deadline = waiter.deadline.restarted()
                        grace = grace.restarted()
                    # a timeout of 0 still looks once
                    elif waiter.deadline.passed and (self._fetches > fetches_before or grace.passed):
                        # the driver's thread may clear it at any moment
                        trouble = self._trouble
                        if trouble is not None:
                            raise trouble
                        return None
                    changed = self._changed
                self._driver_thread.wake()
                changed.wait(max(0.005, waiter.deadline.slice()))
        finally:
            with freed(self._lock), self._lock:
                # a signal may have struck before it was added
                if waiter in self._waiters:
                    self._waiters.remove(waiter)


class _Transit:
    """Rows on their way to a caller that may be interrupted before it has them.

    Args:
        room: How many bytes the rows may have. None for no limit.
        alone: Return a row that is larger than that.

    Attributes:
        full: Whether the next row is too large.
        size: How many bytes the rows have; 0 without `room`.
    """

    __slots__ = ("_alone", "_room", "full", "received", "size")

    def __init__(self, room: int | None = None, *, alone: bool = False) -> None:
        self.received: ReceivedBatch | None = None
        self.full, self.size = False, 0
        self._room = room
        self._alone = alone

    def fitting(self, received: ReceivedBatch, count: int) -> int:
        """Return how many of the first `count` rows of a batch may be moved."""
        if self._room is None:
            return count
        found, self.size = received.fitting(count, self._room)
        if found == min(count, len(received)):
            return count
        if not found and self._alone:
            found, self.size = 1, self._room
        return found
