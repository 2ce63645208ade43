"""One thread that alone calls a driver; everybody else waits for it in slices."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.errors import Cancelled, Closed, Unavailable
from ..vocabulary.latch import Latch

T = TypeVar("T")


class Task(Generic[T]):
    """Something that the owner thread was asked to do."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._done = Latch()
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error
        self._done.set()

    def fail(self, error: BaseException) -> None:
        self._error = error
        self._done.set()

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def wait(self, timeout: float | None, cancellation: Cancellation | None = None) -> T:
        """The result, or the error. TimeoutError and Cancelled leave the work going on."""
        deadline = Deadline(timeout)
        while not self._done.wait(deadline.slice()):
            if cancellation is not None and cancellation.cancelled:
                raise Cancelled("the call was cancelled; what it had begun goes on in the background")
            if deadline.passed:
                raise TimeoutError(f"no answer within {timeout:g} s")
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set by run()


class DriverThread:
    """A daemon thread with a queue of tasks, and a `work` to do between them.

    work: a bound method that raises nothing, called whenever no task waits; returns the seconds until
    it wants to be called again. Its object is not kept alive by the thread.
    wake: called from other threads, to make a waiting `work` come back early.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], float] | None = None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._work = weakref.WeakMethod(work) if work is not None else None
        self._wake = wake
        self._tasks: deque[Task[Any]] = deque()
        # a signal may strike while a Condition is being entered, and leave its lock taken
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        self._ended = Latch()
        self._stopping = False
        self._last: Task[Any] | None = None
        self._nudged = False
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._live, name=f"brokerkit {name}", daemon=True)
        self._thread.start()

    def _live(self) -> None:
        try:
            self._run()
        finally:
            self._last = None
            self._ended.set()

    def _run(self) -> None:
        pause = 0.0
        while True:
            with self._lock:
                if not self._tasks and not self._stopping and not self._nudged and pause > 0:
                    self._condition.wait(None if pause == float("inf") else pause)
                self._nudged = False
                task = self._tasks.popleft() if self._tasks else None
                if task is None and self._stopping:
                    return
            if task is not None:
                task.run()
                # the task may hold messages: let go of it before waiting for the next
                del task
                pause = 0.0
            else:
                pause = self._do_work()

    def _do_work(self) -> float:
        work = self._work() if self._work is not None else None
        return work() if work is not None else float("inf")

    def post(self, work: Callable[[], T]) -> Task[T]:
        """Ask for something, without waiting for it."""
        self.check_process()
        task = Task(work)
        with self._lock:
            if self._stopping:
                raise Closed(f"the {self.name} is closed")
            self._tasks.append(task)
            self._condition.notify()
        if self._wake is not None and threading.current_thread() is not self._thread:
            self._wake()
        return task

    def call(
        self,
        work: Callable[[], T],
        *,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> T:
        """Ask for something and wait for it. Raises Unavailable after `timeout` seconds."""
        if threading.current_thread() is self._thread:
            return work()
        task = self.post(work)
        try:
            return task.wait(timeout, cancellation)
        except TimeoutError as error:
            if task.done:
                return task.wait(0.0)
            raise Unavailable(f"the broker did not answer within {timeout:g} s") from error

    def take_tasks(self) -> list[Task[Any]]:
        """The tasks waiting now; what is to be done last stays, for when the thread comes back."""
        with self._lock:
            tasks = [task for task in self._tasks if task is not self._last]
            self._tasks = deque(task for task in self._tasks if task is self._last)
        return tasks

    def nudge(self) -> None:
        """Have `work` called again now, if it waits."""
        with self._lock:
            self._nudged = True
            self._condition.notify()

    @property
    def stopping(self) -> bool:
        return self._stopping

    def check_process(self) -> None:
        """Raise `Closed` in a forked child, where the thread does not exist."""
        if os.getpid() != self._pid:
            raise Closed("forked: this belongs to the parent process; connect anew in the child")

    def end(self, last: Callable[[], object], *, wake: bool = True) -> None:
        """Have the thread end after the waiting tasks and `last`, without waiting for it.

        wake: false where locks of others may be held, as in a finalizer.
        """
        if os.getpid() != self._pid:
            return
        with self._lock:
            if not self._stopping:
                self._stopping = True
                self._last = Task(last)
                self._tasks.append(self._last)
            self._condition.notify()
        if wake and self._wake is not None and not self._ended.is_set():
            self._wake()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the end; false when the deadline passed. What still waits to be done then fails."""
        self.check_process()
        while not self._ended.wait(deadline.slice()):
            if deadline.passed:
                break
        else:
            return True
        for task in self.take_tasks():
            task.fail(Closed(f"the {self.name} was closed before this could be done"))
        return False

    def stop(self, last: Callable[[], object], timeout: float) -> bool:
        """Like `end`, and wait; false when it took longer than `timeout` seconds.

        Stopping twice waits for the first.
        """
        self.check_process()
        self.end(last)
        return self.join(Deadline(timeout))
