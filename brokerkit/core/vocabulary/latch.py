"""A one-time event that a signal can interrupt at any point without breaking it."""

from __future__ import annotations

import threading

from .freed import freed


class Latch:
    """An event like `threading.Event` that can be set once and not cleared.

    A signal that strikes while an Event takes its lock may leave the lock taken for ever. Here a waiting
    thread runs no Python code that matters between taking the lock and releasing it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._is_set = False
        self._setting = threading.RLock()

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return self._is_set

    def set(self) -> None:
        """Set it and wake every waiting thread. Setting it twice is fine."""
        with freed(self._setting), self._setting:
            if not self._is_set:
                self._is_set = True
                self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, `timeout` seconds at most. Return whether it is."""
        seconds = -1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)
        if not self._is_set and self._lock.acquire(timeout=seconds):
            self._lock.release()
        return self._is_set
