"""The portable half of consuming: where the promises about received messages are kept.

A `Consumer` owns a driver and its thread. It fetches only while somebody waits for messages, keeps
what came and was not handed over for the next call, keeps locks alive, settles, and gives back.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

from .arguments import check_count, check_seconds
from .cancellation import Cancellation, Deadline
from .capabilities import Capabilities
from .driver import ConsumerDriver, Fetched, Outcome
from .errors import (
    AbandonedWarning,
    BrokerError,
    Cancelled,
    Closed,
    Unavailable,
)
from .held import Chunk, Held
from .owner import Owner, close_at_exit

FETCH_SLICE = 0.2
"""Seconds that one fetch may wait, so that acknowledgements never wait longer behind it."""
IDLE_SECONDS = 0.5
SETTLE_SECONDS = 30.0
RETRY_SECONDS = 0.2
NEVER = float("inf")

T = TypeVar("T")


class Consumer:
    """What both models share; use `MessageConsumer` or `RecordConsumer`.

    hold: seconds for which what was handed over is kept ours; acknowledging it later raises
    LockLost. connect_timeout: seconds that attaching may take.
    """

    def __init__(
        self,
        driver: ConsumerDriver,
        *,
        name: str,
        capabilities: Capabilities,
        translate: Callable[[BaseException], BrokerError],
        hold: float = 600.0,
        connect_timeout: float = 15.0,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self._hold_seconds = check_seconds(hold, "hold") or 0.0
        self._connect_timeout = check_seconds(connect_timeout, "connect_timeout") or 15.0
        self._driver = driver
        self._translate = translate
        self._lock = threading.RLock()
        # entering a Condition is Python code, in which a signal may strike with the lock taken:
        # the lock itself is entered instead
        self._changed = threading.Condition(self._lock)
        self._buffer: deque[Held] = deque()
        self._outstanding: set[Chunk] = set()
        self._wanted = 0
        self._wait_until: float | None = None
        self._fetches = 0
        self._attached = False
        self._attach_deadline: Deadline | None = None
        self._error: BrokerError | None = None
        self._trouble: BrokerError | None = None
        self._closed = False
        self._keep_alive_at = NEVER
        self._idle_at = 0.0
        self._owner = Owner(f"consumer of {name}", self._work, driver.wake)
        close_at_exit(self)

    # What the two models do differently; called by the owner thread only.

    def _chunk(self, fetched: Fetched) -> Chunk:
        """What was fetched, with what is owed for it."""
        raise NotImplementedError

    def _items(self, held: Held) -> list[Any]:
        """The rows of a batch as message or record objects."""
        raise NotImplementedError

    def _keep_alive(self) -> float:
        """Extend what is due and let go of what was held too long; when to be called again."""
        raise NotImplementedError

    def _settle(
        self,
        chunk: Any,
        rows: Sequence[int],
        outcome: Outcome,
        delay: float | None,
        reason: str | None,
    ) -> dict[int, BrokerError]:
        """Settle rows; the errors of those that failed, by row."""
        raise NotImplementedError

    def _give_back(self) -> None:
        """Return to the broker all that is not settled."""
        raise NotImplementedError

    # The owner thread.

    def _work(self) -> float:
        try:
            return self._step()
        except BaseException as error:
            problem = self._translate(error)
            with self._lock:
                if problem.retryable and self._wanted:
                    self._trouble = problem
                    pause = RETRY_SECONDS
                else:
                    self._error = problem
                    self._wanted = 0
                    pause = NEVER
                self._changed.notify_all()
            return pause

    def _step(self) -> float:
        """Attach, fetch a slice, or stay alive; the seconds until the next step."""
        now = time.monotonic()
        if now >= self._keep_alive_at:
            self._keep_alive_at = NEVER
            self._keep_alive_at = self._keep_alive()
        if self._wanted:
            if not self._attached:
                self._attach()
            else:
                self._fetch()
            return 0.0
        if not self._attached:
            return NEVER
        if now >= self._idle_at:
            self._idle_at = now + IDLE_SECONDS
            self._driver.idle()
        return max(0.0, min(self._keep_alive_at, self._idle_at) - time.monotonic())

    def _attach(self) -> None:
        if self._attach_deadline is None:
            self._attach_deadline = Deadline(self._connect_timeout)
        if self._attach_deadline.passed:
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
                self._changed.notify_all()

    def _fetch(self) -> None:
        until = self._wait_until
        wait = FETCH_SLICE if until is None else min(FETCH_SLICE, max(0.0, until - time.monotonic()))
        fetched = self._driver.fetch(max(1, self._wanted), wait)
        self._trouble = None
        if fetched.columns.length:
            self._receive(fetched)
        with self._lock:
            self._fetches += 1
            self._changed.notify_all()

    def _receive(self, fetched: Fetched) -> None:
        chunk = self._chunk(fetched)
        with self._lock:
            self._outstanding.add(chunk)
            self._buffer.append(Held(chunk, 0, len(chunk)))
            self._wanted = max(0, self._wanted - len(chunk))
            self._changed.notify_all()
        lock = self._driver.lock_seconds
        due = self._hold_seconds if lock is None else min(lock / 3, self._hold_seconds)
        self._keep_alive_at = min(self._keep_alive_at, chunk.received_at + due)

    # Callers.

    def settle(
        self,
        chunk: Chunk,
        rows: Sequence[int],
        outcome: Outcome,
        *,
        delay: float | None = None,
        reason: str | None = None,
    ) -> dict[int, BrokerError]:
        """Settle rows of a chunk of this consumer; the errors of those that failed, by row."""
        if self._closed:
            raise Closed(f"the consumer of {self.name} is closed; what was not settled was given back")
        return self._owner.call(
            lambda: self._settle(chunk, rows, outcome, delay, reason), timeout=SETTLE_SECONDS
        )

    def attach(self, *, cancellation: Cancellation | None = None) -> None:
        """Wait until messages can flow, `connect_timeout` at most. Reading attaches by itself."""
        self._wait(lambda: self._attached or None, Deadline(None), cancellation, want=1)

    def next_held(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> Held | None:
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

    def gather(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        window: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> list[Held]:
        """Like `next_held`, but waits until there are `max_messages`, or for the timeout.

        window: seconds that it waits for more, counted from the first message.
        """
        deadline = Deadline(check_seconds(timeout, "timeout"))
        missing = check_count(max_messages, "max_messages")
        pieces: list[Held] = []
        try:
            while missing:
                held = self.next_held(
                    missing,
                    None if deadline.at is None else deadline.remaining(),
                    cancellation=cancellation,
                )
                if held is None:
                    break
                pieces.append(held)
                missing -= len(held)
                if window is not None and len(pieces) == 1:
                    deadline = Deadline(window)
        except (Cancelled, Closed):
            self._put_back(pieces)
            raise
        except BrokerError:
            if not pieces:
                raise
            # what came is handed over first; a failure that lasts is met by the next call
        except BaseException:
            self._put_back(pieces)
            raise
        return pieces

    def _next_items(
        self, max_messages: int, timeout: float | None, cancellation: Cancellation | None
    ) -> list[Any]:
        pieces = self.gather(max_messages, timeout, cancellation=cancellation)
        try:
            return [item for held in pieces for item in self._items(held)]
        except BaseException:
            self._put_back(pieces)
            raise

    def _put_back(self, pieces: Sequence[Held]) -> None:
        """Have the next call hand over these again, in their order."""
        with self._lock:
            self._buffer.extendleft(reversed(pieces))

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
        grace = Deadline(2 * FETCH_SLICE)
        try:
            with self._lock:
                while True:
                    self._check_open()
                    if cancellation is not None:
                        cancellation.raise_if_cancelled()
                    found = attempt()
                    if found is not None:
                        return found
                    if self._error is not None:
                        error = self._error
                        if error.retryable:
                            self._error = None
                        raise error
                    if not self._attached:
                        deadline = deadline.restarted()
                        grace = grace.restarted()
                    # even a timeout of 0 looks once
                    elif deadline.passed and (self._fetches > fetches_before or grace.passed):
                        if self._trouble is not None:
                            raise self._trouble
                        return None
                    if self._wanted < want:
                        self._wanted = want
                        self._owner.nudge()
                    self._wait_until = deadline.at
                    self._changed.wait(max(0.005, deadline.slice()))
        finally:
            with self._lock:
                self._wanted = 0

    def _check_open(self) -> None:
        self._owner.check_process()
        if self._closed:
            raise Closed(f"the consumer of {self.name} is closed")

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self, timeout: float = 4.0) -> None:
        """Give back all that is not settled, and leave; what hangs is abandoned with a warning.

        Deletes no subscription and commits nothing that was not acknowledged. Closing twice is fine.
        """
        self._owner.check_process()
        with self._lock:
            self._closed = True
            self._wanted = 0
            self._changed.notify_all()
        if not self._owner.stop(lambda: self._shut(timeout), timeout):
            warnings.warn(
                f"closing the consumer of {self.name} took longer than {timeout:g} s and was abandoned",
                AbandonedWarning,
                stacklevel=2,
            )

    def _shut(self, timeout: float) -> None:
        try:
            self._give_back()
        finally:
            self._driver.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        owner = getattr(self, "_owner", None)
        if owner is not None and not owner.stopping:
            owner.end(lambda: self._shut(1.0))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.name}{', closed' if self._closed else ''}>"


class _Transit:
    """Rows on their way to a caller, who may be interrupted before they arrive."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: Held | None = None
