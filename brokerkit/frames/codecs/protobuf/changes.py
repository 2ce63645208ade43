"""What two versions of a message do not agree about, so that one cannot be read as the other."""

from __future__ import annotations

from typing import Any

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
    return _compare(written, reader, "", set())


def _compare(written: Any, reader: Any, path: str, seen: set[tuple[str, str]]) -> str | None:
    pair = (written.full_name, reader.full_name)
    if pair in seen or written == reader:
        return None
    seen.add(pair)
    for field in written.fields:
        other = reader.fields_by_number.get(field.number)
        if other is None:
            continue
        where = f"{path}.{field.name}" if path else field.name
        if not _holds(other, field):
            words = [_words(each) for each in (field, other)]
            return f"{where}, field {field.number}, was written as {words[0]}, and is {words[1]} now"
        if field.is_repeated and not other.is_repeated:
            return f"{where}, field {field.number}, was written as a list, and is a single value now"
        if field.message_type is not None and other.message_type is not None:
            found = _compare(field.message_type, other.message_type, where, seen)
            if found is not None:
                return found
    return None


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
