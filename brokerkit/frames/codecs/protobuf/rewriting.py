"""Messages as the columnar library reads them: groups as messages, large numbers as small ones; and back."""

from __future__ import annotations

from operator import itemgetter

from ..varints import write_unsigned
from .plan import LARGEST_NUMBER, Kind, Member, Shape, Value
from .wire import END, GROUP, LENGTH, WireField, fields_of, varint_at

_UNKNOWN = LARGEST_NUMBER + 1
"""A number that no plain schema has."""


def is_rewritten(value: Value) -> bool:
    """Return whether a value or its parts are rewritten; what becomes JSON text does not count."""
    return any(
        member.group or member.number != member.plain_number or is_rewritten(member.value)
        for member in value.members
    )


def to_plain(data: bytes, value: Value) -> bytes:
    """Return a message as the plain schema has it. What the schema does not have stays unknown."""
    members = {member.number: member for member in value.members}
    parts: list[bytes] = []
    for field in fields_of(data, 0, len(data)):
        member = members.get(field.number)
        if member is None:
            parts.append(_message(_UNKNOWN, data[field.start : field.end]))
        elif field.type in (GROUP, LENGTH):
            parts.append(_message(member.plain_number, _content(data, field, member, back=False)))
        else:
            parts.append(_renumbered(data, field, member.plain_number))
    return b"".join(parts)


def from_plain(data: bytes, value: Value) -> bytes:
    """Return what `to_plain` was made of."""
    members = {member.plain_number: member for member in value.members}
    parts: list[tuple[int, bytes]] = []
    for field in fields_of(data, 0, len(data)):
        member = members[field.number]
        parts.append((member.number, _back(data, field, member)))
    # as the reference library writes them; the order of the plain numbers is another
    parts.sort(key=itemgetter(0))
    return b"".join(part for _, part in parts)


def _back(data: bytes, field: WireField, member: Member) -> bytes:
    if field.type != LENGTH:
        return _renumbered(data, field, member.number)
    content = _content(data, field, member, back=True)
    if member.group:
        begin, end = (write_unsigned(member.number << 3 | type) for type in (GROUP, END))
        return begin + content + end
    return _message(member.number, content)


def _content(data: bytes, field: WireField, member: Member, *, back: bool) -> bytes:
    content = data[field.start : field.end]
    value = member.value
    if value.kind is not Kind.MESSAGE or not is_rewritten(value):
        return content
    rewritten = from_plain if back else to_plain
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


def _renumbered(data: bytes, field: WireField, number: int) -> bytes:
    behind = varint_at(data, field.place, field.after)[1]
    return write_unsigned(number << 3 | field.type) + data[behind : field.after]
