"""A reader's schema over a writer's: what reads values of one as values of the other.

Source: the Avro specification 1.12, "Schema Resolution".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...arrays import Field as Column
from ...arrow import Array as Values
from ...arrow import nulls
from ..misfit import Misfit
from .nested import ItemsReader, OptionalReader, RecordReader, RecursiveReader
from .objects import default_bytes
from .reader import Reader
from .readers import MOST_DIGITS, Building, Count, integer_reader, type_of_number
from .readers import MOST_FIELDS as MOST_READ
from .resolved import (
    BranchesReader,
    BranchReader,
    Convert,
    ConvertedReader,
    RefusedReader,
    ResolvedRecordReader,
    SkippedReader,
    cast_to,
    scaled,
)
from .scalars import BytesReader, EnumReader, FloatReader
from .schema import MISSING, Array, Enum, Field, Fixed, Map, Primitive, Record, Type, Union, type_name
from .source import Source

MOST_FIELDS = 10 * MOST_READ
"""Fields that both schemas may unfold to; what is in a union is counted again for each union around it."""

_PROMOTED = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}
_SKIPPED = {
    "null": 0,
    "boolean": 1,
    "int": -1,
    "long": -1,
    "float": 4,
    "double": 8,
    "bytes": -2,
    "string": -2,
}
_UNITS = {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}


def resolving_reader(writer: Type, reader: Type) -> Reader:
    """Return what reads values that `writer` wrote as values of `reader`.

    Names are compared without their namespaces, or by the aliases of the reader's types and fields. Numbers
    and texts are promoted, fields and symbols that are missing get their defaults, and times and decimals in
    another unit or scale are converted where this is exact. A value that the reader's schema cannot hold is a
    failure of its row, also a number that a promotion would change; a schema that could write such values is
    none.

    Raises:
        SchemaError: A schema unfolds to too many fields.
    """
    return _Resolving().reader(writer, reader, "")


class _Resolving:
    def __init__(self) -> None:
        self._count = Count(MOST_FIELDS)
        self._plain = Building(self._count)
        self._pairs: dict[tuple[int, int], list[RecursiveReader]] = {}

    def reader(self, writer: Type, reader: Type, path: str) -> Reader:
        self._count.add()
        if isinstance(writer, Union):
            return self._from_union(writer, reader, path)
        if isinstance(reader, Union):
            return self._to_union(writer, reader, path)
        reason = mismatch(writer, reader)
        if reason is not None:
            return self._refused(writer, self._column(reader, path), path, reason)
        if isinstance(writer, Record) and isinstance(reader, Record):
            return self._record(writer, reader, path)
        if isinstance(writer, Array) and isinstance(reader, Array):
            return ItemsReader(path, self.reader(writer.items, reader.items, f"{path}[]"))
        if isinstance(writer, Map) and isinstance(reader, Map):
            inside = f"{path}{{}}"
            values = self.reader(writer.values, reader.values, inside)
            entry = RecordReader(path, [("key", BytesReader(inside, True)), ("value", values)])
            return ItemsReader(path, entry, values)
        if isinstance(writer, Enum) and isinstance(reader, Enum):
            return _enum(writer, reader, path)
        if isinstance(writer, Primitive) and isinstance(reader, Primitive):
            return self._primitive(writer, reader, path)
        return self._rescaled(writer, reader, path)

    def _record(self, writer: Record, reader: Record, path: str) -> Reader:
        pair = (id(writer), id(reader))
        if self._plain.is_open(reader):
            inner = RecursiveReader(path)
            if pair in self._pairs:
                self._pairs[pair].append(inner)
            else:
                inner.record = self._fields(writer, reader, path)
            return inner
        with self._plain.opened(reader):
            return self._fields(writer, reader, path)

    def _fields(self, writer: Record, reader: Record, path: str) -> Reader:
        pair = (id(writer), id(reader))
        self._pairs[pair] = []
        numbers = _numbers_of(writer, reader)
        columns: list[Column | None] = [None] * len(reader.fields)
        written: list[tuple[Reader, int | None]] = []
        for field in writer.fields:
            number = numbers.get(field.name)
            if number is None:
                written.append((self._skipped(field.type, _inside(path, field.name)), None))
                continue
            wanted = reader.fields[number]
            found = self.reader(field.type, wanted.type, _inside(path, wanted.name))
            columns[number] = found.field(wanted.name)
            written.append((found, number))
        defaults: dict[int, Values] = {}
        missing = ""
        for number, field in enumerate(reader.fields):
            if number in numbers.values():
                continue
            plain, default = self._default(field, _inside(path, field.name))
            columns[number] = plain.field(field.name)
            if default is None:
                missing = missing or field.name
                default = nulls(1, plain.type)
            defaults[number] = default
        fields = [column for column in columns if column is not None]
        record: Reader = ResolvedRecordReader(path, written, fields, defaults)
        if missing:
            reason = f"{writer.name} was written without the field {missing!r}, which has no default"
            record = RefusedReader(record, record.field(""), reason, _inside(path, missing))
        for inner in self._pairs.pop(pair):
            inner.record = record
        return record

    def _default(self, field: Field, path: str) -> tuple[Reader, Values | None]:
        """Return the reader of a field that was not written, and its default; None if it has none."""
        plain = self._plain.apart(field.type, path)
        if field.default is MISSING:
            return plain, None
        try:
            data = default_bytes(field.type, field.default)
        except Misfit:
            return plain, None
        first = np.zeros(1, np.int64)
        source = Source(np.frombuffer(data, np.uint8))
        values, _, fine = plain.read(source, first, first, np.array([len(data)], np.int64))
        return plain, values if fine.all() else None

    def _from_union(self, writer: Union, reader: Type, path: str) -> Reader:
        written, wanted = _optional(writer), _optional(reader)
        if written is not None and wanted is not None:
            return OptionalReader(path, self.reader(written[1], wanted[1], path), written[0])
        branches = [self.reader(branch, reader, path) for branch in writer.branches]
        return BranchesReader(path, branches, self._column(reader, path))

    def _to_union(self, writer: Type, reader: Union, path: str) -> Reader:
        column = self._column(reader, path)
        branch = _branch_for(writer, reader)
        if branch is None:
            names = ", ".join(map(type_name, reader.branches))
            return self._refused(writer, column, path, f"{_words(writer)} is none of {names or 'no types'}")
        if _optional(reader) is not None and type_name(branch) != "null":
            return self.reader(writer, branch, path)
        name = type_name(branch)
        return BranchReader(self.reader(writer, branch, path), column, None if name == "null" else name)

    def _primitive(self, writer: Primitive, reader: Primitive, path: str) -> Reader:
        if writer.kind in ("int", "long"):
            return _number(writer, reader, path)
        if writer.kind == "float" and reader.kind == "double":
            return ConvertedReader(
                FloatReader(path, pa.float32(), 4), _column(pa.float64()), cast_to(pa.float64())
            )
        return self._rescaled(writer, reader, path)

    def _rescaled(self, writer: Type, reader: Type, path: str) -> Reader:
        """Return the reader of values that are written alike, but for the scale of decimals."""
        plain = self._plain.apart(reader, path)
        other = self._plain.apart(writer, path)
        if not (pa.types.is_decimal(plain.type) and pa.types.is_decimal(other.type)):
            return plain
        scale: int = getattr(reader, "scale", 0)
        if scale == getattr(writer, "scale", 0):
            return plain
        return ConvertedReader(other, plain.field(""), cast_to(plain.type))

    def _refused(self, writer: Type, column: Column, path: str, reason: str) -> Reader:
        return RefusedReader(self._skipped(writer, path), column, reason)

    def _skipped(self, type: Type, path: str) -> Reader:
        return _Skipping(self._count).reader(type, path)

    def _column(self, reader: Type, path: str) -> Column:
        return self._plain.apart(reader, path).field("")


class _Skipping:
    """The readers of what is not wanted."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._open: dict[int, list[RecursiveReader]] = {}

    def reader(self, type: Type, path: str) -> Reader:
        self._count.add()
        if isinstance(type, Primitive):
            return SkippedReader(path, _SKIPPED[type.kind])
        if isinstance(type, Fixed):
            return SkippedReader(path, type.size)
        if isinstance(type, Enum):
            return SkippedReader(path, -1)
        if isinstance(type, Array):
            return ItemsReader(path, self.reader(type.items, f"{path}[]"))
        if isinstance(type, Map):
            entry = [("key", SkippedReader(path, -2)), ("value", self.reader(type.values, f"{path}{{}}"))]
            return ItemsReader(path, RecordReader(path, entry))
        if isinstance(type, Union):
            branches = [self.reader(branch, path) for branch in type.branches]
            nothing = _column(pa.null())
            return BranchesReader(path, [BranchReader(each, nothing, None) for each in branches], nothing)
        if id(type) in self._open:
            inner = RecursiveReader(path)
            self._open[id(type)].append(inner)
            return inner
        self._open[id(type)] = []
        fields = [(field.name, self.reader(field.type, _inside(path, field.name))) for field in type.fields]
        record = RecordReader(path, fields)
        for inner in self._open.pop(id(type)):
            inner.record = record
        return record


def mismatch(writer: Type, reader: Type) -> str | None:
    """Return why no value of `writer` is one of `reader`, by these types alone; None if some may be."""
    if writer.__class__ is not reader.__class__:
        return f"{_words(writer)} does not fit {_words(reader)}"
    if isinstance(writer, Primitive) and isinstance(reader, Primitive):
        return _primitive_mismatch(writer, reader)
    named = isinstance(writer, Record | Enum | Fixed) and isinstance(reader, Record | Enum | Fixed)
    if named and not _is_named(writer, reader):
        return f"{type_name(writer)} is not {type_name(reader)}, which has no such alias"
    if isinstance(writer, Fixed) and isinstance(reader, Fixed) and writer.size != reader.size:
        return f"{writer.name} has {writer.size} bytes, and {reader.size} are expected"
    if isinstance(writer, Fixed) and isinstance(reader, Fixed):
        return _logical_mismatch(writer, reader)
    return None


def _primitive_mismatch(writer: Primitive, reader: Primitive) -> str | None:
    if reader.kind != writer.kind and reader.kind not in _PROMOTED.get(writer.kind, ()):
        return f"{_words(writer)} does not fit {_words(reader)}"
    decimals = [each.kind for each in (writer, reader) if each.logical == "decimal"]
    if decimals and writer.kind != reader.kind:
        return f"{_words(writer)} does not fit {_words(reader)}"
    return _logical_mismatch(writer, reader)


def _logical_mismatch(writer: Primitive | Fixed, reader: Primitive | Fixed) -> str | None:
    if writer.logical is None or reader.logical is None:
        return None
    large = writer.scale != reader.scale and max(writer.precision, reader.precision) > MOST_DIGITS
    if large or _family(writer.logical) != _family(reader.logical):
        return f"{_words(writer)} does not fit {_words(reader)}"
    return None


def _is_named(writer: Any, reader: Any) -> bool:
    return _unqualified(writer.name) == _unqualified(reader.name) or writer.name in reader.aliases


def _branch_for(writer: Type, reader: Union) -> Type | None:
    """Return the branch for a type: the same, else that of its new name, else the first that fits."""
    fitting = [branch for branch in reader.branches if mismatch(writer, branch) is None]
    same = [branch for branch in fitting if type_name(branch) == type_name(writer)]
    renamed = [branch for branch in fitting if type_name(writer) in getattr(branch, "aliases", ())]
    found = same or renamed or fitting
    return found[0] if found else None


def _numbers_of(writer: Record, reader: Record) -> dict[str, int]:
    """Return the numbers of the reader's fields by the names under which the writer has them."""
    left = {field.name for field in writer.fields}
    found: dict[str, int] = {}
    for number, field in enumerate(reader.fields):
        if field.name in left:
            found[field.name] = number
    left -= found.keys()
    for number, field in enumerate(reader.fields):
        former = next((name for name in field.aliases if name in left), None)
        if former is not None and field.name not in found:
            found[former] = number
            left.remove(former)
    return found


def _enum(writer: Enum, reader: Enum, path: str) -> Reader:
    known = [symbol if symbol in reader.symbols else reader.default for symbol in writer.symbols]
    return EnumReader(path, writer.symbols, known)


def _number(writer: Primitive, reader: Primitive, path: str) -> Reader:
    if reader.kind in ("float", "double"):
        plain = integer_reader(Primitive(writer.kind), path)
        float_type = pa.float32() if reader.kind == "float" else pa.float64()
        return ConvertedReader(plain, _column(float_type), cast_to(float_type))
    type = type_of_number(reader)
    units = [_UNITS.get((each.logical or "").rpartition("-")[2], 0) for each in (writer, reader)]
    if all(units) and units[0] != units[1]:
        convert: Convert = scaled(type, max(1, units[1] // units[0]), max(1, units[0] // units[1]))
        return ConvertedReader(integer_reader(writer, path), _column(type), convert)
    return integer_reader(reader, path, written=writer.kind)


def _family(logical: str) -> str:
    return logical.rpartition("-")[0] or logical


def _optional(type: Type) -> tuple[int, Type] | None:
    """Return the number and the type of the branch that is not null, if a union has this one and null."""
    if not isinstance(type, Union) or len(type.branches) != 2:
        return None
    live = [number for number, branch in enumerate(type.branches) if type_name(branch) != "null"]
    return (live[0], type.branches[live[0]]) if len(live) == 1 else None


def _unqualified(name: str) -> str:
    return name.rpartition(".")[2]


def _words(type: Type) -> str:
    logical = getattr(type, "logical", None)
    return f"{type_name(type)} ({logical})" if logical else type_name(type)


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _column(type: pa.DataType) -> Column:
    return pa.field("", type)
