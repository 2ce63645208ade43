"""The driver's half of a consumer: attaching, fetching, keeping alive and leaving, on one thread."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ..contract.at_exit import close_at_exit
from ..contract.consumer import ConsumerDriver, Fetched, Outcome
from ..vocabulary.arguments import check_seconds
from ..vocabulary.cancellation import Deadline
from ..vocabulary.capabilities import Capabilities
from ..vocabulary.errors import BrokerError, Closed, Unavailable
from ..vocabulary.freed import freed
from ..vocabulary.latch import Latch
from .closing import Closable
from .driver_thread import DriverThread
from .received import Fetch, ReceivedBatch
from .subscribing import Subscribing

FETCH_SLICE = 0.2
"""Seconds that one fetch may wait, because acknowledgements wait behind it."""
IDLE_SECONDS = 0.5
CREATE_SECONDS = 30.0
RETRY_SECONDS = 0.2
NEVER = float("inf")


class Waiter:
    """A waiting caller: how many rows it wants, and until when."""

    __slots__ = ("deadline", "want")

    def __init__(self, want: int, deadline: Deadline) -> None:
        self.want = want
        self.deadline = deadline


class ConsumerThread(Closable):
    """The state of a consumer, and what the driver's thread does with it.

    It attaches and fetches while a caller waits for messages, extends locks, and keeps the connection alive.

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

    Attributes:
        earlier: How many of the messages received so far are earlier than the time given as `start`, since a
            subscription begins at a place: at the first message of that time or later, and messages with
            earlier times may be stored behind it. 0 for another `start`.

    Args:
        driver: Makes the calls to the client library.
        subscribing: Attaches the driver, and creates its subscription if that is asked for.
        name: Names the consumer in errors.
        capabilities: The capabilities for the model of the consumer.
        translate: Makes a `BrokerError` of any exception of the driver.
        hold: Seconds for which messages stay reserved after they were received. None for no limit.
            Acknowledging one later raises LockLost.
        connect_timeout: Seconds that attaching may take. None for no limit.
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
        received = check_seconds(hold, "hold")
        self._hold_seconds = NEVER if received is None else received
        self._connect_timeout = check_seconds(connect_timeout, "connect_timeout")
        self._driver = driver
        self._translate = translate
        self._subscribing = subscribing
        self.earlier = 0
        self._lock = threading.RLock()
        # a new latch after every change: a Condition that a signal interrupts may be left without its lock
        self._changed = Latch()
        self._buffer: deque[ReceivedBatch] = deque()
        # in the order in which they were received
        self._outstanding: dict[Fetch, None] = {}
        self._waiters: list[Waiter] = []
        self._fetches = 0
        self._attached = False
        self._attach_deadline: Deadline | None = None
        self._error: BrokerError | None = None
        self._trouble: BrokerError | None = None
        self._keep_alive_at = NEVER
        self._idle_at = 0.0
        self._driver_thread = DriverThread(f"consumer of {name}", self._work, driver.wake)
        close_at_exit(self)

    # The two models differ in these; called by the driver's thread only.

    @abstractmethod
    def _as_fetch(self, fetched: Fetched) -> Fetch:
        """Wrap what the driver fetched, with the state of each row."""

    @abstractmethod
    def _keep_alive(self) -> float:
        """Extend locks that are due, and return messages that were held too long.

        Return the monotonic time of the next call.
        """

    @abstractmethod
    def _settle(
        self,
        fetch: Any,
        rows: Sequence[int],
        outcome: Outcome,
        delay: float | None,
        reason: str | None,
    ) -> dict[int, BrokerError]:
        """Settle rows. Return the errors of those that failed, by row."""

    @abstractmethod
    def _give_back(self, timeout: float) -> None:
        """Return all messages to the broker that are not settled. Stopping may take `timeout` seconds."""

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
            with freed(self._lock), self._lock:
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
        with freed(self._lock), self._lock:
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
            with freed(self._lock), self._lock:
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
        with freed(self._lock), self._lock:
            self._fetches += 1
            self._announce()

    def _receive(self, fetched: Fetched) -> None:
        """Put what was fetched into the buffer, and set when its locks are due."""
        fetch = self._as_fetch(fetched)
        since = self._subscribing.since
        if since is not None:
            times = fetched.columns.values("publish_time")
            self.earlier += sum(each is not None and each < since for each in times)
        lock = self._driver.lock_seconds
        due = self._hold_seconds if lock is None else min(lock / 3, self._hold_seconds)
        self._keep_alive_at = min(self._keep_alive_at, fetch.received_at + due)
        with freed(self._lock), self._lock:
            self._outstanding[fetch] = None
            self._buffer.append(ReceivedBatch(fetch, 0, len(fetch)))

    def _check_open(self) -> None:
        """Raise Closed if the consumer is closed, or used in a forked child."""
        self._driver_thread.check_process()
        if self._closed:
            raise Closed(f"the consumer of {self.name} is closed")

    def begin_close(self, timeout: float) -> None:
        """Start to return all that is not settled and to leave, without waiting for it.

        Delete no subscription, and commit nothing that was not acknowledged.
        """
        super().begin_close(timeout)
        with freed(self._lock), self._lock:
            self._announce()

    def _leave(self, timeout: float) -> None:
        deadline = Deadline(timeout)
        try:
            self._give_back(timeout / 2)
        finally:
            self._driver.close(max(0.1, deadline.remaining()))
