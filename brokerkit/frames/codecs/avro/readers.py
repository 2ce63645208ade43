"""The reader of each type of a schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from ...arrow import ArrowType
from .nested import ItemsReader, OptionalReader, RecordReader, RecursiveReader, UnionReader
from .reader import Reader
from .scalars import (
    BooleanReader,
    BytesReader,
    DecimalReader,
    DurationReader,
    EnumReader,
    FixedReader,
    FloatReader,
    IntegerReader,
    NullReader,
    UuidReader,
)
from .schema import Array, Enum, Fixed, Map, Primitive, Record, SchemaError, Type, Union, type_name

MOST_FIELDS = 10_000
"""Fields that a schema may unfold to; a small hostile schema can name millions."""

MOST_DIGITS = 76
"""Digits of the decimals of Arrow; larger ones are bytes."""


def reader_of(type: Type) -> Reader:
    """Return the reader of a type.

    Raises:
        SchemaError: The schema unfolds to more than `MOST_FIELDS` fields.
    """
    return Building(Count(MOST_FIELDS)).reader(type, "")


class Count:
    """How many fields a schema has unfolded to so far."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0

    def add(self) -> None:
        """Count another field. Raises SchemaError if there are too many."""
        self._count += 1
        if self._count > self._most:
            raise SchemaError(f"the schema unfolds to more than {self._most} fields")


class Building:
    """Readers of types, of which some are inside records that are being built."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._open: dict[int, list[RecursiveReader]] = {}
        self._around: list[Record] = []

    def is_open(self, record: Record) -> bool:
        """Return whether readers are built inside this record."""
        return any(each is record for each in self._around)

    @contextmanager
    def opened(self, record: Record) -> Iterator[None]:
        """Build readers inside this record."""
        self._around.append(record)
        yield
        self._around.pop()

    def apart(self, type: Type, path: str) -> Reader:
        """Return the reader of a type inside the records that are open."""
        inside = Building(self._count)
        inside._open = {id(record): [] for record in self._around}
        reader = inside.reader(type, path)
        for record in self._around:
            for inner in inside._open[id(record)]:
                inner.record = Building(self._count).reader(record, path)
        return reader

    def reader(self, type: Type, path: str) -> Reader:
        self._count.add()
        if isinstance(type, Primitive):
            return _primitive(type, path)
        if isinstance(type, Fixed):
            return _fixed(type, path)
        if isinstance(type, Enum):
            return EnumReader(path, type.symbols)
        if isinstance(type, Array):
            return ItemsReader(path, self.reader(type.items, f"{path}[]"))
        if isinstance(type, Map):
            values = self.reader(type.values, f"{path}{{}}")
            entry = RecordReader(path, [("key", BytesReader(f"{path}{{}}", True)), ("value", values)])
            return ItemsReader(path, entry, values)
        if isinstance(type, Union):
            return self._union(type, path)
        return self._record(type, path)

    def _union(self, type: Union, path: str) -> Reader:
        branches = [
            (type_name(branch), None if type_name(branch) == "null" else self.reader(branch, path))
            for branch in type.branches
        ]
        live = [number for number, (_, reader) in enumerate(branches) if reader is not None]
        if len(branches) == 2 and len(live) == 1:
            inner = branches[live[0]][1]
            assert inner is not None
            return OptionalReader(path, inner, live[0])
        return UnionReader(path, branches)

    def _record(self, type: Record, path: str) -> Reader:
        if id(type) in self._open:
            inner = RecursiveReader(path)
            self._open[id(type)].append(inner)
            return inner
        self._open[id(type)] = []
        fields = [
            (field.name, self.reader(field.type, f"{path}.{field.name}" if path else field.name))
            for field in type.fields
        ]
        record = RecordReader(path, fields)
        for inner in self._open.pop(id(type)):
            inner.record = record
        return record


def _primitive(type: Primitive, path: str) -> Reader:
    kind, logical = type.kind, type.logical
    if kind == "null":
        return NullReader(path, pa.null())
    if kind == "boolean":
        return BooleanReader(path, pa.bool_())
    if kind == "float":
        return FloatReader(path, pa.float32(), 4)
    if kind == "double":
        return FloatReader(path, pa.float64(), 8)
    if kind in ("int", "long"):
        return integer_reader(type, path)
    if logical == "decimal" and type.precision <= MOST_DIGITS:
        return DecimalReader(path, type.precision, type.scale, -1)
    return BytesReader(path, kind == "string")


TIMES: dict[str, ArrowType] = {
    "date": pa.date32(),
    "time-millis": pa.time32("ms"),
    "time-micros": pa.time64("us"),
    "timestamp-millis": pa.timestamp("ms", "UTC"),
    "timestamp-micros": pa.timestamp("us", "UTC"),
    "timestamp-nanos": pa.timestamp("ns", "UTC"),
    "local-timestamp-millis": pa.timestamp("ms"),
    "local-timestamp-micros": pa.timestamp("us"),
    "local-timestamp-nanos": pa.timestamp("ns"),
}


def type_of_number(type: Primitive) -> ArrowType:
    """Return the Arrow type of an int or a long."""
    return TIMES.get(type.logical or "", pa.int32() if type.kind == "int" else pa.int64())


def integer_reader(type: Primitive, path: str, written: str | None = None) -> Reader:
    """Return the reader of an int or a long.

    Args:
        written: The kind with which it was written; None is that of the type.
    """
    arrow = type_of_number(type)
    if type.logical == "time-millis":
        return IntegerReader(path, arrow, 0, 86_400_000 - 1, "a time of day in milliseconds")
    if type.logical == "time-micros":
        return IntegerReader(path, arrow, 0, 86_400_000_000 - 1, "a time of day in microseconds")
    if "int" in (type.kind, written):
        return IntegerReader(path, arrow, -(2**31), 2**31 - 1, "a number of 32 bits")
    return IntegerReader(path, arrow, -(2**63), 2**63 - 1, "a number of 64 bits")


def _fixed(type: Fixed, path: str) -> Reader:
    if type.logical == "decimal" and type.precision <= MOST_DIGITS:
        return DecimalReader(path, type.precision, type.scale, type.size)
    if type.logical == "uuid":
        return UuidReader(path)
    if type.logical == "duration":
        return DurationReader(path)
    return FixedReader(path, type.size)
