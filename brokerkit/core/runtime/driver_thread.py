"""The thread that alone calls a driver. Callers wait for it in slices."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.errors import Cancelled, Closed, Unavailable
from ..vocabulary.freed import freed
from ..vocabulary.latch import Latch

T = TypeVar("T")


class Task(Generic[T]):
    """A call to be made by a driver's thread, and its result.

    `run` and `fail` are called by one thread; any number may `wait`.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._done = Latch()
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Make the call, and keep its result or error. Raises nothing."""
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error
        self._done.set()

    def fail(self, error: BaseException) -> None:
        """End with an error, without the call."""
        self._error = error
        self._done.set()

    @property
    def done(self) -> bool:
        """Whether there is a result or an error."""
        return self._done.is_set()

    def wait(self, timeout: float | None, cancellation: Cancellation | None = None) -> T:
        """Return the result of the call, or raise its error.

        Raises:
            TimeoutError: It took longer than `timeout` seconds. The call goes on.
            Cancelled: `cancellation` was cancelled. The call goes on.
        """
        deadline = Deadline(timeout)
        while not self._done.wait(deadline.slice()):
            if cancellation is not None and cancellation.cancelled:
                raise Cancelled("the call was cancelled; work that it started continues in the background")
            if deadline.passed:
                raise TimeoutError(f"no answer within {timeout:g} s")
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set by run()


class DriverThread:
    """A daemon thread with a queue of tasks, and `work` to do between them.

    Any thread may call its methods. `_lock` guards `_tasks`, `_last`, `_stopping` and `_woken`. It is held
    for short steps, never while a task, `work` or `wake_driver` runs.

    Args:
        name: Names the thread, and its owner in errors.
        work: A bound method that raises nothing, called whenever no task waits. It returns the seconds
            until it is to be called again. The thread does not keep its object alive.
        wake_driver: Called from other threads, to make a waiting `work` return early.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], float] | None = None,
        wake_driver: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._work = weakref.WeakMethod(work) if work is not None else None
        self._wake_driver = wake_driver
        self._tasks: deque[Task[Any]] = deque()
        # reentrant: a signal may strike while the Condition is entered, and leave its lock taken
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        self._ended = Latch()
        self._stopping = False
        self._last: Task[Any] | None = None
        self._woken = False
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
            with freed(self._lock), self._lock:
                if not self._tasks and not self._stopping and not self._woken and pause > 0:
                    self._condition.wait(None if pause == float("inf") else pause)
                self._woken = False
                task = self._tasks.popleft() if self._tasks else None
                if task is None and self._stopping:
                    return
            if task is not None:
                task.run()
                # the task may hold messages: drop it before waiting for the next
                del task
                pause = 0.0
            else:
                pause = self._do_work()

    def _do_work(self) -> float:
        work = self._work() if self._work is not None else None
        return work() if work is not None else float("inf")

    def post(self, work: Callable[[], T]) -> Task[T]:
        """Add a task, without waiting for it.

        Raises:
            Closed: The thread is ending, or belongs to the parent process.
        """
        self.check_process()
        task = Task(work)
        with freed(self._lock), self._lock:
            if self._stopping:
                raise Closed(f"the {self.name} is closed")
            self._tasks.append(task)
            self._condition.notify()
        if self._wake_driver is not None and threading.current_thread() is not self._thread:
            self._wake_driver()
        return task

    def call(
        self,
        work: Callable[[], T],
        *,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> T:
        """Add a task and wait for it. On the thread itself, make the call at once.

        Returns:
            The result of `work`, which may also raise its error.

        Raises:
            Unavailable: It took longer than `timeout` seconds. The call goes on.
            Cancelled: `cancellation` was cancelled. The call goes on.
            Closed: The thread is ending, or belongs to the parent process.
        """
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
        """Remove and return the waiting tasks, except the last, which still runs if the thread gets free."""
        with freed(self._lock), self._lock:
            waiting, self._tasks = self._tasks, deque()
            if self._last is not None and self._last in waiting:
                self._tasks.append(self._last)
        return [task for task in waiting if task is not self._last]

    def wake(self) -> None:
        """Call `work` again now if the thread is waiting."""
        with freed(self._lock), self._lock:
            self._woken = True
            self._condition.notify()

    def check_process(self) -> None:
        """Raise `Closed` in a forked child, where the thread does not exist."""
        if os.getpid() != self._pid:
            raise Closed("forked: this belongs to the parent process; connect again in the child")

    def shutdown(self, last: Callable[[], object], *, wake: bool = True) -> None:
        """End the thread after the waiting tasks and `last`, without waiting for it.

        The second call does nothing, nor does any call in a forked child. What `last` raises is ignored.

        Args:
            last: The last call to be made.
            wake: False if other locks may be held, as in a finalizer.
        """
        if os.getpid() != self._pid:
            return
        with freed(self._lock), self._lock:
            if not self._stopping:
                self._stopping = True
                self._last = Task(last)
                self._tasks.append(self._last)
            self._condition.notify()
        if wake and self._wake_driver is not None and not self._ended.is_set():
            self._wake_driver()

    def join(self, deadline: Deadline) -> bool:
        """Wait until the thread has ended. At the deadline, fail the waiting tasks and return false."""
        self.check_process()
        while not self._ended.wait(deadline.slice()):
            if deadline.passed:
                break
        else:
            return True
        for task in self.take_tasks():
            task.fail(Closed(f"the {self.name} was closed before this could be done"))
        return False
