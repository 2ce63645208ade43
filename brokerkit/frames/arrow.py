"""Names of Arrow classes for annotations, and groups of Arrow types.

The stubs' classes are generic over types that are only known at run time, and pyarrow's own are not generic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

SHARED_FROM, SHARED_ROWS, SHARED_SIZE = 4_000, 16_384, 64
"""An array of so many rows that are all alike, of so many bytes each, is a part of one that is made once."""

ArrowType: TypeAlias = pa.DataType

if TYPE_CHECKING:
    Array: TypeAlias = pa.Array[Any]
    ChunkedArray: TypeAlias = pa.ChunkedArray[Any]
else:
    Array = pa.Array
    ChunkedArray = pa.ChunkedArray

Values = TypeVar("Values", bound="Array | ChunkedArray")


def schema(fields: Mapping[str, ArrowType]) -> pa.Schema:
    """Return a schema of fields that may be null."""
    return pa.schema(fields)


def nulls(length: int, kind: Any) -> Array:
    """Return an array of nulls of a type."""
    if SHARED_FROM <= length <= SHARED_ROWS and not types.is_nested(kind):
        return _shared_nulls(kind).slice(0, length)
    array: Array = pa.nulls(length, kind)
    return array


def repeated(value: str | bytes | int, kind: Any, length: int) -> Array:
    """Return an array with the same value in every row."""
    if SHARED_FROM <= length <= SHARED_ROWS and (isinstance(value, int) or len(value) <= SHARED_SIZE):
        return _shared(value, kind).slice(0, length)
    return _repeated(value, kind, length)


@lru_cache(maxsize=16)
def _shared_nulls(kind: Any) -> Array:
    array: Array = pa.nulls(SHARED_ROWS, kind)
    return array


@lru_cache(maxsize=32)
def _shared(value: str | bytes | int, kind: Any) -> Array:
    return _repeated(value, kind, SHARED_ROWS)


def _repeated(value: str | bytes | int, kind: Any, length: int) -> Array:
    scalar: Any = pa.scalar(value, kind)
    array: Array = pa.repeat(scalar, length)
    return array


def chunked(arrays: Sequence[Array], kind: Any) -> ChunkedArray:
    """Return arrays, of which there may be none, as one column of a type."""
    column: ChunkedArray = pa.chunked_array(arrays, kind)
    return column


def fill_null(values: Values, value: Any) -> Values:
    """Return values with every null replaced."""
    if not values.null_count:
        return values
    filled: Any = pc.fill_null(cast("Any", values), value)
    return cast("Values", filled)


def starts_with(values: Array, beginning: Any) -> Array:
    """Return for each value whether it starts with this text or these bytes."""
    return pc.starts_with(values, beginning)


def contains(values: Array, part: Any) -> Array:
    """Return for each value whether it contains this text or these bytes."""
    return pc.match_substring(values, part)


def row_numbers(mask: Array | ChunkedArray) -> list[int]:
    """Return the numbers of the rows for which a mask is true."""
    numbers: list[Any] = pc.indices_nonzero(mask).to_pylist()
    return numbers


def value_type(kind: Any) -> ArrowType:
    """Return the type of the values of a list, dictionary or run-end encoded type."""
    values: ArrowType = kind.value_type
    return values


def is_text(kind: ArrowType) -> bool:
    """Return whether an Arrow type is a text type."""
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_string_view))


def is_bytes(kind: ArrowType) -> bool:
    """Return whether an Arrow type is a binary type."""
    tests = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(test(kind) for test in tests)
