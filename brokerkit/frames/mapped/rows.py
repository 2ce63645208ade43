"""Rows whose columns become keys, payloads, headers, partitions and times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.outbound_rows import Item, OutboundRows

from ..arrow import ChunkedArray, is_bytes, is_text
from ..codecs.payload_writers import PayloadWriter
from ..encoded_rows import EncodedRows, with_schema
from ..keys import Keys
from ..message_rows import payload_values
from ..object_rows import ObjectRows
from ..outbound import Outbound, Rows
from ..tabular import Column
from .cell_types import typed_cells
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

    def __len__(self) -> int:
        return self.source.length

    def __repr__(self) -> str:
        bad = f", {len(self._wrong):,} of them bad" if self._wrong else ""
        return f"<{len(self):,} rows of {self.source.name!r}{bad}>"

    @property
    def wrong(self) -> Mapping[int, tuple[str, str]]:
        """By row, the column and why the row is no message."""
        return self._wrong

    @property
    def bad(self) -> pd.DataFrame:
        """The rows that are no messages: line, column, problem, and the cells as they were read."""
        import pandas as pd

        rows = sorted(self._wrong)
        table: dict[str, Any] = {
            "line": [self.source.place(row) for row in rows],
            "column": [self._wrong[row][0] for row in rows],
            "problem": [self._wrong[row][1] for row in rows],
        }
        for name, column in self.source.columns.items():
            title = f"{name} (cell)" if name in ("line", "column", "problem") else name
            table[title] = [_cell(column, row) for row in rows]
        return pd.DataFrame(table)

    def without(self, wrong: Mapping[int, tuple[str, str]]) -> MappedRows:
        """Return the same rows without some more: by row, the column and why it is not sent."""
        made = MappedRows.__new__(MappedRows)
        made.source, made.roles, made._columns = self.source, self.roles, self._columns
        made._wrong = {**wrong, **self._wrong}
        return made

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
        roles, columns, length = self.roles, self.source.columns, len(self)
        keys = Keys({}) if roles.key is None else Keys({roles.key: columns[roles.key]}, roles.key)
        rows: Rows
        if roles.value is not None:
            column = columns[roles.value]
            if writer is not None:
                rows = EncodedRows({"value": column}, length, keys, writer, whole=True)
            else:
                rows = _Whole(roles.value, column, length, keys)
        else:
            fields = {title: self._columns[name] for name, title in roles.fields.items()}
            rows = (
                ObjectRows(fields, length, keys)
                if writer is None
                else EncodedRows(fields, length, keys, writer)
            )
        placed: dict[str, Column] = {}
        wrong: Wrong = dict(self._wrong)
        for part, name in (("partition", roles.partition), ("publish_time", roles.time)):
            if name is not None:
                placed[part], unfit = _place(columns[name], part)
                for row, reason in unfit.items():
                    wrong.setdefault(row, (name, reason))
        headers = {title: columns[name] for name, title in roles.headers.items()}
        as_json = writer is None and roles.value is None
        return Outbound("messages", _Mapped(rows, headers, wrong, self.source), placed, as_json=as_json)


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
        self._wrong = {row: self._error(row, *what) for row, what in wrong.items()}
        self._numbers = sorted(self._wrong)

    def _error(self, row: int, column: str, reason: str) -> BrokerError:
        place = f"row {row}" if self._source.lines is None else f"line {self._source.lines[row]}"
        return ConfigError(f"{place}, {'' if column == 'row' else f'column {column!r}: '}{reason}")

    def __len__(self) -> int:
        return len(self._rows)

    def items(self, start: int, stop: int) -> list[Item]:
        return list(self.batch(start, stop))

    def batch(self, start: int, stop: int) -> OutboundRows:
        rows = self._rows.batch(start, stop)
        wrong = {row - start: self._wrong[row] for row in self._numbers if start <= row < stop}
        rows.wrong = {row: self._named(row + start, error) for row, error in rows.wrong.items()} | wrong
        if self._headers:
            added = self._attributes(start, stop)
            own = rows.attributes
            rows.attributes = added if own is None else list(map(with_schema, added, own))
        return rows

    def _named(self, row: int, error: BrokerError) -> BrokerError:
        """Return an error of another row with its line instead of its number."""
        if self._source.lines is None:
            return error
        reason = str(error).removeprefix(f"row {row}, ")
        return ConfigError(f"line {self._source.lines[row]}, {reason}")

    def _attributes(self, start: int, stop: int) -> list[Attributes]:
        names = list(self._headers)
        lists = [_header_values(column[start:stop]) for column in self._headers.values()]
        return [
            Attributes([(name, value) for name, value in zip(names, each, strict=True) if value is not None])
            for each in zip(*lists, strict=True)
        ]


def _header_values(column: Column) -> list[str | bytes | None]:
    values = column if isinstance(column, list) else column.to_pylist()
    return [each if isinstance(each, str | bytes) or _none(each) is None else str(each) for each in values]


def _none(value: Any) -> Any:
    return None if value is None or value != value else value


def _cell(column: Column, row: int) -> Any:
    cell = column[row]
    return cell.as_py() if isinstance(cell, pa.Scalar) else cell


def _place(column: Column, part: str) -> tuple[ChunkedArray | list[Any], dict[int, str]]:
    """Return a column of partitions or times, and by row why a cell of text is none."""
    if isinstance(column, pa.ChunkedArray) and is_text(column.type):
        return typed_cells(column, "integer" if part == "partition" else "time")
    return column, {}
