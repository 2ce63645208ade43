"""A condition that leaves some of the chosen messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.session.operate.narrowing import matching
from brokerkit.session.overlooked import Overlooked

from ..predicate import Predicate, condition_of
from ..protocol.changes import Verb
from ..protocol.conditions import ConditionMode

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Narrowing:
    """What a condition does to the chosen messages.

    Attributes:
        where: The condition.
        rows: The numbers of those that it leaves.
        chosen: How many were chosen.
        overlooked: Those that it could not examine, in words.
    """

    where: str | Predicate
    rows: list[int]
    chosen: int
    overlooked: str

    @property
    def text(self) -> str:
        """How many it leaves, and how many stay."""
        left = f"{len(self.rows):,} of {self.chosen:,} chosen match"
        left += "es" if len(self.rows) == 1 else ""
        stay = self.chosen - len(self.rows)
        stays = f"; {stay:,} stay{'s' if stay == 1 else ''}" if stay else ""
        return left + stays + (f"; {self.overlooked}" if self.overlooked else "")


def narrowing(frame: pd.DataFrame, where: str | Predicate) -> Narrowing:
    """Return what a condition does to messages.

    Raises:
        ConfigError: It cannot be used.
    """
    overlooked = Overlooked()
    rows = matching(frame, overlooked, where=where)
    return Narrowing(where, rows, len(frame), overlooked.text(name="it"))


def mode_in(message: Mapping[str, Any]) -> ConditionMode:
    """Return how the condition in a message of the view is written."""
    return "python" if message.get("mode") == "python" else "text"


def narrowed_by(verb: Verb, frame: pd.DataFrame, message: Mapping[str, Any]) -> Narrowing | None:
    """Return what the condition of a redrive does to the chosen messages; None without one.

    Raises:
        ConfigError: It cannot be used, or none matches.
    """
    where = condition_of(str(message.get("where", "")), mode_in(message)) if verb == "redrive" else None
    if where is None:
        return None
    found = narrowing(frame, where)
    if not found.rows:
        raise ConfigError(f"Only where: {found.text}")
    return found
