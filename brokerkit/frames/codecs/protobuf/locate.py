"""Where and why a payload is not a message that can be read: the first fault, with its byte and its field."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..row_failure import RowFailure
from . import times
from .descriptors import DURATION, TIMESTAMP, Type, is_map
from .plan import Kind, Value
from .wire import DEEPEST, GROUP, LENGTH, WireError, fields_of

_PARTS = {TIMESTAMP: Kind.TIMESTAMP, DURATION: Kind.DURATION}


def fault(data: bytes, plan: Value, missing: tuple[str, ...], otherwise: str) -> RowFailure:
    """Return the first fault of a payload.

    Args:
        missing: The paths of required fields that have no value.
        otherwise: The reason if no fault is found here.
    """
    try:
        _walk(data, 0, len(data), plan.descriptor, plan, "", DEEPEST)
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
    data: bytes, start: int, end: int, descriptor: Any, plan: Value | None, path: str, levels: int
) -> None:
    if levels < 0:
        raise _Fault(start, path, f"messages are more than {DEEPEST} levels deep")
    known = {field.number: field for field in descriptor.fields}
    members = {} if plan is None else {member.number: member.value for member in plan.members}
    try:
        for found in fields_of(data, start, end):
            field = known.get(found.number)
            if field is None:
                continue
            where = f"{path}.{field.name}".lstrip(".")
            if field.is_repeated:
                where += "{}" if is_map(field) else "[]"
            inside = found.type == (GROUP if field.type == Type.GROUP else LENGTH)
            if not inside:
                continue
            if field.message_type is not None:
                _walk(
                    data,
                    found.start,
                    found.end,
                    field.message_type,
                    members.get(found.number),
                    where,
                    levels - 1,
                )
                _check_time(
                    data[found.start : found.end], field, members.get(found.number), where, found.start
                )
            elif field.type == Type.STRING:
                _check_text(data[found.start : found.end], where, found.start)
    except WireError as error:
        name = known[error.number].name if error.number in known else ""
        raise _Fault(error.offset, f"{path}.{name}".strip("."), error.reason) from None


def _check_text(content: bytes, path: str, start: int) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise _Fault(start + error.start, path, "the text is not UTF-8") from None


def _check_time(content: bytes, field: Any, value: Value | None, path: str, start: int) -> None:
    kind = _PARTS.get(field.message_type.full_name)
    if kind is None:
        return
    message = field.message_type._concrete_class.FromString(content)
    seconds, nanos = np.array([message.seconds]), np.array([message.nanos])
    shown = f"{message.seconds} seconds and {message.nanos} nanoseconds"
    if not times.allowed(kind, seconds, nanos)[0]:
        raise _Fault(start, path, f"{shown} are not a {field.message_type.name} that Protobuf allows")
    if value is not None and value.kind is kind and not times.representable(value, seconds, nanos)[0]:
        raise _Fault(start, path, f"{shown} are outside of what {value.type} holds exactly")
