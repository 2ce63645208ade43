"""Readers of Avro types that hold no other type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...arrays import flags, from_buffers, struct, taken
from ...arrow import Array, ArrowType, nulls
from ...text import split_text
from .reader import BaseReader, Reading, blocks_found, lengths_at, skip_bytes, skip_number
from .source import Flags, Places, Source


class NullReader(BaseReader):
    """Values that take no bytes and are null."""

    size = 0

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        return nulls(len(rows), pa.null()), places, np.ones(len(rows), np.bool_)


class BooleanReader(BaseReader):
    """One byte, 0 or 1."""

    size = 1

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        byte = source.data[places]
        fine = (places < end) & (byte <= 1)
        if not fine.all():
            source.fail(rows, ~fine, places, self.path, "not a boolean: expected one byte, 0 or 1")
        return pa.array(byte == 1), places + 1, fine


class IntegerReader(BaseReader):
    """int and long, with the logical types that are kept as a number."""

    variable = True

    def __init__(self, path: str, type: ArrowType, low: int, high: int, what: str) -> None:
        super().__init__(path, type)
        self._low, self._high, self._what = low, high, what
        self._wide = low == -(2**63)

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        number, after, fine = source.variable(places, end)
        if not fine.all():
            source.fail(rows, ~fine, places, self.path, "a number runs past the end, or over 64 bits")
        if not self._wide:
            fits = (number >= self._low) & (number <= self._high)
            if not fits.all():
                source.fail(rows, fine & ~fits, places, self.path, f"not {self._what}")
                fine &= fits
                number = np.where(fine, number, 0)
        if self.type.bit_width == 32:
            number = number.astype(np.int32)
        return pa.array(number).view(self.type), after, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        return skip_number(data, place, end)


class FloatReader(BaseReader):
    """float and double, little-endian."""

    def __init__(self, path: str, type: ArrowType, size: int) -> None:
        super().__init__(path, type)
        self.size = size

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        fine = places + self.size <= end
        if not fine.all():
            source.fail(rows, ~fine, places, self.path, f"{self.size} bytes were expected")
        data = np.ascontiguousarray(source.blocks_at(places, self.size))
        return pa.array(data.view(f"<f{self.size}").ravel()), places + self.size, fine


class BytesReader(BaseReader):
    """bytes and string."""

    def __init__(self, path: str, text: bool) -> None:
        super().__init__(path, pa.large_string() if text else pa.large_binary())
        self._text = text

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        length, at, fine = lengths_at(self, source, rows, places, end)
        values = source.bytes_at(at, length)
        if self._text:
            values, broken = split_text(values)
            if broken.null_count < len(broken):
                wrong = broken.is_valid().to_numpy(zero_copy_only=False)
                source.fail(rows, fine & wrong, at, self.path, "not UTF-8 text")
                fine = fine & ~wrong
        return values, at + length, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        return skip_bytes(data, place, end)


class FixedReader(BaseReader):
    """Bytes of a fixed size."""

    def __init__(self, path: str, size: int) -> None:
        super().__init__(path, pa.large_binary())
        self.size = size

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        length, at, fine = blocks_found(self, source, rows, places, end)
        return self.values(source, at, length), at + length, fine

    def values(self, source: Source, places: Places, length: Places) -> Array:
        return source.bytes_at(places, length)


class UuidReader(FixedReader):
    """A fixed of 16 bytes as the text of a UUID."""

    def __init__(self, path: str) -> None:
        super().__init__(path, 16)
        self.type = pa.large_string()

    def values(self, source: Source, places: Places, length: Places) -> Array:
        digits = np.frombuffer(b"0123456789abcdef", np.uint8)
        data = source.blocks_at(places, 16)
        text = np.full((len(places), 36), ord("-"), np.uint8)
        at = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]
        text[:, at] = digits[data >> 4]
        text[:, [place + 1 for place in at]] = digits[data & 15]
        return from_buffers(pa.large_string(), len(places), np.arange(len(places) + 1) * 36, text)


class DurationReader(FixedReader):
    """A fixed of 12 bytes: months, days and milliseconds, each an unsigned number."""

    NAMES = ("months", "days", "milliseconds")

    def __init__(self, path: str) -> None:
        super().__init__(path, 12)
        self.type = pa.struct([(name, pa.uint32()) for name in self.NAMES])

    def values(self, source: Source, places: Places, length: Places) -> Array:
        numbers = np.ascontiguousarray(source.blocks_at(places, 12)).view("<u4")
        return struct([pa.array(np.ascontiguousarray(numbers[:, i])) for i in range(3)], self.type)


class DecimalReader(BaseReader):
    """Big-endian two's complement in bytes or in a fixed."""

    def __init__(self, path: str, precision: int, scale: int, size: int) -> None:
        kind = pa.decimal128 if precision <= 38 else pa.decimal256
        super().__init__(path, kind(precision, scale))
        self.size = size
        self._width = self.type.bit_width // 8
        self._precision = precision

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        find = lengths_at if self.size < 0 else blocks_found
        length, at, fine = find(self, source, rows, places, end)
        words = np.zeros((len(places), self._width), np.uint8)
        negative = (length > 0) & (source.data[at] >= 0x80)
        words[negative] = 0xFF
        for number in range(min(int(length.max(initial=0)), self._width)):
            having = np.flatnonzero(length > number)
            words[having, number] = source.data[at[having] + length[having] - 1 - number]
        fits = _below(words, 10**self._precision)
        for row in np.flatnonzero(length > self._width).tolist():
            start = int(at[row])
            value = int.from_bytes(
                source.data[start : start + int(length[row])].tobytes(), "big", signed=True
            )
            fits[row] = abs(value) < 10**self._precision
        if not fits.all():
            source.fail(rows, fine & ~fits, at, self.path, f"more than {self._precision} digits")
            fine = fine & fits
            words[~fits] = 0
        return from_buffers(self.type, len(places), words), at + length, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        return skip_bytes(data, place, end) if self.size < 0 else super().skip(data, place, end)


class EnumReader(BaseReader):
    """The number of a symbol, as the symbol.

    Args:
        symbols: The symbols that were written.
        read: What each is read as, None where a reader does not know it; None reads them as they are.
    """

    variable = True

    def __init__(self, path: str, symbols: Sequence[str], read: Sequence[str | None] | None = None) -> None:
        super().__init__(path, pa.large_string())
        self._symbols = pa.array(symbols if read is None else read, pa.large_string())

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        number, after, fine = source.variable(places, end)
        fine &= (number >= 0) & (number < len(self._symbols))
        if not fine.all():
            source.fail(rows, ~fine, places, self.path, f"not one of {len(self._symbols)} symbols")
        if not len(self._symbols):
            return nulls(len(rows), self.type), after, fine
        values = taken(self._symbols, np.where(fine, number, 0))
        if self._symbols.null_count:
            known = flags(values.is_valid())
            reason = "a symbol that the reader's schema does not have"
            source.fail(rows, fine & ~known, places, self.path, reason)
            fine &= known
        return values, after, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        return skip_number(data, place, end)


def _below(words: npt.NDArray[np.uint8], limit: int) -> Flags:
    """Return which little-endian numbers in two's complement are below the limit without their sign."""
    parts = words.view("<u8")
    negative = parts[:, -1] >> np.uint64(63) != 0
    carry = negative.copy()
    below = np.zeros(len(parts), np.bool_)
    equal_so_far: list[npt.NDArray[np.uint64]] = []
    for number in range(parts.shape[1]):
        part = np.where(negative, ~parts[:, number] + carry.astype(np.uint64), parts[:, number])
        carry &= part == 0
        equal_so_far.append(part)
    undecided = np.ones(len(parts), np.bool_)
    for number in reversed(range(parts.shape[1])):
        bound = np.uint64(limit >> (64 * number) & (2**64 - 1))
        below |= undecided & (equal_so_far[number] < bound)
        undecided &= equal_so_far[number] == bound
    return below
