"""The rows of a result as pages of short texts: any number of rows, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import plain
from brokerkit.frames.arrow import Array
from brokerkit.frames.expand import expand

from ..row_view import attribute_texts, bytes_text, texts_or_bytes

CELL = 240
PAGE = 400
"""How many rows are sent at once."""
COLUMNS = 200
"""At most so many columns can be chosen from."""
USUAL = ("partition", "offset", "key", "value", "publish_time", "attributes")


class ResultTable:
    """A table, the order of its rows and the columns shown.

    Attributes:
        rows: The table as it was found, with JSON fields as columns if `expanding`.
        problem: Why the JSON fields could not be added.
    """

    def __init__(self, rows: pa.Table, *, expanding: bool = False) -> None:
        self.problem = ""
        self.rows = rows
        if expanding:
            try:
                self.rows = expand(rows)
            except ConfigError as error:
                self.problem = plain(str(error), 300)
        self._order: Array | None = None
        self.sort: tuple[str, bool] | None = None

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def names(self) -> list[str]:
        return list(self.rows.column_names)

    def usual_columns(self) -> list[str]:
        """The columns shown by default: those with values, and JSON fields instead of their text."""
        fields = [name for name in self.names if name.startswith("value.")][:12]
        payload = fields or ["value"]
        place = "offset" if self._has("offset") else "id"
        named = {"value": payload, "offset": [place]}
        usual = [name for each in USUAL for name in named.get(each, [each])]
        return [name for name in usual if name in payload or self._has(name)]

    def _has(self, name: str) -> bool:
        """Return whether a column has a value in any row; True if there are no rows."""
        also = ("raw_key",) if name == "key" else ()
        return not len(self) or any(self.rows.column(each).null_count < len(self) for each in (name, *also))

    def sort_by(self, sort: tuple[str, bool] | None) -> None:
        """Order the rows by a column, ascending or not; None restores the order in which they were found.

        Raises:
            ConfigError: The rows cannot be ordered by this column.
        """
        if sort is None:
            self.sort, self._order = None, None
            return
        name, ascending = sort
        if name not in self.names:
            raise ConfigError(f"there is no column {plain(name, 60)!r} to sort by")
        try:
            self._order = pc.sort_indices(
                self.rows.select([name]),
                sort_keys=[(name, "ascending" if ascending else "descending")],
            )
        except (pa.ArrowException, NotImplementedError, TypeError) as error:
            raise ConfigError(f"{plain(name, 60)!r} has no order to sort by") from error
        self.sort = sort

    def numbers(self, first: int, count: int) -> list[int]:
        """Return the numbers in `rows` of the rows at these places."""
        last = min(len(self), first + count)
        if self._order is None:
            return list(range(first, last))
        found: list[Any] = self._order.slice(first, last - first).to_pylist()
        return found

    @property
    def order(self) -> Array | None:
        """The numbers of all rows in the order shown; None for the order in which they were found."""
        return self._order

    def place(self, number: int) -> int:
        """Return the place of a row."""
        return number if self._order is None else int(pc.index(self._order, number).as_py())

    def find(self, identity: str) -> int | None:
        """Return the number of the row with an id."""
        number = int(pc.index(self.rows.column("id"), identity).as_py())
        return None if number < 0 else number

    def identity(self, number: int) -> str | None:
        found: str | None = self.rows.column("id")[number].as_py()
        return found

    def take(self, numbers: Sequence[int]) -> pa.Table:
        return self.rows.take(pa.array(numbers, pa.int64()))

    def page(self, first: int, count: int, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Return rows as texts; a cell is None if it has no value."""
        first, count = max(0, first), min(count, PAGE)
        numbers = self.numbers(first, count)
        part = self.take(numbers) if self._order is not None else self.rows.slice(first, len(numbers))
        cells = [_texts(part, name) for name in columns]
        identities = part.column("id").to_pylist()
        return [
            {"place": first + index, "id": identities[index], "cells": [column[index] for column in cells]}
            for index in range(len(numbers))
        ]


def _texts(table: pa.Table, name: str) -> list[str | None]:
    column = table.column(name)
    if name == "attributes":
        return [text or None for text in attribute_texts(table)]
    kind = column.type
    if name == "value" and (pa.types.is_large_string(kind) or pa.types.is_string(kind)):
        return texts_or_bytes(column, table.column("raw"), CELL)
    if name == "key":
        return texts_or_bytes(column, table.column("raw_key"), CELL)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        cut = pc.binary_slice(column, 0, 4 * CELL).to_pylist()
        return [None if data is None else plain(bytes_text(data), CELL) for data in cut]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = pc.utf8_slice_codeunits(column, 0, CELL + 1)
    return [None if value is None else _text(value) for value in column.to_pylist()]


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value if isinstance(value, str) else repr(value), CELL)
