"""A limit of how many rows are sent a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.interrupts import check_interrupt

PART_SECONDS = 0.2
"""For so long, rows are sent together."""
LOOK_SECONDS = 0.1


def check_rate(rate: float | None) -> float | None:
    """Return a rate that can be kept.

    Raises:
        ConfigError: It is not a number above 0.
    """
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < float("inf"):
        raise ConfigError(f"rate= is a number of rows a second above 0, not {rate!r}")
    return float(rate)


class Pace:
    """When the next rows may be sent, so that there are never more than `rate` a second.

    Attributes:
        rows: How many rows to send together.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.rows = max(1, int(rate * PART_SECONDS))
        self._free = time.monotonic()
        self._never = Event()

    def wait(self, alive: Callable[[], None]) -> None:
        """Wait until rows may be sent; `alive` is called meanwhile, and may raise."""
        while (left := self._free - time.monotonic()) > 0:
            check_interrupt()
            alive()
            self._never.wait(min(left, LOOK_SECONDS))

    def sent(self, rows: int) -> None:
        """Note that rows were sent; a pause before them is not made up for."""
        self._free = max(self._free, time.monotonic() - PART_SECONDS) + rows / self._rate
