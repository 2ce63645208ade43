"""Worker threads that call a handler for everything a pump delivers."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ..cancellation import WAIT_SLICE, Cancellation
from ..consumer import check_count
from ..errors import AbandonedWarning, AckFailed, Cancelled, Closed
from ..messages import Message
from .grouping import give_back
from .handoff import EndedError, Handoff
from .pump import INTERRUPT_SECONDS, Pump, joined

T = TypeVar("T")


def dispatch(
    pump: Pump[T],
    handler: Callable[[T], object],
    messages_of: Callable[[T], Sequence[Message]],
    *,
    workers: int,
    cancellation: Cancellation | None,
) -> None:
    """Call `handler` from `workers` threads until cancelled (returns) or failed (raises).

    Handlers that run when it ends are waited for; after Ctrl-C not for long.
    """
    count = check_count(workers, "workers")
    with pump:
        crew = _Crew(pump.handoff, handler, messages_of, count)
        try:
            crew.start()
            crew.wait(cancellation)
            pump.stop()
            joined(crew.threads, None)
        except BaseException:
            pump.stop()
            if not joined(crew.threads, INTERRUPT_SECONDS):
                warnings.warn(
                    "interrupted while a handler was running; it was left running and settles its own message",
                    AbandonedWarning,
                    stacklevel=4,
                )
            raise
        crew.raise_failure(cancellation)


class _Crew(Generic[T]):
    """The workers of one `dispatch`."""

    def __init__(
        self,
        handoff: Handoff[T],
        handler: Callable[[T], object],
        messages_of: Callable[[T], Sequence[Message]],
        count: int,
    ) -> None:
        self._handoff = handoff
        self._handler = handler
        self._messages_of = messages_of
        self._failures: list[BaseException] = []
        self._over = threading.Event()
        self._working = count
        self._counting = threading.Lock()
        self.threads = [
            threading.Thread(target=self._work, name="brokerkit worker", daemon=True) for _ in range(count)
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def wait(self, cancellation: Cancellation | None) -> None:
        """Wait until the source ended, something failed, or the call is cancelled."""
        while not self._over.wait(WAIT_SLICE):
            if cancellation is not None and cancellation.cancelled:
                return

    def raise_failure(self, cancellation: Cancellation | None) -> None:
        """Raise the first failure, with a note for each other one."""
        cancelled = cancellation is not None and cancellation.cancelled
        failures = [each for each in self._failures if not (cancelled and isinstance(each, Cancelled))]
        if not failures:
            return
        for other in failures[1:]:
            failures[0].add_note(f"another handler failed too: {type(other).__name__}: {other}")
        raise failures[0]

    def _work(self) -> None:
        try:
            while self._work_once():
                pass
        except BaseException as error:
            self._failures.append(error)
            self._over.set()
        finally:
            with self._counting:
                self._working -= 1
                if not self._working:
                    self._over.set()

    def _work_once(self) -> bool:
        """Handle one item; false when there are no more."""
        try:
            item = self._handoff.get()
        except EndedError:
            return False
        except Closed:
            if self._handoff.closed:
                return False
            raise
        self._handle(item)
        return True

    def _handle(self, item: T) -> None:
        try:
            self._handler(item)
        except Cancelled:
            raise
        except BaseException as error:
            try:
                give_back(self._messages_of(item))
            except AckFailed as problem:
                error.add_note(f"giving the messages back failed too: {problem}")
            raise
