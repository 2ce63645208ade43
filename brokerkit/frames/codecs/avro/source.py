"""The bytes of a batch of payloads, and the numbers in them, read for many rows at once.

Every function advances all rows together, so that Python's cost is paid per field and not per row.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...arrays import from_buffers, overlapping, taken
from ...arrow import Array, ArrowType, nulls

Places: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Bytes: TypeAlias = npt.NDArray[np.uint8]

PADDING = 16
"""Zero bytes behind the data, so that a look past the end of the last row needs no check."""

EMPTY_ITEMS = 65_536
"""Items that take no bytes, such as nulls, that one payload may claim to have."""

EMPTY_ITEMS_OF_BATCH = 16 * EMPTY_ITEMS
"""Such items that all payloads of a batch may have."""

FEW_ITEMS = 64
"""Such items that each payload may have in any case."""

REPEATED_BYTES = 2**27
"""Bytes of defaults that the items of one batch may repeat."""

_BEHIND = 16
"""Zero bytes behind those, so that a look from any of them at up to so many bytes needs no check either."""

_SINGLE = np.array([(byte >> 1) ^ -(byte & 1) for byte in range(256)], np.int64)
"""The zig-zag number of each byte that is a number of its own."""

_FIRST_BITS = np.uint64(0x0101010101010101)
_LAST_BITS = np.uint64(0x8080808080808080)
_GATHERING = [
    (np.uint64(0x00FF00FF00FF00FF), np.uint64(1)),
    (np.uint64(0x0000FFFF0000FFFF), np.uint64(2)),
    (np.uint64(0x00000000FFFFFFFF), np.uint64(4)),
]
"""The lower half of each pair of numbers, and how far the upper one goes down to it."""


class Source:
    """The bytes of a batch, and the failures of its rows so far."""

    def __init__(self, data: Bytes) -> None:
        size = len(data) + PADDING
        self._memory: Bytes = np.empty(size + _BEHIND, np.uint8)
        self._memory[: len(data)] = data
        self._memory[len(data) :] = 0
        self.data: Bytes = self._memory[:size]
        self.failures: dict[int, tuple[int, str, str]] = {}
        """By row: the place in `data`, the path and the reason of its first failure."""
        self._last_bytes: Places | None = None
        self._empty: Places = np.zeros(0, np.int64)
        self._all_empty = 0
        self._repeated = 0

    def fail(self, rows: Places, wrong: Flags, places: Places, path: str, reason: str) -> None:
        """Note a failure for the rows that are marked as wrong."""
        for row, place in zip(rows[wrong].tolist(), places[wrong].tolist(), strict=True):
            self.failures.setdefault(row, (place, path, reason))

    def allows_empty(self, rows: Places, counts: Places) -> Flags:
        """Count items that take no bytes, and return the rows that do not have too many of them so far."""
        missing = int(rows.max(initial=-1)) + 1 - len(self._empty)
        if missing > 0:
            self._empty = np.concatenate([self._empty, np.zeros(missing, np.int64)])
        np.add.at(self._empty, rows, counts)
        of_row, of_batch = self._empty[rows], self._all_empty + np.cumsum(counts)
        self._all_empty += int(counts.sum())
        fits: Flags = (of_row <= EMPTY_ITEMS) & (of_batch <= EMPTY_ITEMS_OF_BATCH)
        fits |= (of_row <= FEW_ITEMS) | (counts == 0)
        return fits

    def allows_repeated(self, size: int) -> bool:
        """Count bytes of defaults, and return whether there are not too many of them so far."""
        self._repeated += size
        return self._repeated <= REPEATED_BYTES

    def variable(self, places: Places, end: Places) -> tuple[Places, Places, Flags]:
        """Read one zig-zag number of up to 64 bits at each place.

        Returns:
            The numbers, the places behind them, and which were complete.
        """
        byte = self.data[places]
        longer = np.flatnonzero(byte >= 0x80)
        if len(longer) == len(places):
            value, size, right = self._longer(places)
            after = places + size
            return value, after, (after <= end) & right
        value, after = _SINGLE[byte], places + 1
        complete = after <= end
        if len(longer):
            value[longer], size, right = self._longer(places[longer])
            after[longer] += size - 1
            complete[longer] = right & (after[longer] <= end[longer])
        return value, after, complete

    def _longer(self, places: Places) -> tuple[Places, Places, Flags]:
        """Read numbers of several bytes: the numbers, their bytes, and which have 64 bits or less."""
        number, size = _seven_bits(overlapping(self._memory, "<u8")[places])
        right = np.ones(len(places), np.bool_)
        longest = np.flatnonzero(size > 8)
        if len(longest):
            ninth, tenth = (self._memory[places[longest] + at].astype(np.uint64) for at in (8, 9))
            goes_on = ninth >= 0x80
            tenth[~goes_on] = 0
            right[longest] = tenth <= 1
            number[longest] |= (ninth & np.uint64(0x7F)) << np.uint64(56) | tenth << np.uint64(63)
            size[longest] += goes_on
        sign = (number & np.uint64(1)).view(np.int64)
        number >>= np.uint64(1)
        return number.view(np.int64) ^ np.negative(sign, out=sign), size, right

    def number_starts(self, starts: Places, counts: Places) -> tuple[Places, Places]:
        """Return where each of `counts` consecutive variable-length numbers begins, and where the last ends.

        The end is beyond the data where so many numbers are not there.
        """
        if self._last_bytes is None:
            self._last_bytes = np.flatnonzero(self.data < 0x80)
        last = self._last_bytes
        first = np.searchsorted(last, starts)
        within = _counted(counts)
        before = np.repeat(first, counts) + within - 1
        inner = last[np.minimum(np.maximum(before, 0), len(last) - 1)] + 1
        places = np.where(within == 0, np.repeat(starts, counts), inner)
        final = first + counts - 1
        ends = np.where(final < len(last), last[np.minimum(final, len(last) - 1)] + 1, len(self.data) + 1)
        return places, np.where(counts > 0, ends, starts)

    def bytes_at(self, places: Places, lengths: Places) -> Array:
        """Return the bytes at each place as a large binary array."""
        count = len(places)
        if not count:
            return nulls(0, pa.large_binary())
        bounds = np.empty((count, 2), np.int64)
        bounds[:, 0] = places
        np.add(places, lengths, out=bounds[:, 1])
        flat = bounds.ravel()
        if flat[0] < 0 or flat[-1] > len(self.data) or (flat[1:] < flat[:-1]).any():
            view = self.view()
            return pa.array([view[start:end] for start, end in bounds.tolist()], pa.large_binary())
        # one after the other they are values with gaps between them, of which Arrow copies the values
        every = from_buffers(pa.large_binary(), 2 * count - 1, flat, self.data)
        index: Any = pa.array(np.arange(0, 2 * count, 2))
        return every.take(index)

    def view(self) -> memoryview:
        """Return the bytes, to be read one by one."""
        data: Any = self.data
        return memoryview(data)

    def blocks_at(self, places: Places, size: int) -> Bytes:
        """Return `size` bytes at each place as rows of a matrix; places past the end give zero bytes."""
        blocks = overlapping(self._memory, f"V{size}")[np.minimum(places, len(self.data) - 1)]
        return blocks.view(np.uint8).reshape(len(places), size)


def _seven_bits(word: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint64], Places]:
    """Return what the bytes of a number hold, seven bits each, and how many bytes it has.

    Args:
        word: Eight bytes of each number. One that ends in none of them counts as nine bytes.
    """
    ends = ~word
    ends &= _LAST_BITS
    # every bit up to the lowest one, or all of them
    mask = ends - np.uint64(1)
    mask ^= ends
    size = (mask & _FIRST_BITS) * _FIRST_BITS
    size >>= np.uint64(56)
    size[ends == 0] = 9
    mask &= ~_LAST_BITS
    number = word & mask
    for low, shift in _GATHERING:
        high = number & ~low
        high >>= shift
        number &= low
        number |= high
    return number, size.view(np.int64)


def _counted(counts: Places) -> Places:
    """Return 0, 1, 2, ... for each count, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)


def repeated(places: Places, counts: Places, step: int) -> Places:
    """Return the places of `counts` values of `step` bytes each, beginning at each place."""
    return np.repeat(places, counts) + _counted(counts) * step


def scattered(parts: list[tuple[Places, Array]], length: int, type: ArrowType) -> Array:
    """Return one array with the values of each part at its indexes, and null elsewhere."""
    parts = [part for part in parts if len(part[0])]
    if not parts:
        return nulls(length, type)
    if len(parts) == 1 and len(parts[0][0]) == length:
        return parts[0][1]
    index = np.full(length, -1, np.int64)
    base = 0
    for places, array in parts:
        index[places] = base + np.arange(len(places))
        base += len(array)
    return taken(parts[0][1] if len(parts) == 1 else pa.concat_arrays([array for _, array in parts]), index)
