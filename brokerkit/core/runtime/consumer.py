"""The portable half of consuming: where the promises about received messages are kept.

A `Consumer` owns a driver and its thread. It fetches only while somebody waits for messages, keeps
what came and was not handed over for the next call, keeps locks alive, settles, and gives back.
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..contract.at_exit import close_at_exit
from ..contract.driver import Backlog, ConsumerDriver, Fetched, Outcome, as_ack_error
from ..vocabulary.arguments import check_count, check_seconds
from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.capabilities import Capabilities
from ..vocabulary.errors import BrokerError, Cancelled, Closed, NotSupported, Unavailable
from ..vocabulary.latch import Latch
from .closing import Closable
from .driver_thread import DriverThread
from .received import Fetch, ReceivedBatch
from .silence import Ending, Silence

FETCH_SLICE = 0.2
"""Seconds that one fetch may wait, so that acknowledgements never wait longer behind it."""
IDLE_SECONDS = 0.5
SETTLE_SECONDS = 30.0
RETRY_SECONDS = 0.2
NEVER = float("inf")

T = TypeVar("T")


class Consumer(Closable):
    """What both models share; use `MessageConsumer` or `RecordConsumer`.

    hold: seconds for which what was handed over is kept ours (None: for ever); acknowledging it
    later raises LockLost. connect_timeout: seconds that attaching may take (None: no limit).
    """

    def __init__(
        self,
        driver: ConsumerDriver,
        *,
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
        self._lock = threading.RLock()
        # a Condition that is interrupted by a signal may be left without its lock: this is a new
        # latch after every change
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

    # What the two models do differently; called by the owner thread only.

    @abstractmethod
    def _chunk(self, fetched: Fetched) -> Fetch:
        """What was fetched, with what is owed for it."""

    @abstractmethod
    def _items(self, held: ReceivedBatch) -> list[Any]:
        """The rows of a batch as message or record objects."""

    @abstractmethod
    def _keep_alive(self) -> float:
        """Extend what is due and let go of what was held too long; when to be called again."""

    @abstractmethod
    def _settle(
        self,
        chunk: Any,
        rows: Sequence[int],
        outcome: Outcome,
        delay: float | None,
        reason: str | None,
    ) -> dict[int, BrokerError]:
        """Settle rows; the errors of those that failed, by row."""

    @abstractmethod
    def _give_back(self) -> None:
        """Return to the broker all that is not settled."""

    # The owner thread.

    def _work(self) -> float:
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
            # what is held is kept alive; for the rest the next caller tries again
            return max(RETRY_SECONDS, self._keep_alive_at - time.monotonic())

    def _announce(self) -> None:
        """Have every waiting caller look again; under the lock."""
        changed, self._changed = self._changed, Latch()
        changed.set()

    def _demand(self) -> tuple[bool, int, float]:
        """Whether anybody waits, how many rows are missing, and how long a fetch may wait for them."""
        with self._lock:
            if self._error is not None or not self._waiters:
                return False, 0, 0.0
            missing = sum(waiter.want for waiter in self._waiters) - sum(map(len, self._buffer))
            wait = min(waiter.deadline.slice(FETCH_SLICE) for waiter in self._waiters)
            return True, max(0, missing), wait

    def _step(self) -> float:
        """Attach, fetch a slice, or stay alive; the seconds until the next step."""
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
        if self._attach_deadline is None:
            self._attach_deadline = Deadline(self._connect_timeout)
        elif self._attach_deadline.passed:
            self._attach_deadline = None
            raise Unavailable(
                f"could not attach to {self.name} within {self._connect_timeout:g} s (connect_timeout=)"
                + (f": {self._trouble}" if self._trouble else ""),
                retryable=False,
            )
        if self._driver.attach(FETCH_SLICE):
            with self._lock:
                self._attached = True
                self._trouble = None
                self._announce()

    def _fetch(self, missing: int, wait: float) -> None:
        fetched = self._driver.fetch(missing, wait)
        self._trouble = None
        if fetched.columns.length:
            self._receive(fetched)
        self._idle_at = time.monotonic() + IDLE_SECONDS
        with self._lock:
            self._fetches += 1
            self._announce()

    def _receive(self, fetched: Fetched) -> None:
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
        """Settle rows of a chunk of this consumer; the errors of those that failed, by row."""
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
        """Wait until messages can flow, `connect_timeout` at most. Reading attaches by itself."""
        self._wait(lambda: self._attached or None, Deadline(None), cancellation, want=0)

    def fetch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> ReceivedBatch | None:
        """What is there now, else what comes first, at most `max_messages`; None when nothing came.

        The timeout counts from being attached. An interrupted call loses nothing: the next one
        hands over the same rows.
        """
        count = check_count(max_messages, "max_messages")
        deadline = Deadline(check_seconds(timeout, "timeout"))
        transit = _Transit()
        try:
            self._wait(lambda: self._take(count, transit), deadline, cancellation, want=count)
        except BaseException:
            self._put_back([transit.held] if transit.held is not None else [])
            raise
        # A signal is only handled around calls: from here to the caller's variable there is none.
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
        cancellation: Cancellation | None = None,
    ) -> list[ReceivedBatch]:
        """Like `fetch`, but waits until there are `max_messages`, or for the timeout.

        window: seconds that it waits for more, counted from the first message. idle: seconds without
        a new one after which it waits no more, once the first has come; where the broker says what there
        is, not before that has come or nothing came for `silence.SILENT_SECONDS`. thorough: the same for
        the first message: the timeout does not end it while there is something. Where no more come while
        some are held, it is what one fetch brought. ending: is told why it ended.
        """
        ending = Ending() if ending is None else ending
        silence = Silence(self.backlog)
        deadline = Deadline(check_seconds(timeout, "timeout"))
        quiet = check_seconds(idle, "idle")
        missing = check_count(max_messages, "max_messages")
        pieces: list[ReceivedBatch] = []
        there: int | None = None
        try:
            while missing:
                patience = deadline.remaining()
                if pieces and quiet is not None:
                    patience = min(patience, quiet)
                held = self.fetch(missing, None if patience == NEVER else patience, cancellation=cancellation)
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
                if window is not None and len(pieces) == 1:
                    deadline = Deadline(window)
                # what comes from now on is left: a trickle would hold this open for ever
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
            # what came is handed over first; the next call meets the failure
            if not error.retryable:
                with self._lock:
                    self._error = self._error or error
        except BaseException:
            self._put_back(pieces)
            raise
        return pieces

    def backlog(self, mark: Any, timeout: float) -> Backlog | None:
        """What is still to come of what there was, see `ConsumerDriver.backlog`. Raises Unavailable."""

        def asked() -> Backlog | None:
            try:
                return self._driver.backlog(mark)
            except Exception as error:
                problem = self._translate(error)
                raise problem from problem.__cause__

        return self._owner.call(asked, timeout=timeout)

    @property
    def waits_for_settling(self) -> bool:
        """Whether nothing comes to who holds messages before these are settled."""
        return not self.capabilities.more_while_held and not self._buffer

    def _next_items(
        self, max_messages: int, timeout: float | None, cancellation: Cancellation | None
    ) -> list[Any]:
        pieces = self.fetch_many(max_messages, timeout, cancellation=cancellation)
        try:
            return [item for held in pieces for item in self._items(held)]
        except BaseException:
            self._put_back(pieces)
            raise

    def _put_back(self, pieces: Sequence[ReceivedBatch]) -> None:
        """Have the next call hand over these again, in their order."""
        with self._lock:
            self._buffer.extendleft(reversed(pieces))
            self._announce()

    def _take(self, count: int, transit: _Transit) -> bool | None:
        """Move the first rows of the buffer into transit; the caller holds the lock."""
        while self._buffer:
            held = self._buffer[0]
            if held.settled:
                self._buffer.popleft()
                continue
            if len(held) > count:
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
        """Wait for `attempt`, which is called under the lock, to bring something; None at the deadline."""
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
                        # said once: the next call tries again
                        error, self._error = self._error, None
                        raise error
                    if not self._attached:
                        waiter.deadline = waiter.deadline.restarted()
                        grace = grace.restarted()
                    # even a timeout of 0 looks once
                    elif waiter.deadline.passed and (self._fetches > fetches_before or grace.passed):
                        if self._trouble is not None:
                            raise self._trouble
                        return None
                    changed = self._changed
                self._owner.nudge()
                changed.wait(max(0.005, waiter.deadline.slice()))
        finally:
            with self._lock:
                self._waiters = [each for each in self._waiters if each is not waiter]

    def _check_open(self) -> None:
        self._owner.check_process()
        if self._closed:
            raise Closed(f"the consumer of {self.name} is closed")

    def begin_close(self, timeout: float) -> None:
        """Have it give back all that is not settled and leave, without waiting for it.

        Deletes no subscription and commits nothing that was not acknowledged.
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
    """A caller that waits: for how many rows, and until when."""

    __slots__ = ("deadline", "want")

    def __init__(self, want: int, deadline: Deadline) -> None:
        self.want = want
        self.deadline = deadline


class _Transit:
    """Rows on their way to a caller, who may be interrupted before they arrive."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: ReceivedBatch | None = None
