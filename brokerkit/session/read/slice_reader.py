"""Reading slices into record batches: filter, limit, progress, and the rest after a stop."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.runtime.slice_reading import Begun
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.display.progress import bar, expected
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.fields import Field, with_fields
from brokerkit.frames.sizes import first_rows, only_first

from ..combined_filter import CombinedFilter
from ..filters import Filter
from ..read_report import ReadReport, Stopped
from .gathering import gathered
from .row_steps import RowStep


@dataclass(frozen=True)
class Part:
    """Rows that were read, and what is left to read.

    Attributes:
        batch: The rows.
        number: The number of their slice.
        after: The rest of it.
        limit: How many rows are still wanted; None for all.
        quota: How many of them of this slice; None for all.
        steps: The steps for the rows that follow.
    """

    batch: pa.RecordBatch
    number: int
    after: Slice
    limit: int | None = None
    quota: int | None = None
    steps: tuple[RowStep, ...] = ()


def row_of(columns: Columns, batch: pa.RecordBatch, row: int) -> int:
    """Return the row of the columns that became this row of the batch, which has lost unwanted rows."""
    name = "offset" if columns.position is None else "id"
    return columns.to_list(name).index(batch.column(name)[row].as_py())


class SliceReader:
    """A reader of slices, one after the other, into record batches of wanted rows.

    Args:
        limit: At most so many rows that match; None reads all.
        quotas: At most so many of each slice; None reads all.
        steps: What is done with these rows.
        fields: Fields that are columns before the filter looks at the rows.
        max_bytes: Stop before there are more bytes of rows; None sets no limit.
        alone: Keep the first row even if it is larger than `max_bytes`.
        on_read: Called after each batch, also one without a wanted row, with the rest of its slice.
    """

    def __init__(
        self,
        inspector: ConnectedInspector,
        slices: Sequence[Slice],
        builder: FrameBuilder,
        *,
        wanted: Filter | CombinedFilter,
        limit: int | None,
        attributes: bool,
        quotas: Sequence[int] | None = None,
        steps: Sequence[RowStep] = (),
        fields: Sequence[Field] = (),
        max_bytes: int | None = None,
        alone: bool = True,
        cancellation: Cancellation | None = None,
        on_read: Callable[[Slice], None] | None = None,
    ) -> None:
        self._inspector = inspector
        self._slices = slices
        self._builder = builder
        self._filter = wanted
        self._limit = limit
        self._attributes = attributes
        self._quotas = quotas
        self._steps = tuple(steps)
        self._fields = fields
        self._room = max_bytes
        self._alone = alone
        self._cancellation = cancellation
        self._on_read = on_read
        self._quota: int | None = None
        self.report = ReadReport()

    def parts(self, *, what: str = "reading", progress: bool = True) -> Iterator[Part]:
        """Yield rows with their position; no part is empty."""
        total, counted = expected(self._slices)
        with bar(what, total, counted=counted, show=progress) as shown:
            try:
                yield from self._read(shown)
            except KeyboardInterrupt:
                self.report.stopped = "interrupted"
                raise

    def _read(self, shown: Any) -> Iterator[Part]:
        report = self.report

        def on_outside(rows: int) -> None:
            report.read += rows
            shown.update(rows)

        with closing(self._rows(on_outside)) as rows:
            for number, columns in rows:
                if self._cancellation is not None:
                    self._cancellation.raise_if_cancelled()
                slice_, room = self._slices[number], self._left()
                batch = self._batch(columns, room)
                seen, last = columns.length, columns.position_at(columns.length - 1)
                stop, count = self._stop(batch, room)
                if stop is not None:
                    if not count:
                        report.stopped = stop
                        return
                    batch = only_first(batch, count)
                    seen = row_of(columns, batch, count - 1) + 1
                    last = columns.position_at(seen - 1)
                if self._take(batch.num_rows) and stop == "at the limit":
                    # the quota of the slice was reached, and others follow
                    stop = None
                batch = self._stepped(batch, slice_)
                if any(step.left == 0 for step in self._steps):
                    stop = "at the limit"
                report.read += seen
                report.matched += batch.num_rows
                shown.update(seen)
                if self._on_read is not None:
                    self._on_read(slice_.after(last))
                if batch.num_rows:
                    yield Part(batch, number, slice_.after(last), self._limit, self._quota, self._steps)
                if stop is not None:
                    report.stopped = stop
                    return
        report.stopped = "at the end"

    def _batch(self, columns: Columns, room: int | None) -> pa.RecordBatch:
        """Return the rows that match, at most `room` and perhaps a few more."""
        overlooked = self.report.overlooked
        if room is not None and not self._filter.active:
            columns = columns.slice(0, room)
        wanted = self._filter.columns(columns, overlooked, self._builder.decoded_keys)
        batch = self._builder.batch(self._filter.undecoded(wanted, self._builder))
        if self._fields:
            batch = with_fields(batch, self._fields)
        return self._filter.batch(batch, overlooked, room)

    def _left(self) -> int | None:
        """Return how many more rows of this slice are wanted; None for all."""
        known = [each for each in (self._limit, self._quota) if each is not None]
        return min(known) if known else None

    def _take(self, rows: int) -> bool:
        """Count rows, and return whether rows of other slices are still wanted."""
        if self._limit is not None:
            self._limit -= rows
        if self._quota is not None:
            self._quota -= rows
        return self._limit != 0

    def _stepped(self, batch: pa.RecordBatch, slice_: Slice) -> pa.RecordBatch:
        steps = []
        for step in self._steps:
            batch, after = step.apply(batch, slice_, self.report.overlooked, self._inspector.place)
            steps.append(after)
        self._steps = tuple(steps)
        return batch

    def _rows(self, on_outside: Callable[[int], None]) -> Generator[tuple[int, Columns]]:
        """Yield the rows of each slice, while the first rows of the next one are fetched."""
        ahead: Begun | None = None
        counts = any(step.left is not None for step in self._steps)
        wants_all = self._limit is None and self._room is None and not counts
        try:
            for number, (slice_, following) in enumerate(zip_longest(self._slices, self._slices[1:])):
                begun, begins = ahead, wants_all and following is not None
                self._quota = None if self._quotas is None else self._quotas[number]
                parts = self._inspector.read(
                    slice_,
                    attributes=self._attributes,
                    cancellation=self._cancellation,
                    on_outside=on_outside,
                    begun=begun,
                )
                with closing(parts):
                    for columns in gathered(parts, self._left):
                        if begins:
                            begins, ahead = False, self._begin(following)
                        yield number, columns
                        if self._quota == 0:
                            break
                ahead = None if ahead is begun else ahead
        finally:
            if ahead is not None:
                ahead.give_up()

    def _begin(self, slice_: Slice) -> Begun | None:
        """Start to fetch the first rows of a slice, or return None if that fails."""
        # what is wrong shows when the slice is read, after the rows that are there already
        with suppress(Exception):
            return self._inspector.begin(slice_, attributes=self._attributes)
        return None

    def _stop(self, batch: pa.RecordBatch, room: int | None) -> tuple[Stopped | None, int]:
        """Return why to stop with this batch, or None to go on, and how many of its rows to keep."""
        count, left = batch.num_rows, self._room
        stop: Stopped | None = None
        if room is not None and count >= room:
            stop, count = "at the limit", room
        if left is None:
            return stop, count
        fitting = first_rows(batch, left)
        if not fitting and batch.num_rows and self._alone and not self.report.matched:
            fitting = 1
        if fitting < count:
            return "at max_bytes", fitting
        self._room = max(0, left - int(batch.nbytes))
        return stop, count
