"""Daemon threads that can be waited for when Ctrl-C interrupts the wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from ..vocabulary.cancellation import Deadline


class Background(threading.Thread):
    """A daemon thread that reports its own end.

    A `Thread.join` that Ctrl-C interrupts marks a running thread as ended (Python 3.11 and 3.12),
    so it is never used to wait.
    """

    def __init__(self, work: Callable[[], object], name: str) -> None:
        super().__init__(name=f"brokerkit {name}", daemon=True)
        self._work = work
        self._over = threading.Event()

    def run(self) -> None:
        try:
            self._work()
        finally:
            # what the work refers to may be waiting to be collected
            del self._work
            self._over.set()

    def over(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for its end. Return whether it has ended, or never started."""
        return self.ident is None or self._over.wait(timeout)


def joined(threads: Sequence[Background], timeout: float | None) -> bool:
    """Wait at most `timeout` seconds until all threads have ended. Return whether they have."""
    deadline = Deadline(timeout)
    for thread in threads:
        while not thread.over(deadline.slice()):
            if deadline.passed:
                return False
        if thread.ident is not None:
            thread.join()
    return True
