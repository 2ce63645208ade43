"""The selected rows: the one that is shown, and any number that are marked."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.arrow import Array, fill_null, row_numbers

from .table import ResultTable


class Selection:
    """Rows by their ids, so that they stay selected while more rows are found.

    Attributes:
        current: The row that is shown; it need not be among the rows found.
        marked: The ids of the marked rows.
    """

    def __init__(self) -> None:
        self.current: pa.Table | None = None
        self.marked: list[str] = []
        self._anchor: str | None = None

    def clear(self) -> None:
        self.current, self.marked, self._anchor = None, [], None

    def choose(self, table: ResultTable, place: int, how: str = "one") -> None:
        """Select the row at a place: `one` alone, `toggle` it, or the `range` up to it."""
        if not 0 <= place < len(table):
            return
        (number,) = table.numbers(place, 1)
        identity = table.identity(number)
        if identity is None:
            return
        if how == "toggle" and identity in self.marked:
            self.marked.remove(identity)
        elif how == "toggle":
            self.marked.append(identity)
        elif how == "range" and self._anchor is not None:
            found = table.find(self._anchor)
            other = place if found is None else table.place(found)
            low, high = min(place, other), max(place, other)
            chosen = table.take(table.numbers(low, high - low + 1)).column("id").to_pylist()
            self.marked = [each for each in chosen if each is not None]
        else:
            self.marked = [identity]
        if how != "range":
            self._anchor = identity
        self.current = table.take([number])

    def show(self, row: pa.Table) -> None:
        """Show a message, wherever it came from."""
        self.current = row
        identity = row.column("id")[0].as_py()
        self.marked, self._anchor = ([] if identity is None else [identity]), identity

    def rows(self, table: ResultTable) -> pa.Table:
        """Return the selected rows in the order of the table."""
        if len(self.marked) > 1:
            chosen = pc.is_in(table.rows.column("id"), value_set=pa.array(self.marked, pa.string()))
            numbers: Array = pc.indices_nonzero(chosen)
            if table.order is not None:
                numbers = table.order.filter(pc.is_in(table.order, value_set=numbers))
            if len(numbers):
                return table.rows.take(numbers)
        return table.rows.slice(0, 0) if self.current is None else self.current

    def place_of_current(self, table: ResultTable) -> int | None:
        """Return the place of the current row; None if it is not among the rows found."""
        if self.current is None:
            return None
        number = table.find(self.current.column("id")[0].as_py())
        return None if number is None else table.place(number)


def numbers_of(table: ResultTable, wanted: Any) -> list[int]:
    """Return the rows that a user named: an offset, (partition, offset), an id, several of them, or a frame.

    Raises:
        ConfigError: A row is not among the rows found, or several match.
    """
    if hasattr(wanted, "columns") and "id" in wanted.columns:
        wanted = [str(each) for each in wanted["id"]]
    several = wanted if isinstance(wanted, list) else [wanted]
    return [_number_of(table, each) for each in several]


def _number_of(table: ResultTable, wanted: Any) -> int:
    rows = table.rows
    found: Array
    if isinstance(wanted, str):
        found = pc.equal(rows.column("id"), pa.scalar(wanted))
    else:
        partition, offset = wanted if isinstance(wanted, tuple) else (None, wanted)
        if not isinstance(offset, int):
            raise ConfigError(f"a row is an offset, (partition, offset) or an id, not {wanted!r:.60}")
        found = pc.equal(rows.column("offset"), pa.scalar(offset))
        if partition is not None:
            found = pc.and_(found, pc.equal(rows.column("partition"), pa.scalar(partition)))
    hits = row_numbers(fill_null(found, False))
    if len(hits) != 1:
        problem = (
            "is in several partitions: give (partition, offset)" if hits else "is not among the rows found"
        )
        raise ConfigError(f"{wanted!r:.60} {problem}")
    return int(hits[0])
