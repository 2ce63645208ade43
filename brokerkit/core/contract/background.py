"""Calls of a client library that cannot be bounded, waited for only so long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def begin(work: Callable[[], T], name: str) -> Future[T]:
    """Have `work` done by a daemon thread of its own."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=f"brokerkit {name}", daemon=True).start()
    return future


def bounded(work: Callable[[], T], timeout: float, name: str) -> T:
    """The result of `work` in a thread of its own. TimeoutError leaves it running."""
    return begin(work, name).result(timeout)
