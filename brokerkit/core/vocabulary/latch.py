"""A one-time event whose wait may be interrupted at any point without leaving it broken."""

from __future__ import annotations

import threading


class Latch:
    """Like `threading.Event`, set once. An Event holds its lock for ever when a signal strikes while
    it is being entered; this one has no Python code between taking and giving back its lock that
    matters."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._is_set = False
        self._setting = threading.Lock()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        with self._setting:
            if not self._is_set:
                self._is_set = True
                self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most `timeout` seconds; tell whether it is."""
        seconds = -1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)
        if not self._is_set and self._lock.acquire(timeout=seconds):
            self._lock.release()
        return self._is_set
