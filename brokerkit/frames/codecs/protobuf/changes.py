"""What two versions of a message do not agree about, so that one cannot be read as the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..extras import extra
from .descriptors import Type, is_map

_HELD: dict[int, frozenset[int]] = {
    Type.BOOL: frozenset({Type.INT32, Type.UINT32, Type.INT64, Type.UINT64}),
    Type.ENUM: frozenset({Type.INT32, Type.INT64}),
    Type.INT32: frozenset({Type.INT64, Type.ENUM}),
    Type.UINT32: frozenset({Type.INT64, Type.UINT64}),
    Type.SINT32: frozenset({Type.SINT64}),
    Type.STRING: frozenset({Type.BYTES}),
    Type.BYTES: frozenset({Type.STRING}),
}
"""By the type that was written, those others whose values are always the same."""

_OWN_MEANING = "google.protobuf."


def contradiction(written: Any, reader: Any) -> str | None:
    """Return why messages of one version have another meaning in the other; None if they do not.

    A field that only one of them has is none. One whose number has another type in the other would be read
    as another value, or be lost.

    Args:
        written: The descriptor of the message as it was written.
        reader: The descriptor with which it is read.
    """
    return _compare(written, reader)


class LostValues:
    """Finds values of a message that the reader's closed enums do not have.

    Such a value is a field that the reader's schema does not know, as a newer one is, but it is lost.

    Args:
        written, reader: As in `contradiction`.

    Attributes:
        possible: Whether the writer's schema allows such values.
    """

    def __init__(self, written: Any, reader: Any) -> None:
        factory = extra("google.protobuf.message_factory", "protobuf", "Protobuf")
        self._class = factory.GetMessageClass(reader)
        self._unknown = extra("google.protobuf.unknown_fields", "protobuf", "Protobuf").UnknownFieldSet
        shared = _shared(written, reader, "", set())
        self.possible = any(_may_lose(field, other) for _, field, other in shared)

    def found(self, body: bytes) -> str | None:
        """Return why a message, which the reader's schema can read, loses a value; None if it does not."""
        return self._found(self._class.FromString(body), "")

    def _found(self, message: Any, path: str) -> str | None:
        known = message.DESCRIPTOR.fields_by_number
        for one in self._unknown(message):
            field = known.get(one.field_number)
            enum = None if field is None else _enum(field)
            if enum is not None:
                value = f": {one.data}" if isinstance(one.data, int) else ""
                place = f"{path}{field.name}, field {field.number},"
                return f"{place} has a value that {enum.full_name} does not have{value}"
        for field, value in message.ListFields():
            inner = value.values() if is_map(field) else value if field.is_repeated else [value]
            kind = _value_of(field).message_type
            for each in inner if kind is not None else ():
                reason = self._found(each, f"{path}{field.name}.")
                if reason is not None:
                    return reason
        return None


def _compare(written: Any, reader: Any) -> str | None:
    for where, field, other in _shared(written, reader, "", set()):
        if not _holds(other, field):
            words = [_words(each) for each in (field, other)]
            return f"{where}, field {field.number}, was written as {words[0]}, and is {words[1]} now"
        if field.is_repeated and not other.is_repeated:
            return f"{where}, field {field.number}, was written as a list, and is a single value now"
        if other.containing_oneof is not None:
            for second in other.containing_oneof.fields:
                former = field.containing_type.fields_by_number.get(second.number)
                if former is None or former.number <= field.number:
                    continue
                if field.containing_oneof is None or former.containing_oneof != field.containing_oneof:
                    numbers = f"fields {field.number} and {former.number}"
                    return f"{where} and {former.name}, {numbers}, could both be set, and only one can be now"
    return None


def _shared(
    written: Any, reader: Any, path: str, seen: set[tuple[str, str]]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the fields that both have, at any depth: the path, as it was written, and the reader's."""
    pair = (written.full_name, reader.full_name)
    if pair in seen or written == reader:
        return
    seen.add(pair)
    for field in written.fields:
        other = reader.fields_by_number.get(field.number)
        if other is None:
            continue
        where = f"{path}.{field.name}" if path else field.name
        yield where, field, other
        if field.message_type is not None and other.message_type is not None:
            yield from _shared(field.message_type, other.message_type, where, seen)


def _may_lose(written: Any, reader: Any) -> bool:
    """Return whether a field may have a value that the reader's enum does not have."""
    if reader.enum_type is None or not reader.enum_type.is_closed:
        return False
    enum = written.enum_type
    return enum is None or not (
        enum.is_closed and enum.values_by_number.keys() <= reader.enum_type.values_by_number.keys()
    )


def _value_of(field: Any) -> Any:
    return field.message_type.fields_by_name["value"] if is_map(field) else field


def _enum(field: Any) -> Any:
    return _value_of(field).enum_type


def _holds(reader: Any, written: Any) -> bool:
    """Return whether a field has the same values as one that was written."""
    if reader.type != written.type:
        return reader.type in _HELD.get(written.type, ())
    if is_map(reader) != is_map(written):
        return False
    if written.message_type is None:
        return True
    names = {reader.message_type.full_name, written.message_type.full_name}
    return len(names) == 1 or not any(name.startswith(_OWN_MEANING) for name in names)


def _words(field: Any) -> str:
    if is_map(field):
        return "a map"
    return field.message_type.full_name if field.message_type is not None else Type(field.type).name.lower()
