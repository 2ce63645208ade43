"""Cancelling a wait from another thread."""

from __future__ import annotations

import time

from .errors import Cancelled
from .interrupts import check_interrupt
from .latch import Latch

WAIT_SLICE = 0.1
"""Seconds a caller waits at a time, so that Ctrl-C and a `Cancellation` are seen promptly."""


class Cancellation:
    """A switch that any thread may trip once; every call that was given it then raises `Cancelled`."""

    def __init__(self) -> None:
        self._event = Latch()

    def cancel(self) -> None:
        """Trip it. Tripping it twice is fine."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is tripped, at most `timeout` seconds. Tell whether it is."""
        return self._event.wait(timeout)

    def raise_if_cancelled(self) -> None:
        if self._event.is_set():
            raise Cancelled("the call was cancelled")

    def __repr__(self) -> str:
        return f"Cancellation({'cancelled' if self.cancelled else 'not cancelled'})"


class Deadline:
    """A point in time to wait for; `None` seconds never end."""

    __slots__ = ("at", "seconds")

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.at = None if seconds is None else time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never negative; infinity without an end."""
        return float("inf") if self.at is None else max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        return self.at is not None and time.monotonic() >= self.at

    def restarted(self) -> Deadline:
        """A deadline of the same length that begins now."""
        return Deadline(self.seconds)

    def slice(self, most: float = WAIT_SLICE) -> float:
        """Seconds to wait now: what is left, at most one slice. An interrupt takes effect here."""
        check_interrupt()
        return min(self.remaining(), most)
