"""The one private event loop of the process, in a daemon thread: nats-py is asyncio only."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_SECONDS = 2.0
"""How much longer than its own timeout a coroutine may take before it is cancelled."""


class LoopThread:
    """An event loop that runs for ever, whatever loop the caller's thread may have."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="brokerkit jetstream loop", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def run(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        """Run it to its end and wait for it. Raises TimeoutError, after cancelling it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout + GRACE_SECONDS)
        except concurrent.futures.TimeoutError:
            if future.done():
                return future.result()
            future.cancel()
            raise TimeoutError(f"no answer within {timeout:g} s") from None
        except BaseException:
            future.cancel()
            raise

    def post(self, work: Callable[[], object]) -> None:
        """Have the loop call something soon, from any thread, without waiting for it."""
        self._loop.call_soon_threadsafe(work)


_lock = threading.Lock()
_current: LoopThread | None = None


def shared_loop() -> LoopThread:
    """The process's loop, started on first use."""
    global _current
    with _lock:
        if _current is None:
            _current = LoopThread()
        return _current


def _after_fork() -> None:
    """The thread does not exist in the child: a connection made there gets a loop of its own."""
    global _current, _lock
    _current = None
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
