"""Where and why a payload is not a message that can be read: the first fault, with its byte and its field."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..row_failure import RowFailure
from . import times
from .descriptors import DURATION, TIMESTAMP, Type, is_map
from .plan import Kind, Value
from .wire import DEEPEST, GROUP, LENGTH, VARINT, WireError, WireField, fields_of, varint_at

_SIZES = {
    **dict.fromkeys((Type.DOUBLE, Type.FIXED64, Type.SFIXED64), 8),
    **dict.fromkeys((Type.FLOAT, Type.FIXED32, Type.SFIXED32), 4),
}
_TIMES = {TIMESTAMP: Kind.TIMESTAMP, DURATION: Kind.DURATION}


def fault(data: bytes, plan: Value, missing: tuple[str, ...], otherwise: str) -> RowFailure:
    """Return the first fault of a payload.

    Args:
        missing: The paths of required fields that have no value.
        otherwise: The reason if no fault is found here.
    """
    try:
        _walk(data, 0, len(data), plan.descriptor, _parts(plan), "", DEEPEST)
    except _Fault as found:
        return RowFailure(found.offset, found.path, found.reason)
    if missing:
        return RowFailure(len(data), missing[0], "the required field is missing")
    return RowFailure(None, "", otherwise)


class _Fault(Exception):
    def __init__(self, offset: int, path: str, reason: str) -> None:
        super().__init__(reason)
        self.offset, self.path, self.reason = offset, path, reason


def _walk(
    data: bytes, start: int, end: int, descriptor: Any, parts: dict[int, Value], path: str, levels: int
) -> None:
    if levels < 0:
        raise _Fault(start, path, f"messages are more than {DEEPEST} levels deep")
    known = {field.number: field for field in descriptor.fields}
    try:
        for found in fields_of(data, start, end):
            field = known.get(found.number)
            if field is None or found.type != (GROUP if field.type == Type.GROUP else LENGTH):
                continue
            where = f"{path}.{field.name}".lstrip(".")
            part = parts.get(found.number)
            inner = _parts(part)
            if is_map(field):
                where += "{}"
                inner = {} if part is None else {2: part}
            elif field.is_repeated:
                where += "[]"
            if field.message_type is not None:
                _walk(data, found.start, found.end, field.message_type, inner, where, levels - 1)
                _check_time(data[found.start : found.end], field, part, where, found.start)
            elif field.type == Type.STRING:
                _check_text(data[found.start : found.end], where, found.start)
            elif field.is_repeated and field.type != Type.BYTES:
                _check_packed(data, found, field, where)
    except WireError as error:
        name = known[error.number].name if error.number in known else ""
        raise _Fault(error.offset, f"{path}.{name}".strip("."), error.reason) from None


def _parts(value: Value | None) -> dict[int, Value]:
    """Return the values of the fields of a message by their numbers."""
    return {} if value is None else {member.number: member.value for member in value.members}


def _check_packed(data: bytes, found: WireField, field: Any, path: str) -> None:
    size = _SIZES.get(field.type)
    place = found.start
    try:
        while place < found.end:
            if size is None:
                place = varint_at(data, place, found.end)[1]
            elif place + size > found.end:
                raise WireError(place, f"{size} bytes were expected, {found.end - place} are left")
            else:
                place += size
    except WireError as error:
        raise _Fault(error.offset, path, error.reason) from None


def _check_text(content: bytes, path: str, start: int) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise _Fault(start + error.start, path, "the text is not UTF-8") from None


def _check_time(content: bytes, field: Any, value: Value | None, path: str, start: int) -> None:
    kind = _TIMES.get(field.message_type.full_name)
    if kind is None:
        return
    parts = {
        each.number: varint_at(content, each.start, each.end)[0]
        for each in fields_of(content, 0, len(content))
        if each.type == VARINT
    }
    seconds = np.array([parts.get(1, 0)], np.uint64).astype(np.int64)
    nanos = np.array([parts.get(2, 0)], np.uint64).astype(np.int32).astype(np.int64)
    shown = f"{seconds[0]} seconds and {nanos[0]} nanoseconds"
    if not times.allowed(kind, seconds, nanos)[0]:
        raise _Fault(start, path, f"{shown} are not a {field.message_type.name} that Protobuf allows")
    if value is not None and value.kind is kind and not times.representable(value, seconds, nanos)[0]:
        raise _Fault(start, path, f"{shown} are outside of what {value.type} holds exactly")
