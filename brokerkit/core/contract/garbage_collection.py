"""Pausing the garbage collector while many objects are made at once.

Use it for work that makes many objects and no cycles: collecting would take half the time and free nothing.
The collector is paused while at least one thread is inside, and may be paused again there. The last one to
leave restores the state that was found, so a collector that the user switched off stays off.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from ..vocabulary.freed import freed

T = TypeVar("T")

_lock = threading.RLock()
_inside: set[int] = set()
"""The pauses that have begun and not ended, by their `id`."""
_resume = False


class _Pause:
    """A pause of the collector. Each step may be cut off by a signal, and `end` may be called again."""

    __slots__ = ()

    def begin(self) -> None:
        global _resume
        with freed(_lock), _lock:
            if not _inside:
                _resume = gc.isenabled()
                gc.disable()
            _inside.add(id(self))

    def end(self) -> None:
        global _resume
        with freed(_lock), _lock:
            _inside.discard(id(self))
            if not _inside and _resume:
                gc.enable()
                _resume = False


def uncollected(work: Callable[..., T], *arguments: object) -> T:
    """Return the result of a call during which the collector is paused, whatever signal strikes.

    An interrupt may strike before the block of a ``with`` begins, or before its ``__exit__`` does: nothing
    would end the pause then.
    """
    pause = _Pause()
    try:
        pause.begin()
        return work(*arguments)
    finally:
        try:
            pause.end()
        finally:
            # the interrupt may have struck before the first call began
            pause.end()


class gc_paused:  # noqa: N801  # read as a phrase: `with gc_paused():`
    """A context manager that pauses the collector, for threads of drivers, where no signal strikes."""

    __slots__ = ("_pause",)

    def __enter__(self) -> None:
        self._pause = _Pause()
        self._pause.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pause.end()


def _after_fork() -> None:
    """Reset the state in the child: the threads that were inside do not exist there, and never leave."""
    global _lock, _resume
    _lock = threading.RLock()
    if _inside and _resume:
        gc.enable()
    _inside.clear()
    _resume = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
