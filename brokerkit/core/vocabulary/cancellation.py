"""Cancelling a wait from another thread, and deadlines."""

from __future__ import annotations

import time

from .errors import Cancelled
from .interrupts import check_interrupt
from .latch import Latch

WAIT_SLICE = 0.1
"""Seconds that a caller waits at a time, so that Ctrl-C and a `Cancellation` take effect promptly."""


class Cancellation:
    """A switch that cancels every call that was given it: they raise `Cancelled`.

    Any thread may use it. It cannot be reset.
    """

    def __init__(self) -> None:
        self._event = Latch()

    def cancel(self) -> None:
        """Cancel the calls. Cancelling twice is fine."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until `cancel` is called, `timeout` seconds at most. Return whether it was."""
        return self._event.wait(timeout)

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if `cancel` was called."""
        if self._event.is_set():
            raise Cancelled("the call was cancelled")

    def __repr__(self) -> str:
        return f"Cancellation({'cancelled' if self.cancelled else 'not cancelled'})"


class Deadline:
    """A point in time that ends a wait.

    Attributes:
        seconds: The length it was made with. None for no end.
        at: The monotonic time. None for no end.
    """

    __slots__ = ("at", "seconds")

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.at = None if seconds is None else time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds left, never negative. Infinity if there is no end."""
        return float("inf") if self.at is None else max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.at is not None and time.monotonic() >= self.at

    def restarted(self) -> Deadline:
        """Return a deadline of the same length that begins now."""
        return Deadline(self.seconds)

    def slice(self, limit: float = WAIT_SLICE) -> float:
        """Return the seconds to wait now: the time left, `limit` at most. A Ctrl-C takes effect here."""
        check_interrupt()
        return min(self.remaining(), limit)
