"""Delaying Ctrl-C until it can take effect without losing messages."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

PATIENCE_SECONDS = 1.0
"""A second Ctrl-C takes effect at once if it comes so much later than the first."""


class Hold:
    """A delay of SIGINT from `begin` until `end`, or a call of `check_interrupt`, as every wait makes.

    In other threads than the main thread it does nothing, because no signal arrives there. Inside another
    hold it does nothing either: the outer one is in force.
    """

    _active: Hold | None = None

    def __init__(self) -> None:
        self._previous: Callable[[int, FrameType | None], Any] | None = None
        self._came_at: float | None = None

    def begin(self) -> None:
        """Delay SIGINT from now on. Calling it twice is fine."""
        if Hold._active is not None or threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGINT)
        if callable(previous):
            self._previous = previous
            Hold._active = self
            signal.signal(signal.SIGINT, self._came)

    def _came(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._came_at is None:
            self._came_at = now
        elif now - self._came_at > PATIENCE_SECONDS:
            self.deliver()

    def deliver(self) -> None:
        """Let a delayed signal take effect here, which usually raises KeyboardInterrupt."""
        if self._came_at is not None and self._previous is not None:
            if threading.current_thread() is not threading.main_thread():
                return
            self._came_at = None
            self._previous(signal.SIGINT, None)

    def restore(self) -> None:
        """Stop the delay, without letting a delayed signal take effect."""
        if Hold._active is self:
            signal.signal(signal.SIGINT, self._previous)
            Hold._active = None

    def end(self) -> None:
        """Stop the delay, and let a delayed signal take effect here."""
        self.restore()
        self.deliver()


def check_interrupt() -> None:
    """Let a delayed Ctrl-C take effect here."""
    hold = Hold._active
    if hold is not None and hold._came_at is not None:
        hold.deliver()
