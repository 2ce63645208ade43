"""How many rows of a record batch fit into a number of bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable

import pyarrow as pa

COPIED_BYTES = 1_000_000
"""Rows that are cut off are freed by copying the others if they have at least so many bytes."""


def at_most(batch: pa.RecordBatch) -> int:
    """Return a number of bytes that a batch does not exceed, a fiftieth of the work of counting them."""
    # columns may share a buffer, which is one of these bytes and counts for each of them
    return int(batch.get_total_buffer_size()) * batch.num_columns


def first_rows(batch: pa.RecordBatch, room: int) -> int:
    """Return how many of the first rows have at most `room` bytes together."""
    if int(batch.nbytes) <= room:
        return int(batch.num_rows)
    return _most(batch.num_rows, room, lambda count: batch.slice(0, count))


def last_rows(batch: pa.RecordBatch, room: int) -> int:
    """Return how many of the last rows have at most `room` bytes together."""
    if int(batch.nbytes) <= room:
        return int(batch.num_rows)
    return _most(batch.num_rows, room, lambda count: batch.slice(batch.num_rows - count))


def drop_first(batches: deque[pa.RecordBatch], rows: int) -> None:
    """Drop the first rows, and free their memory."""
    while rows > 0:
        oldest = batches.popleft()
        if oldest.num_rows > rows:
            batches.appendleft(without_first(oldest, rows))
        rows -= oldest.num_rows


def without_first(batch: pa.RecordBatch, rows: int) -> pa.RecordBatch:
    """Return a batch without its first rows. It does not keep large rows in memory."""
    kept = batch.slice(rows)
    return _freed(batch, kept)


def only_first(batch: pa.RecordBatch, rows: int) -> pa.RecordBatch:
    """Return the first rows of a batch. They do not keep other large rows in memory."""
    return _freed(batch, batch.slice(0, rows))


def _freed(batch: pa.RecordBatch, kept: pa.RecordBatch) -> pa.RecordBatch:
    if int(batch.nbytes) - int(kept.nbytes) < COPIED_BYTES:
        return kept
    return kept.take(pa.array(range(kept.num_rows), pa.int64()))


def _most(rows: int, room: int, part: Callable[[int], pa.RecordBatch]) -> int:
    return bisect_right(range(1, rows + 1), room, key=lambda count: int(part(count).nbytes))
