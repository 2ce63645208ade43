"""Rows of the files as columns, with the bytes that were captured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.attribute_bytes import pair_of
from brokerkit.core.vocabulary.attributes import Pair
from brokerkit.core.vocabulary.columns import Columns

from .manifest import NUMBER, DataFile

OFFSET = "offset"
TOPIC = "topic"
PLAIN = (TOPIC, "id", "key", "raw_key", "value", "raw", "publish_time", "ingestion_time")


class StoredValues:
    """A column of the files. Frames take it as it is; others iterate over its values."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def value(self, stored: Any) -> Any:
        """Return the value of a row as `Columns` have it."""
        return stored

    def take(self, rows: Any) -> Self:
        """Return the rows with these numbers."""
        return type(self)(self._array.take(pa.array(rows, pa.int64())))

    def __len__(self) -> int:
        return len(self._array)

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self._array.__arrow_c_array__(requested_schema)

    def __iter__(self) -> Iterator[Any]:
        return map(self.value, self._array.to_pylist())

    def __getitem__(self, row: Any) -> Any:
        found = self._array[row]
        return type(self)(found) if isinstance(row, slice) else self.value(found.as_py())


class StoredAttributes(StoredValues):
    """A column of attributes, whose values are pairs."""

    def value(self, stored: Any) -> list[Pair]:
        """Return the pairs of a row."""
        return [pair_of(each["name"], each["value"], each["type"]) for each in stored or ()]


def position_column(numbered: bool) -> str:
    """Return the column that says where in its partition a row lies."""
    return NUMBER if numbered else OFFSET


def stored_columns(numbered: bool, attributes: bool) -> list[str]:
    """Return the columns that `to_columns` takes."""
    return [position_column(numbered), *PLAIN, *(["attributes"] if attributes else [])]


def to_columns(file: DataFile, table: Any, *, numbered: bool) -> Columns:
    """Return rows of one partition as columns.

    Args:
        file: A file of the partition.
        table: The rows, with the columns of `stored_columns`; typed values may be left out.
        numbered: Whether rows have numbers, because the system has no offsets.
    """

    def column(name: str) -> Any:
        return _one_array(table.column(name)) if name in table.column_names else None

    attributes, topics = column("attributes"), column(TOPIC)
    different = pc.unique(topics)
    times = {name: column(name) for name in ("publish_time", "ingestion_time")}
    return Columns(
        table.num_rows,
        topic=different[0].as_py() if len(different) == 1 else StoredValues(topics),
        partition=file.partition,
        offset=None if numbered else StoredValues(column(OFFSET)),
        id=StoredValues(column("id")),
        key=_filled(column("raw_key"), column("key"), pa.binary()),
        value=_filled(column("raw"), column("value"), pa.large_binary()),
        attributes=None if attributes is None else StoredAttributes(attributes),
        publish_time=_microseconds(times["publish_time"]),
        ingestion_time=_microseconds(times["ingestion_time"]),
        position=StoredValues(column(NUMBER)) if numbered else None,
    )


def _one_array(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _filled(raw: Any, text: Any, type: Any) -> StoredValues | None:
    """Return the bytes as they came: `raw`, or the bytes of the text of a row without it."""
    parts = [each.cast(type) for each in (raw, text) if each is not None and is_plain(each.type)]
    if not parts:
        return None
    found: Any = parts[0] if len(parts) == 1 else pc.coalesce(*parts)
    return StoredValues(_one_array(found))


def is_plain(type: Any) -> bool:
    """Return whether values of this type are text or bytes, so that they may be the payload itself."""
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(type) for test in tests)


def _microseconds(times: Any) -> StoredValues | None:
    if times is None or times.null_count == len(times):
        return None
    return StoredValues(times.cast(pa.int64()))
