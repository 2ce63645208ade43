"""A look at a few messages, the newest or those from a position, without side effects."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.topics import Bounds, Slice, hidden_text
from brokerkit.core.vocabulary.windows import Stretch
from brokerkit.frames.arrow import Array, fill_null
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.sizes import drop_first, last_rows

from .filters import Filter
from .overlooked import Overlooked
from .planning import Planner, Range
from .reading import ReadReport, SliceReader

WIDEN = 4
"""How many times further back each step reads when gaps or a filter left too few rows."""
WIDEST = 100_000
"""At most so many messages are read in one step back, and read again after a stop."""
FIRST = 1_000
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

    def __post_init__(self) -> None:
        self.start, self.end = self.begin, self.finish

    @property
    def left(self) -> int:
        """About how many messages have not been read."""
        return self.bounds.between(self.start, self.end) if self.start < self.end else 0

    @property
    def size(self) -> int:
        """How many bytes of rows are kept."""
        return sum(int(batch.nbytes) for batch in self.batches)

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
        return Slice(self.topic, self.partition, start, self.end, estimate, self.since, self.until)

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
        if room is not None:
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


class Peek:
    """A reader of up to `limit` rows of each partition, in steps that can be stopped and continued.

    Attributes:
        report: How many messages were read so far.
        hidden: A sentence about messages that cannot be read yet.
        limit: How many rows are wanted; it may be raised before continuing.
        max_bytes: How many bytes of rows are kept at most, besides the first; it may be raised likewise.
        runs: One per partition.
        on_read: Called after each batch with the position.
    """

    def __init__(
        self,
        inspector: ConnectedInspector,
        planner: Planner,
        builder: FrameBuilder,
        wanted: Filter,
        *,
        limit: int,
        max_bytes: int | None = None,
        attributes: bool = True,
    ) -> None:
        self.report = ReadReport()
        self.limit = limit
        self.max_bytes = max_bytes
        self.runs: list[Run] = []
        self.builder = builder
        self.on_read: Callable[[Slice], None] | None = None
        self._inspector = inspector
        self._planner = planner
        self._wanted = wanted
        self._attributes = attributes
        self.hidden = ""
        self._from_the_end = False
        self._reading: ReadReport | None = None
        self._complete = False

    def plan(self, topic: str, span: Range, *, newest: bool, partitions: Sequence[int] | None = None) -> None:
        """Fix the positions: the last `limit` rows of the range with `newest`, otherwise its first."""
        self._from_the_end = newest
        located = self._planner.locate(topic, span, partitions)
        self.runs = [_run(topic, each, backwards=newest) for each in located]
        self.report.doubt = span.doubt(located)
        self.hidden = hidden_text(each.bounds for each in located if each.end == each.bounds.end)

    def read(self, cancellation: Cancellation | None = None, *, progress: bool = True) -> None:
        """Read until there are enough rows or bytes, or nothing is left. Call it again to continue.

        Raises:
            Cancelled: The rows found so far stay.
        """
        self._complete = False
        for run in self.runs:
            run.begun.clear()
            run.passed, run.full, run.width = False, False, None
        for number, run in enumerate(self.runs):
            share = self._share(number)
            while run.unfinished and run.rows < self.limit:
                self._step(run, share, cancellation, progress)
        if any(run.full for run in self.runs):
            self.report.stopped = "at max_bytes"
        else:
            self.report.stopped = "at the limit" if self.rows >= self.limit else "at the end"
        self._complete = True

    def _share(self, number: int) -> int | None:
        """Return how many bytes of rows a run may have: an equal share of those that are left."""
        if self.max_bytes is None:
            return None
        waiting = sum(each.unfinished and each.rows < self.limit for each in self.runs[number:])
        left = self.max_bytes - sum(each.size for each in self.runs)
        return self.runs[number].size + max(0, left) // max(1, waiting)

    def _step(self, run: Run, share: int | None, cancellation: Cancellation | None, progress: bool) -> None:
        slice_ = run.slice_(self.limit - run.rows)
        room = None if share is None else max(0, share - run.size)
        alone = not self.rows

        def on_read(rest: Slice) -> None:
            if not run.backwards:
                run.start = rest.start
            if self.on_read is not None:
                self.on_read(rest)

        reader = SliceReader(
            self._inspector,
            [slice_],
            self.builder,
            wanted=self._wanted,
            limit=None if run.backwards else self.limit - run.rows,
            max_bytes=None if run.backwards else room,
            alone=alone,
            attributes=self._attributes,
            cancellation=cancellation,
            on_read=on_read,
        )
        self._reading = reader.report
        try:
            for part in reader.parts(what=f"peek {slice_.topic}", progress=progress):
                if run.backwards:
                    run.keep(part.batch, self.limit, room, alone=alone)
                else:
                    run.batches.append(part.batch)
                    run.rows += part.batch.num_rows
        finally:
            self._reading = None
            self.report.add(reader.report)
        if run.backwards:
            run.finished(slice_, self.limit, self._inspector.place)
        elif reader.report.stopped == "at max_bytes":
            run.full = True
        elif run.rows < self.limit:
            run.start = run.end

    @property
    def looked_at(self) -> int:
        """How many messages were read, also while reading."""
        reading = self._reading
        return self.report.read + (0 if reading is None else reading.read)

    @property
    def left(self) -> int:
        """About how many messages have not been read."""
        return sum(run.left for run in self.runs)

    @property
    def exhausted(self) -> bool:
        """Whether everything was read."""
        return all(run.start >= run.end for run in self.runs)

    @property
    def rows(self) -> int:
        """How many rows are kept now."""
        return sum(run.rows for run in self.runs)

    @property
    def overlooked(self) -> Overlooked:
        """The messages that the filter could not examine, also while reading."""
        reading = self._reading
        if reading is None:
            return self.report.overlooked
        both = Overlooked()
        both.add(self.report.overlooked)
        both.add(reading.overlooked)
        return both

    def found(self) -> pa.Table:
        """Return all rows so far, while reading; the same as `table` once it has finished."""
        if self._complete:
            return self.table()
        return merged_by_time([batch for run in self.runs for batch in run.batches], self.builder.schema)

    def table(self, *, partial: bool = False) -> pa.Table:
        """Return the newest or first `limit` rows of all partitions together, oldest first; see `newest_of`.

        Args:
            partial: Include the rows of an unfinished step back.
        """
        batches = [batch for run in self.runs for batch in (*(run.begun if partial else ()), *run.batches)]
        table = merged_by_time(batches, self.builder.schema)
        table = newest_of(table, self.limit) if self._from_the_end else table.slice(0, self.limit)
        self.report.matched = table.num_rows
        return table


def _run(topic: str, stretch: Stretch, *, backwards: bool) -> Run:
    finish = max(stretch.start, stretch.end)
    return Run(
        topic,
        stretch.bounds,
        stretch.start,
        finish,
        backwards,
        since=stretch.since,
        until=stretch.until,
    )


def merged_by_time(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """Return all rows by time, oldest first, without ever reversing the rows of one partition."""
    table = pa.Table.from_batches(list(batches), schema)
    if table.num_rows < 2:
        return table
    partitions = fill_null(table.column("partition"), -1).to_numpy()
    stamps = table.column("publish_time").cast(pa.int64())
    times = fill_null(stamps, np.iinfo(np.int64).min).to_numpy().copy()
    for partition in np.unique(partitions):
        rows = partitions == partition
        # a clock that went back must not reverse the partition: time never decreases along it
        times[rows] = np.maximum.accumulate(times[rows])
    order = np.argsort(times, kind="stable")
    if bool((np.diff(order) == 1).all()):
        return table
    return table.take(order)


def newest_of(table: pa.Table, limit: int) -> pa.Table:
    """Return the last `limit` rows of a table in order of time, always with the last row of each partition.

    A time that the producer set does not tell when a message arrived: a new message may have an old time, and
    must not be hidden behind the messages of other partitions. Where the broker set the time, that decides.
    """
    if table.num_rows <= limit:
        return table
    partitions = fill_null(table.column("partition"), -1).to_numpy()
    _, from_behind = np.unique(partitions[::-1], return_index=True)
    lasts = np.sort(table.num_rows - 1 - from_behind)
    stamped: Array = pc.equal(table.column("ingestion_time"), table.column("publish_time"))
    unstamped = ~fill_null(stamped, False).to_numpy()
    kept = np.zeros(table.num_rows, bool)
    kept[lasts[unstamped[lasts]][-limit:]] = True
    room = limit - int(kept.sum())
    if room:
        kept[np.flatnonzero(~kept)[-room:]] = True
    return table.filter(pa.array(kept))
