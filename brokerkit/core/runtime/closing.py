"""How what lives in an owner thread is closed: by its user, with others, or when dropped."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import ClassVar, Self

from ..vocabulary.cancellation import Deadline
from ..vocabulary.errors import AbandonedWarning
from .driver_thread import DriverThread

LEAST_SECONDS = 0.1
"""What leaving is given when everything before it took all the time."""
DROPPED_SECONDS = 1.0
"""How long something that was dropped without being closed may take to leave."""


class Closable(ABC):
    """Something with an owner thread. Dropping it without closing it closes it in the background."""

    _owner: DriverThread
    _closed = False
    _if_abandoned: ClassVar[str] = ""

    @abstractmethod
    def _leave(self, timeout: float) -> None:
        """The last thing that the owner thread does."""

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self, timeout: float = 4.0) -> None:
        """Close it; what hangs after `timeout` seconds is abandoned with a warning. Twice is fine."""
        deadline = Deadline(timeout)
        self.begin_close(timeout)
        self.finish_close(deadline)

    def begin_close(self, timeout: float) -> None:
        """Have it close, without waiting for it."""
        self._owner.check_process()
        self._closed = True
        deadline = Deadline(timeout)
        self._owner.end(lambda: self._leave(max(LEAST_SECONDS, deadline.remaining())))

    def wait_closed(self, deadline: Deadline) -> bool:
        """Wait until it has closed, which was begun; false when the deadline passed."""
        return self._owner.join(deadline)

    def finish_close(self, deadline: Deadline) -> None:
        """Wait until it has closed; a warning when it does not in time."""
        if not self.wait_closed(deadline):
            warnings.warn(
                f"closing the {self._owner.name} took longer than {deadline.seconds:g} s and was abandoned"
                + self._if_abandoned,
                AbandonedWarning,
                stacklevel=3,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def drop(self) -> None:
        """Have it close as if it were collected: without taking a lock that others may hold."""
        owner = getattr(self, "_owner", None)
        if owner is not None:
            owner.end(lambda: self._leave(DROPPED_SECONDS), wake=False)

    __del__ = drop

    def __repr__(self) -> str:
        return f"<{self._owner.name}{', closed' if self._closed else ''}>"
