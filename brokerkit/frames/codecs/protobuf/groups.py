"""Messages that hold groups, rewritten so that each group is a message, and back."""

from __future__ import annotations

from ..varints import write_unsigned
from .plan import Kind, Member, Shape, Value
from .wire import END, GROUP, LENGTH, WireField, fields_of


def has_groups(value: Value) -> bool:
    """Return whether a value or its parts are written as groups; what becomes JSON text does not count."""
    return any(member.group or has_groups(member.value) for member in value.members)


def without_groups(data: bytes, value: Value) -> bytes:
    """Return a message with each group written as a message."""
    members = {member.number: member for member in value.members}
    parts: list[bytes] = []
    for field in fields_of(data, 0, len(data)):
        member = members.get(field.number)
        if member is None or field.type not in (GROUP, LENGTH):
            parts.append(data[field.place : field.after])
        else:
            parts.append(_message(field.number, _content(data, field, member, back=False)))
    return b"".join(parts)


def with_groups(data: bytes, value: Value) -> bytes:
    """Return what `without_groups` was made of."""
    members = {member.number: member for member in value.members}
    parts: list[bytes] = []
    for field in fields_of(data, 0, len(data)):
        member = members.get(field.number)
        if member is None or field.type != LENGTH:
            parts.append(data[field.place : field.after])
            continue
        content = _content(data, field, member, back=True)
        if member.group:
            begin, end = (write_unsigned(field.number << 3 | type) for type in (GROUP, END))
            parts.append(begin + content + end)
        else:
            parts.append(_message(field.number, content))
    return b"".join(parts)


def _content(data: bytes, field: WireField, member: Member, *, back: bool) -> bytes:
    content = data[field.start : field.end]
    value = member.value
    if value.kind is not Kind.MESSAGE or not has_groups(value):
        return content
    rewritten = with_groups if back else without_groups
    if member.shape is not Shape.MAP:
        return rewritten(content, value)
    # a map's entry: field 2 is the value
    return b"".join(
        _message(2, rewritten(content[each.start : each.end], value))
        if each.number == 2
        else content[each.place : each.after]
        for each in fields_of(content, 0, len(content))
    )


def _message(number: int, content: bytes) -> bytes:
    return write_unsigned(number << 3 | LENGTH) + write_unsigned(len(content)) + content
