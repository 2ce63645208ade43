"""Numbers of variable length as Protobuf and Avro write them, one at a time."""

from __future__ import annotations

LONGEST = 5
"""The most bytes of a number here: they count things, and need no more than 32 bits."""


def unsigned(data: bytes, start: int) -> tuple[int, int]:
    """Return the number at a place, and where the next byte is.

    Raises:
        ValueError: It is cut off, or has more than 32 bits; the text has the byte offset.
    """
    value = 0
    for place in range(start, min(start + LONGEST, len(data))):
        value |= (data[place] & 0x7F) << (7 * (place - start))
        if data[place] < 0x80:
            if value >> 32:
                break
            return value, place + 1
    raise ValueError(f"byte {start}: expected a number of at most {LONGEST} bytes")


def zigzag(data: bytes, start: int) -> tuple[int, int]:
    """Return the signed number at a place, and where the next byte is. Raises ValueError."""
    value, after = unsigned(data, start)
    return (value >> 1) ^ -(value & 1), after


def write_unsigned(value: int) -> bytes:
    """Return a number that is not negative as bytes."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def write_zigzag(value: int) -> bytes:
    """Return a signed number as bytes."""
    return write_unsigned(value << 1 if value >= 0 else (-value << 1) - 1)
