"""Background jobs, one at a time of each kind: a new job replaces the running or pending one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from brokerkit.core.vocabulary.cancellation import Cancellation, Deadline
from brokerkit.core.vocabulary.errors import Cancelled
from brokerkit.core.vocabulary.freed import freed
from brokerkit.core.vocabulary.latch import Latch

Job = Callable[[Cancellation], None]


class LatestOnlyWorker:
    """A runner of background jobs, one at a time, each in a daemon thread that ends with it.

    A new job cancels the running one, replaces the pending one, and starts when the running one has ended. A
    job is told of its cancellation, even before it starts, and may raise Cancelled. It must handle all other
    errors.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.RLock()
        self._ended = Latch()
        self._waiting: tuple[Job, Cancellation] | None = None
        self._running: Cancellation | None = None

    def run(self, job: Job) -> None:
        """Run the job soon; it replaces the running or pending one."""
        with freed(self._lock), self._lock:
            self._waiting = job, Cancellation()
            if self._running is not None:
                self._running.cancel()
                return
            self._running = self._waiting[1]
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def stop(self) -> None:
        """Cancel the running and the pending job."""
        with freed(self._lock), self._lock:
            if self._running is not None:
                self._running.cancel()
            if self._waiting is not None:
                self._waiting[1].cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no job is running; return whether that is so."""
        deadline = Deadline(timeout)
        while True:
            with freed(self._lock), self._lock:
                if self._running is None:
                    return True
                ended = self._ended
            if deadline.passed:
                return False
            ended.wait(deadline.slice())

    def _work(self) -> None:
        while True:
            with freed(self._lock), self._lock:
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
        with freed(self._lock), self._lock:
            self._running = None
            ended, self._ended = self._ended, Latch()
        ended.set()


class Workers:
    """A worker for each of these names, which its thread bears with the name of `owner`."""

    def __init__(self, names: Iterable[str], owner: str) -> None:
        self._workers = {name: LatestOnlyWorker(f"{name} of {owner}") for name in names}

    def __getitem__(self, name: str) -> LatestOnlyWorker:
        return self._workers[name]

    def stop(self, *names: str) -> None:
        """Cancel the jobs of the named workers."""
        for name in names:
            self._workers[name].stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no worker runs a job; return whether that is so."""
        deadline = None if timeout is None else time.monotonic() + timeout
        return all(
            worker.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
            for worker in self._workers.values()
        )

    def wait_for(self, *names: str, timeout: float) -> None:
        """Wait for the named workers, each at most `timeout` seconds."""
        for name in names:
            self._workers[name].wait(timeout)
