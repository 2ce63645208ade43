"""The wire format: the fields of one message by their bytes, and groups written as messages and back.

Source: "Encoding" in the language guide of Protocol Buffers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, LENGTH, GROUP, END, FIXED32 = range(6)
DEEPEST = 100
"""Messages inside messages; the reference library refuses deeper ones."""

_LONGEST_TAG, _LONGEST_VARINT = 5, 10


class WireError(ValueError):
    """Bytes that are not a message, where, and in the field of which number; 0 if it has none."""

    def __init__(self, offset: int, reason: str, number: int = 0) -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason
        self.number = number


class WireField(NamedTuple):
    """One field as it lies in the bytes.

    Attributes:
        place: Where its tag begins.
        start: Where its content begins, behind the tag and the length.
        end: Where its content ends; in front of the end tag of a group.
        after: Where the next field begins.
    """

    number: int
    type: int
    place: int
    start: int
    end: int
    after: int


def fields_of(data: bytes, start: int, end: int) -> Iterator[WireField]:
    """Yield the fields of the message that fills these bytes.

    Raises:
        WireError: The bytes are not fields.
    """
    place = start
    while place < end:
        found = field_at(data, place, end)
        if found.type == END:
            raise WireError(place, f"the end of group {found.number} without its beginning")
        yield found
        place = found.after


def field_at(data: bytes, place: int, end: int, levels: int = DEEPEST) -> WireField:
    """Return the field at a place; see `fields_of`."""
    tag, start = varint_at(data, place, end, _LONGEST_TAG)
    number, type = tag >> 3, tag & 7
    if not 0 < number < 2**29:
        raise WireError(place, f"field number {number} does not exist")
    try:
        return _content(data, place, start, end, number, type, levels)
    except WireError as error:
        error.number = error.number or number
        raise


def _content(data: bytes, place: int, start: int, end: int, number: int, type: int, levels: int) -> WireField:
    if type == VARINT:
        after = varint_at(data, start, end)[1]
        return WireField(number, type, place, start, after, after)
    if type in (FIXED64, FIXED32):
        after = start + (8 if type == FIXED64 else 4)
        if after > end:
            raise WireError(place, f"field {number} needs {after - start} bytes, {end - start} are left")
        return WireField(number, type, place, start, after, after)
    if type == LENGTH:
        length, start = varint_at(data, start, end)
        if length > end - start:
            raise WireError(place, f"field {number} has a length of {length} bytes, {end - start} are left")
        return WireField(number, type, place, start, start + length, start + length)
    if type == GROUP:
        return _group(data, place, start, end, number, levels)
    if type == END:
        return WireField(number, type, place, start, start, start)
    raise WireError(place, f"wire type {type} does not exist")


def _group(data: bytes, place: int, start: int, end: int, number: int, levels: int) -> WireField:
    if levels <= 0:
        raise WireError(place, f"groups are more than {DEEPEST} levels deep")
    inner = start
    while inner < end:
        found = field_at(data, inner, end, levels - 1)
        if found.type == END:
            if found.number != number:
                raise WireError(inner, f"the end of group {found.number} within group {number}")
            return WireField(number, GROUP, place, start, inner, found.after)
        inner = found.after
    raise WireError(place, f"group {number} has no end")


def varint_at(data: bytes, place: int, end: int, longest: int = _LONGEST_VARINT) -> tuple[int, int]:
    """Return the number at a place and the place behind it."""
    value = 0
    for index in range(longest):
        if place + index >= end:
            raise WireError(place, "a number is cut off")
        byte = data[place + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & (2**64 - 1), place + index + 1
    raise WireError(place, f"a number is longer than {longest} bytes")
