"""What the fields of a message become: the tree of its values with their Arrow types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import count
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from ...arrays import Field
from ...arrow import ArrowType
from ...json_columns import HOLDS_JSON
from .descriptors import ANY, DURATION, JSON_LIKE, TIMESTAMP, WRAPPERS, Type, is_map, recursive

Times: TypeAlias = Literal["ns", "us", "text"]
"""Times as Arrow values of this unit, or as their text in JSON, which has all years."""

MOST_FIELDS = 1_000
"""A message with more fields, those of its messages included, has its inner messages as JSON text."""

LARGEST_NUMBER = 32_768
"""The columnar library reserves memory for each number up to the largest of a message: 8 GB for 2**29."""

_RESERVED = range(19_000, 20_000)
"""Numbers that no field can have."""

_JSON = {HOLDS_JSON: b"1"}
_SCALARS: dict[int, ArrowType] = {
    Type.DOUBLE: pa.float64(),
    Type.FLOAT: pa.float32(),
    Type.INT64: pa.int64(),
    Type.SINT64: pa.int64(),
    Type.SFIXED64: pa.int64(),
    Type.UINT64: pa.uint64(),
    Type.FIXED64: pa.uint64(),
    Type.INT32: pa.int32(),
    Type.SINT32: pa.int32(),
    Type.SFIXED32: pa.int32(),
    Type.UINT32: pa.uint32(),
    Type.FIXED32: pa.uint32(),
    Type.BOOL: pa.bool_(),
    Type.STRING: pa.large_string(),
    Type.BYTES: pa.large_binary(),
}


class Kind(Enum):
    """What a value is."""

    SCALAR = "scalar"
    ENUM = "enum"
    MESSAGE = "message"
    WRAPPER = "wrapper"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    JSON = "json"


class Shape(Enum):
    """How often a field has a value."""

    SINGLE = "single"
    LIST = "list"
    MAP = "map"


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What one value is.

    Attributes:
        wire: The type with which it is written.
        type: The Arrow type of the column.
        json: Whether the column holds JSON text.
        descriptor: The descriptor of its message or enum.
        members: The fields of a message, as declared.
    """

    kind: Kind
    wire: int
    type: ArrowType
    json: bool = False
    descriptor: Any = None
    members: tuple[Member, ...] = ()

    def field(self, name: str) -> Field:
        """Return the Arrow field of a column of such values."""
        return pa.field(name, self.type, metadata=_JSON if self.json else None)

    def by_number(self) -> list[Member]:
        """Return the fields of a message in the order of their numbers in the plain schema."""
        return sorted(self.members, key=lambda member: member.plain_number)

    def oneofs(self) -> list[list[int]]:
        """Return the places of fields, as declared, of which only one can be set."""
        groups: dict[str, list[int]] = {}
        for place, member in enumerate(self.members):
            if member.oneof is not None:
                groups.setdefault(member.oneof, []).append(place)
        return [places for places in groups.values() if len(places) > 1]


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One field of a message.

    Attributes:
        plain_number: The number in the plain schema: another one if `number` is beyond `LARGEST_NUMBER`.
        packed: Whether the numbers of a list are written together in one field.
        explicit: Whether a field without a value differs from one with the default.
        default: The value that a field without one is declared to have, as it is in the column.
        oneof: The name of the group of which only one field can be set.
        key: The keys of a map.
    """

    name: str
    number: int
    plain_number: int
    shape: Shape
    value: Value
    key: Value | None
    packed: bool
    explicit: bool
    required: bool
    group: bool
    default: Any
    oneof: str | None

    def field(self) -> Field:
        """Return the Arrow field of the column."""
        if self.shape is Shape.LIST:
            return pa.field(self.name, pa.list_(self.value.field("item")))
        if self.shape is Shape.MAP and self.key is not None:
            item: Any = self.value.field("value")
            return pa.field(self.name, pa.map_(self.key.type, item))
        return self.value.field(self.name)


def plan_of(descriptor: Any, times: Times) -> Value:
    """Return what a message becomes.

    A message that can contain itself, a message without fields, and `Any`, `Struct`, `Value` and `ListValue`
    are JSON text where they are a field. So are the inner messages of one with more than `MOST_FIELDS`.
    """
    for deepest in (100, 6, 4, 3, 2):
        try:
            return _Planner(times, deepest, MOST_FIELDS).message(descriptor, 1)
        except _TooMany:
            continue
    return _Planner(times, 1, 10**9).message(descriptor, 1)


class _TooMany(Exception):
    """The message has too many fields."""


class _Planner:
    def __init__(self, times: Times, deepest: int, most: int) -> None:
        self._times: Times = times
        self._deepest = deepest
        self._left = most

    def message(self, descriptor: Any, level: int) -> Value:
        members = tuple(_small_numbers(self._members(descriptor, level)))
        type = pa.struct([member.field() for member in members])
        return Value(Kind.MESSAGE, Type.MESSAGE, type, descriptor=descriptor, members=members)

    def _members(self, descriptor: Any, level: int) -> Iterator[Member]:
        for field in descriptor.fields:
            self._left -= 1
            if self._left < 0:
                raise _TooMany
            shape, key, inner = Shape.SINGLE, None, field
            if is_map(field):
                shape = Shape.MAP
                key = self._value(field.message_type.fields_by_number[1], level)
                inner = field.message_type.fields_by_number[2]
            elif field.is_repeated:
                shape = Shape.LIST
            single = shape is Shape.SINGLE
            value = self._value(inner, level, owner=descriptor)
            oneof = field.containing_oneof
            yield Member(
                name=field.name,
                number=field.number,
                plain_number=field.number,
                shape=shape,
                value=value,
                key=key,
                packed=field.is_packed,
                explicit=single and field.has_presence,
                required=field.is_required,
                group=field.type == Type.GROUP,
                default=_default(field) if single and oneof is None else None,
                oneof=oneof.name if oneof is not None else None,
            )

    def _value(self, field: Any, level: int, owner: Any = None) -> Value:
        if field.type in _SCALARS:
            return Value(Kind.SCALAR, field.type, _SCALARS[field.type])
        if field.type == Type.ENUM:
            return Value(Kind.ENUM, Type.INT32, pa.large_string(), descriptor=field.enum_type)
        message = field.message_type
        name = message.full_name
        unit: Literal["ns", "us"] = "ns" if self._times == "ns" else "us"
        if name == TIMESTAMP:
            return self._time(Kind.TIMESTAMP, message, pa.timestamp(unit, "UTC"))
        if name == DURATION:
            return self._time(Kind.DURATION, message, pa.duration(unit))
        if name in WRAPPERS:
            inner = message.fields_by_number[1].type
            return Value(Kind.WRAPPER, inner, _SCALARS[inner], descriptor=message)
        opaque = name in JSON_LIKE or name == ANY or not message.fields
        if opaque or level >= self._deepest or recursive(owner, message):
            return Value(Kind.JSON, Type.BYTES, pa.large_string(), json=True, descriptor=message)
        return self.message(message, level + 1)

    def _time(self, kind: Kind, descriptor: Any, type: ArrowType) -> Value:
        if self._times == "text":
            return Value(kind, Type.MESSAGE, pa.large_string(), json=True, descriptor=descriptor)
        return Value(kind, Type.MESSAGE, type, descriptor=descriptor)


def _small_numbers(members: Iterable[Member]) -> list[Member]:
    """Return fields with numbers of the plain schema that are free where their own are too large."""
    found = list(members)
    taken = {member.number for member in found}
    free = (number for number in count(1) if number not in taken and number not in _RESERVED)
    return [
        member if member.number <= LARGEST_NUMBER else replace(member, plain_number=next(free))
        for member in found
    ]


def _default(field: Any) -> Any:
    if not field.has_default_value:
        return None
    if field.type == Type.ENUM:
        return field.enum_type.values_by_number[field.default_value].name
    return field.default_value
