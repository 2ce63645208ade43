"""Arrow columns as exact JSON text, column by column and without a Python object per row.

Integers and decimals keep every digit. A float is the shortest text that reads back as the same number; NaN
and infinity are written as such, as brokerkit reads them. Bytes are base64. Times are ISO 8601, with ``Z`` if
they are in UTC and no zone if they have none; years outside 0000 to 9999 have a sign. A map is an object.
"""

from __future__ import annotations

import binascii
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import Field, children, choose, fields_of, joined, joined_lists, list_parts, map_parts, replaced
from .arrow import Array, ArrowType, fill_null, is_bytes, is_text, nulls, row_numbers, value_type
from .decoded import objects_of
from .json_kinds import json_text

HOLDS_JSON = b"brokerkit.json"
"""Metadata of a field whose text is JSON already."""

IS_UNION = b"brokerkit.union"
"""Metadata of a struct of which one field holds the value."""

TEXT = pa.large_string()
_NO_TEXT = pa.scalar(None, TEXT)
_TO_ESCAPE = r'["\\\x00-\x1f]'


def json_texts(array: Array, field: Field | None = None) -> Array:
    """Return each value as JSON text; a null value is the text ``null``.

    Args:
        array: An array of any type.
        field: The field of the array, if its metadata says how the values are written.
    """
    metadata = (None if field is None else field.metadata) or {}
    if HOLDS_JSON in metadata:
        return fill_null(array.cast(TEXT), "null")
    if IS_UNION in metadata:
        return _union(array)
    if isinstance(array, pa.ExtensionArray):
        return json_texts(array.storage)
    return fill_null(_texts(array), "null")


def _texts(array: Array) -> Array:
    """Return each value as JSON text, null where it is null."""
    type = array.type
    if pa.types.is_null(type):
        return nulls(len(array), TEXT)
    if pa.types.is_boolean(type) or pa.types.is_integer(type) or pa.types.is_decimal(type):
        return array.cast(pa.string()).cast(TEXT)
    if pa.types.is_floating(type):
        return _floats(array)
    if is_text(type):
        return _strings(array.cast(TEXT))
    if is_bytes(type):
        return _bytes(array)
    if pa.types.is_timestamp(type) or pa.types.is_date(type) or pa.types.is_time(type):
        return joined('"', _times(array), '"')
    if pa.types.is_struct(type):
        return _structs(array)
    if pa.types.is_map(type):
        return _maps(array)
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        offsets, values = list_parts(array)
        return _enclosed(array, "[", joined_lists(offsets, json_texts(values, item_field(type)), ","), "]")
    if pa.types.is_dictionary(type):
        return _texts(array.cast(value_type(type)))
    return pa.array([None if value is None else json_text(value) for value in array.to_pylist()], TEXT)


def _floats(array: Array) -> Array:
    numbers = fill_null(array, 0).to_numpy(zero_copy_only=False)
    if numbers.dtype == np.float16:
        numbers = numbers.astype(np.float32)
    texts: list[Any] = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")
    for row in np.flatnonzero(~np.isfinite(numbers)).tolist():
        texts[row] = json_text(float(numbers[row]))
    return _where_valid(array, pa.array(texts if len(numbers) else [], TEXT))


def _strings(array: Array) -> Array:
    to_escape = fill_null(pc.match_substring_regex(array, _TO_ESCAPE), False)
    quoted = joined('"', array, '"')
    rows = row_numbers(to_escape)
    if not rows:
        return quoted
    texts = [orjson.dumps(text).decode() for text in objects_of(array.take(rows))]
    return replaced(quoted, to_escape, pa.array(texts, TEXT))


def _bytes(array: Array) -> Array:
    texts = [
        None if data is None else f'"{binascii.b2a_base64(data, newline=False).decode()}"'
        for data in objects_of(array.cast(pa.large_binary()))
    ]
    return pa.array(texts, TEXT)


def _times(array: Array) -> Array:
    if pa.types.is_time(array.type):
        return array.cast(pa.string()).cast(TEXT)
    if pa.types.is_date64(array.type):
        array = array.cast(pa.timestamp("ms"))
    texts = pc.replace_substring(array.cast(pa.string()).cast(TEXT), " ", "T", max_replacements=1)
    odd = fill_null(pc.invert(pc.match_substring_regex(texts, r"^\d{4}-")), False)
    rows = row_numbers(odd)
    if not rows:
        return texts
    zone = "Z" if getattr(array.type, "tz", None) else ""
    signed = [text if text.startswith("-") else f"+{text}" for text in _long_years(array.take(rows))]
    return replaced(texts, odd, pa.array([text + zone for text in signed], TEXT))


def _long_years(array: Array) -> list[str]:
    """Return times as ISO 8601 whatever their year."""
    unit = "D" if pa.types.is_date(array.type) else str(getattr(array.type, "unit", "us"))
    counts = array.cast(pa.int32() if unit == "D" else pa.int64()).to_numpy(zero_copy_only=False)
    texts: list[str] = np.datetime_as_string(counts.astype(np.int64).view(f"datetime64[{unit}]")).tolist()
    return texts


def _structs(array: Array) -> Array:
    parts: list[Array | str] = []
    for number, (field, child) in enumerate(zip(fields_of(array.type), children(array), strict=True)):
        parts.append(f"{',' if number else '{'}{orjson.dumps(field.name).decode()}:")
        parts.append(json_texts(child, field))
    if not parts:
        return _where_valid(array, pa.repeat(pa.scalar("{}", TEXT), len(array)))
    return _where_valid(array, joined(*parts, "}"))


def _union(array: Array) -> Array:
    texts = nulls(len(array), TEXT)
    for field, child in zip(fields_of(array.type), children(array), strict=True):
        texts = choose(child.is_valid(), json_texts(child, field), texts)
    return fill_null(texts, "null")


def _maps(array: Array) -> Array:
    keys, items = map_parts(array)
    names = _texts(keys)
    if not is_text(keys.type) and not is_bytes(keys.type) and not pa.types.is_temporal(keys.type):
        names = joined('"', names, '"')
    entries = joined(names, ":", json_texts(items, item_field(array.type)))
    return _enclosed(array, "{", joined_lists(list_parts(array)[0], entries, ","), "}")


def item_field(type: ArrowType) -> Field:
    """Return the field of the values in a list or map type."""
    found: Any = type
    field: Field = found.item_field if pa.types.is_map(type) else found.value_field
    return field


def _enclosed(array: Array, opening: str, texts: Array, closing: str) -> Array:
    return _where_valid(array, joined(opening, texts, closing))


def _where_valid(array: Array, texts: Array) -> Array:
    return choose(array.is_valid(), texts, _NO_TEXT) if array.null_count else texts
