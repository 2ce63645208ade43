"""The rows that a peek found in one partition, and what is still to be read there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

from brokerkit.core.vocabulary.topics import Bounds, Slice
from brokerkit.frames.sizes import at_most, drop_first, last_rows

WIDEN = 4
"""How many times further back each step reads when gaps or a filter left too few rows."""
WIDEST = 100_000
"""At most so many messages are read in one step back, and read again after a stop."""
FIRST = 2_000
"""At most so many messages are read in the first step back: fewer may reach `max_bytes`."""


@dataclass
class Run:
    """The rows found in one partition, and the range of it that is still to be read.

    Attributes:
        begin: The first position asked for.
        finish: The end of the positions asked for; exclusive.
        start: The first position that is left to read.
        end: The end of the positions that are left; exclusive.
        since: As in a `Slice`.
        until: As in a `Slice`.
        begun: The last rows of an unfinished step back; the step is read again.
        passed: Whether rows before these were dropped.
        full: Whether it stopped because there was no room for the next row.
        only: As in a `Slice`.
        sparse: Whether the last step back found fewer rows than messages.
    """

    topic: str
    bounds: Bounds
    begin: int
    finish: int
    backwards: bool
    since: int | None = None
    until: int | None = None
    rows: int = 0
    batches: deque[pa.RecordBatch] = field(default_factory=deque)
    begun: deque[pa.RecordBatch] = field(default_factory=deque)
    passed: bool = False
    full: bool = False
    sparse: bool = False
    width: int | None = None
    only: tuple[str, ...] | None = None
    _size: int | None = 0

    def __post_init__(self) -> None:
        self.start, self.end = self.begin, self.finish
        if self.only == ():
            # no message of the range can match
            self.start, self.end = (self.begin, self.begin) if self.backwards else (self.finish, self.finish)

    @property
    def left(self) -> int:
        """About how many messages have not been read."""
        return self.bounds.between(self.start, self.end) if self.start < self.end else 0

    @property
    def size(self) -> int:
        """How many bytes of rows are kept."""
        if self._size is None:
            self._size = sum(int(batch.nbytes) for batch in self.batches)
        return self._size

    @property
    def unfinished(self) -> bool:
        """Whether something is left to read, and there is room for it."""
        return self.start < self.end and not self.full

    @property
    def partition(self) -> int | None:
        return self.bounds.partition

    @property
    def covered(self) -> tuple[int, int]:
        """The positions that were read."""
        return (self.end, self.finish) if self.backwards else (self.begin, self.start)

    def slice_(self, room: int) -> Slice:
        """Return the slice to read next, in search of so many rows."""
        start = self.start
        if self.backwards:
            limit = max(WIDEST, room) if self.sparse else room
            wanted = min(room, FIRST) if self.width is None else min(self.width * WIDEN, limit)
            self.width = wanted
            # somewhat more than the share, since messages of other topics may lie between
            gaps = self.bounds.estimate < self.bounds.end - self.bounds.start
            start = max(self.start, self.bounds.before(self.end, round(1.2 * wanted) if gaps else wanted))
        estimate = self.bounds.between(start, self.end)
        return Slice(
            self.topic, self.partition, start, self.end, estimate, self.since, self.until, only=self.only
        )

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows of a step forward."""
        self.batches.append(batch)
        self.rows += batch.num_rows
        self._size = None

    def keep(self, batch: pa.RecordBatch, limit: int, room: int | None, *, alone: bool) -> None:
        """Add the rows of a step back, and drop rows that cannot be among the last `limit`.

        Args:
            batch: The rows.
            limit: How many rows are wanted.
            room: How many bytes the rows of the step may have; None for no limit.
            alone: Keep the last row even if it is larger.
        """
        if batch.num_rows:
            self.begun.append(batch)
        rows = sum(each.num_rows for each in self.begun)
        over = rows - (limit - self.rows)
        self.passed = self.passed or over > 0
        if room is not None and sum(map(at_most, self.begun)) > room:
            large = rows - max(_last_rows(self.begun, room), min(rows, int(alone)))
            self.passed = self.passed or large > 0
            self.full = self.full or large > max(0, over)
            over = max(over, large)
        drop_first(self.begun, over)

    def finished(self, slice_: Slice, limit: int, place: Callable[[int | None, str | None], int]) -> None:
        """Mark a step back as read to its end.

        Args:
            slice_: The slice of the step.
            limit: How many rows are wanted.
            place: Returns the position of a row from its offset and its id.
        """
        self._size = None
        self.batches.extendleft(reversed(self.begun))
        found = sum(batch.num_rows for batch in self.begun)
        self.sparse = found < slice_.estimate
        self.rows += found
        self.begun.clear()
        self.end = slice_.start
        passed, self.passed = self.passed or self.rows > limit, False
        drop_first(self.batches, self.rows - limit)
        self.rows = min(self.rows, limit)
        self.full = self.full and self.rows < limit
        if passed and not self.batches:
            self.end = slice_.end
        elif passed:
            first = self.batches[0]
            self.end = place(first.column("offset")[0].as_py(), first.column("id")[0].as_py())


def _last_rows(batches: deque[pa.RecordBatch], room: int) -> int:
    """Return how many of the last rows have at most `room` bytes together."""
    rows = 0
    for batch in reversed(batches):
        fitting = last_rows(batch, room)
        rows += fitting
        if fitting < batch.num_rows:
            break
        room -= int(batch.nbytes)
    return rows
