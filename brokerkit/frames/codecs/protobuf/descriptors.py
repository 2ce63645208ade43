"""Facts about descriptors: types by number, the well-known types, and what is read of a message."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from ..extras import extra


class Type(IntEnum):
    """The types of fields, as `FieldDescriptorProto.Type` numbers them."""

    DOUBLE = 1
    FLOAT = 2
    INT64 = 3
    UINT64 = 4
    INT32 = 5
    FIXED64 = 6
    FIXED32 = 7
    BOOL = 8
    STRING = 9
    GROUP = 10
    MESSAGE = 11
    BYTES = 12
    UINT32 = 13
    ENUM = 14
    SFIXED32 = 15
    SFIXED64 = 16
    SINT32 = 17
    SINT64 = 18


PACKABLE = frozenset(Type) - {Type.STRING, Type.BYTES, Type.MESSAGE, Type.GROUP}
"""The types of which a list may be one field."""

_WELL_KNOWN = "google.protobuf."
TIMESTAMP = f"{_WELL_KNOWN}Timestamp"
DURATION = f"{_WELL_KNOWN}Duration"
ANY = f"{_WELL_KNOWN}Any"
STRUCT, VALUE, LIST_VALUE = (f"{_WELL_KNOWN}{name}" for name in ("Struct", "Value", "ListValue"))
JSON_LIKE = frozenset({STRUCT, VALUE, LIST_VALUE})
"""Messages that hold JSON themselves."""

WRAPPERS = frozenset(
    f"{_WELL_KNOWN}{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
NOT_OBJECTS = WRAPPERS | JSON_LIKE | {TIMESTAMP, DURATION}
"""Messages that are not an object in JSON."""


def is_map(field: Any) -> bool:
    """Return whether a field is a map."""
    message = field.message_type
    return bool(message is not None and field.is_repeated and message.GetOptions().map_entry)


def recursive(owner: Any, message: Any) -> bool:
    """Return whether a message that is a field of `owner` can contain `owner`."""
    wanted = owner.full_name
    seen: set[str] = set()
    waiting = [message]
    while waiting:
        each = waiting.pop()
        if each.full_name == wanted:
            return True
        if each.full_name not in seen:
            seen.add(each.full_name)
            waiting.extend(field.message_type for field in each.fields if field.message_type is not None)
    return False


def enum_names(enum: Any) -> dict[int, str]:
    """Return the names of an enum by number; of names for the same number the first that is declared."""
    names: dict[int, str] = {}
    for value in enum.values:
        names.setdefault(value.number, value.name)
    return names


def place_of(message: Any) -> tuple[int, ...]:
    """Return which message of its file it is: the place of each message that it is in, and its own."""
    place: list[int] = []
    while message.containing_type is not None:
        outer = message.containing_type
        place.insert(0, [each.name for each in outer.nested_types].index(message.name))
        message = outer
    return (list(message.file.message_types_by_name).index(message.name), *place)


def is_same(message: Any, other: Any) -> bool:
    """Return whether two descriptors have the same place in their files and the same content."""
    proto = extra("google.protobuf.descriptor_pb2", "protobuf", "Protobuf").DescriptorProto
    mine, others = proto(), proto()
    message.CopyToProto(mine)
    other.CopyToProto(others)
    return place_of(message) == place_of(other) and mine == others
