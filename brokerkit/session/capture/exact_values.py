"""Values as another type, where that keeps each of them exactly."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.frames.arrow import Array, ArrowType, fill_null, is_text, nulls

LARGEST = 2**64
_REFUSED = (pa.ArrowException, ValueError, TypeError, OverflowError)


def as_type(column: Array, type: ArrowType) -> Array:
    """Return values as a type; null where it would change them.

    Numbers become other numbers, and times other times. Numbers, times and truth values become text, but text
    stays text.
    """
    own: Any = column.type
    if pa.types.is_dictionary(own):
        return as_type(column.cast(own.value_type), type)
    if not _is_kin(own, type):
        return nulls(len(column), type)
    with suppress(*_REFUSED):
        return _kept(column, type)
    if _is_plain_number(own) and _is_plain_number(type):
        return _kept_numbers(column, type)
    return pa.concat_arrays([_one(column.slice(row, 1), type) for row in range(len(column))])


def number_of_json(text: str | None, type: ArrowType) -> Any:
    """Return the number or the truth value that JSON text is, for a type; None if it is not one of it."""
    if text is None:
        return None
    try:
        value: Any = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, bool):
        return value if pa.types.is_boolean(type) else None
    if not isinstance(value, int | Decimal):
        return None
    if pa.types.is_floating(type):
        number = float(Decimal(value))
        return number if Decimal(repr(number)) == value else None
    if not pa.types.is_integer(type) and not pa.types.is_decimal(type):
        return None
    if pa.types.is_integer(type):
        # a short text may be a number of a billion digits
        if not -LARGEST < value < LARGEST or value != int(value):
            return None
        value = int(value)
    try:
        return pa.scalar(value, type).as_py()
    except _REFUSED:
        return None


def lists_with(lists: Any, values: Array, type: ArrowType) -> Array:
    """Return lists or maps as long as others, with other values: those of all lists that are not null."""
    wide = pa.types.is_large_list(type)
    lengths = fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(lists) + 1, np.int64 if wide else np.int32)
    np.cumsum(lengths, out=offsets[1:])
    bits = np.packbits(lists.is_valid().to_numpy(zero_copy_only=False), bitorder="little")
    buffers: Any = [pa.py_buffer(bits.tobytes()), pa.py_buffer(offsets.tobytes())]
    made: Array = pa.Array.from_buffers(type, len(lists), buffers, lists.null_count, children=[values])
    return made


def _is_kin(own: ArrowType, type: ArrowType) -> bool:
    """Return whether values of a type may be values of another."""
    if pa.types.is_null(own):
        return True
    if _is_number(own) and _is_number(type):
        return True
    if pa.types.is_temporal(own) and pa.types.is_temporal(type):
        return True
    if is_text(type):
        return any(
            test(own) for test in (_is_number, pa.types.is_temporal, pa.types.is_boolean, _is_text_or_bytes)
        )
    return _is_text_or_bytes(own) and _is_text_or_bytes(type)


def _is_number(type: ArrowType) -> bool:
    return _is_plain_number(type) or pa.types.is_decimal(type)


def _is_plain_number(type: ArrowType) -> bool:
    return pa.types.is_integer(type) or pa.types.is_floating(type)


def _is_text_or_bytes(type: ArrowType) -> bool:
    return is_text(type) or pa.types.is_binary(type) or pa.types.is_large_binary(type)


def _kept(column: Array, type: ArrowType) -> Array:
    """Return values as a type, null where they are not the same back in their own.

    Raises an error of Arrow if it refuses one.
    """
    found: Any = column.cast(type)
    back = found.cast(column.type)
    same = pc.equal(back, column)
    if pa.types.is_floating(column.type):
        same = pc.or_(same, pc.and_(pc.is_nan(column), pc.is_nan(back)))
    kept: Array = (
        found if pc.all(same, min_count=0).as_py() else pc.if_else(same, found, pa.scalar(None, type))
    )
    return kept


def _kept_numbers(column: Array, type: ArrowType) -> Array:
    """Return integers or floats as a type, null where it does not have the same number."""
    found: Any = column.cast(type, safe=False)
    same = pc.equal(found.cast(column.type, safe=False), column)
    if pa.types.is_integer(column.type) and pa.types.is_integer(type):
        # what is too large comes back as it was, with another sign in between
        negative = [pc.less(each, pa.scalar(0, each.type)) for each in (column, found)]
        same = pc.and_(same, pc.equal(*negative))
    whole: Any
    for floats, whole in ((column, type), (found, column.type)):
        if pa.types.is_floating(floats.type) and pa.types.is_integer(whole):
            signed = pa.types.is_signed_integer(whole)
            limits = (-(2.0 ** (whole.bit_width - 1)) if signed else 0.0, 2.0 ** (whole.bit_width - signed))
            low, high = (pa.scalar(each, floats.type) for each in limits)
            same = pc.and_(same, pc.and_(pc.greater_equal(floats, low), pc.less(floats, high)))
    kept: Array = pc.if_else(same, found, pa.scalar(None, type))
    return kept


def _one(value: Array, type: ArrowType) -> Array:
    try:
        return _kept(value, type)
    except _REFUSED:
        return nulls(1, type)
