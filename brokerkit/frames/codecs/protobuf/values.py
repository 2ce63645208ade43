"""Columns of the plain schema as the columns of a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...arrays import choose, from_buffers, lists, replaced, struct, taken
from ...arrow import Array, ArrowType, fill_null, is_bytes, is_text, nulls
from . import times
from .descriptors import enum_names
from .message_json import MessageJson
from .plan import Kind, Member, Shape, Value

Rows: TypeAlias = Callable[[], npt.NDArray[np.int64]]
"""The rows of the batch that the values of a column belong to."""

Flags: TypeAlias = npt.NDArray[np.bool_]


_FEW_NUMBERS = 4_096
"""Distance of the numbers of an enum up to which a table of all of them is made."""

_NO_TIME = -(2**63)

_SHORT_MAP = 8
"""Entries of a map up to which comparing all pairs costs less than sorting."""


class Columns:
    """The columns of one batch. Rows that need another look are in `odd`; their values mean nothing.

    Args:
        length: How many rows the batch has.
        allowed: Tells which rows the reference library reads; asked for values that are JSON text.
        json: Writes messages as JSON text.
    """

    def __init__(
        self, length: int, allowed: Callable[[npt.NDArray[np.int64]], Flags], json: MessageJson
    ) -> None:
        self.odd: Flags = np.zeros(length, np.bool_)
        self._allowed = allowed
        self._json = json

    def message(self, value: Value, array: Any, rows: Rows) -> Array:
        """Return a struct column; `array` is a struct of the plain schema."""
        if array.null_count == len(array):
            return nulls(len(array), value.type)
        null = _null(array)
        parts = dict(zip((member.number for member in value.by_number()), array.flatten(), strict=True))
        children = []
        for member in value.members:
            child = parts[member.number]
            if member.required:
                self._mark(_null(child) & ~null, rows)
            children.append(self._member(member, child, rows))
        for places in value.oneofs():
            if sum(len(array) - children[place].null_count for place in places) > len(array) - null.sum():
                given = sum((~_null(children[place])).astype(np.int8) for place in places)
                self._mark(np.asarray(given) > 1, rows)
        if not children:
            return no_fields(value.type, len(array))
        return struct(children, value.type, null)

    def _member(self, member: Member, array: Any, rows: Rows) -> Array:
        if member.shape is Shape.SINGLE:
            if member.value.kind is Kind.ENUM and not member.explicit:
                # the first value of an enum is the default of its fields
                array = fill_null(array, pa.scalar(member.value.descriptor.values[0].number, pa.int32()))
            column = self._values(member.value, array, rows)
            if member.default is not None:
                return fill_null(column, pa.scalar(member.default, column.type))
            return column if member.explicit else unset_filled(member.value, column)
        offsets = np.asarray(array.offsets, np.int32)
        first, last = int(offsets[0]), int(offsets[-1])
        values = array.values[first:last]
        lengths = np.diff(offsets).astype(np.int64)

        def inner() -> npt.NDArray[np.int64]:
            return np.repeat(rows(), lengths)

        type = member.field().type
        if member.shape is Shape.LIST or member.key is None:
            return lists(offsets - first, self._values(member.value, values, inner), type)
        keys, items = values.flatten()
        keys = self._values(member.key, keys, inner)
        items = self._values(member.value, items, inner)
        if keys.null_count:
            self._mark(_null(keys), inner)
            keys = fill_null(keys, zero(member.key.type))
        if items.null_count:
            # a missing wrapper or message is read as an empty one, a missing value as its default
            self._mark(_null(items), inner)
        self._mark_repeated(keys, lengths, rows)
        return _maps(offsets - first, keys, items, type)

    def _values(self, value: Value, array: Any, rows: Rows) -> Array:
        if value.kind is Kind.SCALAR:
            column: Array = array
            return column
        if value.kind is Kind.ENUM:
            return self._enums(value, array, rows)
        if value.kind is Kind.MESSAGE:
            return self.message(value, array, rows)
        if value.kind is Kind.WRAPPER:
            inner = fill_null(array.field(0), zero(value.type))
            return choose(array.is_valid(), inner, pa.scalar(None, value.type)) if array.null_count else inner
        if value.kind is Kind.JSON:
            return self._texts(value, array, rows)
        return self._times(value, array, rows)

    def _enums(self, value: Value, array: Any, rows: Rows) -> Array:
        names = enum_names(value.descriptor)
        usual = _usual_names(names, array)
        if usual is not None:
            return usual
        numbers: Any = pa.array(list(names), pa.int32())
        null = _null(array)
        if np.ptp(list(names)) < _FEW_NUMBERS:
            places, unknown = _places(list(names), fill_null(array, next(iter(names))))
        else:
            found_at = pc.index_in(array, numbers)
            places = np.asarray(fill_null(found_at, 0), np.int64)
            unknown = _null(found_at) & ~null
        texts: Array = pa.array(list(names.values()), pa.large_string())
        found = taken(texts, np.where(null | unknown, -1, places))
        if unknown.any():
            if value.descriptor.is_closed:
                self._mark(unknown, rows)
            else:
                flags: Any = pa.array(unknown)
                found = replaced(found, flags, array.filter(flags).cast(pa.large_string()))
        return found

    def _times(self, value: Value, array: Any, rows: Rows) -> Array:
        if array.type == value.type:
            # the least of 64 bits stands for no time in pandas
            counts = array.view(pa.int64())
            least: Any = pc.min_max(counts)
            if least["min"].as_py() == _NO_TIME:
                self._mark(np.asarray(fill_null(counts, 0)) == _NO_TIME, rows)
            own: Array = array
            return own
        null = _null(array)
        seconds, nanos = (np.asarray(fill_null(part, 0), np.int64) for part in array.flatten())
        if times.usual(value, seconds, nanos):
            return times.as_times(value, seconds, nanos, null)
        fine = times.allowed(value.kind, seconds, nanos)
        fine &= times.representable(value, seconds, nanos)
        self._mark(~fine & ~null, rows)
        return times.as_times(value, np.where(fine, seconds, 0), np.where(fine, nanos, 0), null)

    def _texts(self, value: Value, array: Any, rows: Rows) -> Array:
        given = np.flatnonzero(~_null(array))
        texts: list[str | None] = [None] * len(array)
        if len(given):
            fine = self._allowed(rows()[given])
            wrong = np.zeros(len(array), np.bool_)
            for place, good in zip(given.tolist(), fine.tolist(), strict=True):
                text = self._text(value, array[place].as_py()) if good else None
                texts[place], wrong[place] = text, text is None
            self._mark(wrong, rows)
        return pa.array(texts, pa.large_string())

    def _text(self, value: Value, data: bytes) -> str | None:
        try:
            return self._json.text(value.descriptor, data)
        except ValueError:
            return None

    def _mark(self, wrong: Flags, rows: Rows) -> None:
        if wrong.any():
            self.odd[rows()[wrong]] = True

    def _mark_repeated(self, keys: Array, lengths: Any, rows: Rows) -> None:
        """Mark rows in which a key of a map is repeated."""
        repeated = repeated_keys(keys, lengths)
        if len(repeated):
            self.odd[rows()[repeated]] = True


def no_fields(type: ArrowType, length: int) -> Array:
    """Return structs without fields, which cannot be made of their fields."""
    array: Array = pa.Array.from_buffers(type, length, [None])
    return array


def _null(array: Any) -> Flags:
    if not array.null_count:
        return np.zeros(len(array), np.bool_)
    flags: Flags = array.is_null().to_numpy(zero_copy_only=False)
    return flags


def _usual_names(names: dict[int, str], array: Any) -> Array | None:
    """Return the names of numbers that all lie in an enum without gaps; None if one may not."""
    low, high = min(names), max(names)
    if high - low + 1 != len(names):
        return None
    bounds: Any = pc.min_max(array).as_py()
    if bounds["min"] is None or bounds["min"] < low or bounds["max"] > high:
        return None
    texts: Array = pa.array([names[number] for number in range(low, high + 1)], pa.large_string())
    places: Any = pc.subtract(array, pa.scalar(low, pa.int32())) if low else array
    return texts.take(places)


def _places(names: list[int], array: Array) -> tuple[npt.NDArray[np.int64], Flags]:
    """Return the place of each number among the numbers of an enum, and which are not among them."""
    low, high = min(names), max(names)
    table = np.full(high - low + 1, -1, np.int64)
    table[np.array(names) - low] = np.arange(len(names))
    numbers = array.to_numpy(zero_copy_only=False).astype(np.int64)
    within = (numbers >= low) & (numbers <= high)
    places = table[np.where(within, numbers, names[0]) - low]
    unknown = ~within | (places < 0)
    return np.where(unknown, 0, places), unknown


def repeated_keys(keys: Array, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the places of maps that have a key twice; of the keys of all maps and how many each has."""
    longest = int(lengths.max()) if len(lengths) else 0
    if longest < 2:
        return np.empty(0, np.int64)
    codes = np.asarray(keys.dictionary_encode().indices, np.int64)
    owners = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    width = int(codes.max()) + 1
    pairs = owners * width + codes
    if longest > _SHORT_MAP:
        pairs, longest = np.sort(pairs), 2
    found = [pairs[shift:][pairs[shift:] == pairs[:-shift]] for shift in range(1, longest)]
    return np.concatenate(found) // width


def unset_filled(value: Value, column: Array) -> Array:
    """Return a column with the default where a field without presence is not set."""
    if not column.null_count or value.kind is not Kind.SCALAR:
        return column
    if column.null_count == len(column) and (is_text(value.type) or is_bytes(value.type)):
        return from_buffers(value.type, len(column), np.zeros(len(column) + 1, np.int64), b"")
    return fill_null(column, zero(value.type))


def zero(type: ArrowType) -> Any:
    """Return what a field of a scalar type is if it is not set."""
    if is_text(type):
        return pa.scalar("", type)
    if is_bytes(type):
        return pa.scalar(b"", type)
    return pa.scalar(0).cast(type)


def _maps(offsets: Any, keys: Array, items: Array, type: Any) -> Array:
    array: Array = pa.MapArray.from_arrays(pa.array(offsets), keys, items, type=type)
    return array
