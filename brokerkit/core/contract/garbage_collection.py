"""Keeping the garbage collector still while many objects are made at once."""

from __future__ import annotations

import gc
import os
import threading
from types import TracebackType

_lock = threading.RLock()
_depth = 0
_resume = False


class gc_paused:  # read as a phrase: `with gc_paused():`
    """A context manager that stops automatic collections while at least one thread is inside.

    May be nested and used by several threads; the last one to leave puts back what was found, so
    a collector that the user had switched off stays off. Meant for work that makes many objects
    and no cycles: collecting then costs half the time and frees nothing.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        global _depth, _resume
        with _lock:
            if _depth == 0:
                _resume = gc.isenabled()
                gc.disable()
            _depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _depth
        with _lock:
            _depth -= 1
            if _depth == 0 and _resume:
                gc.enable()


def _after_fork() -> None:
    """The threads that were inside do not exist in the child, so nobody there would ever leave."""
    global _lock, _depth
    _lock = threading.RLock()
    if _depth and _resume:
        gc.enable()
    _depth = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
