"""Dead letters that were read, as groups, and what of them is in view and chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from ..protocol.letters import LettersBy

MOST = 10_000
"""At most so many dead letters are read for the tab."""
GROUPS: dict[LettersBy, str] = {"reason": "reason", "consumer": "origin_subscription", "hour": "publish_time"}
"""The column that each way of grouping goes by."""


@dataclass(frozen=True)
class Found:
    """The dead letters that were read.

    Attributes:
        topic: The topic; None before it is known.
        showing: How they are shown, as arguments of `dead_letters`.
        naming: The rule for the names of their topics; empty for what is usual.
        give_back: Whether they were taken and given back.
        reading: The number of the reading that found them.
        loading: Whether they are being read.
        frame: The letters, with the edits; None before they were read.
        groups: The rows of each group, the largest first.
        at: When they were read.
        problem: Why they could not be read.
    """

    topic: str | None = None
    showing: Mapping[str, Any] = field(default_factory=dict)
    naming: str = ""
    give_back: bool = False
    reading: int = 0
    loading: bool = False
    frame: pd.DataFrame | None = None
    groups: tuple[tuple[int, ...], ...] = ()
    at: datetime | None = None
    problem: str = ""

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of `dead_letters` that differ from their defaults."""
        chosen = {"naming": self.naming, "side_effects": "give back" if self.give_back else ""}
        cut = self.frame is not None and len(self.frame) == MOST
        return {name: value for name, value in chosen.items() if value} | ({"limit": MOST} if cut else {})


@dataclass(frozen=True)
class Look:
    """What is in view of the letters.

    Attributes:
        by: What they are grouped by.
        open: The group whose letters are listed; None for all.
        first: The first that is listed.
        shown: The letter that is shown in full; None for none.
        chosen: The rows that are chosen.
        edited: The values that rows had before they were edited.
    """

    by: LettersBy = "reason"
    open: int | None = None
    first: int = 0
    shown: int | None = None
    chosen: frozenset[int] = frozenset()
    edited: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chosen:
    """The letters that were chosen at one moment.

    Attributes:
        frame: The letters, with the edits, in their order.
        edited: The numbers of those rows of the frame that are edited.
        number: How many letters there were in all.
        reading: The number of the reading that found them.
    """

    frame: pd.DataFrame
    edited: frozenset[int]
    number: int
    reading: int


def fixed(frame: pd.DataFrame, row: int) -> str:
    """Return why the value of a row cannot be edited as text; empty if it can."""
    value = frame["value"].iloc[row]
    if not isinstance(value, str):
        return "its payload is no text"
    return "" if pd.isna(frame["raw"].iloc[row]) else "its payload was decoded"


def groups_of(frame: pd.DataFrame, by: LettersBy) -> tuple[tuple[int, ...], ...]:
    """Return the rows of each group, the largest first."""
    column = frame[GROUPS[by]]
    if by == "hour":
        column = column.astype("datetime64[us, UTC]").dt.floor("h")
    values = pa.array(column, from_pandas=True).to_pylist()
    found: dict[Any, list[int]] = {}
    for row, value in enumerate(values):
        found.setdefault(value, []).append(row)
    rows = found.values() if by != "hour" else [found[each] for each in sorted(found, key=str)]
    return tuple(map(tuple, rows if by == "hour" else sorted(rows, key=len, reverse=True)))
