"""Following the end of a topic from a thread of its own, over interruptions of the broker."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Literal

from brokerkit.core.vocabulary.cancellation import Cancellation, Deadline
from brokerkit.core.vocabulary.errors import BrokerError, Cancelled, Closed, NotFound
from brokerkit.core.vocabulary.latch import Latch
from brokerkit.session.read.following import Found, LookFailed, TopicReader

State = Literal["following", "paused", "waiting", "stopped"]

INTERVAL = 0.5
DROPPED_SECONDS = 0.5
"""Seconds between two checks whether the receiver still exists."""
LONGEST_WAIT = 5.0


class ReadLoop:
    """A daemon thread that looks again and again, over interruptions of the broker, until it is stopped.

    The callbacks are bound methods. The thread does not keep their object alive, and ends soon after the
    object is gone.

    Args:
        on_found: Called in that thread with the rows of each look and the time since the look before.
        on_state: Called in that thread after each change of `state`, `problem` or `waiting_messages`.
    """

    def __init__(
        self,
        follower: TopicReader,
        *,
        on_found: Callable[[Found, float], None],
        on_state: Callable[[], None],
        name: str,
        interval: float = INTERVAL,
    ) -> None:
        self.state: State = "following"
        self.problem: BrokerError | None = None
        self.why_stopped: str | None = None
        self.waiting_messages = 0
        self._reader = follower
        self._on_found = weakref.WeakMethod(on_found)
        self._on_state = weakref.WeakMethod(on_state)
        self._interval = interval
        self._paused = False
        self._changes: list[Callable[[TopicReader], Iterable[str]]] = []
        self._stop = Cancellation()
        self._wake = Latch()
        self._last_look = time.monotonic()
        self._out_since: datetime | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, why: str) -> None:
        """Stop soon, without waiting. The first reason stays."""
        if self.why_stopped is None:
            self.why_stopped = why
            self._stop.cancel()
            self._wake.set()

    def join(self, timeout: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def paused(self) -> bool:
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._paused = value
        self._wake.set()

    def change(self, action: Callable[[TopicReader], Iterable[str]]) -> None:
        """Call `action` with the follower between two looks; the texts it returns become notes."""
        self._changes.append(action)
        self._wake.set()

    def _run(self) -> None:
        delay = self._interval
        while not self._stop.cancelled:
            self._wait(delay)
            if self._stop.cancelled:
                break
            began = time.monotonic()
            delay = self._step(delay)
            # look less often if the broker answers slowly
            delay = max(delay, min(LONGEST_WAIT, 2 * (time.monotonic() - began)))
        self._set("stopped", self.problem)

    def _wait(self, delay: float) -> None:
        """Wait until the next look, a change, or the end of the receiver."""
        deadline = Deadline(delay)
        # the end of the receiver does not wake it: a finalizer may run at any point
        while not self._wake.wait(deadline.slice(DROPPED_SECONDS)) and not deadline.passed:
            if self._on_state() is None:
                break
        self._wake = Latch()
        if self._on_state() is None:
            self.stop("it was dropped")

    def _step(self, delay: float) -> float:
        """Look once, or try to; return the seconds until the next look."""
        try:
            notes = self._apply_changes()
            if self._paused:
                self.waiting_messages = self._reader.behind()
                self._set("paused", None)
                return max(self._interval, 1.0)
            found = self._reader.look(self._stop)
        except LookFailed as failed:
            self._hand_over(failed.partial, [])
            return self._failed(failed.error, delay)
        except BrokerError as error:
            return self._failed(error, delay)
        except TimeoutError as error:
            return self._failed(BrokerError(str(error) or "the broker did not answer", retryable=True), delay)
        except Exception as error:  # the thread must end with a reason for the user
            self._give_up(BrokerError(f"{type(error).__name__}: {error}"))
            return delay
        self._hand_over(found, [*notes, *self._back_again()])
        self.waiting_messages = 0
        self._set("following", None)
        return 0.0 if found.more else self._interval

    def _apply_changes(self) -> list[str]:
        notes: list[str] = []
        while self._changes:
            notes.extend(self._changes[0](self._reader))
            self._changes.pop(0)
        return notes

    def _hand_over(self, found: Found, notes: list[str]) -> None:
        now = time.monotonic()
        found.notes[:0] = notes
        if found.came or found.notes:
            tell = self._on_found()
            if tell is not None:
                tell(found, now - self._last_look)
        self._last_look = now

    def _failed(self, error: BrokerError, delay: float) -> float:
        if isinstance(error, Cancelled):
            return delay
        if isinstance(error, Closed):
            self.stop("the session was closed")
            return delay
        if not (error.retryable or isinstance(error, NotFound)):
            self._give_up(error)
            return delay
        if self._out_since is None:
            self._out_since = datetime.now(UTC)
            delay = self._interval
        self._set("waiting", error)
        return min(LONGEST_WAIT, 1.5 * delay)

    def _give_up(self, error: BrokerError) -> None:
        self.problem = error
        self.stop("it failed")

    def _back_again(self) -> list[str]:
        if self._out_since is None:
            return []
        since, until = self._out_since, datetime.now(UTC)
        self._out_since = None
        gone = isinstance(self.problem, NotFound)
        what = "The topic was gone" if gone else "The broker could not be reached"
        seconds = max(1, round((until - since).total_seconds()))
        return [
            f"{what} from {since:%H:%M:%S} to {until:%H:%M:%S} UTC ({seconds:,} s). "
            "Reading continued where it had stopped."
        ]

    def _set(self, state: State, problem: BrokerError | None) -> None:
        self.state, self.problem = state, problem
        tell = self._on_state()
        if tell is not None:
            tell()
