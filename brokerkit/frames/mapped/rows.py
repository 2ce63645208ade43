"""Rows whose columns become keys, payloads, headers, partitions and times."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.outbound_rows import Item, OutboundRows

from ..arrow import is_bytes, is_text
from ..codecs.payload_writers import PayloadWriter
from ..encoded_rows import EncodedRows, with_schema
from ..keys import Keys
from ..message_rows import payload_values
from ..object_rows import ObjectRows
from ..outbound import MESSAGE_COLUMNS, Outbound, Rows, messages_from_frame
from ..tabular import Column
from .cell_types import typed_cells
from .header_values import check_header, header_values
from .json_texts import json_column
from .placed_column import placed_column
from .roles import Roles
from .source import Source

if TYPE_CHECKING:
    import pandas as pd

Wrong = dict[int, tuple[str, str]]
"""By row, the column and what is wrong there."""


class MappedRows:
    """Rows of a file or a frame as messages, made by `read_rows`. ``len()`` is the number of rows.

    `publish_frame` sends them. A row that is no message fails there, with the reason that `bad` has.

    Attributes:
        source: What was read.
        roles: Which column becomes which part.
    """

    def __init__(self, source: Source, roles: Roles) -> None:
        self.source = source
        self.roles = roles
        self._wrong: Wrong = {row: ("row", reason) for row, reason in source.wrong.items()}
        self._columns = self._typed()
        self._placed = self._placed_columns()
        self._outbound: Outbound | None = None

    def __len__(self) -> int:
        return self.source.length

    def __repr__(self) -> str:
        bad = f", {len(self._wrong):,} of them bad" if self._wrong else ""
        return f"<{len(self):,} rows of {self.source.name!r}{bad}>"

    @property
    def wrong(self) -> Mapping[int, tuple[str, str]]:
        """By row, the column and why the row is no message, as far as it shows before messages are made."""
        return self._wrong

    @property
    def bad(self) -> pd.DataFrame:
        """The rows that are no messages: line, column, problem, and the cells as they were read.

        Where a line could not be read, `text` has how it begins.

        Raises:
            ConfigError: A column cannot be what it is to become.
        """
        import pandas as pd

        wrong = self._all_wrong()
        rows = sorted(wrong)
        table: dict[str, Any] = {
            "line": [self.source.place(row) for row in rows],
            "column": [wrong[row][0] for row in rows],
            "problem": [wrong[row][1] for row in rows],
        }
        if self.source.broken:
            table["text"] = [self.source.broken.get(row) for row in rows]
        for name, column in self.source.columns.items():
            title = f"{name} (cell)" if name in table else name
            table[title] = [_cell(column, row) for row in rows]
        return pd.DataFrame(table)

    def without(self, wrong: Mapping[int, tuple[str, str]]) -> MappedRows:
        """Return the same rows without some more: by row, the column and why it is not sent."""
        made = MappedRows.__new__(MappedRows)
        made.source, made.roles, made._columns = self.source, self.roles, self._columns
        made._placed, made._outbound = self._placed, None
        made._wrong = {**wrong, **self._wrong}
        return made

    def _all_wrong(self) -> Wrong:
        """Return why rows are no messages, those included that show only where messages are made."""
        found = dict(self._wrong)
        outbound = self.outbound()
        for start in range(0, len(outbound), _CHUNK):
            for place, error in outbound.batch(start, start + _CHUNK).wrong.items():
                if start + place not in found:
                    found[start + place] = column_and_reason(error)
        return found

    def _typed(self) -> dict[str, Column]:
        """Return the columns that are used, typed; note the cells that do not fit."""
        roles, made = self.roles, dict[str, Column]()
        for name in roles.fields:
            column = self.source.columns[name]
            kind = roles.types.get(name)
            if kind is not None and not isinstance(column, list):
                column, wrong = typed_cells(column, kind)
                self._note(name, wrong)
            made[name] = column
        return made

    def _placed_columns(self) -> dict[str, Column]:
        """Return the columns of partitions and times; note the cells that are none.

        Raises:
            ConfigError: A column has neither.
        """
        made: dict[str, Column] = {}
        for part, name in (("partition", self.roles.partition), ("publish_time", self.roles.time)):
            if name is not None:
                made[part], wrong = placed_column(name, self.source.columns[name], part)
                self._note(name, wrong)
        return made

    def _note(self, column: str, wrong: Mapping[int, str]) -> None:
        for row, reason in wrong.items():
            self._wrong.setdefault(row, (column, reason))

    def outbound(self, writer: PayloadWriter | None = None) -> Outbound:
        """Return the messages that publishing them sends.

        Args:
            writer: Writes the payloads with a schema.

        Raises:
            ConfigError: A column cannot be what it is to become.
        """
        if writer is not None:
            return self._made(writer)
        if self._outbound is None:
            self._outbound = self._made(None)
        return self._outbound

    def _made(self, writer: PayloadWriter | None) -> Outbound:
        columns = self.source.columns
        for name in self.roles.headers:
            check_header(name, columns[name])
        headers = {title: columns[name] for name, title in self.roles.headers.items()}
        rows = _Mapped(self._rows(writer), headers, self._wrong, self.source)
        as_json = writer is None and self.roles.value is None
        return Outbound("messages", rows, self._placed, as_json=as_json)

    def _rows(self, writer: PayloadWriter | None) -> Rows:
        roles, columns, length = self.roles, self.source.columns, len(self)
        if self._are_messages():
            return messages_from_frame(self.source.frame, kind="messages", writer=writer).rows
        keys = Keys({}) if roles.key is None else Keys({roles.key: columns[roles.key]}, roles.key)
        if roles.value is not None:
            column = columns[roles.value]
            if writer is None:
                return _Whole(roles.value, column, length, keys)
            if roles.value == self.source.whole and isinstance(column, pa.ChunkedArray):
                column = column.cast(pa.large_string())
            return EncodedRows({"value": column}, length, keys, writer, whole=True)
        fields: dict[str, Column] = {}
        for name, title in roles.fields.items():
            quoted = self.source.json_texts.get(name)
            fields[title] = self._columns[name]
            if quoted is not None:
                fields[title] = json_column(columns[name], quoted, objects=writer is not None)
        try:
            if writer is None:
                return ObjectRows(fields, length, keys)
            return EncodedRows(fields, length, keys, writer)
        except ConfigError as error:
            raise ConfigError(str(error).replace("leave it out with columns=[...]", _LEFT_OUT)) from error

    def _are_messages(self) -> bool:
        """Return whether the rows are messages that were read, and are sent as they were."""
        here = self.source.frame is not None and all(name in self.source.columns for name in MESSAGE_COLUMNS)
        return here and self.roles.value == "value" and self.roles.key == "key"


_CHUNK = 5_000
_LEFT_OUT = "name the others with fields=[...]"


class _Whole:
    """Rows with a column of payloads as they are."""

    def __init__(self, name: str, column: Column, length: int, keys: Keys) -> None:
        if isinstance(column, pa.ChunkedArray) and not (
            is_text(column.type) or is_bytes(column.type) or column.null_count == len(column)
        ):
            raise ConfigError(f"the column {name!r} for the value is {column.type}; expected text or bytes")
        self._name, self._column, self._length, self._keys = name, column, length, keys

    def __len__(self) -> int:
        return self._length

    def items(self, start: int, stop: int) -> list[Item]:
        return list(self.batch(start, stop))

    def batch(self, start: int, stop: int) -> OutboundRows:
        values, wrong = payload_values(self._column[start:stop])
        keys, errors = self._keys.values(start, stop)
        told = {**errors, **{row: f"column {self._name!r}: {reason}" for row, reason in wrong.items()}}
        return OutboundRows(values, keys, wrong={row: ConfigError(reason) for row, reason in told.items()})


class _Mapped:
    """The messages of other rows with headers, without those that are none."""

    def __init__(self, rows: Rows, headers: dict[str, Column], wrong: Wrong, source: Source) -> None:
        self._rows = rows
        self._headers = headers
        self._source = source
        self._wrong = wrong
        self._numbers = sorted(wrong)

    def _error(self, row: int, column: str, reason: str) -> BrokerError:
        place = f"row {row}" if self._source.lines is None else f"line {self._source.lines[row]}"
        return ConfigError(f"{place}, {'' if column == 'row' else f'column {column!r}: '}{reason}")

    def __len__(self) -> int:
        return len(self._rows)

    def items(self, start: int, stop: int) -> list[Item]:
        return list(self.batch(start, stop))

    def batch(self, start: int, stop: int) -> OutboundRows:
        rows = self._rows.batch(start, stop)
        some = self._numbers[bisect_left(self._numbers, start) : bisect_left(self._numbers, stop)]
        wrong = {row - start: self._error(row, *self._wrong[row]) for row in some}
        rows.wrong = {row: self._named(row + start, error) for row, error in rows.wrong.items()} | wrong
        if self._headers:
            added, errors = self._attributes(start, stop)
            rows.wrong = errors | rows.wrong
            own = rows.attributes
            rows.attributes = added if own is None else list(map(with_schema, added, own))
        return rows

    def _named(self, row: int, error: BrokerError) -> BrokerError:
        """Return an error of another row with its line instead of its number."""
        if self._source.lines is None:
            return error
        reason = str(error).removeprefix(f"row {row}, ")
        return ConfigError(f"line {self._source.lines[row]}, {reason}")

    def _attributes(self, start: int, stop: int) -> tuple[list[Attributes], dict[int, BrokerError]]:
        names = list(self._headers)
        lists: list[list[str | bytes | None]] = []
        wrong: dict[int, BrokerError] = {}
        for name, column in self._headers.items():
            values, errors = header_values(column[start:stop])
            lists.append(values)
            for row, reason in errors.items():
                wrong.setdefault(row, self._error(start + row, name, f"the header: {reason}"))
        made = [
            Attributes([(name, value) for name, value in zip(names, each, strict=True) if value is not None])
            for each in zip(*lists, strict=True)
        ]
        return made, wrong


def column_and_reason(error: BrokerError) -> tuple[str, str]:
    """Return which column an error of a row names, and what is wrong, without the row or the line."""
    text = _PLACE.sub("", str(error))
    found = _COLUMN.match(text)
    return (found[1], text[found.end() :]) if found else ("row", text)


_PLACE = re.compile(r"(line|row) [0-9]+, ")
_COLUMN = re.compile(r"column '([^']*)'(?:, the key)?: ")


def _cell(column: Column, row: int) -> Any:
    cell = column[row]
    return cell.as_py() if isinstance(cell, pa.Scalar) else cell
