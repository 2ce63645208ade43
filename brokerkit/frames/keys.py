"""Columns as message keys: the named column, and the bytes of keys whose text is not the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from .arrow import Array, ArrowType, is_bytes, is_text
from .auto.declared import NOTHING, Declared
from .auto.sources import registered_texts
from .auto.writing import written
from .codecs.framing import framings
from .decoded import objects_of
from .json_types import plain_column
from .object_decoder import NAMES as OBJECT_DECODERS
from .schema import ATTRIBUTES
from .tabular import Column, missing

KEY, RAW_KEY = "key", "raw_key"
"""The frame's own columns: the text of a key, and its bytes if the text is not the key itself."""

_READ_AGAIN = (None, "auto", "text", "json", "raw", *OBJECT_DECODERS)
_UNKNOWN = (
    "its bytes may name a schema that no open session finds, so that it is not known whether it was edited: "
    "connect with the registry, set 'key' to NA to publish 'raw_key', or 'raw_key' to NA to publish the text"
)
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

    If that is the frame's own `key`, rows with a `raw_key` have that one, unless the text in `key` was
    edited: then it is written in the format that the key has. A frame without these columns has no keys.

    Args:
        columns: The columns of the frame.
        name: The column that has the keys.
        decoder: The decoder that filled `key`, if known and not "auto".

    Raises:
        ConfigError: A column cannot hold keys.
    """

    def __init__(self, columns: Mapping[str, Column], name: str = KEY, decoder: str | None = None) -> None:
        names = (KEY, RAW_KEY) if name == KEY else (name,)
        self._columns = {each: columns[each] for each in names if each in columns}
        typed = decoder not in _READ_AGAIN or _is_typed(self._columns.get(KEY))
        if RAW_KEY in self._columns and typed:
            self._columns.pop(KEY, None)
        for each, column in self._columns.items():
            check_key_column(each, column)
        if RAW_KEY in self._columns:
            check_bytes(RAW_KEY, self._columns[RAW_KEY])
        self._attributes = columns.get("attributes")
        self._declared = Declared(format=decoder) if decoder in OBJECT_DECODERS else NOTHING

    def values(self, start: int, stop: int) -> tuple[list[bytes | None], dict[int, str]]:
        """Return the keys of these rows, and the reason for each row without a usable one.

        Both count rows from `start`.
        """
        found: list[list[bytes | None]] = []
        wrong: dict[int, str] = {}
        for name, column in self._columns.items():
            keys, errors = key_values(column[start:stop])
            for row, reason in errors.items():
                if not found or found[0][row] is None:
                    wrong.setdefault(row, f"column {name!r}, the key: {reason}")
            found.append(keys)
        if not found:
            return [None] * (stop - start), wrong
        keys, *others = found
        if not others or others[0].count(None) == len(others[0]):
            return keys, wrong
        raws = others[0]
        both = [row for row, (key, raw) in enumerate(zip(keys, raws, strict=True)) if None not in (key, raw)]
        keys = [raw if key is None else key for key, raw in zip(keys, raws, strict=True)]
        if both:
            attributes = column_of_attributes(self._attributes, start, stop)
            written, refused = _written(both, keys, raws, attributes, self._declared)
            for row, key in written.items():
                keys[row] = key
            wrong |= {row: f"column {KEY!r}: {reason}" for row, reason in refused.items()}
        return keys, wrong


def _written(
    rows: list[int],
    keys: list[bytes | None],
    raws: list[bytes | None],
    attributes: Array | None,
    declared: Declared,
) -> tuple[dict[int, bytes], dict[int, str]]:
    """Return the keys of rows that have a text and bytes, and why others are refused."""
    found: dict[int, bytes] = {}
    refused: dict[int, str] = {}
    data: Array = pa.array([raws[row] for row in rows], pa.large_binary())
    numbers: Any = pa.array(rows, pa.int64())
    some = None if attributes is None else attributes.take(numbers)
    pairs: list[Any] = [None] * len(rows) if some is None else some.to_pylist()
    told = [{pair["name"]: pair["value"] or b"" for pair in each or ()} for each in pairs]
    sources = [] if declared != NOTHING else registered_texts(data, some, is_key=True)
    for read in sources:
        for row, text, names in zip(rows, read.texts, told, strict=True):
            raw, key = raws[row] or b"", keys[row] or b""
            if text is not None and text.encode() == key:
                found[row] = raw
            elif text is not None and row not in found:
                try:
                    found[row] = read.writing.written(raw, text, key, NOTHING, names, "key")
                except ValueError as error:
                    refused[row] = str(error)
    for row, names in zip(rows, told, strict=True):
        if row in found or row in refused:
            continue
        raw, key = raws[row] or b"", keys[row] or b""
        if declared == NOTHING and framings(raw, names, "key"):
            refused[row] = _UNKNOWN
            continue
        try:
            found[row] = written(raw, key, declared, "key")
        except ValueError as error:
            refused[row] = str(error)
    return found, {row: reason for row, reason in refused.items() if row not in found}


def column_of_attributes(column: Column | None, start: int, stop: int) -> Array | None:
    """Return some rows of the column `attributes`; None if it is not that of a frame that was read."""
    if not isinstance(column, pa.ChunkedArray) or column.type != ATTRIBUTES:
        return None
    part: Any = column[start:stop].combine_chunks()
    return part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part


def _is_typed(column: Column | None) -> bool:
    return isinstance(column, pa.ChunkedArray) and not _suits(column.type)


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
