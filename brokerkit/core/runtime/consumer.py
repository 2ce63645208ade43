"""The portable half of consuming, which keeps the promises about received messages.

A `Consumer` owns a driver and its thread. It fetches only while a caller waits for messages, keeps
messages that no caller received for the next call, extends locks, settles messages, and returns to the
broker what is not settled.
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..contract.ack_errors import as_ack_error
from ..contract.at_exit import close_at_exit
from ..contract.driver import Backlog, ConsumerDriver, Fetched, Outcome
from ..vocabulary.arguments import check_count, check_seconds
from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.capabilities import Capabilities
from ..vocabulary.errors import BrokerError, Cancelled, Closed, NotSupported, Unavailable
from ..vocabulary.latch import Latch
from .closing import Closable
from .driver_thread import DriverThread
from .received import Fetch, ReceivedBatch
from .silence import Ending, Silence
from .subscribing import Subscribing

FETCH_SLICE = 0.2
"""Seconds that one fetch may wait, because acknowledgements wait behind it."""
IDLE_SECONDS = 0.5
CREATE_SECONDS = 30.0
SETTLE_SECONDS = 30.0
RETRY_SECONDS = 0.2
NEVER = float("inf")

T = TypeVar("T")


class Consumer(Closable):
    """The part of a consumer that both models share. Use `MessageConsumer` or `RecordConsumer`.

    Threads
        Only the driver's thread calls `_driver`, except for `ConsumerDriver.wake`. Only this thread uses
        `_outstanding`, `_attach_deadline`, `_keep_alive_at` and `_idle_at`, and only this thread changes
        the state of a `Fetch`. It alone writes `_attached`, `_fetches` and `_trouble`; callers read them.

    Locks
        `_lock` guards what both sides use: `_buffer`, `_waiters`, `_error` and `_changed`. It is held for
        short steps, never while the driver is called or waited for, and never together with the lock of
        the `DriverThread`.

        `fetch_many` and `waits_for_settling` read the length of `_buffer` without `_lock`. That is safe: the
        length of a deque is read atomically, and it only decides whether to go on, never which rows are
        taken. That is for `_take`, under `_lock`. If the length was out of date, a batch stays in the
        buffer for the next call, or the next `fetch` finds no batch and ends at its deadline.

    Order of locks
        `close` waits for the driver's thread. Its caller may hold a lock of its own, which is then taken
        first: `Batches.release` closes the consumer while it holds `Batches._lock`. So code that holds
        `_lock`, or runs on the driver's thread, must never take a lock of a caller.

    Args:
        driver: makes the calls to the client library.
        subscribing: attaches the driver, and creates its subscription if that is asked for.
        name: names the consumer in errors.
        capabilities: the capabilities for the model of the consumer.
        translate: makes a `BrokerError` of any exception of the driver.
        hold: seconds for which messages stay reserved after they were received. None for no limit.
            Acknowledging one later raises LockLost.
        connect_timeout: seconds that attaching may take. None for no limit.
    """

    def __init__(
        self,
        driver: ConsumerDriver,
        *,
        subscribing: Subscribing,
        name: str,
        capabilities: Capabilities,
        translate: Callable[[BaseException], BrokerError],
        hold: float | None = 600.0,
        connect_timeout: float | None = 15.0,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        held = check_seconds(hold, "hold")
        self._hold_seconds = NEVER if held is None else held
        self._connect_timeout = check_seconds(connect_timeout, "connect_timeout")
        self._driver = driver
        self._translate = translate
        self._subscribing = subscribing
        self._lock = threading.RLock()
        # a new latch after every change: a Condition that a signal interrupts may be left without its lock
        self._changed = Latch()
        self._buffer: deque[ReceivedBatch] = deque()
        self._outstanding: set[Fetch] = set()
        self._waiters: list[_Waiter] = []
        self._fetches = 0
        self._attached = False
        self._attach_deadline: Deadline | None = None
        self._error: BrokerError | None = None
        self._trouble: BrokerError | None = None
        self._keep_alive_at = NEVER
        self._idle_at = 0.0
        self._owner = DriverThread(f"consumer of {name}", self._work, driver.wake)
        close_at_exit(self)

    # The two models differ in these; called by the driver's thread only.

    @abstractmethod
    def _chunk(self, fetched: Fetched) -> Fetch:
        """Wrap what the driver fetched, with the state of each row."""

    @abstractmethod
    def _items(self, held: ReceivedBatch) -> list[Any]:
        """Return the rows of a batch as `Message` or `Record` objects."""

    @abstractmethod
    def _keep_alive(self) -> float:
        """Extend locks that are due, and return messages that were held too long.

        Return the monotonic time of the next call.
        """

    @abstractmethod
    def _settle(
        self,
        chunk: Any,
        rows: Sequence[int],
        outcome: Outcome,
        delay: float | None,
        reason: str | None,
    ) -> dict[int, BrokerError]:
        """Settle rows. Return the errors of those that failed, by row."""

    @abstractmethod
    def _give_back(self) -> None:
        """Return all messages to the broker that are not settled."""

    # The driver's thread.

    def _work(self) -> float:
        """Do one step. After an error, keep it for the callers, and return when to try again."""
        try:
            return self._step()
        except BaseException as error:
            problem = self._translate(error)
            if problem.retryable:
                self._trouble = problem
                return RETRY_SECONDS
            with self._lock:
                self._error = problem
                self._announce()
            # locks are still extended; everything else waits for the next caller
            return max(RETRY_SECONDS, self._keep_alive_at - time.monotonic())

    def _announce(self) -> None:
        """Wake every waiting caller to look again. The caller holds `_lock`."""
        changed, self._changed = self._changed, Latch()
        changed.set()

    def _demand(self) -> tuple[bool, int, float]:
        """Return whether a caller waits, how many rows are missing, and how long a fetch may wait."""
        with self._lock:
            if self._error is not None or not self._waiters:
                return False, 0, 0.0
            missing = sum(waiter.want for waiter in self._waiters) - sum(map(len, self._buffer))
            wait = min(waiter.deadline.slice(FETCH_SLICE) for waiter in self._waiters)
            return True, max(0, missing), wait

    def _step(self) -> float:
        """Attach, fetch, or keep the connection alive. Return the seconds until the next step."""
        now = time.monotonic()
        if now >= self._keep_alive_at:
            self._keep_alive_at = now + RETRY_SECONDS
            self._keep_alive_at = self._keep_alive()
        awaited, missing, wait = self._demand()
        if not self._attached:
            if awaited:
                self._attach()
                return 0.0
            self._attach_deadline = None
            return NEVER
        if missing:
            self._fetch(missing, wait)
            return 0.0
        if now >= self._idle_at:
            self._idle_at = now + IDLE_SECONDS
            self._driver.idle()
        return max(0.0, min(self._keep_alive_at, self._idle_at) - time.monotonic())

    def _attach(self) -> None:
        """Do a step of attaching. Raise Unavailable after `connect_timeout` seconds."""
        if self._attach_deadline is None:
            self._attach_deadline = Deadline(self._connect_timeout)
        elif self._attach_deadline.passed:
            self._attach_deadline = None
            raise Unavailable(
                f"could not attach to {self.name} within {self._connect_timeout:g} s (connect_timeout=)"
                + (f": {self._trouble}" if self._trouble else ""),
                retryable=False,
            )
        timeout = max(0.1, min(self._attach_deadline.remaining(), CREATE_SECONDS))
        if self._subscribing.attach(FETCH_SLICE, timeout):
            with self._lock:
                self._attached = True
                self._trouble = None
                self._announce()

    def _fetch(self, missing: int, wait: float) -> None:
        """Fetch once, and wake the callers."""
        fetched = self._driver.fetch(missing, wait)
        self._trouble = None
        if fetched.columns.length:
            self._receive(fetched)
        self._idle_at = time.monotonic() + IDLE_SECONDS
        with self._lock:
            self._fetches += 1
            self._announce()

    def _receive(self, fetched: Fetched) -> None:
        """Put what was fetched into the buffer, and set when its locks are due."""
        chunk = self._chunk(fetched)
        lock = self._driver.lock_seconds
        due = self._hold_seconds if lock is None else min(lock / 3, self._hold_seconds)
        self._keep_alive_at = min(self._keep_alive_at, chunk.received_at + due)
        with self._lock:
            self._outstanding.add(chunk)
            self._buffer.append(ReceivedBatch(chunk, 0, len(chunk)))

    # Callers.

    def settle(
        self,
        chunk: Fetch,
        rows: Sequence[int],
        outcome: Outcome,
        *,
        delay: float | None = None,
        reason: str | None = None,
    ) -> dict[int, BrokerError]:
        """Settle rows of a fetch, and wait for it, 30 seconds at most.

        Args:
            chunk: a fetch of this consumer.
            rows: rows of the fetch. Nothing is done for rows that are settled already, but acknowledging
                one that was not acknowledged before fails.
            outcome: how they are settled.
            delay: seconds before a NACK takes effect, where the system can delay it.
            reason: why they are rejected, where the system keeps a reason.

        Returns:
            The errors of the rows that failed, by row.

        Raises:
            AckFailed: the call to the broker failed for all rows.
            Closed: the consumer is closed.
            NotSupported: the system cannot settle a message so.
            Unavailable: the broker did not answer in time. The call goes on.
        """
        if self._closed:
            raise Closed(f"the consumer of {self.name} is closed; what was not settled was given back")

        def settled() -> dict[int, BrokerError]:
            try:
                return self._settle(chunk, rows, outcome, delay, reason)
            except NotSupported:
                raise
            except Exception as error:
                problem = as_ack_error(self._translate(error))
                raise problem from problem.__cause__

        return self._owner.call(settled, timeout=SETTLE_SECONDS)

    def attach(self, *, cancellation: Cancellation | None = None) -> None:
        """Wait until messages can flow, `connect_timeout` seconds at most. Reading attaches by itself.

        Raises:
            Unavailable: attaching took longer than `connect_timeout`.
            NotFound: the topic or the subscription does not exist.
            Cancelled: `cancellation` was cancelled.
            Closed: the consumer is closed.
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
            max_messages: how many rows the batch may have at most.
            timeout: seconds to wait, counted from when the consumer is attached. None for no limit. With
                0 it still looks once.
            cancellation: ends the wait from another thread.

        Returns:
            A batch, or None if nothing came.

        Raises:
            Cancelled: `cancellation` was cancelled.
            Closed: the consumer is closed.
            BrokerError: the broker refused, or did not answer until the timeout.
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
            self._put_back([transit.held] if transit.held is not None else [])
            raise
        # signals are handled around calls only, and there is none from here to the caller's variable
        return transit.held

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
            max_messages: how many rows the batches have together at most.
            timeout: seconds to wait, counted from when the consumer is attached. None for no limit.
            window: seconds to wait for more, counted from the first message. It replaces the timeout.
            idle: stop after so many seconds without a new message, once the first has come. Where the
                broker says what is left, wait for that, unless nothing came for
                `silence.SILENT_SECONDS`.
            thorough: apply the rule of `idle` to the first message too: do not stop at the timeout while
                the broker says that messages are left.
            ending: its `why` is set to the reason why the wait ended.
            max_bytes: how many bytes of keys, payloads and attributes the rows have together at most; a
                larger row is returned alone. None for no limit. The next call returns what did not fit.
            cancellation: ends the wait from another thread. The next call returns what came.

        Raises:
            Cancelled: `cancellation` was cancelled.
            Closed: the consumer is closed.
            BrokerError: the broker refused, or did not answer until the timeout, and no message came.
        """
        ending = Ending() if ending is None else ending
        silence = Silence(self.backlog)
        deadline = Deadline(check_seconds(timeout, "timeout"))
        quiet = check_seconds(idle, "idle")
        missing = check_count(max_messages, "max_messages")
        room = None if max_bytes is None else check_count(max_bytes, "max_bytes")
        pieces: list[ReceivedBatch] = []
        there: int | None = None
        try:
            while missing:
                patience = deadline.remaining()
                if pieces and quiet is not None:
                    patience = min(patience, quiet)
                transit = _Transit(room, alone=not pieces)
                until = Deadline(None if patience == NEVER else patience)
                held = self._moved(missing, until, cancellation, transit)
                if transit.full:
                    ending.why = f"at max_bytes={max_bytes:,}"
                    break
                if held is None:
                    by_idle = bool(pieces) and quiet is not None and not deadline.passed
                    asked = by_idle or (thorough and not pieces)
                    if not asked:
                        break
                    ending.why = silence.why(quiet if by_idle else timeout, deadline if by_idle else None)
                    if ending.why is not None:
                        break
                    if not by_idle:
                        deadline = deadline.restarted()
                    continue
                pieces.append(held)
                silence.broken()
                missing -= len(held)
                if room is not None:
                    room = max(0, room - held.nbytes)
                if window is not None and len(pieces) == 1:
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
            self._put_back(pieces)
            raise
        except BrokerError as error:
            if not pieces:
                raise
            # return what came first; the next call raises the error
            if not error.retryable:
                with self._lock:
                    self._error = self._error or error
        except BaseException:
            self._put_back(pieces)
            raise
        return pieces

    def backlog(self, mark: Any, timeout: float) -> Backlog | None:
        """Ask the driver for its backlog; see `ConsumerDriver.backlog`.

        Raises:
            Unavailable: the broker did not answer within `timeout` seconds.
        """

        def asked() -> Backlog | None:
            try:
                return self._driver.backlog(mark)
            except Exception as error:
                problem = self._translate(error)
                raise problem from problem.__cause__

        return self._owner.call(asked, timeout=timeout)

    @property
    def waits_for_settling(self) -> bool:
        """Whether no more messages come before those that were received are settled."""
        return not self.capabilities.more_while_held and not self._buffer

    def _next_items(
        self, max_messages: int, timeout: float | None, cancellation: Cancellation | None
    ) -> list[Any]:
        """Return messages or records of `fetch_many`. If that is interrupted, put all back."""
        pieces = self.fetch_many(max_messages, timeout, cancellation=cancellation)
        try:
            return [item for held in pieces for item in self._items(held)]
        except BaseException:
            self._put_back(pieces)
            raise

    def _put_back(self, pieces: Sequence[ReceivedBatch]) -> None:
        """Put batches back, in their order, for the next call to return."""
        with self._lock:
            self._buffer.extendleft(reversed(pieces))
            self._announce()

    def _take(self, count: int, transit: _Transit) -> bool | None:
        """Move the first rows of the buffer into `transit`, as far as it has room. The caller holds `_lock`.

        Return true, or None if there are no rows.
        """
        while self._buffer:
            held = self._buffer[0]
            if held.settled:
                self._buffer.popleft()
                continue
            count = transit.most(held, count)
            if not count:
                transit.full = True
            elif len(held) > count:
                transit.held, self._buffer[0] = held.split(count)
            else:
                transit.held = held
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
        waiter = _Waiter(want, deadline)
        grace = Deadline(2 * FETCH_SLICE)
        try:
            with self._lock:
                self._waiters.append(waiter)
            while True:
                with self._lock:
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
                self._owner.nudge()
                changed.wait(max(0.005, waiter.deadline.slice()))
        finally:
            with self._lock:
                self._waiters = [each for each in self._waiters if each is not waiter]

    def _check_open(self) -> None:
        """Raise Closed if the consumer is closed, or used in a forked child."""
        self._owner.check_process()
        if self._closed:
            raise Closed(f"the consumer of {self.name} is closed")

    def begin_close(self, timeout: float) -> None:
        """Start to return all that is not settled and to leave, without waiting for it.

        Delete no subscription, and commit nothing that was not acknowledged.
        """
        super().begin_close(timeout)
        with self._lock:
            self._announce()

    def _leave(self, timeout: float) -> None:
        deadline = Deadline(timeout)
        try:
            self._give_back()
        finally:
            self._driver.close(max(0.1, deadline.remaining()))


class _Waiter:
    """A waiting caller: how many rows it wants, and until when."""

    __slots__ = ("deadline", "want")

    def __init__(self, want: int, deadline: Deadline) -> None:
        self.want = want
        self.deadline = deadline


class _Transit:
    """Rows on their way to a caller that may be interrupted before it has them.

    Args:
        room: how many bytes the rows may have. None for no limit.
        alone: return a row that is larger than that.

    Attributes:
        full: whether the next row is too large.
    """

    __slots__ = ("_alone", "_room", "full", "held")

    def __init__(self, room: int | None = None, *, alone: bool = False) -> None:
        self.held: ReceivedBatch | None = None
        self.full = False
        self._room = room
        self._alone = alone

    def most(self, held: ReceivedBatch, count: int) -> int:
        """Return how many of the first `count` rows of a batch may be moved."""
        if self._room is None:
            return count
        fitting = held.fitting(count, self._room)
        if fitting == min(count, len(held)):
            return count
        return max(fitting, 1 if self._alone else 0)
