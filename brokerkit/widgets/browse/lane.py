"""Work besides the notebook's own: one job at a time, the newest instead of the one before."""

from __future__ import annotations

import threading
from collections.abc import Callable

from brokerkit.core.cancellation import Cancellation
from brokerkit.core.errors import Cancelled

Job = Callable[[Cancellation], None]


class Lane:
    """Runs the job that was given last in a daemon thread of its own, which ends with it.

    A new job cancels the one that is running and begins once that has ended. A job that is cancelled
    may raise Cancelled; anything else it has to deal with itself.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._next: Job | None = None
        self._running: Cancellation | None = None

    def run(self, job: Job) -> None:
        """Have the job done soon, instead of what is running or waiting."""
        with self._changed:
            self._next = job
            if self._running is not None:
                self._running.cancel()
                return
            self._running = Cancellation()
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def stop(self) -> None:
        """Cancel what is running, and forget what is waiting."""
        with self._changed:
            self._next = None
            if self._running is not None:
                self._running.cancel()

    @property
    def busy(self) -> bool:
        return self._running is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is running; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running is None, timeout)

    def _work(self) -> None:
        while True:
            with self._changed:
                job, self._next = self._next, None
                if job is None:
                    self._running = None
                    self._changed.notify_all()
                    return
                cancellation = self._running = Cancellation()
            try:
                job(cancellation)
            except Cancelled:
                continue
            except BaseException:
                with self._changed:
                    self._running = None
                    self._changed.notify_all()
                raise
