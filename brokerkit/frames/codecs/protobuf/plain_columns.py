"""Columns of any fitting type as columns of the plain schema."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...arrays import choose, struct
from ...arrow import Array, ArrowType, fill_null, is_bytes, is_text, nulls
from ...json_exact import read
from ..misfit import Misfit
from ..row_failure import RowFailure
from . import times
from .descriptors import VALUE, enum_names
from .objects import Objects
from .plain_schema import plain_name
from .plan import Kind, Member, Shape, Value
from .values import Flags, Rows, no_fields, repeated_keys, zero

_TIME = pa.struct([pa.field("seconds", pa.int64()), pa.field("nanos", pa.int32())])


class PlainColumns:
    """The columns of one batch, and why rows of it do not fit.

    Args:
        length: How many rows the batch has.
        objects: Writes what is JSON text.
    """

    def __init__(self, length: int, objects: Objects) -> None:
        self.failures: dict[int, RowFailure] = {}
        self._length = length
        self._objects = objects

    def message(self, value: Value, array: Any, rows: Rows, path: str) -> Array:
        """Return a struct column of the plain schema."""
        if not pa.types.is_struct(array.type):
            self._fail(~_null(array), rows, path, f"expected the fields of a message, not {array.type}")
            array = nulls(len(array), pa.struct([]))
        null = _null(array)
        given: dict[str, Any] = {}
        for name, child in zip((field.name for field in array.type), _children(array), strict=True):
            if name in given:
                self._fail(~_null(child), rows, f"{path}.{name}".lstrip("."), "the column is there twice")
            given[name] = child
        columns: dict[int, Array] = {}
        for member in value.members:
            where = f"{path}.{member.name}".lstrip(".")
            child = given.pop(member.name, None)
            columns[member.number] = self._member(member, child, null, rows, where)
        for name, child in given.items():
            where = f"{path}.{name}".lstrip(".")
            self._fail(~_null(child), rows, where, f"{value.descriptor.full_name} has no such field")
        self._check_oneofs(value, columns, rows, path)
        ordered = value.by_number()
        if not ordered:
            return no_fields(pa.struct([]), len(array))
        arrays = [columns[member.number] for member in ordered]
        names = [plain_name(member) for member in ordered]
        fields = [pa.field(name, column.type) for name, column in zip(names, arrays, strict=True)]
        return struct(arrays, pa.struct(fields), null)

    def _check_oneofs(self, value: Value, columns: dict[int, Array], rows: Rows, path: str) -> None:
        for places in value.oneofs():
            members = [value.members[place] for place in places]
            count = sum((~_null(columns[member.number])).astype(np.int8) for member in members)
            names = ", ".join(member.name for member in members)
            self._fail(np.asarray(count) > 1, rows, path, f"only one of {names} can have a value")

    def _member(self, member: Member, array: Any, parent: Flags, rows: Rows, path: str) -> Array:
        if member.shape is not Shape.SINGLE:
            return self._several(member, array, parent, rows, path)
        if array is None:
            array = nulls(len(parent), member.value.type)
        if member.required:
            self._fail(_null(array) & ~parent, rows, path, "the required field is missing")
        column = self._values(member.value, array, rows, path)
        return column if member.explicit else _defaults_unset(column)

    def _several(self, member: Member, array: Any, parent: Flags, rows: Rows, path: str) -> Array:
        """Return a column of lists or of maps."""
        mapped = member.shape is Shape.MAP
        array = nulls(len(parent), member.field().type) if array is None else array
        kind = array.type
        listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
        if pa.types.is_null(kind) or not (pa.types.is_map(kind) or (listed and not mapped)):
            expected = "a map" if mapped else "a list"
            self._fail(~_null(array), rows, path, f"expected {expected}, not {kind}")
            array = nulls(len(array), member.field().type)
        lengths = np.asarray(fill_null(_lengths(array), 0), np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        numbers = np.repeat(np.arange(len(array)), lengths)

        def inner() -> Any:
            return rows()[numbers]

        # a null list may still have values behind it
        entries: Any = _flat(array)
        places: Any = pa.array(offsets)
        if not mapped or member.key is None:
            where = f"{path}[]"
            self._fail(_null(entries), inner, where, "a list cannot hold null")
            values = _plainly_filled(member.value, self._values(member.value, entries, inner, where))
            listed_values: Array = pa.ListArray.from_arrays(places, values)
            return listed_values
        where = f"{path}{{}}"
        keys, items = entries.field(0), entries.field(1)
        self._fail(_null(keys) | _null(items), inner, where, "a map cannot hold null")
        keys = self._values(member.key, keys, inner, where)
        items = self._values(member.value, items, inner, where)
        self._check_keys(keys, numbers, rows, where)
        pairs = pa.StructArray.from_arrays([keys, items], ["key", "value"])
        maps: Array = pa.ListArray.from_arrays(places, pairs)
        return maps

    def _check_keys(self, keys: Array, numbers: Any, rows: Rows, path: str) -> None:
        if len(keys) < 2:
            return
        counts = np.bincount(numbers, minlength=len(rows())).astype(np.int64)
        repeated = np.zeros(len(counts), np.bool_)
        repeated[repeated_keys(keys, counts)] = True
        self._fail(repeated, rows, path, "a key is given twice")

    def _values(self, value: Value, array: Any, rows: Rows, path: str) -> Array:
        if pa.types.is_dictionary(array.type):
            array = array.cast(array.type.value_type)
        if pa.types.is_null(array.type):
            array = nulls(len(array), value.type)
        if value.kind is Kind.SCALAR:
            return self._cast(array, value, rows, path)
        if value.kind is Kind.WRAPPER:
            inner = self._cast(array, value, rows, path)
            null = _null(inner)
            return struct([_defaults_unset(inner)], pa.struct({"value": inner.type}), null)
        if value.kind is Kind.ENUM:
            return self._enums(value, array, rows, path)
        if value.kind is Kind.MESSAGE:
            return self.message(value, array, rows, path)
        if value.kind is Kind.JSON:
            return self._texts(value, array, rows, path)
        return self._times(value, array, rows, path)

    def _cast(self, array: Any, value: Value, rows: Rows, path: str) -> Array:
        """Return values as the type of a scalar; those that do not fit exactly are failures."""
        wanted = value.type
        if array.type == wanted:
            column: Array = array
            return column
        if not _castable(array.type, wanted):
            self._fail(~_null(array), rows, path, f"expected {wanted}, not {array.type}")
            return nulls(len(array), wanted)
        column, wrong = _cast_each(array, wanted)
        if pa.types.is_float32(wanted) and pa.types.is_float64(array.type):
            wrong |= np.asarray(fill_null(pc.is_finite(array), True)) & ~np.asarray(
                fill_null(pc.is_finite(column), True)
            )
        self._fail(wrong, rows, path, f"the value does not fit {wanted}", array)
        return column

    def _enums(self, value: Value, array: Any, rows: Rows, path: str) -> Array:
        if is_text(array.type):
            numbers = {each.name: each.number for each in value.descriptor.values}
            texts = array.cast(pa.string())
            places = pc.index_in(texts, pa.array(list(numbers), pa.string()))
            found: Array = pa.array(list(numbers.values()), pa.int32()).take(places)
            left = _null(found) & ~_null(array)
            if left.any():
                digits, wrong = _cast_each(texts, pa.int32())
                found = pc.coalesce(found, digits)
                self._fail(left & wrong, rows, path, f"{value.descriptor.full_name} has no such value", array)
        elif pa.types.is_integer(array.type):
            found, wrong = _cast_each(array, pa.int32())
            left = ~_null(array)
            self._fail(wrong, rows, path, "the number does not fit an enum", array)
        else:
            self._fail(~_null(array), rows, path, f"expected the name of a value, not {array.type}")
            return nulls(len(array), pa.int32())
        if value.descriptor.is_closed and left.any():
            known: Any = pa.array(list(enum_names(value.descriptor)), pa.int32())
            wrong = ~np.asarray(fill_null(pc.is_in(found, known), False)) & ~_null(found)
            self._fail(wrong, rows, path, f"{value.descriptor.full_name} has no such value", array)
        return found

    def _times(self, value: Value, array: Any, rows: Rows, path: str) -> Array:
        stamp = value.kind is Kind.TIMESTAMP
        fitting = pa.types.is_timestamp(array.type) if stamp else pa.types.is_duration(array.type)
        if stamp and pa.types.is_date(array.type):
            array, fitting = array.cast(pa.timestamp("ms" if pa.types.is_date64(array.type) else "s")), True
        if not fitting:
            if not is_text(array.type):
                self._fail(~_null(array), rows, path, f"expected {value.type}, not {array.type}")
                return nulls(len(array), _TIME)
            return self._time_texts(value, array, rows, path)
        seconds, nanos = times.as_pairs(value.kind, array)
        null = _null(array)
        wrong = ~times.allowed(value.kind, seconds, nanos) & ~null
        self._fail(wrong, rows, path, f"Protobuf allows no such {value.descriptor.name}", array)
        return _pairs(seconds, nanos, null)

    def _time_texts(self, value: Value, array: Any, rows: Rows, path: str) -> Array:
        seconds, nanos, null = np.zeros(len(array), np.int64), np.zeros(len(array), np.int64), _null(array)
        for place, text in enumerate(array.to_pylist()):
            message = None
            if text is not None:
                message = self._message(value, text, int(rows()[place]), path)
            null[place] = message is None
            if message is not None:
                seconds[place], nanos[place] = message.seconds, message.nanos
        return _pairs(seconds, nanos, null)

    def _texts(self, value: Value, array: Any, rows: Rows, path: str) -> Array:
        text = is_text(array.type)
        data: list[bytes | None] = []
        for place, given in enumerate(array.to_pylist()):
            row = int(rows()[place])
            parsed = self._parsed(given, row, path) if text and given is not None else given
            if given is not None and parsed is None and value.descriptor.full_name == VALUE:
                message = self._message(value, None, row, path)
            else:
                message = None if parsed is None else self._message(value, parsed, row, path)
            data.append(None if message is None else message.SerializeToString(deterministic=True))
        return pa.array(data, pa.large_binary())

    def _parsed(self, text: str, row: int, path: str) -> Any:
        try:
            return read(text).value
        except ValueError as error:
            self._fail_one(row, path, str(error))
            return None

    def _message(self, value: Value, given: Any, row: int, path: str) -> Any:
        try:
            return self._objects.message(value.descriptor, given)
        except Misfit as error:
            where = f"{path}.{error.path}" if error.path else path
            self._fail_one(row, where, error.reason)
            return None

    def _fail(self, wrong: Flags, rows: Rows, path: str, reason: str, values: Any = None) -> None:
        for place in np.flatnonzero(wrong).tolist():
            shown = "" if values is None else f": {_shown(values, place):.60}"
            self._fail_one(int(rows()[place]), path, f"{reason}{shown}")

    def _fail_one(self, row: int, path: str, reason: str) -> None:
        self.failures.setdefault(row, RowFailure(None, path, reason))


def _shown(values: Any, place: int) -> str:
    try:
        return repr(values[place].as_py())
    except (OverflowError, ValueError):  # a time that Python does not have
        return str(values[place : place + 1].cast(pa.string())[0])


def _castable(given: ArrowType, wanted: ArrowType) -> bool:
    """Return whether values of one type can mean values of another."""
    numeric = pa.types.is_integer(wanted) or pa.types.is_floating(wanted)
    if numeric:
        number = pa.types.is_integer(given) or pa.types.is_floating(given) or pa.types.is_decimal(given)
        return number or (is_text(given) and pa.types.is_integer(wanted))
    if is_text(wanted):
        return is_text(given)
    return is_bytes(wanted) and is_bytes(given)


def _cast_each(array: Any, wanted: ArrowType) -> tuple[Array, Flags]:
    """Return values as a type, null where one does not fit, and which do not."""
    try:
        column: Array = array.cast(wanted)
        return column, np.zeros(len(array), np.bool_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(array) == 1:
            return nulls(1, wanted), np.ones(1, np.bool_)
    half = len(array) // 2
    left, wrong_left = _cast_each(array[:half], wanted)
    right, wrong_right = _cast_each(array[half:], wanted)
    return pa.concat_arrays([left, right]), np.concatenate([wrong_left, wrong_right])


def _children(array: Any) -> list[Any]:
    return array.flatten() if array.type.num_fields else []


def _lengths(array: Any) -> Array:
    if pa.types.is_map(array.type):
        array = array.cast(pa.list_(pa.struct({"key": array.type.key_type, "value": array.type.item_type})))
    lengths: Array = pc.list_value_length(array)
    return lengths


def _flat(array: Any) -> Array:
    if pa.types.is_map(array.type):
        array = array.cast(pa.list_(pa.struct({"key": array.type.key_type, "value": array.type.item_type})))
    values: Array = pc.list_flatten(array)
    return values


def _plainly_filled(value: Value, column: Array) -> Array:
    """Return a column of list items without nulls, which stand for rows that failed."""
    if column.null_count and value.kind in (Kind.SCALAR, Kind.ENUM):
        return fill_null(column, zero(column.type))
    return column


def _pairs(seconds: times.Seconds, nanos: times.Seconds, null: Flags) -> Array:
    parts: list[Array] = [pa.array(seconds, pa.int64()), pa.array(nanos.astype(np.int32), pa.int32())]
    return struct([_defaults_unset(part) for part in parts], _TIME, null)


def _defaults_unset(column: Any) -> Array:
    """Return a column with null for the defaults, which are not written."""
    default: Any
    if is_text(column.type) or is_bytes(column.type):
        default = pc.equal(pc.binary_length(column), pa.scalar(0, pa.int32()))
    elif pa.types.is_boolean(column.type):
        default = pc.invert(column)
    else:
        default = pc.equal(column, zero(column.type))
        if pa.types.is_floating(column.type):
            # -0.0 is equal to the default, and is another value
            numbers = fill_null(column, 0).to_numpy(zero_copy_only=False)
            default = pc.and_(default, pa.array(~np.signbit(numbers)))
    return choose(fill_null(default, True), pa.scalar(None, column.type), column)


def _null(array: Any) -> Flags:
    if not array.null_count:
        return np.zeros(len(array), np.bool_)
    flags: Flags = array.is_null().to_numpy(zero_copy_only=False)
    return flags
