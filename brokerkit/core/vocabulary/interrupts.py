"""Ctrl-C that takes effect only where it can lose nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

PATIENCE_SECONDS = 1.0
"""A second Ctrl-C that comes so much after the first takes effect wherever the program is."""


class Hold:
    """Holds back SIGINT from `begin` on, until a wait of ours, `check_interrupt` or `end`.

    Elsewhere than in the main thread, or inside another hold, it does nothing, as no signal arrives
    there or the outer one holds it.
    """

    _active: Hold | None = None

    def __init__(self) -> None:
        self._previous: Callable[[int, FrameType | None], Any] | None = None
        self._came_at: float | None = None

    def begin(self) -> None:
        """Hold back from now on. Twice is fine."""
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
        """Let what came meanwhile take effect here: raises KeyboardInterrupt, as a rule."""
        if self._came_at is not None and self._previous is not None:
            if threading.current_thread() is not threading.main_thread():
                return
            self._came_at = None
            self._previous(signal.SIGINT, None)

    def restore(self) -> None:
        """Hold nothing back any more; forget what came."""
        if Hold._active is self:
            signal.signal(signal.SIGINT, self._previous)
            Hold._active = None

    def end(self) -> None:
        """Hold nothing back any more; what came takes effect here."""
        self.restore()
        self.deliver()


def check_interrupt() -> None:
    """Let a Ctrl-C that was held back take effect here."""
    hold = Hold._active
    if hold is not None and hold._came_at is not None:
        hold.deliver()
