"""Whether nothing more comes, or a broker that has more is only slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..contract.driver import Backlog
from ..vocabulary.cancellation import Deadline
from ..vocabulary.errors import BrokerError

ANSWER_SECONDS = 3.0
SLOW_SECONDS = 0.3
"""After an answer that took longer, what comes next is waited for once more."""
SILENT_SECONDS = 30.0
"""How long a known backlog may bring nothing before it is no longer waited for."""


@dataclass
class Ending:
    """Why a gathering ended, in words."""

    why: str | None = None


class Silence:
    """Judges, each time that nothing came for a while, whether to wait on.

    backlog: asks what is still to come, as `ConsumerDriver.backlog`, within so many seconds.
    """

    def __init__(self, backlog: Callable[[Any, float], Backlog | None]) -> None:
        self._backlog = backlog
        self._mark: Any = None
        self._since = time.monotonic()

    def broken(self) -> None:
        """Something came."""
        self._since = time.monotonic()

    def why(self, seconds: float | None, deadline: Deadline | None) -> str | None:
        """Why to wait no more, nothing having come for `seconds`; None to go on.

        deadline: what ends the waiting in any case. Raises what waiting does not mend.
        """
        if time.monotonic() - self._since > SILENT_SECONDS:
            return f"nothing came for {SILENT_SECONDS:g} s, though the broker has more or does not answer"
        began = time.monotonic()
        patience = ANSWER_SECONDS if deadline is None else min(ANSWER_SECONDS, deadline.remaining())
        try:
            found = self._backlog(self._mark, max(0.05, patience))
        except BrokerError as error:
            if not error.retryable:
                raise
            # a broker that does not answer is slow, not idle
            return None
        if found is None:
            slow = time.monotonic() - began > SLOW_SECONDS
            return None if slow else f"nothing came for {seconds:g} s"
        self._mark = found.mark
        if found.withheld:
            return "where the broker gives no more before some of these are acknowledged"
        return None if found.left else "at the end of what there was"
