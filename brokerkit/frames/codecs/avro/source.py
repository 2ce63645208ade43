"""The bytes of a batch of payloads, and the numbers in them, read for many rows at once.

Every function advances all rows together, so that Python's cost is paid per field and not per row.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...arrays import from_buffers, taken
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

LONG_VALUE = 64
"""Mean length in bytes from which copying values one by one costs less than an index per byte."""


class Source:
    """The bytes of a batch, and the failures of its rows so far."""

    def __init__(self, data: Bytes) -> None:
        self.data: Bytes = np.concatenate([data, np.zeros(PADDING, np.uint8)])
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
        value = (byte & 0x7F).astype(np.uint64)
        after = places + 1
        longer = np.flatnonzero(byte >= 0x80)
        overlong: Flags | None = None
        shift = 7
        while len(longer):
            if shift > 63:
                overlong = np.zeros(len(places), np.bool_)
                overlong[longer] = True
                break
            at = np.minimum(after[longer], len(self.data) - 1)
            byte = self.data[at]
            if shift == 63 and (byte > 1).any():
                overlong = np.zeros(len(places), np.bool_)
                overlong[longer[byte > 1]] = True
                byte = np.where(byte > 1, 0, byte)
            value[longer] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
            after[longer] = at + 1
            longer = longer[byte >= 0x80]
            shift += 7
        complete = after <= end
        if overlong is not None:
            complete &= ~overlong
        return (
            (value >> np.uint64(1)).astype(np.int64) ^ -(value & np.uint64(1)).astype(np.int64),
            after,
            complete,
        )

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
        offsets = np.zeros(len(places) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        total = int(offsets[-1])
        data: Bytes | bytes
        if total > LONG_VALUE * len(places):
            view = self.view()
            data = b"".join(
                [view[at : at + length] for at, length in zip(places.tolist(), lengths.tolist(), strict=True)]
            )
        else:
            data = self.data[np.repeat(places - offsets[:-1], lengths) + np.arange(total)]
        return from_buffers(pa.large_binary(), len(places), offsets, data)

    def view(self) -> memoryview:
        """Return the bytes, to be read one by one."""
        data: Any = self.data
        return memoryview(data)

    def blocks_at(self, places: Places, size: int) -> Bytes:
        """Return `size` bytes at each place as rows of a matrix; places past the end give zero bytes."""
        index = places[:, None] + np.arange(size)
        blocks: Bytes = self.data[np.minimum(index, len(self.data) - 1)]
        return blocks


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
