"""A look at a few messages, the newest or those from a position, without side effects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.topics import Slice, hidden_text
from brokerkit.core.vocabulary.windows import Stretch
from brokerkit.frames.arrow import Array, fill_null
from brokerkit.frames.build import FrameBuilder

from ..filters import Filter
from ..options import ReadOptions
from ..overlooked import Overlooked
from ..read_report import ReadReport
from .peek_run import Run
from .ranges import Range, RangeFinder, range_finder
from .slice_reader import SliceReader
from .topics_within import topics_of

if TYPE_CHECKING:
    from ..base import BrokerSession


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
        finder: RangeFinder,
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
        self._finder = finder
        self._wanted = wanted
        self._attributes = attributes
        self.hidden = ""
        self._from_the_end = False
        self._reading: ReadReport | None = None
        self._complete = False

    def plan(self, topic: str, span: Range, *, newest: bool, partitions: Sequence[int] | None = None) -> None:
        """Fix the positions: the last `limit` rows of the range with `newest`, otherwise its first."""
        self._from_the_end = newest
        located = self._finder.locate(topic, span, partitions)
        only = topics_of(self._inspector, topic, self._wanted)
        self.runs = [_run(topic, each, newest, only) for each in located]
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
                    run.add(part.batch)
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
        """Return the newest or first `limit` rows of all partitions together, oldest first.

        Args:
            partial: Include the rows of an unfinished step back.
        """
        batches = [batch for run in self.runs for batch in (*(run.begun if partial else ()), *run.batches)]
        newest = self.limit if self._from_the_end else None
        table = merged_by_time(batches, self.builder.schema, newest).slice(0, self.limit)
        self.report.matched = table.num_rows
        return table


def new_peek(session: BrokerSession, limit: int, reading: ReadOptions) -> Peek:
    """Return a peek that has read nothing yet."""
    builder = reading.builder(session.schema_source, session.mask)
    return Peek(
        session.inspector,
        range_finder(session, reading.scan_for_time),
        builder,
        reading.filter(builder.schema),
        limit=limit,
        max_bytes=reading.max_bytes,
        attributes=reading.attributes,
    )


def _run(topic: str, stretch: Stretch, backwards: bool, only: tuple[str, ...] | None) -> Run:
    return Run(
        topic,
        stretch.bounds,
        stretch.start,
        max(stretch.start, stretch.end),
        backwards,
        since=stretch.since,
        until=stretch.until,
        only=only,
    )


def merged_by_time(
    batches: Sequence[pa.RecordBatch], schema: pa.Schema, newest: int | None = None
) -> pa.Table:
    """Return rows by time, oldest first, without ever reversing the rows of one partition.

    Args:
        batches: All rows, those of a partition in order.
        schema: Their schema.
        newest: Return the last so many, always with the last row of each partition, instead of all. A time
            that the producer set does not tell when a message arrived: a new message may have an old time,
            and must not be hidden behind the messages of other partitions. Where the broker set the time,
            that decides.
    """
    table = pa.Table.from_batches(list(batches), schema)
    if table.num_rows < 2:
        return table if newest is None else table.slice(0, newest)
    partitions = fill_null(table.column("partition"), -1).to_numpy()
    stamps = table.column("publish_time").cast(pa.int64())
    times = fill_null(stamps, np.iinfo(np.int64).min).to_numpy().copy()
    for partition in np.unique(partitions):
        rows = partitions == partition
        # a clock that went back must not reverse the partition: time never decreases along it
        times[rows] = np.maximum.accumulate(times[rows])
    order = np.argsort(times, kind="stable")
    if newest is not None and len(order) > newest:
        stamped: Array = pc.equal(table.column("ingestion_time"), table.column("publish_time"))
        unstamped = ~fill_null(stamped, False).to_numpy()
        order = order[_newest(partitions[order], unstamped[order], newest)]
    elif bool((np.diff(order) == 1).all()):
        return table
    return table.take(order)


def _newest(partitions: npt.NDArray[Any], unstamped: npt.NDArray[np.bool_], limit: int) -> Any:
    """Return for each row, in order of time, whether it is among the newest; see `merged_by_time`.

    Args:
        partitions: The partition of each.
        unstamped: Whether the time of each is that of its producer.
        limit: How many rows are kept.
    """
    _, from_behind = np.unique(partitions[::-1], return_index=True)
    lasts = np.sort(len(partitions) - 1 - from_behind)
    kept = np.zeros(len(partitions), bool)
    kept[lasts[unstamped[lasts]][-limit:]] = True
    room = limit - int(kept.sum())
    if room:
        kept[np.flatnonzero(~kept)[-room:]] = True
    return kept
