"""The receipts of messages that were moved: one row for each, and whether its original is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.frames.outcome import OutcomeFrame, outcome_frame
from brokerkit.frames.provenance import attach, fitted

if TYPE_CHECKING:
    from brokerkit.core.runtime.connection import Connection

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


def origin_of(connection: Connection, topics: Iterable[str]) -> dict[str, Any]:
    """Return the facts by which receipts are told from those of another broker, or of an earlier topic."""
    inspector = connection.inspector()
    identities = {topic: inspector.identity(topic) for topic in topics}
    return fitted({"broker": connection.address.broker, "identities": identities})


def check_origin(connection: Connection, facts: Mapping[str, Any]) -> None:
    """Raise ConfigError if receipts are of another broker, or of a topic that was created again since."""
    broker, identities = facts.get("broker"), facts.get("identities") or {}
    here = origin_of(connection, ())["broker"]
    if broker != here:
        raise ConfigError(
            f"these receipts are from {broker or 'a broker that they do not name'}, and this session is "
            f"connected to {here}: call undo of a session that is connected to that broker"
        )
    now = origin_of(connection, identities)["identities"]
    for topic, before in identities.items():
        if before and now[topic] not in ("", before):
            raise ConfigError(
                f"topic {topic!r} was created again since, so that the places in these receipts are those of "
                "other messages: there is nothing to undo"
            )
