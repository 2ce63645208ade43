"""Looking at a few messages, the newest or those from a position, without side effects."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from brokerkit.core.browser import ConnectedBrowser
from brokerkit.core.topics import Bounds, Slice
from brokerkit.frames.build import FrameBuilder

from .filters import Filter
from .reading import ReadReport, SliceReader

WIDEN = 4
"""How much further back each step looks when gaps or a filter left too few rows."""


class Peek:
    """Reads up to `limit` rows of each partition, and keeps what it has when it is interrupted.

    report: what was looked at so far.
    """

    def __init__(
        self,
        browser: ConnectedBrowser,
        builder: FrameBuilder,
        wanted: Filter,
        *,
        limit: int,
        attributes: bool,
    ) -> None:
        self.report = ReadReport()
        self._browser = browser
        self._builder = builder
        self._wanted = wanted
        self._limit = limit
        self._attributes = attributes
        self._runs: list[_Newest] = []
        self._from_the_end = False

    def first(self, slices: Sequence[Slice]) -> None:
        """Read the first rows of each slice."""
        for piece in slices:
            run = _Newest(self._limit)
            self._runs.append(run)
            self._read(piece, self._limit, run)
        self._stop()

    def newest(self, topic: str, bounds: Sequence[Bounds], ends: Mapping[int | None, int]) -> None:
        """Read the last rows of each partition before its end, looking from there backwards."""
        self._from_the_end = True
        for each in bounds:
            end, width = ends[each.partition], _first_width(each, self._limit)
            place, room = len(self._runs), self._limit
            while end > each.start and room > 0:
                start = max(each.start, end - width)
                run = _Newest(room)
                self._runs.insert(place, run)
                self._read(Slice(topic, each.partition, start, end, min(width, self._limit)), None, run)
                room -= run.rows
                end, width = start, width * WIDEN
        self._stop()

    def _read(self, piece: Slice, most: int | None, run: _Newest) -> None:
        reader = SliceReader(
            self._browser,
            [piece],
            self._builder,
            wanted=self._wanted,
            limit=most,
            attributes=self._attributes,
        )
        try:
            for part in reader.parts(what=f"peek {piece.topic}"):
                run.add(part.batch)
        finally:
            self.report.add(reader.report)

    def _stop(self) -> None:
        found = sum(run.rows for run in self._runs)
        self.report.stopped = "at the limit" if found >= self._limit else "at the end"

    def table(self) -> pa.Table:
        """The newest or first `limit` rows of all partitions together, oldest first."""
        table = merged_by_time([batch for run in self._runs for batch in run.batches], self._builder.schema)
        table = table.slice(max(0, table.num_rows - self._limit) if self._from_the_end else 0, self._limit)
        self.report.matched = table.num_rows
        return table


class _Newest:
    """Batches that end in the newest `most` rows of what was added."""

    def __init__(self, most: int) -> None:
        self.batches: deque[pa.RecordBatch] = deque()
        self.rows = 0
        self._most = most

    def add(self, batch: pa.RecordBatch) -> None:
        self.batches.append(batch)
        self.rows += batch.num_rows
        while self.rows - self.batches[0].num_rows >= self._most:
            self.rows -= self.batches.popleft().num_rows


def _first_width(bounds: Bounds, limit: int) -> int:
    """How many offsets are likely to hold `limit` messages."""
    if not bounds.estimate:
        return limit
    return max(limit, round(1.2 * limit * (bounds.end - bounds.start) / bounds.estimate))


def merged_by_time(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """All rows by time, oldest first, without ever reversing the rows of one partition."""
    table = pa.Table.from_batches(list(batches), schema)
    if table.num_rows < 2:
        return table
    partitions = table.column("partition").fill_null(-1).to_numpy()
    times = table.column("publish_time").cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
    times = times.copy()
    for partition in np.unique(partitions):
        rows = partitions == partition
        # a clock that went back must not reverse the partition: time never decreases along it
        times[rows] = np.maximum.accumulate(times[rows])
    return table.take(pa.array(np.argsort(times, kind="stable")))
