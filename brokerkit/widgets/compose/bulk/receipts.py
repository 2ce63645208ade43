"""How many of many messages were stored."""

from __future__ import annotations

from collections.abc import Collection

from brokerkit.frames.outcome import OutcomeFrame

DONE = ("confirmed", "duplicate")


def left_of(outcome: OutcomeFrame, ready: int) -> int:
    """Return how many of the rows that can be sent are not stored for sure."""
    return max(0, ready - int(outcome["status"].isin(DONE).sum()))


def counts_of(outcome: OutcomeFrame, bad: Collection[int]) -> list[tuple[str, int]]:
    """Return how many rows have each status, without the bad ones."""
    counted = outcome[~outcome["row"].isin(list(bad))]["status"].value_counts()
    order = ("confirmed", "duplicate", "failed", "unknown")
    return [(status, int(counted[status])) for status in order if status in counted.index]
