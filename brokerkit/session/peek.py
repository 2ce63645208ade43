"""Looking at a few messages, newest first or from a position, without side effects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from brokerkit.core.topics import Bounds, Slice

from .reading import ReadReport, SliceReader

WIDEN = 4
"""How much further back each step looks when gaps or a filter left too few rows."""


@dataclass
class Newest:
    """The newest rows of a topic, looked for from the end backwards.

    make_reader: a reader of slices with the caller's filter. floor: offsets not to go below.
    """

    make_reader: Callable[[Sequence[Slice]], SliceReader]
    topic: str
    bounds: Sequence[Bounds]
    floor: dict[int | None, int]
    ceiling: dict[int | None, int]

    def read(self, limit: int, report: ReadReport) -> list[pa.RecordBatch]:
        """The last `limit` rows of each partition at most; batches of a partition stay in order."""
        found: list[pa.RecordBatch] = []
        for each in self.bounds:
            found.extend(self._partition(each, limit, report))
        return found

    def _partition(self, bounds: Bounds, limit: int, report: ReadReport) -> list[pa.RecordBatch]:
        floor, end = self.floor[bounds.partition], self.ceiling[bounds.partition]
        kept: list[pa.RecordBatch] = []
        rows, width = 0, self._first_width(bounds, limit)
        while end > floor and rows < limit:
            start = max(floor, end - width)
            reader = self.make_reader([Slice(self.topic, bounds.partition, start, end, min(width, limit))])
            older = [part.batch for part in reader.parts(what=f"peek {self.topic}")]
            report.add(reader.report)
            rows += sum(batch.num_rows for batch in older)
            kept = older + kept
            end, width = start, width * WIDEN
        report.stopped = "at the limit" if rows >= limit else "at the end"
        return kept

    def _first_width(self, bounds: Bounds, limit: int) -> int:
        """How many offsets are likely to hold `limit` messages."""
        if not bounds.estimate:
            return max(limit, 1)
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
