"""What all readers of Avro types have in common, and how lengths and numbers are found."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa

from ...arrays import Field
from ...arrow import Array, ArrowType
from .source import Flags, Places, Source

Reading = tuple[Array, Places, Flags]


class Reader(Protocol):
    """A reader of one type.

    Attributes:
        path: The place in the schema, for failures.
        size: The bytes of each value, if they are always as many; -1 if not.
        variable: Whether each value is one variable-length number.
    """

    path: str
    type: ArrowType
    size: int
    variable: bool

    def field(self, name: str) -> Field:
        """Return the Arrow field of a column of this type."""

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        """Read one value of each row.

        Args:
            rows: The numbers of the rows in the batch, for failures.
            places: Where each value begins.
            end: Where the payload of each row ends.

        Returns:
            An array of as many values, the places behind them, and which were read. Of the others the value
            and the place mean nothing.
        """

    def skip(self, data: memoryview, place: int, end: int) -> int:
        """Return the place behind one value; -1 if it is not complete."""


class BaseReader:
    """What a reader has unless it says otherwise: values of a fixed size."""

    size = -1
    variable = False

    def __init__(self, path: str, type: ArrowType, metadata: dict[bytes, bytes] | None = None) -> None:
        self.path = path
        self.type = type
        self._metadata = metadata

    def field(self, name: str) -> Field:
        return pa.field(name, self.type, metadata=self._metadata)

    def skip(self, data: memoryview, place: int, end: int) -> int:
        return place + self.size if place + self.size <= end else -1


def lengths_at(
    reader: BaseReader, source: Source, rows: Places, places: Places, end: Places
) -> tuple[Places, Places, Flags]:
    """Read the lengths in front of bytes.

    Returns:
        The lengths, 0 where a row failed, where the bytes begin, and which rows did not fail.
    """
    length, at, fine = source.variable(places, end)
    fine &= (length >= 0) & (length <= end - at)
    if not fine.all():
        source.fail(rows, ~fine, places, reader.path, "a length that runs past the end")
        length, at = np.where(fine, length, 0), np.where(fine, at, places)
    return length, at, fine


def blocks_found(
    reader: BaseReader, source: Source, rows: Places, places: Places, end: Places
) -> tuple[Places, Places, Flags]:
    """Find values of a fixed size; see `lengths_at` for what is returned."""
    fine = places + reader.size <= end
    length = np.full(len(places), reader.size)
    if not fine.all():
        source.fail(rows, ~fine, places, reader.path, f"{reader.size} bytes were expected")
        length = np.where(fine, length, 0)
    return length, places, fine


def number_at(data: memoryview, place: int, end: int) -> tuple[int, int]:
    """Read one zig-zag number. Returns it and the place behind it, -1 if it is not complete."""
    value = shift = 0
    while place < end and shift <= 63:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), place if value < 2**64 else -1
        shift += 7
    return 0, -1


def skip_number(data: memoryview, place: int, end: int) -> int:
    """Return the place behind one number; -1 if it is not complete."""
    if place < end and data[place] < 0x80:
        return place + 1
    return number_at(data, place, end)[1]


def skip_bytes(data: memoryview, place: int, end: int) -> int:
    """Return the place behind bytes with their length in front; -1 if they are not complete."""
    length, place = number_at(data, place, end)
    return place + length if place >= 0 and 0 <= length <= end - place else -1
