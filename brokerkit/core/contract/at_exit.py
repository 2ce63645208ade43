"""Closing what is open when the interpreter exits."""

from __future__ import annotations

import atexit
import contextlib
import threading
import weakref
from typing import Any

from ..vocabulary.cancellation import Deadline
from ..vocabulary.errors import Closed

EXIT_SECONDS = 2.0
"""How long closing may take in all when the interpreter exits."""

_open: weakref.WeakSet[Any] = weakref.WeakSet()


def close_at_exit(thing: Any) -> None:
    """Call ``thing.close(timeout=...)`` when the interpreter exits, unless it was collected before."""
    _open.add(thing)


@atexit.register
def _close_all() -> None:
    """Close everything. All begin before the first is waited for, so that they share the time."""
    told = threading.excepthook

    def tell(failed: threading.ExceptHookArgs) -> None:
        # a thread that ends with the process needs no report about it
        if not issubclass(failed.exc_type, Closed):
            told(failed)

    threading.excepthook = tell
    deadline = Deadline(EXIT_SECONDS)
    things = list(_open)
    # errors cannot be reported at exit, and must not keep the others from closing
    for thing in things:
        begin = getattr(thing, "begin_close", None)
        if begin is not None:
            with contextlib.suppress(Exception):
                begin(EXIT_SECONDS)
    for thing in things:
        with contextlib.suppress(Exception):
            thing.close(timeout=max(0.1, deadline.remaining()))
