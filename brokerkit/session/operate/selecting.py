"""Which messages are moved: those of a place that pass a filter, or the rows of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import pairwise
from typing import Any

import pyarrow as pa

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.outbound_rows import Item

from ..publish.frame import plan_of
from ..publish.frame_placement import time_values
from .dead_letters import DeadLetterRows

FOUND_BY = ("topic", "id", "publish_time")


class AllOf:
    """All messages, or those that pass a filter, as they are.

    Args:
        places: The places, by their names.
        rows: Filters them. None for all.
    """

    def __init__(self, places: Mapping[str, DeadLetterPlace], rows: DeadLetterRows | None) -> None:
        self._places = places
        self._rows = rows

    def rows(self, place: str, columns: Columns) -> list[int]:
        """Return the rows that are moved."""
        if self._rows is None:
            return list(range(columns.length))
        batch = self._rows.batch(self._places[place], columns)
        wanted = set(batch.column("id").to_pylist())
        return [row for row, each in enumerate(columns.values("id")) if str(each) in wanted]

    def wanted(self, place: str) -> Set[str] | None:
        """Return None: which are wanted is known once they are read."""
        return None

    def messages(self, place: str, columns: Columns, rows: Sequence[int]) -> list[Item] | None:
        """Return None: they are sent as they are."""
        return None

    def warn_of_filter(self) -> None:
        """Warn with `FilterWarning` if the filter could not examine some messages."""
        if self._rows is not None:
            self._rows.report.warn_of_filter()

    @property
    def left(self) -> list[tuple[str, str]]:
        """Nothing: no message was asked for by its id."""
        return []


class RowsOf:
    """The rows of a frame, found by their topics, ids and times. They are sent as they are in the frame.

    A topic that was deleted and created again has the same ids: another time tells another message.

    Raises:
        ConfigError: It is not a frame of messages that were read.
    """

    def __init__(self, frame: Any) -> None:
        self._outbound = plan_of(frame, "messages", None, None)
        missing = [name for name in FOUND_BY if name not in self._outbound.columns]
        if missing:
            raise ConfigError(
                f"the rows are found by the columns {', '.join(FOUND_BY)} of a frame that was read; missing: "
                f"{', '.join(missing)}"
            )
        self._times = time_values(self._outbound.columns["publish_time"], 0, len(self._outbound))
        self._row_of: dict[str, dict[str, int]] = {}
        named = (_texts(self._outbound.columns[name]) for name in ("topic", "id"))
        for row, (topic, identity) in enumerate(zip(*named, strict=True)):
            if topic is None or identity is None:
                raise ConfigError(f"row {row} has no topic or no id, so that its original is not found")
            if self._row_of.setdefault(topic, {}).setdefault(identity, row) != row:
                raise ConfigError(f"the rows {self._row_of[topic][identity]} and {row} are the same message")
        self._waiting = {topic: set(rows) for topic, rows in self._row_of.items()}

    def __len__(self) -> int:
        return len(self._outbound)

    @property
    def topics(self) -> list[str]:
        """The topics that the rows are in."""
        return list(self._row_of)

    def rows(self, place: str, columns: Columns) -> list[int]:
        """Return the rows that are moved."""
        known, waiting = self._row_of.get(place, {}), self._waiting.get(place, set())
        found = []
        for row, (each, time) in enumerate(
            zip(columns.values("id"), columns.values("publish_time"), strict=True)
        ):
            identity = str(each)
            if identity in known and self._times[known[identity]] == time:
                found.append(row)
                waiting.discard(identity)
        return found

    def wanted(self, place: str) -> Set[str] | None:
        """Return the ids of the rows of a place."""
        return self._row_of.get(place, {}).keys()

    def warn_of_filter(self) -> None:
        """Do nothing: no row is left out by a filter."""
        return

    @property
    def left(self) -> list[tuple[str, str]]:
        """The place and the id of each row that was not found."""
        return [
            (topic, each)
            for topic, rows in self._row_of.items()
            for each in rows
            if each in self._waiting[topic]
        ]

    def messages(self, place: str, columns: Columns, rows: Sequence[int]) -> list[Item] | None:
        """Return the messages of the frame for rows that were read."""
        ids = [str(each) for each in columns.values("id")]
        wanted = [self._row_of[place][ids[row]] for row in rows]
        found: list[Item] = []
        begin = 0
        # rows that follow each other are made together
        for place_in_list, (one, next_one) in enumerate(pairwise([*wanted, -2]), 1):
            if next_one != one + 1:
                found += self._outbound.items(wanted[begin], one + 1)
                begin = place_in_list
        return found


def _texts(column: Any) -> list[str | None]:
    values = column.to_pylist() if isinstance(column, pa.Array | pa.ChunkedArray) else list(column)
    return [None if each is None or each != each else str(each) for each in values]
