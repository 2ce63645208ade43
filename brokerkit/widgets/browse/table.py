"""The rows of a result as pages of short texts: any number of rows, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.dead_letters import REDRIVE_ID, REDRIVEN
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import MESSAGE_ID
from brokerkit.display.sanitize import plain
from brokerkit.frames.arrow import Array
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.decoded import Payloads
from brokerkit.frames.expand import Path, expand

from ..protocol.messages import Row, RowKind
from ..row_view import attribute_texts, bytes_text, size_text, texts_or_bytes

CELL = 240
PAGE = 400
"""How many rows are sent at once."""
COLUMNS = 200
"""At most so many columns can be chosen from."""
FIRST_BYTES = 40
JUDGED_BYTES = 4_000_000
"""Payloads of a page with more bytes are not decoded again to say why they could not be."""
TOMBSTONE = "Tombstone: null payload"
SENT_AGAIN = {
    REDRIVEN: "Sent again: redrive number {}",
    REDRIVE_ID: "Moved here from {}",
    MESSAGE_ID: "Sent again: it was {} before",
}
"""The attributes of copies, each with the sentence about it; the first that a message has counts."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
USUAL = ("publish_time", "partition", "offset", "key", "value", "attributes")


Deeper = tuple[Path, ...]
"""The paths of fields of fields that are columns too, outer ones first."""
Column = str | Path
"""The name of a column, or the path of a field that becomes one."""


class ResultTable:
    """A table, the order of its rows and the columns shown.

    Attributes:
        rows: The table as it was found, with JSON fields as columns if `expanding`, and those `deeper`.
        problem: Why the JSON fields could not be added.
    """

    def __init__(self, rows: pa.Table, *, expanding: bool = False, deeper: Deeper = ()) -> None:
        self.problem = ""
        self.rows = rows
        self._titles: dict[Path, str] = {}
        if expanding:
            try:
                self.rows = expand(rows)
                for path in deeper:
                    column = self.title_of(path[:-1])
                    if column in self.rows.column_names:
                        self.rows = expand(self.rows, column, [path[-1]])
                        self._titles[path] = self.rows.column_names[-1]
            except ConfigError as error:
                self.problem = plain(str(error), 300)
        self._order: Array | None = None
        self.sort: tuple[str, bool] | None = None

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def names(self) -> list[str]:
        return list(self.rows.column_names)

    def title_of(self, path: Path) -> str | None:
        """Return the name of the column with a field of the value; None for one of a field that is no column.

        The name of a field may have dots, so that two fields would have one name.
        """
        if len(path) > 1:
            return self._titles.get(path)
        # as `expand` names it
        return "value." + path[0].encode("utf-8", "backslashreplace").decode()

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

    def page(
        self, first: int, count: int, columns: Sequence[str], builder: FrameBuilder | None = None
    ) -> list[tuple[str | None, Row]]:
        """Return rows as texts, each with its id; a cell is None if it has no value.

        Args:
            first: The place of the first row.
            count: How many rows, at most `PAGE`.
            columns: The columns.
            builder: The builder that decoded the rows, to say why some could not be decoded.
        """
        first, count = max(0, first), min(count, PAGE)
        numbers = self.numbers(first, count)
        part = self.take(numbers) if self._order is not None else self.rows.slice(first, len(numbers))
        cells = [_texts(part, name) for name in columns]
        identities = part.column("id").to_pylist()
        kinds, said = kinds_of(part, builder)
        formats = part.column("format").to_pylist() if "format" in self.names else [None] * len(numbers)
        sizes = _sizes(part)
        again = sent_again(part)
        times = part.column("publish_time").to_pylist()
        return [
            (
                identities[index],
                {
                    "place": first + index,
                    "id": identities[index],
                    "cells": [column[index] for column in cells],
                    "marked": False,
                    "kind": kinds[index],
                    "format": plain(formats[index] or "", 40),
                    "size": size_text(sizes[index]),
                    "said": said.get(index, ""),
                    "again": again.get(index, ""),
                    "time": _milliseconds(times[index]),
                    "gap": "",
                },
            )
            for index in range(len(numbers))
        ]

    def numeric(self, columns: Sequence[str]) -> list[bool]:
        """Return which of these columns hold numbers."""
        kinds = [self.rows.schema.field(name).type for name in columns]
        return [
            pa.types.is_integer(each) or pa.types.is_floating(each) or pa.types.is_decimal(each)
            for each in kinds
        ]


def kinds_of(rows: pa.Table, builder: FrameBuilder | None = None) -> tuple[list[RowKind], dict[int, str]]:
    """Return what the payload of each row is, and a sentence for those that are no text.

    Args:
        rows: The rows.
        builder: The builder that decoded them; without one, what was not decoded counts as binary.
    """
    # what was decoded to something else than text has a value, too
    value, raw = rows.column("value"), rows.column("raw")
    missing = pc.is_null(value).to_pylist()
    raws = pc.binary_slice(raw, 0, FIRST_BYTES).to_pylist()
    kinds: list[RowKind] = [
        "text" if not gone else "null" if data is None else "bytes"
        for gone, data in zip(missing, raws, strict=True)
    ]
    said = {
        index: TOMBSTONE if kind == "null" else (raws[index] or b"").hex(" ")
        for index, kind in enumerate(kinds)
        if kind != "text"
    }
    if builder is None or builder.mask is not None:
        return kinds, said
    # what is detected is no failure where it is text; a decoder that was asked for may keep the text and fail
    sure = ("null", "text") if builder.decoder.name == "auto" else ("null",)
    unread = [index for index, kind in enumerate(kinds) if kind not in sure]
    part = rows.take(pa.array(unread, pa.int64()))
    if not unread or part.nbytes > JUDGED_BYTES:
        return kinds, said
    payloads = Payloads(
        _payloads(part),
        attributes=part.column("attributes").combine_chunks(),
        topic=part.column("topic")[0].as_py(),
    )
    for failure in builder.decoder.decode(payloads).failures:
        kinds[unread[failure.row]] = "failed"
        said[unread[failure.row]] = plain(f"Not decoded: {failure.text}", CELL)
    return kinds, said


def sent_again(rows: pa.Table) -> dict[int, str]:
    """Return the rows that brokerkit sent again, each with a sentence."""
    found: dict[int, str] = {}
    for row, pairs in enumerate(rows.column("attributes").to_pylist()):
        for pair in pairs or ():
            if pair["name"] in SENT_AGAIN:
                data = bytes_text((pair["value"] or b"")[:200])
                found[row] = plain(SENT_AGAIN[pair["name"]].format(data), CELL)
                break
    return found


def _payloads(rows: pa.Table) -> Array:
    """Return the bytes as they are on the broker."""
    value, raw = rows.column("value"), rows.column("raw").cast(pa.large_binary())
    if pa.types.is_string(value.type) or pa.types.is_large_string(value.type):
        raw = pc.coalesce(raw, value.cast(pa.large_binary()))
    return raw.combine_chunks()


def _sizes(rows: pa.Table) -> list[int | None]:
    value, raw = rows.column("value"), rows.column("raw")
    sizes = pc.binary_length(raw)
    if pa.types.is_string(value.type) or pa.types.is_large_string(value.type):
        sizes = pc.coalesce(sizes.cast(pa.int64()), pc.binary_length(value).cast(pa.int64()))
    found: list[int | None] = sizes.to_pylist()
    return found


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


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value if isinstance(value, str) else repr(value), CELL)
