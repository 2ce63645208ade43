"""Rows of a frame of messages, with the partition and the time in its columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import repeat
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.contract.garbage_collection import uncollected
from brokerkit.core.vocabulary.arguments import shown_integer
from brokerkit.core.vocabulary.attributes import NO_ATTRIBUTES, Attributes
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.messages import checked_partition, checked_time, to_microseconds
from brokerkit.core.vocabulary.outbound_rows import Item, OutboundRows
from brokerkit.frames.carried import PUBLISH_TIME
from brokerkit.frames.outbound import Outbound, Rows
from brokerkit.frames.provenance import source_of
from brokerkit.frames.tabular import Column, missing

from ..base import open_session
from .copy_attributes import TOLD, written
from .placement import Partitions, Placement, Times, partitions_of, placement_of

if TYPE_CHECKING:
    import pandas as pd

    from ..base import BrokerSession

CHUNK_ROWS = 5_000
PLANNED_ROWS = 100_000
"""How many rows a dry run checks for differences."""
KNOWN_KEYS = 100_000
"""How many keys are remembered with their partition."""


def placed(
    outbound: Outbound,
    frame: Any,
    target: BrokerSession,
    topic: str,
    partitions: Partitions | None,
    times: Times | None,
) -> tuple[Outbound, Placement | None]:
    """Return the messages of a frame with their partitions and times, where the target takes them.

    Raises:
        ConfigError: An argument does not fit the frame.
        NotSupported: The target cannot keep the partition or the time.
    """
    if outbound.kind != "messages":
        if partitions is not None or times is not None:
            raise ConfigError("partitions= and times= are for frames of messages, kind='messages'")
        return outbound, None
    numbers, moments = outbound.columns.get("partition"), outbound.columns.get("publish_time")
    if isinstance(numbers, pa.ChunkedArray) and numbers.null_count == len(numbers):
        numbers = None
    if isinstance(moments, pa.ChunkedArray) and not pa.types.is_timestamp(moments.type):
        if times == "keep" and not pa.types.is_null(moments.type):
            raise ConfigError(
                f"the column 'publish_time' is {moments.type}, not a time: times='now' leaves it"
            )
        moments = None
    topics = _topics(outbound)
    # rows that were not read from a topic have the partition that the caller chose for them
    chosen = numbers is not None and not topics
    if chosen and partitions is None and target.capabilities.publish_partition:
        partitions = "same"
    asked = target.capabilities.partitions and numbers is not None and partitions != "key"
    placement = placement_of(
        target,
        topic,
        partitions=partitions,
        times=times,
        source=0 if chosen else _count(frame, target, topics) if asked else None,
        has_partitions=numbers is not None,
        has_times=moments is not None,
    )
    if partitions == "same" and numbers is not None:
        _check_all_there(placement, numbers)
    if chosen and not target.capabilities.publish_partition:
        placement.tell("the column 'partition' is left out: this system chooses the partition itself")
    rows = PlacedRows(outbound.rows, placement, numbers, moments, resent=topics == {topic})
    return Outbound(outbound.kind, rows, outbound.columns, as_json=outbound.as_json), placement


def plan_shown(outbound: Outbound, placement: Placement | None, schema: str | None = None) -> pd.DataFrame:
    """Return the first rows as they would be sent; its attrs say which partitions and times will differ.

    Args:
        schema: The schema that they are written with, in words.
    """
    shown = outbound.preview()
    if schema is not None:
        shown["schema"] = schema
    if placement is not None:
        for start in range(0, min(len(outbound), PLANNED_ROWS), CHUNK_ROWS):
            outbound.items(start, start + CHUNK_ROWS)
        shown.attrs["brokerkit"] = {"placing": placement.summary()}
    return shown


def _topics(outbound: Outbound) -> set[str]:
    column = outbound.columns.get("topic")
    if column is None:
        return set()
    values = column.unique().to_pylist() if isinstance(column, pa.ChunkedArray) else column
    return {value for value in values if isinstance(value, str)}


def _count(frame: Any, target: BrokerSession, topics: set[str]) -> int | None:
    """Return how many partitions the rows come from; None if that is not known."""
    if not topics:
        return None
    return partitions_of(open_session(source_of(frame)) or target, sorted(topics))


def _check_all_there(placement: Placement, numbers: Column) -> None:
    values: Column = numbers.unique().to_pylist() if isinstance(numbers, pa.ChunkedArray) else numbers
    known = [each for each in partition_values(values, 0, len(values)) if isinstance(each, int)]
    count = placement.terms.partitions
    if known and count is not None and max(known) >= count:
        largest = shown_integer(max(known))
        raise ConfigError(
            f'partitions="same": there are rows of partition {largest}, and {placement.topic!r} has '
            f'{count}, from 0: partitions="key" lets the key decide'
        )


class PlacedRows:
    """Messages of other rows, each with the partition and time that `placing` keeps.

    `resent` says whether they are sent back to the topic they came from.
    """

    def __init__(
        self,
        rows: Rows,
        placement: Placement,
        numbers: Column | None,
        moments: Column | None,
        *,
        resent: bool,
    ) -> None:
        self._rows = rows
        self._placement = placement
        self._numbers = numbers
        self._moments = moments if placement.keeps_times else None
        self._resent = resent
        self._places: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def items(self, start: int, stop: int) -> list[Item]:
        """Return the rows from `start` up to but excluding `stop`, one item each."""
        return uncollected(list, self.batch(start, stop))

    def batch(self, start: int, stop: int) -> OutboundRows:
        """Return the same rows as columns."""
        rows = self._rows.batch(start, stop)
        if self._numbers is not None:
            found = partition_values(self._numbers, start, stop)
            if self._placement.same:
                self._set_partitions(rows, found, start)
            elif self._resent:
                self._tell_of_moves(rows, found, start)
        if self._moments is not None:
            moments = uncollected(time_values, self._moments, start, stop)
            uncollected(self._set_times, rows, moments, start)
        return rows

    def _set_partitions(self, rows: OutboundRows, found: list[int | str | None], start: int) -> None:
        wrong = {row: value for row, value in enumerate(found) if isinstance(value, str)}
        for row, reason in wrong.items():
            rows.wrong.setdefault(row, ConfigError(f"row {start + row}, column 'partition': {reason}"))
            found[row] = None
        given = rows.partitions
        rows.partitions = (
            found  # type: ignore[assignment]  # the texts are gone
            if given is None
            else [value if own is None else own for own, value in zip(given, found, strict=True)]
        )

    def _tell_of_moves(self, rows: OutboundRows, found: Sequence[Any], start: int) -> None:
        keys = repeat(None) if rows.keys is None else rows.keys
        given = repeat(None) if rows.partitions is None else rows.partitions
        for row, (key, own, number) in enumerate(zip(keys, given, found, strict=False), start):
            if row - start in rows.wrong:
                continue
            if (place := self._left_for(key, own, number)) is not None:
                self._placement.tell_once(
                    "moves",
                    f"messages go to another partition of {self._placement.topic!r} than they were in, since "
                    f"another partitioner had placed them: row {row} goes from {number} to {place}; "
                    'partitions="same" keeps them where they were',
                )
                return

    def _left_for(self, key: bytes | None, own: int | None, number: int | str | None) -> int | None:
        """Return the partition that a message goes to instead of its own, if it is known."""
        if not isinstance(number, int):
            return None
        place = self.place_of(key) if own is None and key is not None else own
        return None if place == number else place

    def move(self, row: int, item: Item) -> str | None:
        """Return a note on the partition of a message that goes back to its topic, or None."""
        if self._numbers is None or not self._resent or isinstance(item, BrokerError):
            return None
        (number,) = partition_values(self._numbers, row, row + 1)
        place = self._left_for(item.key, item.partition, number)
        if place is None:
            return None
        return (
            f"it leaves its partition: it was in {number} and goes to {place}, since another partitioner had "
            'placed it; partitions="same" keeps it there'
            if item.partition is None
            else f"it leaves its partition: it was in {number} and goes to {place}"
        )

    def place_of(self, key: bytes) -> int | None:
        """Return the partition where the target puts messages with this key, if it is known."""
        place = self._placement.terms.place
        if place is None:
            return None
        if key not in self._places:
            if len(self._places) >= KNOWN_KEYS:
                self._places.clear()
            self._places[key] = place(key)
        return self._places[key]

    def _set_times(self, rows: OutboundRows, found: Sequence[int | str | None], start: int) -> None:
        micros = [value if isinstance(value, int) else None for value in found]
        kept = self._placement.times(micros, told=TOLD)
        times: list[datetime | None] = [None] * len(rows) if rows.times is None else rows.times
        attributes = [NO_ATTRIBUTES] * len(rows) if rows.attributes is None else [*rows.attributes]
        for row, (moment, exact) in enumerate(kept):
            value = found[row]
            if value is None or row in rows.wrong or times[row] is not None:
                continue
            if isinstance(value, str):
                rows.wrong[row] = ConfigError(f"row {start + row}, column 'publish_time': {value}")
            elif moment is not None:
                times[row] = moment
                if not exact:
                    self._placement.tell_once(
                        "digits", "times are rounded down to milliseconds, which is all that is kept"
                    )
            elif attributes[row].get(PUBLISH_TIME) is None:
                attributes[row] = Attributes([*attributes[row], (PUBLISH_TIME, written(value))])
        rows.times = times
        rows.attributes = attributes if any(attributes) else None


def partition_values(column: Column, start: int, stop: int) -> list[int | str | None]:
    """Return the partition of each row: None where it has none, a text where it is not valid."""
    part = column[start:stop]
    if isinstance(part, pa.ChunkedArray):
        values: list[Any] = part.to_pylist()
        if pa.types.is_integer(part.type) and not values.count(None) and (not values or min(values) >= 0):
            return values
    else:
        values = part
    return [_partition(value) for value in values]


def _partition(value: Any) -> int | str | None:
    if missing(value):
        return None
    try:
        # a pandas column with gaps holds floats
        return checked_partition(int(value) if isinstance(value, float) and value.is_integer() else value)
    except (TypeError, ConfigError) as error:
        return str(error)


def time_values(column: Column, start: int, stop: int) -> list[int | str | None]:
    """Return the time of each row in microseconds: None where it has none, a text where it is not valid."""
    part = column[start:stop]
    if isinstance(part, pa.ChunkedArray):
        whole = part.cast(pa.timestamp("us", part.type.tz), safe=False)
        found: list[Any] = whole.cast(pa.int64()).to_pylist()
        return found
    return [_time(value) for value in part]


def _time(value: Any) -> int | str | None:
    if missing(value):
        return None
    try:
        return to_microseconds(checked_time(value))
    except (TypeError, ConfigError) as error:
        return str(error)
