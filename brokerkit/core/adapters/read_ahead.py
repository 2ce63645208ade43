"""Work on one item while the next is being made."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable
from types import TracebackType
from typing import Generic, Self, TypeVar

from ..vocabulary.arguments import check_count
from ..vocabulary.errors import AbandonedWarning, Closed
from .background import Background, joined
from .handoff import EndedError, Handoff
from .pump import INTERRUPT_SECONDS, LEAVE_SECONDS

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """Iterate over another iterator in a thread. A context manager that stops it.

    The thread starts with the block or the first item. It stops when the iterator ends, fails, is
    closed or is collected, at the latest when the item it is waiting for has come.
    """

    def __init__(self, iterable: Iterable[T], depth: int) -> None:
        self._handoff: Handoff[T] = Handoff(depth)
        # no method of this object: the thread must not keep it alive
        handoff = self._handoff
        self._thread = Background(lambda: _fill(iterable, handoff), "read ahead")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        self._start()
        try:
            return self._handoff.get()
        except EndedError:
            raise StopIteration from None
        except Closed:
            if self._handoff.closed:
                raise StopIteration from None
            raise

    def _start(self) -> None:
        if self._thread.ident is None and not self._handoff.closed:
            self._thread.start()

    def __enter__(self) -> Self:
        self._start()
        return self

    def close(self, timeout: float = LEAVE_SECONDS) -> None:
        """Stop reading, and drop the items that were made and not taken. Closing twice is fine."""
        self._handoff.close()
        if not joined([self._thread], timeout):
            warnings.warn(
                f"an iterator that is read ahead did not come back within {timeout:g} s and was abandoned",
                AbandonedWarning,
                stacklevel=2,
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        patient = kind is None or issubclass(kind, Exception)
        self.close(LEAVE_SECONDS if patient else INTERRUPT_SECONDS)

    def __del__(self) -> None:
        handoff = getattr(self, "_handoff", None)
        if handoff is not None:
            handoff.close()


def _fill(iterable: Iterable[T], handoff: Handoff[T]) -> None:
    try:
        iterator = iter(iterable)
        try:
            while handoff.room():
                try:
                    item = next(iterator)
                except StopIteration:
                    break
                handoff.put(item)
                # held here, it would stay in memory until the next one is made
                del item
        finally:
            if isinstance(iterator, Generator):
                # its finally blocks run now, not when it is collected
                iterator.close()
    except BaseException as error:
        handoff.fail(error)
    else:
        handoff.finish()


def read_ahead(iterable: Iterable[T], depth: int = 1) -> ReadAhead[T]:
    """Go through `iterable` in a thread, at most `depth` items ahead of the caller.

    An error is raised at its place: after the items before it. For messages use `message_stream`,
    which returns the messages that were not taken.
    """
    return ReadAhead(iterable, check_count(depth, "depth"))
