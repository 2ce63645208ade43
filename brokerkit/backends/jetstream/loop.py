"""The private event loop of the process, which runs in a daemon thread. nats-py needs one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_SECONDS = 2.0
"""Seconds that a coroutine may take beyond its timeout before it is cancelled."""


class LoopThread:
    """A thread with an event loop that never stops, independent of the caller's event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="brokerkit jetstream loop", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def run(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        """Run a coroutine on the loop and return its result.

        Raises:
            TimeoutError: It took too long and was cancelled.
        """
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
        """Schedule a call on the loop from any thread, and return without waiting for it."""
        self._loop.call_soon_threadsafe(work)


_lock = threading.Lock()
_current: LoopThread | None = None


def shared_loop() -> LoopThread:
    """Return the process's loop, which is started on first use."""
    global _current
    with _lock:
        if _current is None:
            _current = LoopThread()
        return _current


def _after_fork() -> None:
    """Drop the loop in a forked child, where its thread does not exist. A new connection gets a new loop."""
    global _current, _lock
    _current = None
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
