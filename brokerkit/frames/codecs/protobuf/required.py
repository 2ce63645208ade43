"""Required fields that have no value, found without the library's own search, which can crash the process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .descriptors import is_map


def missing_fields(message: Any) -> tuple[str, ...]:
    """Return the paths of the required fields of a message that have no value."""
    return tuple(_missing(message, ""))


def _missing(message: Any, path: str) -> Iterator[str]:
    for field in message.DESCRIPTOR.fields:
        where = f"{path}.{field.name}".lstrip(".")
        if field.is_required and not message.HasField(field.name):
            yield where
        elif field.message_type is None:
            continue
        elif is_map(field):
            if field.message_type.fields_by_number[2].message_type is not None:
                yield from _missing_in_map(getattr(message, field.name), where)
        elif field.is_repeated:
            for number, inner in enumerate(getattr(message, field.name)):
                yield from _missing(inner, f"{where}[{number}]")
        elif message.HasField(field.name):
            yield from _missing(getattr(message, field.name), where)


def _missing_in_map(values: Any, path: str) -> Iterator[str]:
    try:
        entries = list(values.items())
    except UnicodeDecodeError:  # a key that is not UTF-8, at which the library's own search crashes
        yield f"{path}{{}}"
        return
    for key, inner in entries:
        yield from _missing(inner, f"{path}[{key!r:.40}]")
