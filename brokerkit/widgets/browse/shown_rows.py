"""The rows that a browser shows: their table, columns, order and selection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.freed import freed
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.provenance import attach, provenance
from brokerkit.registry import SchemaSource

from .compare import Compared, compare
from .message import MessageView
from .selection import Selection, numbers_of
from .table import Deeper, ResultTable

if TYPE_CHECKING:
    import pandas as pd


class Snapshot(NamedTuple):
    """The rows at one moment.

    Attributes:
        version: Increases with each change of the rows or their order.
        columns: The names of the columns shown.
        marked: The ids of the marked rows.
        place: The place of the current row; None if it is not among the rows.
    """

    version: int
    result: ResultTable
    columns: list[str]
    marked: frozenset[str]
    place: int | None


class ShownRows:
    """Rows with their columns, order and selection. Any thread may call it.

    Args:
        source: Where the schemas are that payloads name; None if there is no source.

    Attributes:
        result: The rows in their order; it is replaced, never changed.
        expanding: Whether fields of JSON values are columns, from the next `put` on.
        deeper: The fields of fields that are columns too, from the next `put` on.
    """

    def __init__(self, source: SchemaSource | None = None) -> None:
        self.expanding = False
        self.deeper: Deeper = ()
        self._source = source
        self._lock = RLock()
        self._builder = FrameBuilder()
        self._table = self._builder.to_table([])
        self._version = 0
        self._columns: list[str] | None = None
        self._sort: tuple[str, bool] | None = None
        self._selection = Selection()
        self._message: MessageView | None = None
        self._stepped: tuple[pa.Table | None, str] = None, ""
        self.result = ResultTable(self._table)

    @property
    def builder(self) -> FrameBuilder:
        """The builder that made the rows."""
        return self._builder

    def clear(self, builder: FrameBuilder | None = None, *, keep_view: bool = True) -> None:
        """Drop the rows and the selection.

        Args:
            builder: The builder of the rows to come; None keeps the present one.
            keep_view: Keep the columns and the order.
        """
        with freed(self._lock), self._lock:
            self._builder = self._builder if builder is None else builder
            self._selection.clear()
            self._message = None
            if not keep_view:
                self._columns, self._sort, self.deeper = None, None, ()
            self.put(self._builder.to_table([]))

    def put(self, table: pa.Table, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Show these rows, in the chosen order; the selection stays.

        Args:
            table: The rows.
            wanted: Returns whether they are still wanted once they are in order, which takes a while.

        Returns:
            Whether they are shown.
        """
        while True:
            view = self.expanding, self._sort, self.deeper
            result = ResultTable(table, expanding=view[0], deeper=view[2])
            if view[1] is not None and view[1][0] in result.names:
                result.sort_by(view[1])
            with freed(self._lock), self._lock:
                if not wanted():
                    return False
                if view == (self.expanding, self._sort, self.deeper):
                    self._table, self.result = table, result
                    self._version += 1
                    return True

    def are(self, table: pa.Table) -> bool:
        """Return whether these are the rows of `table`."""
        return self._table is table

    def snapshot(self) -> Snapshot:
        with freed(self._lock), self._lock:
            selection = self._selection
            return Snapshot(
                self._version,
                self.result,
                self.columns,
                frozenset(selection.marked),
                selection.place_of_current(self.result),
            )

    def ordered(self) -> tuple[pa.Table, Any, list[str] | None]:
        """Return the rows in order, the numbers that order them, and the chosen columns; None for the usual.

        The numbers are None where the rows are in the order of `peek`.
        """
        with freed(self._lock), self._lock:
            rows, order, columns = self.result.rows, self.result.order, self.chosen_columns
        return rows if order is None else rows.take(order), order, columns

    def as_frame(self, rows: pa.Table, source: str, details: Mapping[str, Any]) -> pd.DataFrame:
        """Return rows as a frame that remembers where they came from."""
        return attach(to_pandas(rows), provenance(self._builder, source=source, details=details))

    # Columns and order.

    @property
    def columns(self) -> list[str]:
        """The columns shown."""
        chosen = self.chosen_columns
        return self.result.usual_columns() if chosen is None else chosen

    @property
    def chosen_columns(self) -> list[str] | None:
        """The chosen columns that the rows have; None for the usual ones."""
        names = set(self.result.names)
        return [name for name in self._columns or () if name in names] or None

    def choose_columns(self, wanted: Sequence[str] | None) -> None:
        """Show these columns; None shows the usual ones.

        Raises:
            ConfigError: The rows have no such column.
        """
        if wanted is not None:
            unknown = [name for name in wanted if name not in self.result.names]
            if unknown or not wanted:
                named = ", ".join(unknown) or "none"
                raise ConfigError(f"the columns are {', '.join(self.result.names)}, and not {named}")
        self._columns = None if wanted is None else list(wanted)

    def sort_by(self, sort: tuple[str, bool] | None) -> None:
        """Order the rows by a column, ascending or not; None orders them as `peek` does."""
        with freed(self._lock), self._lock:
            ordered = copy(self.result)
            ordered.sort_by(sort)
            self.result, self._sort = ordered, sort
            self._version += 1

    # Selection.

    @property
    def marked(self) -> int:
        """How many rows are marked."""
        return len(self._selection.marked)

    def selected(self) -> pa.Table:
        """Return the selected rows in the order of the frame."""
        with freed(self._lock), self._lock:
            return self._selection.rows(self.result)

    def choose_clicked(self, identity: str, how: str = "one") -> None:
        """Select the row with an id, as `choose` does; nothing if it is not among the rows any more."""
        with freed(self._lock), self._lock:
            number = self.result.find(identity)
            if number is not None:
                self._selection.choose(self.result, self.result.place(number), how)

    def choose(self, place: int, how: str = "one") -> None:
        """Select the row at a place: `one` alone, `toggle` it, or the `range` up to it."""
        with freed(self._lock), self._lock:
            self._selection.choose(self.result, place, how)

    def choose_next(self, by: int) -> None:
        """Select the row before (-1) or after (1) the current one."""
        with freed(self._lock), self._lock:
            place = self._selection.place_of_current(self.result)
            place = (-1 if by > 0 else len(self.result)) if place is None else place
            self._selection.choose(self.result, place + by)

    def choose_named(self, wanted: Any) -> None:
        """Select the rows that a user named; None for none. See `numbers_of`.

        Raises:
            ConfigError: A row is not among the rows found, or several match.
        """
        with freed(self._lock), self._lock:
            numbers = [] if wanted is None else numbers_of(self.result, wanted)
            self._selection.clear()
            for number in numbers:
                self._selection.choose(self.result, self.result.place(number), "toggle")

    def show(self, row: pa.Table, stepped_over: str = "") -> None:
        """Select a message, wherever it came from, and what was stepped over on the way."""
        with freed(self._lock), self._lock:
            self._selection.show(row)
            self._stepped = row, stepped_over

    @property
    def message(self) -> MessageView | None:
        """The current message, in full."""
        current, shown = self._selection.current, self._message
        if current is None:
            shown = None
        elif shown is None or shown.row is not current:
            row, stepped_over = self._stepped
            shown = MessageView(current, self._builder, self._source, stepped_over if row is current else "")
        self._message = shown
        return shown

    def compared(self, *, newest_on_top: bool = False) -> list[Compared]:
        """Return the first two selected rows, field by field; empty if fewer are selected.

        Args:
            newest_on_top: Take them from the last row on, unless the rows are ordered by a column.
        """
        with freed(self._lock), self._lock:
            rows, turned = self.selected(), newest_on_top and self._sort is None
        if rows.num_rows < 2:
            return []
        places = (rows.num_rows - 1, rows.num_rows - 2) if turned else (0, 1)
        left, right = (MessageView(rows.slice(place, 1), self._builder) for place in places)
        return compare(left, right)
