"""Arrow columns as Avro's binary encoding, column by column; what has no fast way goes value by value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...arrays import fields_of, flags
from ...arrow import Array, ArrowType, fill_null, is_bytes, is_text, nulls, value_type
from ...json_exact import read
from ...tabular import Column, missing
from ..misfit import Misfit
from ..row_failure import RowFailure
from .column_bytes import (
    Flags,
    constant,
    decimal_bytes,
    fixed_bytes,
    joined_bytes,
    joined_items,
    one_byte,
    sized_bytes,
    zigzag_bytes,
)
from .objects import default_bytes, object_bytes
from .readers import TIMES
from .schema import MISSING, Enum, Fixed, Map, Primitive, Record, Type, Union, type_name
from .schema import Array as ArrayType

Rows: TypeAlias = Any
"""The number of the row that each value belongs to; an array of int64."""
Parts: TypeAlias = "list[Array | bytes]"


class ColumnWriters:
    """The writers of the columns of one batch, and why rows of it do not fit."""

    def __init__(self) -> None:
        self.failures: dict[int, RowFailure] = {}

    def present(self, values: Column) -> Flags:
        """Return which values are not null."""
        return ~_nulls(values)

    def record(
        self, type: Record, columns: dict[str, Column], length: int, live: Flags | None, rows: Rows, path: str
    ) -> Parts:
        """Return the parts of a record, from its fields by name."""
        names = {field.name for field in type.fields}
        for name, column in columns.items():
            if name not in names:
                known = ", ".join(field.name for field in type.fields[:10])
                reason = f"{type.name} has no such field; it has {known}"
                self._fail(_and(live, ~_nulls(column)), rows, _at(path, name), reason)
        parts: Parts = []
        for field in type.fields:
            where = _at(path, field.name)
            if field.name in columns:
                parts += self.column(field.type, columns[field.name], live, rows, where)
            elif field.default is not MISSING:
                data = default_bytes(field.type, field.default)
                parts.append(data if live is None else constant(data, length, live))
            else:
                everything = np.ones(length, np.bool_) if live is None else live
                self._fail(everything, rows, where, "the field is missing, and has no default")
        return parts

    def column(self, type: Type, column: Column, live: Flags | None, rows: Rows, path: str) -> Parts:
        """Return the parts of the values of a column.

        Args:
            live: The rows that have a value here; None is all. The others have no bytes.
            rows: The number of the row of each value.
        """
        array = _array(type, column)
        if isinstance(array, list):
            return [self._by_value(type, array, live, rows, path)]
        if isinstance(type, Union):
            return self._union(type, array, live, rows, path)
        if type == Primitive("null"):
            self._fail(_and(live, ~_nulls(array)), rows, path, "expected null")
            return []
        null = _and(live, _nulls(array))
        if null.any():
            self._fail(null, rows, path, "null, and the schema does not allow it")
            live = ~null if live is None else live & ~null
        return self._values(type, array, live, rows, path)

    def _values(self, type: Type, array: Any, live: Flags | None, rows: Rows, path: str) -> Parts:
        """Return the parts of values, none of which is null where it is live."""
        parts: Parts | None = None
        if isinstance(type, Record):
            if pa.types.is_struct(array.type):
                columns = _children(array)
                if len(columns) == array.type.num_fields:
                    return self.record(type, columns, len(array), live, rows, path)
        elif isinstance(type, ArrayType):
            if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
                items, where = type.items, f"{path}[]"
                return self._items(
                    array, live, rows, lambda flat, inner: self.column(items, flat, None, inner, where)
                )
        elif isinstance(type, Map):
            # casting such a map, which `_items` does, returns lists of nulls that are cut off
            if pa.types.is_map(array.type) and not _has_null(array.type.item_type):
                values = type.values
                return self._items(
                    array, live, rows, lambda flat, inner: self._entries(values, flat, inner, path)
                )
        elif not isinstance(type, Union):
            parts = _scalars(type, array, live)
        return [self._by_value(type, array.to_pylist(), live, rows, path)] if parts is None else parts

    def _items(
        self, array: Any, live: Flags | None, rows: Rows, written: Callable[[Any, Rows], Parts]
    ) -> Parts:
        if live is not None:
            array = pc.if_else(pa.array(live), array, pa.scalar(None, array.type))
        if pa.types.is_map(array.type):
            array = array.cast(
                pa.list_(pa.struct({"key": array.type.key_type, "value": array.type.item_type}))
            )
        counts = fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        flat = pc.list_flatten(array)
        offsets = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        items = joined_bytes(written(flat, np.repeat(rows, counts)), len(flat))
        having = counts > 0
        end = b"\0" if live is None else constant(b"\0", len(counts), live)
        return [zigzag_bytes(counts, having), joined_items(offsets, items), end]

    def _entries(self, type: Type, entries: Any, rows: Rows, path: str) -> Parts:
        keys, values = entries.flatten()
        parts = self.column(Primitive("string"), keys, None, rows, f"{path}{{}}")
        return [*parts, *self.column(type, values, None, rows, f"{path}{{}}")]

    def _union(self, type: Union, array: Any, live: Flags | None, rows: Rows, path: str) -> Parts:
        names = [type_name(branch) for branch in type.branches]
        null = _nulls(array)
        others = [number for number, name in enumerate(names) if name != "null"]
        if "null" not in names:
            self._fail(_and(live, null), rows, path, "null, and the schema does not allow it")
        if len(others) == 1 and "null" in names:
            return self._branches(type, {others[0]: (array, ~null)}, live, rows, path)
        if pa.types.is_struct(array.type) and {each.name for each in fields_of(array.type)} == set(names) - {
            "null"
        }:
            # as they are read: one field for each branch
            children = _children(array)
            branches = {number: children[names[number]] for number in others}
            chosen = {number: (child, ~_nulls(child)) for number, child in branches.items()}
            several: Flags = np.sum([valid for _, valid in chosen.values()], axis=0) > 1
            self._fail(_and(live, several), rows, path, "more than one branch of the union has a value")
            return self._branches(type, chosen, live, rows, path)
        return [self._by_value(type, array.to_pylist(), live, rows, path)]

    def _branches(
        self, type: Union, chosen: dict[int, tuple[Any, Flags]], live: Flags | None, rows: Rows, path: str
    ) -> Parts:
        names = [type_name(branch) for branch in type.branches]
        length = len(rows)
        number = np.full(length, names.index("null") if "null" in names else 0, np.int64)
        parts: Parts = []
        for branch, (_, valid) in chosen.items():
            number[valid] = branch
        for branch, (array, valid) in chosen.items():
            here = _and(live, valid & (number == branch))
            if here.all():
                parts += self._values(type.branches[branch], array, None, rows, path)
            elif here.any():
                parts += self._values(type.branches[branch], array, here, rows, path)
        return [zigzag_bytes(number, live), *parts]

    def _by_value(self, type: Type, values: list[Any], live: Flags | None, rows: Rows, path: str) -> Array:
        """Return values written one by one, each of which fails alone."""
        nested = isinstance(type, Record | ArrayType | Map)
        found: list[bytes] = []
        for place, value in enumerate(values):
            data = b""
            if live is None or live[place]:
                try:
                    given = read(value).value if nested and isinstance(value, str) else value
                    data = object_bytes(type, given, path=path)
                except ValueError as error:
                    misfit = error if isinstance(error, Misfit) else Misfit(path, str(error))
                    failure = RowFailure(None, misfit.path, misfit.reason)
                    self.failures.setdefault(int(rows[place]), failure)
            found.append(data)
        return pa.array(found, pa.large_binary())

    def _fail(self, wrong: Flags, rows: Rows, path: str, reason: str) -> None:
        for row in rows[wrong].tolist():
            self.failures.setdefault(row, RowFailure(None, path, reason))


def _scalars(type: Primitive | Fixed | Enum, array: Any, live: Flags | None) -> Parts | None:
    """Return the parts of plain values; None if they have no fast way, or one does not fit."""
    try:
        return _fast(type, array, live)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # a value does not fit the type exactly: which one is found one by one
        return None


def _fast(type: Primitive | Fixed | Enum, array: Any, live: Flags | None) -> Parts | None:
    given = array.type
    if isinstance(type, Enum):
        if not is_text(given):
            return None
        places = pc.index_in(array.cast(pa.large_string()), pa.array(type.symbols, pa.large_string()))
        if _and(live, _nulls(places)).any():
            return None
        return [zigzag_bytes(_numbers(places, 0), live)]
    if type.logical == "decimal" and type.precision <= 76:
        if not (pa.types.is_decimal(given) or pa.types.is_integer(given)):
            return None
        decimal = pa.decimal128 if type.precision <= 38 else pa.decimal256
        size = type.size if isinstance(type, Fixed) else -1
        found = decimal_bytes(array.cast(decimal(type.precision, type.scale)), live, size)
        return None if found is None else [*found]
    if isinstance(type, Fixed):
        if not is_bytes(given):
            return None
        lengths = _numbers(pc.binary_length(array), type.size)
        if _and(live, lengths != type.size).any():
            return None
        return [sized_bytes(array, live)[1]]
    kind: str = type.kind
    if kind == "boolean":
        return [one_byte(_numbers(array, False), live)] if pa.types.is_boolean(given) else None
    if kind in ("int", "long"):
        return _whole(type, array, live)
    if kind in ("float", "double"):
        return _floats(kind, array, live)
    if kind == "string":
        return [*sized_bytes(array, live)] if is_text(given) else None
    return [*sized_bytes(array, live)] if is_bytes(given) else None


def _whole(type: Primitive, array: Any, live: Flags | None) -> Parts | None:
    given = array.type
    plain: ArrowType = pa.int32() if type.kind == "int" else pa.int64()
    wanted = TIMES.get(type.logical or "")
    if pa.types.is_integer(given) or (wanted is None and pa.types.is_floating(given)):
        numbers = array.cast(plain)
        if (type.logical or "").startswith("time-"):
            return None
        return [zigzag_bytes(_numbers(numbers, 0), live)]
    if wanted is None:
        return None
    if pa.types.is_timestamp(given) and pa.types.is_timestamp(wanted):
        if (given.tz is None) != (wanted.tz is None):
            return None
    elif not (
        (pa.types.is_date(given) and pa.types.is_date(wanted))
        or (pa.types.is_time(given) and pa.types.is_time(wanted))
    ):
        return None
    return [zigzag_bytes(_numbers(array.cast(wanted).view(plain), 0), live)]


def _floats(kind: str, array: Any, live: Flags | None) -> Parts | None:
    given = array.type
    if not (pa.types.is_floating(given) or pa.types.is_integer(given)):
        return None
    numbers = _numbers(array.cast(pa.float64()), 0.0)
    if kind == "double":
        return [fixed_bytes(numbers.astype("<f8", copy=False), live)]
    with np.errstate(over="ignore"):
        small = numbers.astype("<f4")
    if (np.isfinite(numbers) & ~np.isfinite(small)).any():
        return None
    if pa.types.is_integer(given) and (small.astype(np.float64) != numbers).any():
        return None
    return [fixed_bytes(small, live)]


def _numbers(array: Any, null: Any) -> Any:
    return (fill_null(array, null) if array.null_count else array).to_numpy(zero_copy_only=False)


def _array(type: Type, column: Column) -> Any:
    """Return a column as one Arrow array, or as a list of objects if Arrow would guess."""
    if isinstance(column, list):
        texts = isinstance(type, Enum) or type == Primitive("string") or _optional_text(type)
        if texts and all(isinstance(value, str) or missing(value) for value in column):
            return pa.array(
                [value if isinstance(value, str) else None for value in column], pa.large_string()
            )
        return [None if missing(value) else value for value in column]
    array: Any = column
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0) if array.num_chunks else nulls(0, array.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.cast(value_type(array.type))
    return array


def _optional_text(type: Type) -> bool:
    return (
        isinstance(type, Union)
        and len(type.branches) == 2
        and Primitive("null") in type.branches
        and Primitive("string") in type.branches
    )


def _children(array: Any) -> dict[str, Any]:
    """Return the fields of a struct array by name."""
    names = [each.name for each in fields_of(array.type)]
    return dict(zip(names, array.flatten(), strict=True)) if names else {}


def _has_null(type: Any) -> bool:
    """Return whether a type is null, or has it somewhere inside."""
    return pa.types.is_null(type) or any(_has_null(type.field(n).type) for n in range(type.num_fields))


def _nulls(column: Any) -> Flags:
    if isinstance(column, list):
        return np.array([missing(value) for value in column], np.bool_)
    if not column.null_count:
        return np.zeros(len(column), np.bool_)
    found = column.is_null()
    return flags(found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found)


def _and(live: Flags | None, wrong: Flags) -> Flags:
    return wrong if live is None else live & wrong


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
