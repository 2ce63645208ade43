"""What a forked child inherits of a native library, whose threads it does not have."""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import Any, TypeVar

T = TypeVar("T")

_natives: weakref.WeakSet[Any] = weakref.WeakSet()


def keep_in_child(native: T) -> T:
    """Have a forked child never let go of an object, whose end would wait for threads that are not there.

    Raises:
        TypeError: the object cannot be referred to weakly.
    """
    _natives.add(native)
    return native


def _after_fork() -> None:
    for native in list(_natives):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(native))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
