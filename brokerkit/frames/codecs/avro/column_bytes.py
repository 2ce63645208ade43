"""Columns of plain types as the bytes of each value, for all rows at once and without an object per row.

Every function returns a large binary array without nulls. Rows that are not live have no bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...arrays import bytes_of, choose, from_buffers
from ...arrow import Array, fill_null

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]

BINARY = pa.large_binary()
_EMPTY = pa.scalar(b"", BINARY)


def zigzag_bytes(values: Numbers, live: Flags | None) -> Array:
    """Return whole numbers as Avro writes them: the smaller, the fewer bytes."""
    numbers = values.astype(np.int64, copy=False)
    unsigned = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    if live is not None:
        unsigned = unsigned[live]
    largest = int(unsigned.max(initial=0))
    if largest < 0x80:
        return _spread(unsigned.astype(np.uint8), 1, len(values), live)
    width = (largest.bit_length() + 6) // 7
    sizes = np.ones(len(unsigned), np.int64)
    for number in range(1, width):
        sizes += unsigned >= np.uint64(1 << (7 * number))
    matrix = np.empty((len(unsigned), width), np.uint8)
    for number in range(width):
        matrix[:, number] = ((unsigned >> np.uint64(7 * number)) & np.uint64(0x7F)) | np.uint64(0x80)
    last = np.arange(len(unsigned)) * width + sizes - 1
    matrix.ravel()[last] &= 0x7F
    if int(sizes.min(initial=width)) == width:
        return _spread(matrix.ravel(), width, len(values), live)
    return _placed(matrix[np.arange(width) < sizes[:, None]], sizes, len(values), live)


def fixed_bytes(values: Numbers, live: Flags | None) -> Array:
    """Return the bytes of numpy values of one size, such as little-endian doubles."""
    data = values if live is None else values[live]
    size = values.dtype.itemsize
    return _spread(np.ascontiguousarray(data).view(np.uint8), size, len(values), live)


def one_byte(values: Numbers, live: Flags | None) -> Array:
    """Return one byte for each live row."""
    data = values.astype(np.uint8, copy=False)
    return _spread(data if live is None else data[live], 1, len(values), live)


def sized_bytes(array: Array, live: Flags | None) -> list[Array]:
    """Return the lengths of texts or bytes, and these themselves."""
    data = array.cast(BINARY)
    if live is not None:
        data = fill_null(choose(pa.array(live), data, _EMPTY), b"")
    lengths = np.diff(bytes_of(data)[0])
    return [zigzag_bytes(lengths, live), data]


def decimal_bytes(array: Array, live: Flags | None, size: int) -> list[Array] | None:
    """Return decimals as big-endian numbers: with as few bytes as hold them, or of a fixed size.

    Args:
        size: The bytes of each; -1 for as few as hold it.

    Returns:
        The parts; None if one does not fit the size.
    """
    width = array.type.bit_width // 8
    buffer: Any = array.buffers()[1]
    data = np.frombuffer(buffer, np.uint8, len(array) * width, array.offset * width)
    big = data.reshape(-1, width)[:, ::-1]
    if live is not None:
        big = big[live]
    negative = (big[:, 0] >= 0x80)[:, None]
    # a leading byte of the sign only is needed if the next one has another sign
    spare = (big[:, :-1] == np.where(negative, 0xFF, 0)) & ((big[:, 1:] >= 0x80) == negative)
    sizes = width - np.logical_and.accumulate(spare, axis=1).sum(axis=1)
    if size >= 0:
        if int(sizes.max(initial=0)) > size:
            return None
        if size > width:
            fill = np.where(negative, 0xFF, 0).astype(np.uint8)
            big = np.concatenate([np.repeat(fill, size - width, axis=1), big], axis=1)
        fixed = np.ascontiguousarray(big[:, big.shape[1] - size :])
        return [_spread(fixed.ravel(), size, len(array), live)]
    packed = big[np.arange(width) >= (width - sizes)[:, None]]
    all_sizes = sizes if live is None else _scattered(sizes, live)
    return [zigzag_bytes(all_sizes, live), _placed(packed, sizes, len(array), live)]


def joined_bytes(parts: list[Array | bytes], length: int) -> Array:
    """Return the parts of each row, one behind the other."""
    if not any(isinstance(part, pa.Array) for part in parts):
        return constant(b"".join(part for part in parts if isinstance(part, bytes)), length)
    if len(parts) == 1 and isinstance(parts[0], pa.Array):
        return parts[0]
    given: list[Any] = [pa.scalar(part, BINARY) if isinstance(part, bytes) else part for part in parts]
    found: Array = pc.binary_join_element_wise(*given, _EMPTY)
    return found


def joined_items(offsets: Numbers, items: Array) -> Array:
    """Return the bytes of the items of each list, one behind the other."""
    places: Any = pa.array(offsets, pa.int64())
    found: Any = pc.binary_join(pa.LargeListArray.from_arrays(places, items), _EMPTY)
    array: Array = found
    return array


def constant(data: bytes, length: int, live: Flags | None = None) -> Array:
    """Return the same bytes for each live row."""
    count = length if live is None else int(live.sum())
    return _spread(np.frombuffer(data * count, np.uint8), len(data), length, live)


def _spread(data: Numbers, size: int, length: int, live: Flags | None) -> Array:
    """Return values of one size."""
    offsets = np.arange(length + 1, dtype=np.int64)
    if live is not None:
        offsets[1:] = np.cumsum(live)
        offsets[0] = 0
    if size != 1:
        offsets *= size
    return from_buffers(BINARY, length, offsets, data)


def _placed(data: Numbers, sizes: Numbers, length: int, live: Flags | None) -> Array:
    offsets = np.zeros(length + 1, np.int64)
    np.cumsum(sizes if live is None else _scattered(sizes, live), out=offsets[1:])
    return from_buffers(BINARY, length, offsets, data)


def _scattered(sizes: Numbers, live: Flags) -> Numbers:
    found = np.zeros(len(live), np.int64)
    found[live] = sizes
    return found
