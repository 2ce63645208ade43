"""Open links in a background thread, since opening takes several round trips or may hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Opening(Generic[T]):
    """A link or source that a daemon thread is opening.

    Args:
        work: Opens and returns it.
        name: Names the thread.
        close: Called with the result if it is abandoned.
    """

    def __init__(self, work: Callable[[], T], close: Callable[[T], object], name: str) -> None:
        self._work = work
        self._close = close
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._abandoned = False
        self._result: T | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name=f"brokerkit servicebus {name}", daemon=True).start()

    def _run(self) -> None:
        try:
            result = self._work()
        except BaseException as error:
            self._error = error
        else:
            with self._lock:
                self._result = result
                abandoned = self._abandoned
            if abandoned:
                self._close(result)
        self._over.set()

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds, and return whether the opening has ended."""
        return self._over.wait(max(0.0, timeout))

    def take(self) -> T:
        """Return the opened object, once the opening has ended. Raises its error."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # it is over, and without an error

    def abandon(self) -> None:
        """Close the object as soon as it is open. Does not wait for that."""
        with self._lock:
            self._abandoned = True
            result = self._result
        if result is not None:
            self._close(result)


def close_aside(close: Callable[[], object], name: str) -> None:
    """Close a link whose connection may hang. Does not wait for it."""
    threading.Thread(target=close, name=f"brokerkit servicebus {name}", daemon=True).start()
