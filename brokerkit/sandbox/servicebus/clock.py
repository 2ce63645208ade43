"""The time in the units of the protocol."""

from __future__ import annotations

import time


def now() -> int:
    """Return the milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
