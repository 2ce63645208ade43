"""The rows of a batch by the framing that their bytes may have, without an object for each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from brokerkit.registry import SchemaRef

from ..arrays import overlapping
from ..arrow import Array
from .framing import NUMBERS, Framing, framings

Rows: TypeAlias = Any
"""A numpy array of int64."""


def framed_rows(
    payloads: Array, kinds: frozenset[str] | None = None, largest: int | None = None
) -> Iterator[tuple[Framing, Rows]]:
    """Yield each framing that bytes before the payloads may be, with the rows that have it.

    A row occurs once for each framing that it may have, and not at all if it has none or is null. Attributes
    are not looked at.

    Args:
        payloads: A large_binary array.
        kinds: The kinds of schemas that are looked for; None is all.
        largest: Numbers of eight bytes from this one on are no ids; None is no limit.
    """
    if not len(payloads):
        return
    starts, sizes, data = _bytes_of(payloads)
    rows = np.flatnonzero(sizes > 1).astype(np.int64)
    if not len(rows):
        return
    first = data[starts if len(rows) == len(starts) else starts[rows]]
    is_zero = first == 0
    zero = rows if is_zero.all() else rows[is_zero]
    for name, kind, width in NUMBERS:
        if kinds is not None and kind not in kinds:
            continue
        reaches = (sizes if len(zero) == len(sizes) else sizes[zero]) > width
        long_enough = zero if reaches.all() else zero[reaches]
        places = starts if len(long_enough) == len(starts) else starts[long_enough]
        # a number of four bytes keeps its sign in eight
        numbers = overlapping(data, f">i{width}")[places + 1].astype(np.int64)
        fits = numbers > 0
        if width == 8 and largest is not None:
            # an id of four bytes and the body behind it would be another number in each row
            fits &= numbers < largest
        if not fits.all():
            numbers, long_enough = numbers[fits], long_enough[fits]
        for number, found in _groups(numbers, long_enough):
            yield Framing(name, SchemaRef(kind, number), 1 + width, width), found
    if len(zero) == len(rows):
        return
    others: dict[Framing, list[int]] = {}
    for row in rows[(first == 1) | (first == 3) | (first == 0xC3)].tolist():
        for framing in framings(bytes(data[starts[row] : starts[row] + min(sizes[row], 20)]), {}, "value"):
            others.setdefault(framing, []).append(row)
    for framing, each in others.items():
        yield framing, np.array(each, np.int64)


def _bytes_of(payloads: Array) -> tuple[Rows, Rows, Any]:
    """Return where each payload begins in the buffer, how long it is (0 for a null), and the buffer."""
    _, offsets, data = payloads.buffers()
    assert offsets is not None
    ends = np.frombuffer(memoryview(offsets), np.int64)[payloads.offset : payloads.offset + len(payloads) + 1]
    sizes = np.diff(ends)
    if payloads.null_count:
        sizes = np.where(payloads.is_null().to_numpy(zero_copy_only=False), 0, sizes)
    return ends[:-1], sizes, np.frombuffer(b"" if data is None else memoryview(data), np.uint8)


def _groups(numbers: Rows, rows: Rows) -> Iterator[tuple[int, Rows]]:
    """Yield each number with its rows, in ascending order."""
    if not len(rows):
        return
    if numbers[0] == numbers[-1] and (numbers == numbers[0]).all():
        yield int(numbers[0]), rows
        return
    order = np.argsort(numbers, kind="stable")
    found, begins = np.unique(numbers[order], return_index=True)
    yield from zip(found.tolist(), np.split(rows[order], begins[1:]), strict=True)
