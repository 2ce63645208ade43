"""The receipts of messages that were moved: one row for each, and whether its original is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.frames.outcome import OutcomeFrame, outcome_frame
from brokerkit.frames.provenance import attach

REMOVING = "the copy is stored; interrupted while its original was being removed, which may be gone"


class MoveWarning(UserWarning):
    """Messages were not all moved, or something is to be known of how they are."""


@dataclass(slots=True)
class Receipt:
    """What became of one message.

    Attributes:
        place: The topic that it was in.
        id: Its id there.
        target: The topic that it was sent to.
        result: The outcome of sending it.
        removed: Whether its original is gone.
        problem: Why it was not removed although it was sent.
        known_by: The name by which its copy is known again.
    """

    place: str
    id: str
    target: str | None
    result: PublishResult
    removed: bool = False
    problem: BrokerError | None = None
    known_by: str | None = None
    tried: bool = True
    removing: bool = False

    @property
    def original(self) -> str:
        """The place and the id of the original."""
        return f"{self.place} {self.id}"

    @property
    def outcome(self) -> PublishResult:
        """The outcome, with what is wrong with the original."""
        if self.result.error is not None:
            return self.result
        if self.removing:
            return self._confirmed_but(BrokerError(REMOVING))
        if self.problem is None:
            return self.result
        told = type(self.problem)(f"the copy is stored, and its original is still there: {self.problem}")
        return self._confirmed_but(told)

    def _confirmed_but(self, error: BrokerError) -> PublishResult:
        return PublishResult(self.result.status, self.result.id, error, self.result.note)


def receipts_frame(receipts: Iterable[Receipt], details: dict[str, Any]) -> OutcomeFrame:
    """Return the receipts as an outcome frame with the columns `source`, `source_id`, `target`, `removed`."""
    known = list(receipts)
    made = outcome_frame([each.outcome for each in known])
    columns: dict[str, Any] = {
        "source": pa.array([each.place for each in known], pa.string()),
        "source_id": pa.array([each.id for each in known], pa.string()),
        "target": pa.array([each.target for each in known], pa.string()),
    }
    for place, (name, column) in enumerate(columns.items(), 1):
        made.insert(place, name, pd.Series(pd.arrays.ArrowExtensionArray(column)))
    removed = pa.array([each.removed for each in known], pa.bool_())
    made.insert(5, "removed", pd.Series(pd.arrays.ArrowExtensionArray(removed)))
    attach(made, details)
    return made
