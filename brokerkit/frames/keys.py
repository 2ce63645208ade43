"""Columns as message keys: the named column, and the bytes of keys that are not text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from .arrow import ArrowType, is_bytes, is_text
from .decoded import objects_of
from .json_types import plain_column
from .tabular import Column, missing

KEY, RAW_KEY = "key", "raw_key"
"""The frame's own columns: a key is in the first if it is UTF-8 text, otherwise in the second."""

_HELP = "expected text, bytes or whole numbers; make it text first, for example with astype(str)"


def _suits(kind: ArrowType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return is_text(kind) or is_bytes(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)


def check_key_column(name: str, column: Column | None) -> None:
    """Raise ConfigError if no value of the column can be a key."""
    if isinstance(column, pa.ChunkedArray) and not _suits(column.type) and column.null_count < len(column):
        raise ConfigError(f"the column {name!r} for the key is {column.type}; {_HELP}")


def check_bytes(name: str, column: Column) -> None:
    """Raise ConfigError if a column for bytes holds text: base64 would be sent as it is."""
    if isinstance(column, pa.ChunkedArray) and column.null_count < len(column) and not is_bytes(column.type):
        raise ConfigError(
            f"the column {name!r} is {column.type}; expected bytes, so decode what is, for example, base64"
        )


def key_values(column: Column) -> tuple[list[bytes | None], dict[int, str]]:
    """Return one key per row, NA as None, and the reason for each row without a usable one."""
    if isinstance(column, pa.ChunkedArray):
        if column.null_count == len(column):
            return [None] * len(column), {}
        column = plain_column(column)
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


class Keys:
    """One key per row of a frame, from the column `name`; None if it has none.

    If that is the frame's own `key`, rows without a key use `raw_key`. A frame without these columns has no
    keys.

    Raises:
        ConfigError: A column cannot hold keys.
    """

    def __init__(self, columns: Mapping[str, Column], name: str = KEY) -> None:
        names = (KEY, RAW_KEY) if name == KEY else (name,)
        self._columns = {each: columns[each] for each in names if each in columns}
        for each, column in self._columns.items():
            check_key_column(each, column)
        if RAW_KEY in self._columns:
            check_bytes(RAW_KEY, self._columns[RAW_KEY])

    def values(self, start: int, stop: int) -> tuple[list[bytes | None], dict[int, str]]:
        """Return the keys of these rows, and the reason for each row without a usable one.

        Both count rows from `start`.
        """
        keys: list[bytes | None] | None = None
        wrong: dict[int, str] = {}
        for name, column in self._columns.items():
            found, errors = key_values(column[start:stop])
            for row, reason in errors.items():
                if keys is None or keys[row] is None:
                    wrong.setdefault(row, f"column {name!r}, the key: {reason}")
            keys = found if keys is None else _first_of(keys, found)
        return [None] * (stop - start) if keys is None else keys, wrong


def _first_of(keys: list[bytes | None], others: list[bytes | None]) -> list[bytes | None]:
    if None not in keys or others.count(None) == len(others):
        return keys
    return [other if key is None else key for key, other in zip(keys, others, strict=True)]


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
