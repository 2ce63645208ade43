"""Calls of a client library that have no timeout or may hang, made in threads of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")


def submit(work: Callable[[], T], name: str) -> Future[T]:
    """Call `work` in a daemon thread of its own. Return its future result."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=f"brokerkit {name}", daemon=True).start()
    return future


def call_with_timeout(work: Callable[[], T], timeout: float, name: str) -> T:
    """Call `work` in a daemon thread of its own, and return its result.

    Raises:
        TimeoutError: It took longer than `timeout` seconds. The call goes on.
    """
    return submit(work, name).result(timeout)


def close_with_timeout(close: Callable[[], object], timeout: float, name: str) -> bool:
    """Call `close` in a daemon thread of its own. Return whether it ended within `timeout` seconds.

    A call that takes longer goes on in the background.
    """
    closing = submit(close, name)
    if not ended(closing, timeout):
        return False
    closing.result()
    return True


def ended(call: Future[T], timeout: float) -> bool:
    """Wait at most `timeout` seconds for a call, and return whether it has ended."""
    return bool(wait([call], max(0.0, timeout)).done)


def abandon(call: Future[T], close: Callable[[T], object]) -> None:
    """Close what a call returns as soon as it has ended. Does not wait for that."""

    def over(done: Future[T]) -> None:
        if done.exception() is None:
            close(done.result())

    call.add_done_callback(over)
