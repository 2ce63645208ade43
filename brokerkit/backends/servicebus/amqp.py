"""Decode AMQP 1.0 values with their types.

The client library returns strings, symbols and binaries alike as bytes, and timestamps as integers. The
values decoded here have the types that were sent: `str`, `bytes`, `datetime`, `UUID`, `bool`, `int`,
`float`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

PROPERTIES = 0x73
APPLICATION_PROPERTIES = 0x74
DATA = 0x75
SEQUENCE = 0x76
VALUE = 0x77

MAX_DEPTH = 32
MAX_ITEMS = 65_536
"""The most items of an array. Values of some types take no bytes in an array, so its length is no limit."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECTIONS = range(0x70, 0x79)


class Malformed(ValueError):
    """Bytes that are not an AMQP value, or only the beginning of one."""


class Symbol(str):
    """A symbol: text that names something in a protocol."""

    __slots__ = ()


def timestamp(milliseconds: int) -> datetime | int:
    """Return a moment, or the number itself if no datetime can hold it."""
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return milliseconds


def _decimal128(data: bytes) -> str:
    """Return the text of a decimal number in the binary integer encoding of IEEE 754."""
    bits = int.from_bytes(data, "big")
    sign, rest = bits >> 127, bits & ((1 << 127) - 1)
    if rest >> 122 == 0b11110:
        return "-Infinity" if sign else "Infinity"
    if rest >> 122 == 0b11111:
        return "NaN"
    if rest >> 125 == 0b11:
        # a coefficient above the allowed maximum counts as zero
        exponent, coefficient = (rest >> 111) & 0x3FFF, 0
    else:
        exponent, coefficient = rest >> 113, rest & ((1 << 113) - 1)
    return str(Decimal((sign, tuple(map(int, str(coefficient))), exponent - 6176)))


def _unpack(pattern: str) -> Callable[[bytes], Any]:
    unpack = struct.Struct(pattern).unpack
    return lambda data: unpack(data)[0]


def _text(data: bytes) -> str:
    return data.decode("utf-8")


_FIXED: dict[int, tuple[int, Callable[[bytes], Any]]] = {
    0x40: (0, lambda _: None),
    0x41: (0, lambda _: True),
    0x42: (0, lambda _: False),
    0x43: (0, lambda _: 0),
    0x44: (0, lambda _: 0),
    0x45: (0, lambda _: []),
    0x50: (1, _unpack(">B")),
    0x51: (1, _unpack(">b")),
    0x52: (1, _unpack(">B")),
    0x53: (1, _unpack(">B")),
    0x54: (1, _unpack(">b")),
    0x55: (1, _unpack(">b")),
    0x56: (1, lambda data: data != b"\0"),
    0x60: (2, _unpack(">H")),
    0x61: (2, _unpack(">h")),
    0x70: (4, _unpack(">I")),
    0x71: (4, _unpack(">i")),
    0x72: (4, _unpack(">f")),
    0x73: (4, lambda data: chr(int.from_bytes(data, "big"))),
    0x80: (8, _unpack(">Q")),
    0x81: (8, _unpack(">q")),
    0x82: (8, _unpack(">d")),
    0x83: (8, lambda data: timestamp(int.from_bytes(data, "big", signed=True))),
    0x94: (16, _decimal128),
    0x98: (16, lambda data: UUID(bytes=data)),
}
_VARIABLE: dict[int, Callable[[bytes], Any]] = {
    0xA0: bytes,
    0xA1: _text,
    0xA3: lambda data: Symbol(_text(data)),
}


def text_or_bytes(value: Any) -> Any:
    """Return a value whose type the client library dropped: text if its bytes are UTF-8."""
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


class Section(NamedTuple):
    """A section of a message.

    Attributes:
        code: The descriptor, which tells the kind of the section.
    """

    code: int
    buffer: memoryview
    start: int

    def value(self) -> Any:
        """Decode and return the value. Raises Malformed."""
        return decode(self.buffer, self.start)[0]


def sections(payload: bytes | memoryview) -> Iterator[Section]:
    """Yield the sections of an encoded message in order.

    If the message is cut off, yield those that are whole.
    """
    buffer, at = memoryview(payload), 0
    while at < len(buffer):
        if len(buffer) < at + 4 or buffer[at] or buffer[at + 1] != 0x53 or buffer[at + 2] not in _SECTIONS:
            raise Malformed("not a section of a message")
        end = _end(buffer[at + 3], buffer, at + 4)
        if end > len(buffer):
            return
        yield Section(buffer[at + 2], buffer, at + 3)
        at = end


def decode(buffer: memoryview, at: int, depth: int = 0) -> tuple[Any, int]:
    """Return the value that begins at `at`, and the position where it ends. Raises Malformed."""
    if depth > MAX_DEPTH:
        raise Malformed(f"values nested deeper than {MAX_DEPTH}")
    if at >= len(buffer):
        raise Malformed("the value is cut off")
    if buffer[at] == 0:
        # in a described value, the descriptor only gives the meaning
        _, at = decode(buffer, at + 1, depth + 1)
        return decode(buffer, at, depth + 1)
    return _read(buffer[at], buffer, at + 1, depth)


def _read(code: int, buffer: memoryview, at: int, depth: int) -> tuple[Any, int]:
    """Return the value of a type whose bytes begin at `at`, and the position where it ends."""
    end = _end(code, buffer, at)
    if end > len(buffer):
        raise Malformed("the value is cut off")
    try:
        if code in _FIXED:
            return _FIXED[code][1](bytes(buffer[at:end])), end
        start = at + _width(code)
        plain = code & 0xEF if code >> 4 == 0xB else code
        if plain in _VARIABLE:
            return _VARIABLE[plain](bytes(buffer[start:end])), end
        return _compound(code, buffer[:end], start, depth), end
    except (ValueError, OverflowError, IndexError) as error:
        raise Malformed(str(error)) from error


def _end(code: int, buffer: memoryview, at: int) -> int:
    """Return the position where the bytes of a value end; it is beyond the buffer if the value is cut off."""
    if code in _FIXED:
        return at + _FIXED[code][0]
    width = _width(code)
    if at + width > len(buffer):
        return len(buffer) + 1
    return at + width + int.from_bytes(buffer[at : at + width], "big")


def _width(code: int) -> int:
    """Return how many bytes hold the length of a value of variable size."""
    if code >> 4 in (0xA, 0xC, 0xE):
        return 1
    if code >> 4 in (0xB, 0xD, 0xF):
        return 4
    raise Malformed(f"no AMQP type has the code {code:#x}")


def _compound(code: int, buffer: memoryview, at: int, depth: int) -> Any:
    width = _width(code)
    count = int.from_bytes(buffer[at : at + width], "big")
    at += width
    items = []
    if code in (0xE0, 0xF0):
        if count > MAX_ITEMS:
            raise Malformed(f"an array of {count:,} values")
        constructor = decode(buffer, at + 1, depth + 1)[1] if count and buffer[at] == 0 else at
        at = constructor + 1
        for _ in range(count):
            item, at = _read(buffer[constructor], buffer, at, depth + 1)
            items.append(item)
        return items
    if code not in (0xC0, 0xD0, 0xC1, 0xD1):
        raise Malformed(f"no AMQP type has the code {code:#x}")
    for _ in range(count):
        item, at = decode(buffer, at, depth + 1)
        items.append(item)
    return items if code in (0xC0, 0xD0) else Pairs(zip(items[::2], items[1::2], strict=True))


class Pairs(list[tuple[Any, Any]]):
    """A map in the order in which it was sent. Its keys need not be hashable."""
