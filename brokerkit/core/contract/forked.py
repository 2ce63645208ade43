"""Protecting a forked child from native objects that it inherits without their threads."""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import Any, TypeVar

T = TypeVar("T")

_natives: weakref.WeakSet[Any] = weakref.WeakSet()


def keep_in_child(native: T) -> T:
    """Keep an object alive for ever in a forked child, where destroying it would wait for missing threads.

    Returns:
        The object.

    Raises:
        TypeError: The object does not support weak references.
    """
    _natives.add(native)
    return native


def _after_fork() -> None:
    for native in list(_natives):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(native))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
