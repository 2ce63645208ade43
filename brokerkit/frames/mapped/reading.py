"""Reading rows of a file or a frame, to be published with `publish_frame`."""

from __future__ import annotations

import io
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from brokerkit.core.vocabulary.errors import ConfigError, StorageError

from ..masking.marks import refuse_masked
from ..tabular import columns_of, index_names
from .cell_types import CellType
from .delimited import read_delimited
from .encodings import refuse_other_files
from .json_lines import read_json_lines
from .roles import Names, roles_of
from .rows import MappedRows
from .source import Source
from .unpacked import unpacked

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
PARQUET_SUFFIXES = (".parquet", ".pq")


class DroppedFile(bytes):
    """The content of a file, with its name."""

    name: str

    def __new__(cls, name: str, data: bytes) -> DroppedFile:
        made = super().__new__(cls, data)
        made.name = name
        return made


def read_rows(
    given: Any,
    *,
    key: str | None = None,
    value: str | None = None,
    fields: Names | None = None,
    headers: Names | None = None,
    partition: str | None = None,
    time: str | None = None,
    types: Mapping[str, CellType] | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> MappedRows:
    """Read rows of a file or a frame, for `publish_frame`::

        rows = bk.read_rows("refunds.csv", key="customer", headers=["reason"])
        rows.bad                                  # the lines that are no messages, and why
        s.publish_frame("refunds", rows, rate=50)

    Each row becomes a JSON object of `fields`, or the payload that stands in the column `value`. Where
    neither is given and there are columns `key` and `value`, these are the message, and other columns are
    left out; a frame of messages that were read is sent as `publish_frame` sends it, with attributes and
    `raw`. A line that cannot be read, or a cell that is not of its column's type, makes no other line wrong.

    Args:
        given: The path of a file (CSV of any separator, JSON lines, Parquet), or a frame.
        key: The column of keys.
        value: The column of whole payloads; an empty cell of CSV is a message without a payload. For JSON
            lines, None is the line as it is.
        fields: The columns that become fields of a JSON object: a list, or a dict with the names of the
            fields. None is each column that nothing else was made of.
        headers: The columns that become headers, likewise.
        partition, time: The columns of partitions and publish times, where the system takes them.
        types: What the cells of CSV are: "text", "integer", "number", "decimal comma" (1.234,50), "boolean"
            or "time". None is what the cells of a column are written as, and text where that is not certain:
            007, 1.10 beside 1.9, and 1.234 or 1,234 without another number.
        delimiter, encoding, header: How CSV is written, and whether its first line has names; None finds out.

    Raises:
        ConfigError: It cannot be read, or an argument cannot be used.
        StorageError: There is no such file.
    """
    source = source_of(given, delimiter=delimiter, encoding=encoding, header=header)
    return MappedRows(source, roles_of(source, key, value, fields, headers, partition, time, types))


def source_of(
    given: Any, *, delimiter: str | None = None, encoding: str | None = None, header: bool | None = None
) -> Source:
    """Read a file or a frame, without giving its columns a role; see `read_rows`."""
    asked = {"delimiter": delimiter, "encoding": encoding, "header": header}
    if isinstance(given, DroppedFile):
        name, data = given.name, bytes(given)
    elif isinstance(given, str | PathLike):
        path = Path(given)
        name = path.name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error}") from error
    else:
        _refuse_options(asked, "a frame")
        return _framed(given, "a frame")
    suffix = Path(name).suffix.lower()
    if suffix in PARQUET_SUFFIXES or data[:4] == b"PAR1":
        _refuse_options(asked, "Parquet")
        try:
            table = (
                unpacked(data, name)
                if isinstance(given, DroppedFile)
                else pyarrow.parquet.read_table(io.BytesIO(data))
            )
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(f"{name} is no Parquet file: {error}") from error
        return _framed(table, name, given, ("Parquet",))
    refuse_other_files(data, encoding)
    if suffix in JSON_SUFFIXES:
        _refuse_options(asked, "JSON lines")
        return read_json_lines(given, name, data)
    return read_delimited(given, name, data, delimiter=delimiter, encoding=encoding, header=header)


def _refuse_options(asked: Mapping[str, Any], what: str) -> None:
    for name, value in asked.items():
        if value is not None:
            raise ConfigError(f"{name}= is for CSV, and this is {what}: leave it out")


def _framed(frame: Any, name: str, given: Any = None, facts: tuple[str, ...] = ()) -> Source:
    refuse_masked(frame)
    columns = columns_of(frame)
    if not columns:
        raise ConfigError("there is no column in it")
    index = index_names(frame)
    if index:
        raise ConfigError(
            f"the index {', '.join(map(repr, index))} would be lost: df.reset_index() makes it a column, "
            "df.reset_index(drop=True) leaves it out"
        )
    length = len(next(iter(columns.values())))
    if not length:
        raise ConfigError("there is no row in it")
    return Source(frame if given is None else given, name, columns, length, facts=facts, frame=frame)
