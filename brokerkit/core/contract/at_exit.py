"""Close what is open when the interpreter exits."""

from __future__ import annotations

import atexit
import contextlib
import threading
import weakref
from typing import Any

from ..vocabulary.cancellation import Deadline
from ..vocabulary.errors import Closed

EXIT_SECONDS = 2.0
"""How long everything that is open has to close when the interpreter exits."""

_open: weakref.WeakSet[Any] = weakref.WeakSet()


def close_at_exit(thing: Any) -> None:
    """Have ``thing.close(timeout=...)`` called when the interpreter exits."""
    _open.add(thing)


@atexit.register
def _close_all() -> None:
    """Begin with all, so that none waits for the others' time; no thread can be started by now."""
    told = threading.excepthook

    def tell(failed: threading.ExceptHookArgs) -> None:
        # that the process ends is no news to a thread that it ends
        if not issubclass(failed.exc_type, Closed):
            told(failed)

    threading.excepthook = tell
    deadline = Deadline(EXIT_SECONDS)
    things = list(_open)
    # at exit there is nobody to tell: a broken close must not keep the others from closing
    for thing in things:
        begin = getattr(thing, "begin_close", None)
        if begin is not None:
            with contextlib.suppress(Exception):
                begin(EXIT_SECONDS)
    for thing in things:
        with contextlib.suppress(Exception):
            thing.close(timeout=max(0.1, deadline.remaining()))
