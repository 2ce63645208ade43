"""Telling the end of the messages from a broker that is only slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..contract.consumer import Backlog
from ..vocabulary.cancellation import Deadline
from ..vocabulary.errors import BrokerError

PATIENCE_SECONDS = 3.0
"""How long the broker may take to say how many messages are left."""
SLOW_SECONDS = 0.3
"""After an answer that took longer than this, wait for messages once more."""
SILENT_SECONDS = 30.0
"""How long to wait for messages that the broker says are left."""


@dataclass
class Ending:
    """The reason why a wait for messages ended.

    Attributes:
        why: The reason in words. None before the end, or if an error ended it.
    """

    why: str | None = None


class Silence:
    """A judge of whether to go on waiting, asked each time that no message came for a while.

    Used by one caller's thread.

    Args:
        backlog: Asks for the backlog with a mark and a timeout in seconds; see `ConsumerDriver.backlog`.
    """

    def __init__(self, backlog: Callable[[Any, float], Backlog | None]) -> None:
        self._backlog = backlog
        self._mark: Any = None
        self._since = time.monotonic()

    def broken(self) -> None:
        """Note that a message came."""
        self._since = time.monotonic()

    def why(self, seconds: float | None, deadline: Deadline | None) -> str | None:
        """Return the reason to stop waiting, or None to go on.

        Args:
            seconds: For how long no message came.
            deadline: Ends the wait in any case, and so the question to the broker.

        Raises:
            BrokerError: An error that waiting does not mend.
        """
        if time.monotonic() - self._since > SILENT_SECONDS:
            return f"nothing came for {SILENT_SECONDS:g} s, though the broker has more or does not answer"
        began = time.monotonic()
        patience = PATIENCE_SECONDS if deadline is None else min(PATIENCE_SECONDS, deadline.remaining())
        try:
            found = self._backlog(self._mark, max(0.05, patience))
        except BrokerError as error:
            if not error.retryable:
                raise
            # a broker that does not answer is slow, not idle
            return None
        if found is None:
            slow = time.monotonic() - began > SLOW_SECONDS
            return None if slow else f"no message came for {seconds:g} s"
        self._mark = found.mark
        if found.withheld:
            return "where the broker gives no more before some of these are acknowledged"
        return None if found.left else "at the end of what there was"
