"""Pausing the garbage collector while many objects are made at once."""

from __future__ import annotations

import gc
import os
import threading
from types import TracebackType

from ..vocabulary.freed import freed

_lock = threading.RLock()
_depth = 0
_resume = False


class gc_paused:  # noqa: N801  # read as a phrase: `with gc_paused():`
    """A context manager that stops automatic collections while at least one thread is inside.

    It may be nested, and used by several threads. The last one to leave restores the state that was
    found, so a collector that the user switched off stays off. Use it for work that makes many objects and
    no cycles: collecting would take half the time and free nothing.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        global _depth, _resume
        with freed(_lock), _lock:
            if _depth == 0:
                _resume = gc.isenabled()
                gc.disable()
            _depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _depth
        with freed(_lock), _lock:
            _depth -= 1
            if _depth == 0 and _resume:
                gc.enable()


def _after_fork() -> None:
    """Reset the state in the child: the threads that were inside do not exist there, and never leave."""
    global _lock, _depth
    _lock = threading.RLock()
    if _depth and _resume:
        gc.enable()
    _depth = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
