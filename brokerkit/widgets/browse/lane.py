"""Work besides the notebook's own: one job at a time, the newest instead of the one before."""

from __future__ import annotations

import threading
from collections.abc import Callable

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import Cancelled

Job = Callable[[Cancellation], None]


class Lane:
    """Runs the job that was given last in a daemon thread of its own, which ends with it.

    A new job cancels the one that is running, takes the place of one that waits, and begins once
    that has ended. A job learns of its cancellation, even before it begins, and may raise Cancelled;
    anything else it has to deal with itself.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._waiting: tuple[Job, Cancellation] | None = None
        self._running: Cancellation | None = None

    def run(self, job: Job) -> None:
        """Have the job done soon, instead of what is running or waiting."""
        with self._changed:
            self._waiting = job, Cancellation()
            if self._running is not None:
                self._running.cancel()
                return
            self._running = self._waiting[1]
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def stop(self) -> None:
        """Cancel what is running and what is waiting."""
        with self._changed:
            if self._running is not None:
                self._running.cancel()
            if self._waiting is not None:
                self._waiting[1].cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is running; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running is None, timeout)

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._waiting is None:
                    return self._end()
                job, self._running = self._waiting
                self._waiting = None
            try:
                job(self._running)
            except Cancelled:
                continue
            except BaseException:
                self._end()
                raise

    def _end(self) -> None:
        with self._changed:
            self._running = None
            self._changed.notify_all()
