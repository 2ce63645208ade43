"""Waiting for a condition with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.02


def eventually(condition: Callable[[], T], what: str, *, within: float = 60.0) -> T:
    """Return the first true result of `condition`.

    Args:
        condition: Called again and again.
        what: Names the condition in the error.
        within: Seconds to wait.

    Raises:
        AssertionError: No result was true within this time.
    """
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"did not happen within {within:g} s: {what}")
        time.sleep(PAUSE_SECONDS)
