"""The newest rows of something that never ends, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import pyarrow as pa

MAX_BYTES = 32_000_000
"""Bytes of rows that a ring keeps, besides its newest row."""


class Ring:
    """Keeps the newest `rows` rows, and of them no more than `max_bytes` besides the newest one.

    Rows are numbered from 1 in the order in which they came; `last` is the number of the newest.
    """

    def __init__(self, schema: pa.Schema, *, rows: int, max_bytes: int = MAX_BYTES) -> None:
        self.schema = schema
        self.rows = rows
        self.max_bytes = max_bytes
        self.last = 0
        self._parts: deque[pa.RecordBatch] = deque()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(int(part.nbytes) for part in self._parts)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows; the oldest make room for them."""
        self.last += batch.num_rows
        if not batch.num_rows:
            return
        newest = _fitting(batch, self.rows, self.max_bytes)
        self._parts.append(newest)
        self._length += newest.num_rows
        self._make_room()
        if len(self._parts) > 64:
            self._parts = deque([_joined(self.table())])

    def _make_room(self) -> None:
        while len(self._parts) > 1:
            over, held = self._length - self.rows, self.nbytes
            if over <= 0 and held <= self.max_bytes:
                return
            oldest = self._parts.popleft()
            self._length -= oldest.num_rows
            room = self.max_bytes - (held - int(oldest.nbytes))
            rest = _fitting(oldest, oldest.num_rows - max(over, 0), room, at_least=0)
            if rest.num_rows:
                self._parts.appendleft(rest)
                self._length += rest.num_rows
                return

    def resize(self, rows: int) -> None:
        """Keep so many rows from now on."""
        self.rows = rows
        if self._parts and self._length > rows:
            self._parts = deque([_fitting(_joined(self.table()), rows, self.max_bytes)])
            self._length = self._parts[0].num_rows

    def clear(self) -> None:
        """Forget every row; numbers go on."""
        self._parts.clear()
        self._length = 0

    def table(self) -> pa.Table:
        """All rows, the oldest first."""
        return pa.Table.from_batches(list(self._parts), self.schema)

    def newest(self, count: int) -> tuple[int, pa.Table]:
        """The newest `count` rows, and the number of the first of them."""
        table = self.table()
        count = min(count, table.num_rows)
        return self.last - count + 1, table.slice(table.num_rows - count)

    def row(self, number: int) -> pa.Table | None:
        """One row by its number; None where it is no longer here."""
        place = number - (self.last - self._length + 1)
        return self.table().slice(place, 1) if 0 <= place < self._length else None


def _fitting(batch: pa.RecordBatch, rows: int, max_bytes: int, at_least: int = 1) -> pa.RecordBatch:
    """A copy of the newest rows that fit, so that what is let go does not stay in memory."""
    count = max(0, min(batch.num_rows, rows))
    while count > at_least and int(batch.slice(batch.num_rows - count).nbytes) > max_bytes:
        count = max(at_least, count // 2)
    return _copied(batch, range(batch.num_rows - count, batch.num_rows))


def _copied(batch: pa.RecordBatch, rows: Sequence[int]) -> pa.RecordBatch:
    return batch.take(pa.array(rows, pa.int64()))


def _joined(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]
