"""Fields of `Columns` as Arrow arrays."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.lazy_columns import Milliseconds, PartitionOffsetIds

from .arrow import Array, ArrowType, Values, nulls, repeated
from .schema import SCHEMA, TIME

FEW_ROWS = 100
"""Of at most so many rows, texts are made faster one by one."""

LAST_MILLISECOND = (2**63 - 1) // 1000


def column_array(column: Any, type: ArrowType, length: int) -> Array:
    """Return a field of `Columns` as an Arrow array of the given type."""
    if column is None:
        return nulls(length, type)
    if isinstance(column, str | bytes | int):
        return repeated(column, type, length)
    if isinstance(column, Milliseconds):
        return _microseconds(column, type)
    if hasattr(column, "__arrow_c_array__") or hasattr(column, "__arrow_array__"):
        return as_type(column if isinstance(column, pa.Array) else pa.array(column), type)
    if isinstance(column, range):
        return pa.array(np.arange(column.start, column.stop, column.step), type)
    if isinstance(column, memoryview):
        return pa.array(np.asarray(column), type)
    if not isinstance(column, list):
        column = list(column)
    try:
        # whole numbers become times faster as numbers first
        array = pa.array(column, pa.int64()).view(type) if type == TIME else pa.array(column, type)
    except UnicodeEncodeError:
        array = pa.array([_valid_text(text) for text in column], type)
    except OverflowError:
        array = pa.array([_fitting(number) for number in column], type)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def ids_array(columns: Columns, offsets: Array) -> Array:
    """Return the ids; ids that follow from the offsets are computed from their array."""
    type = SCHEMA.field("id").type
    if isinstance(columns.id, PartitionOffsetIds):
        if len(offsets) <= FEW_ROWS and not offsets.null_count:
            few: Array = pa.array(list(columns.id), type)
            return few
        return pc.binary_replace_slice(offsets.cast(type), 0, 0, f"{columns.id.partition}-")
    return column_array(columns.id, type, columns.length)


def _microseconds(column: Milliseconds, type: ArrowType) -> Array:
    given = column.counts
    counts: Array = pa.array(np.asarray(given) if isinstance(given, memoryview) else given, pa.int64())
    if column.absent is not None:
        absent = pc.equal(counts, pa.scalar(column.absent, pa.int64()))
        if pc.any(absent).as_py():
            counts = pc.if_else(absent, pa.scalar(None, pa.int64()), counts)
    try:
        return pc.multiply_checked(counts, 1000).cast(type)
    except pa.ArrowInvalid:
        # a publisher may set a time that is out of range
        last, first = pa.scalar(LAST_MILLISECOND), pa.scalar(-LAST_MILLISECOND)
        outside = pc.or_(pc.greater(counts, last), pc.less(counts, first))
        counts = pc.if_else(outside, pa.scalar(None, pa.int64()), counts)
        return pc.multiply_checked(counts, 1000).cast(type)


def as_type(array: Array, type: ArrowType) -> Array:
    """Return an array as another type; times in nanoseconds are rounded down."""
    if array.type == type:
        return array
    if array.null_count == len(array):
        return nulls(len(array), type)
    if pa.types.is_timestamp(type) and pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        array = array.cast(pa.int64())
        return floor_to_microseconds(array).cast(type)
    return array.cast(type)


def floor_to_microseconds(nanoseconds: Values) -> Values:
    """Convert nanoseconds since 1970 to microseconds, rounded down also before 1970."""
    quotient = pc.divide(nanoseconds, 1000)
    above = pc.greater(pc.multiply(quotient, 1000), nanoseconds)
    return cast("Values", pc.subtract(quotient, above.cast(pa.int64())))


def _fitting(number: int | None) -> int | None:
    """Return the number if 64 bits can hold it, otherwise None; a publisher may set any number."""
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _valid_text(text: str | None) -> str | None:
    """Return the text with lone surrogates, which UTF-8 cannot hold, written as escapes."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()
