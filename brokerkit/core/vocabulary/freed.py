"""Releasing a lock that a signal left taken.

A signal handler that raises, as that of Ctrl-C does, may strike between any two steps of the main thread. On
Python 3.14 and later that may be after ``with lock:`` has taken the lock and before its block begins: nothing
releases it then, and the next thread waits for ever. From Python 3.12 on it may also be where a loop whose
last statement is an ``if``, or a comprehension with an ``if``, goes on to its next turn: there the compiler
leaves out the handlers of the function, so that no ``finally`` and no ``with`` ends.

So a lock that callers take is an `RLock` and is taken by ``with freed(lock), lock:``, without such a loop in
its block.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any


class Freed:
    """A context manager that releases what was taken of a lock inside of it and not released."""

    __slots__ = ("_before", "_lock")

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._before = lock._recursion_count()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            while self._lock._recursion_count() > self._before:
                self._lock.release()


_nothing_to_free = nullcontext()


def freed(lock: Any) -> AbstractContextManager[None]:
    """Return a context manager around the block of a lock, which releases it where Python does not.

    Args:
        lock: An `RLock`.
    """
    return Freed(lock) if sys.version_info >= (3, 14) else _nothing_to_free
