"""A column as message keys."""

from __future__ import annotations

import sys
from typing import Any

import pyarrow as pa

from brokerkit.core.errors import ConfigError

from .arrow import ArrowType, ChunkedArray, is_bytes, is_text
from .decoded import objects_of
from .tabular import Column

_HELP = "expected text, bytes or whole numbers; make it text first, for example with astype(str)"


def _plain(column: ChunkedArray) -> ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _suits(kind: ArrowType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return is_text(kind) or is_bytes(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)


def check_key_column(name: str, column: Column | None) -> None:
    """Raise ConfigError where no value of the column can be a key."""
    if isinstance(column, pa.ChunkedArray) and not _suits(column.type):
        raise ConfigError(f"the column {name!r} for the key is {column.type}; {_HELP}")


def key_values(column: Column) -> tuple[list[bytes | None], dict[int, str]]:
    """One key per row, NA as None, and for rows without a usable one the reason."""
    if isinstance(column, pa.ChunkedArray):
        column = _plain(column)
        if pa.types.is_integer(column.type):
            column = column.cast(pa.string())
        return objects_of(column.cast(pa.large_binary())), {}
    keys: list[bytes | None] = []
    wrong: dict[int, str] = {}
    for row, value in enumerate(column):
        try:
            keys.append(_key(value))
        except (TypeError, UnicodeEncodeError) as error:
            keys.append(None)
            wrong[row] = str(error)
    return keys, wrong


def missing(value: Any) -> bool:
    """Whether an object of a pandas column stands for NA."""
    if value is None or (type(value) is float and value != value):
        return True
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def _key(value: Any) -> bytes | None:
    if missing(value):
        return None
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if type(value) is int:
        return str(value).encode()
    raise TypeError(f"a {type(value).__name__} cannot be a key: {_HELP}")
