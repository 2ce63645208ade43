"""Closing objects that own a driver's thread: by the user, with their connection, or when collected."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import ClassVar, Self

from ..vocabulary.cancellation import Deadline
from ..vocabulary.errors import AbandonedWarning
from .driver_thread import DriverThread

LEAST_SECONDS = 0.1
"""How long leaving may take when everything before it took all the time."""
DROPPED_SECONDS = 1.0
"""How long an object may take to leave that was collected without being closed."""


class Closable(ABC):
    """An object that owns a driver's thread. If it is collected unclosed, it closes in the background.

    Any thread may close it. `_closed` is set first, by `begin_close`, and is never reset. `_leave` runs on
    the driver's thread, after all tasks that were added before. `close` and `finish_close` wait for that
    thread, so code that runs on it must not take a lock that a closing caller may hold.
    """

    _driver_thread: DriverThread
    _closed = False
    _if_abandoned: ClassVar[str] = ""

    @abstractmethod
    def _leave(self, timeout: float) -> None:
        """Release everything. The last call on the driver's thread; what it raises is ignored."""

    @property
    def closed(self) -> bool:
        """Whether closing has begun."""
        return self._closed

    def close(self, timeout: float = 4.0) -> None:
        """Close it, and wait until it has closed. Closing twice is fine.

        Args:
            timeout: Seconds to wait. What still hangs then is abandoned, with an `AbandonedWarning`.
        """
        deadline = Deadline(timeout)
        self.begin_close(timeout)
        self.finish_close(deadline)

    def begin_close(self, timeout: float) -> None:
        """Start to close it, without waiting for it."""
        self._driver_thread.check_process()
        self._closed = True
        deadline = Deadline(timeout)
        self._driver_thread.shutdown(lambda: self._leave(max(LEAST_SECONDS, deadline.remaining())))

    def wait_closed(self, deadline: Deadline) -> bool:
        """Wait until it has closed, after `begin_close`. Return false when the deadline passed."""
        return self._driver_thread.join(deadline)

    def finish_close(self, deadline: Deadline) -> None:
        """Wait until it has closed, after `begin_close`. Warn when the deadline passed."""
        if not self.wait_closed(deadline):
            warnings.warn(
                f"closing the {self._driver_thread.name} took longer than {deadline.seconds:g} s "
                "and was abandoned" + self._if_abandoned,
                AbandonedWarning,
                stacklevel=3,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def drop(self) -> None:
        """Start to close it as if it were collected.

        The collector may call this in any thread, at any moment, with any lock held: no lock is taken but
        that of its own `DriverThread`, which is reentrant.
        """
        owner = getattr(self, "_driver_thread", None)
        if owner is not None:
            owner.shutdown(lambda: self._leave(DROPPED_SECONDS), wake=False)

    __del__ = drop

    def __repr__(self) -> str:
        # a traceback may show one whose constructor has not ended
        owner = getattr(self, "_driver_thread", None)
        if owner is None:
            return f"<{type(self).__name__}, not complete>"
        return f"<{owner.name}{', closed' if self._closed else ''}>"
