"""How many of many messages were stored."""

from __future__ import annotations

from collections.abc import Collection

from brokerkit.frames.outcome import OutcomeFrame

DONE = ("confirmed", "duplicate")


def left_of(outcome: OutcomeFrame, ready: int, bad: Collection[int]) -> int:
    """Return how many of the rows that can be sent, those that are not bad, are not stored for sure."""
    done = outcome[outcome["status"].isin(DONE)]["row"]
    return max(0, ready - len(done) + (int(done.isin(list(bad)).sum()) if bad else 0))


def tried_of(outcome: OutcomeFrame | None) -> Collection[int]:
    """Return the rows that are, or may be, stored."""
    if outcome is None:
        return ()
    return {int(row) for row in outcome[outcome["status"].isin([*DONE, "unknown"])]["row"]}


def counts_of(outcome: OutcomeFrame, bad: Collection[int]) -> list[tuple[str, int]]:
    """Return how many rows have each status, without the bad ones."""
    counted = outcome[~outcome["row"].isin(list(bad))]["status"].value_counts()
    order = ("confirmed", "duplicate", "failed", "unknown")
    return [(status, int(counted[status])) for status in order if status in counted.index]
