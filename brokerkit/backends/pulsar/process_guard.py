"""Guard the process against situations that the C++ client does not survive.

The client aborts the process if the interpreter exits during one of its calls, and hangs a forked child
that releases its objects. Therefore clients are shut down before the interpreter exits, which ends every
call at once, and a child never releases the objects that it inherited.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from brokerkit.core.contract.at_exit import close_at_exit
from brokerkit.core.contract.forked import keep_in_child

T = TypeVar("T")

LEAVE_SECONDS = 0.5
"""How long calls may take to return from a client that was shut down."""
POLL_SECONDS = 0.01

_clients: weakref.WeakSet[Any] = weakref.WeakSet()
_lock = threading.RLock()
_calls = 0


def watch_client(client: T) -> T:
    """Shut down a client at exit, unless it is closed before."""
    _clients.add(client)
    return keep_in_child(client)


def unwatch_client(client: Any) -> None:
    """Note that a client was closed."""
    _clients.discard(client)


def counted(work: Callable[[], T]) -> Callable[[], T]:
    """Return a slow call that is counted while it runs."""

    def run() -> T:
        global _calls
        with _lock:
            _calls += 1
        try:
            return work()
        finally:
            with _lock:
                _calls -= 1

    return run


class _AtExit:
    """A closer that runs with all others when the interpreter exits.

    It leaves alone what has closed in time.
    """

    def begin_close(self, timeout: float) -> None:
        """Do nothing: connections close their own clients."""

    def close(self, timeout: float) -> None:
        """Wait for clients and calls, and shut down those that do not end by themselves."""
        end = time.monotonic() + timeout
        _wait(lambda: not _clients and not _calls, end - LEAVE_SECONDS)
        for client in list(_clients):
            client.shutdown()
        _wait(lambda: not _calls, time.monotonic() + LEAVE_SECONDS)


def _wait(condition: Callable[[], bool], until: float) -> None:
    while not condition() and time.monotonic() < until:
        time.sleep(POLL_SECONDS)


def _after_fork() -> None:
    global _lock, _calls
    _lock = threading.RLock()
    _calls = 0
    _clients.clear()


_at_exit = _AtExit()
close_at_exit(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
