"""The encoding of Pulsar's protocol: fields of Protocol Buffers, limited to the two kinds that occur here."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, BYTES = 0, 2


def _varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def number_field(field: int, value: int) -> bytes:
    """Encode a field that holds an integer."""
    return _varint(field << 3 | VARINT) + _varint(value)


def bytes_field(field: int, value: bytes) -> bytes:
    """Encode a field that holds bytes or a message."""
    return _varint(field << 3 | BYTES) + _varint(len(value)) + value


def fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and value of each field of a message. Raises ValueError or IndexError."""
    at = 0
    while at < len(content):
        tag, at = _parse_varint(content, at)
        value, at = _parse_varint(content, at)
        if tag & 7 == BYTES:
            yield tag >> 3, content[at : at + value]
            at += value
        elif tag & 7 == VARINT:
            yield tag >> 3, value
        else:
            raise ValueError("a field of another kind")


def _parse_varint(content: bytes, at: int) -> tuple[int, int]:
    number, shift = 0, 0
    while True:
        byte = content[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
