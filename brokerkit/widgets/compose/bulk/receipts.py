"""How many of many messages were stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from brokerkit.frames.outcome import OutcomeFrame

if TYPE_CHECKING:
    import pandas as pd

DONE = ("confirmed", "duplicate")
SHOWN = 100
"""How many receipts of rows that were not confirmed are shown."""


class Receipts:
    """The receipts of the rows that can be sent. What is counted is counted once, not for each state.

    Attributes:
        outcome: The receipts of all rows.
        wrong: The bad rows, which are not among those that are counted.
    """

    def __init__(self, outcome: OutcomeFrame, wrong: Mapping[int, Any]) -> None:
        self.outcome, self.wrong = outcome, wrong

    def are_of(self, outcome: OutcomeFrame, wrong: Mapping[int, Any]) -> bool:
        """Return whether these are the receipts of these rows."""
        return self.outcome is outcome and self.wrong is wrong

    @cached_property
    def _good(self) -> pd.DataFrame:
        bad = np.fromiter(self.wrong, np.int64, len(self.wrong))
        return self.outcome[~np.isin(self.outcome["row"].to_numpy(), bad)]

    @cached_property
    def done(self) -> int:
        """How many are stored for sure."""
        return int(self._good["status"].isin(DONE).sum())

    @cached_property
    def counts(self) -> list[tuple[str, int]]:
        """How many have each status."""
        counted = self._good["status"].value_counts()
        order = ("confirmed", "duplicate", "failed", "unknown")
        return [(status, int(counted[status])) for status in order if status in counted.index]

    @cached_property
    def first_left(self) -> list[tuple[int, str, str]]:
        """The first rows that were not stored for sure: row, status, and error."""
        some = self._good[self._good["status"].isin(["failed", "unknown"])].head(SHOWN)
        return [
            (int(row), str(status), str(error))
            for row, status, error in zip(some["row"], some["status"], some["error"].fillna(""), strict=True)
        ]


def tried_of(outcome: OutcomeFrame | None) -> Collection[int]:
    """Return the rows that are, or may be, stored."""
    if outcome is None:
        return ()
    return {int(row) for row in outcome[outcome["status"].isin([*DONE, "unknown"])]["row"]}
