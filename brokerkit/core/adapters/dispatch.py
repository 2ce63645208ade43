"""Worker threads that call a handler for each item of a pump."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ..vocabulary.arguments import check_count
from ..vocabulary.cancellation import WAIT_SLICE, Cancellation
from ..vocabulary.errors import AbandonedWarning, AckFailed, Cancelled, Closed
from ..vocabulary.freed import freed
from ..vocabulary.messages import Message
from .background import Background, joined
from .grouping import give_back
from .handoff import EndedError, Handoff
from .pump import INTERRUPT_SECONDS, Pump

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

    Wait for handlers that are running when it ends; after Ctrl-C only briefly.
    """
    count = check_count(workers, "workers")
    with pump:
        crew = _Crew(pump.handoff, handler, messages_of, count, cancellation)
        try:
            crew.start()
            crew.wait()
            pump.stop()
            joined(crew.threads, None)
        except BaseException:
            pump.stop()
            if not joined(crew.threads, INTERRUPT_SECONDS):
                warnings.warn(
                    "interrupted while a handler was running; it was left running and may still settle",
                    AbandonedWarning,
                    stacklevel=4,
                )
            raise
        crew.raise_failure()


class _Crew(Generic[T]):
    """The workers of one `dispatch`."""

    def __init__(
        self,
        handoff: Handoff[T],
        handler: Callable[[T], object],
        messages_of: Callable[[T], Sequence[Message]],
        count: int,
        cancellation: Cancellation | None,
    ) -> None:
        self._cancellation = cancellation
        self._handoff = handoff
        self._handler = handler
        self._messages_of = messages_of
        self._failures: list[BaseException] = []
        self._over = threading.Event()
        self._working = count
        self._counting = threading.RLock()
        self.threads = [Background(self._work, "worker") for _ in range(count)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def wait(self) -> None:
        """Wait until the source ended, something failed, or the call is cancelled."""
        while not self._over.wait(WAIT_SLICE):
            if self._cancelled:
                return

    @property
    def _cancelled(self) -> bool:
        return self._cancellation is not None and self._cancellation.cancelled

    def raise_failure(self) -> None:
        """Raise the first failure, with a note for each of the others."""
        failures = [each for each in self._failures if not (self._cancelled and isinstance(each, Cancelled))]
        if not failures:
            return
        for other in failures[1:]:
            failures[0].add_note(f"and another failure: {type(other).__name__}: {other}")
        raise failures[0]

    def _work(self) -> None:
        try:
            while self._work_once():
                pass
        except BaseException as error:
            self._failures.append(error)
            self._over.set()
        finally:
            with freed(self._counting), self._counting:
                self._working -= 1
                if not self._working:
                    self._over.set()

    def _work_once(self) -> bool:
        """Handle one item. Return False when there are no more."""
        try:
            item = self._handoff.get(cancellations=(self._cancellation,))
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
                error.add_note(f"returning the messages failed too: {problem}")
            raise
