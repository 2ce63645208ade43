"""The newest rows of an endless stream, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import pyarrow as pa

MAX_BYTES = 32_000_000
"""At most so many bytes of rows are kept, besides the newest row."""


class Ring:
    """The newest `rows` rows, of at most `max_bytes` besides the newest one.

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
        """How many bytes are kept."""
        return sum(int(part.nbytes) for part in self._parts)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows; they replace the oldest."""
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
        """Drop every row; the numbers continue."""
        self._parts.clear()
        self._length = 0

    def start_over(self, schema: pa.Schema) -> None:
        """Drop every row, to keep rows of another schema; the numbers continue."""
        self.clear()
        self.schema = schema

    def table(self) -> pa.Table:
        """Return all rows, the oldest first."""
        return pa.Table.from_batches(list(self._parts), self.schema)

    def newest(self, count: int) -> tuple[int, pa.Table]:
        """Return the newest `count` rows, and the number of the first of them."""
        table = self.table()
        count = min(count, table.num_rows)
        return self.last - count + 1, table.slice(table.num_rows - count)

    def row(self, number: int) -> pa.Table | None:
        """Return one row by its number; None if it is no longer kept."""
        place = number - (self.last - self._length + 1)
        return self.table().slice(place, 1) if 0 <= place < self._length else None


def _fitting(batch: pa.RecordBatch, rows: int, max_bytes: int, at_least: int = 1) -> pa.RecordBatch:
    """Return a copy of the newest rows that fit, so that dropped rows do not stay in memory."""
    count = max(0, min(batch.num_rows, rows))
    while count > at_least and int(batch.slice(batch.num_rows - count).nbytes) > max_bytes:
        count = max(at_least, count // 2)
    return _copied(batch, range(batch.num_rows - count, batch.num_rows))


def _copied(batch: pa.RecordBatch, rows: Sequence[int]) -> pa.RecordBatch:
    return batch.take(pa.array(rows, pa.int64()))


def _joined(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]
