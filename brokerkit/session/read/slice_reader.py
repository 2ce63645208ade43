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
from brokerkit.frames.sizes import first_rows, only_first

from ..filters import Filter
from ..read_report import ReadReport, Stopped
from .gathering import gathered


@dataclass(frozen=True)
class Part:
    """Rows that were read, and the rest of their slice."""

    batch: pa.RecordBatch
    slice_: Slice
    after: Slice


def left_of(slices: Sequence[Slice], parts: Sequence[Part]) -> list[Slice]:
    """Return the parts of the slices that have not been read."""
    if not parts:
        return list(slices)
    last = parts[-1]
    index = next(index for index, slice_ in enumerate(slices) if slice_ is last.slice_)
    return [slice_ for slice_ in (last.after, *slices[index + 1 :]) if not slice_.empty]


def row_of(columns: Columns, batch: pa.RecordBatch, row: int) -> int:
    """Return the row of the columns that became this row of the batch, which has lost unwanted rows."""
    name = "offset" if columns.position is None else "id"
    return columns.to_list(name).index(batch.column(name)[row].as_py())


class SliceReader:
    """A reader of slices, one after the other, into record batches of wanted rows.

    Args:
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
        wanted: Filter,
        limit: int | None,
        attributes: bool,
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
        self._room = max_bytes
        self._alone = alone
        self._cancellation = cancellation
        self._on_read = on_read
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

        def left() -> int | None:
            return None if self._limit is None else self._limit - report.matched

        with closing(self._rows(on_outside, left)) as rows:
            for slice_, columns in rows:
                if self._cancellation is not None:
                    self._cancellation.raise_if_cancelled()
                room = left()
                wanted = self._filter.columns(columns, report.overlooked, self._builder.decoded_keys)
                batch = self._builder.batch(self._filter.undecoded(wanted, self._builder))
                batch = self._filter.batch(batch, report.overlooked, room)
                seen, last = columns.length, columns.slice(columns.length - 1, columns.length).positions()[0]
                stop, count = self._stop(batch, room)
                if stop is not None:
                    report.stopped = stop
                    if not count:
                        return
                    batch = only_first(batch, count)
                    seen = row_of(columns, batch, count - 1) + 1
                    last = columns.positions()[seen - 1]
                report.read += seen
                report.matched += batch.num_rows
                shown.update(seen)
                if self._on_read is not None:
                    self._on_read(slice_.after(last))
                if batch.num_rows:
                    yield Part(batch, slice_, slice_.after(last))
                if stop is not None:
                    return
        report.stopped = "at the end"

    def _rows(
        self, on_outside: Callable[[int], None], left: Callable[[], int | None]
    ) -> Generator[tuple[Slice, Columns]]:
        """Yield the rows of each slice, while the first rows of the next one are fetched."""
        ahead: Begun | None = None
        wants_all = self._limit is None and self._room is None
        try:
            for slice_, following in zip_longest(self._slices, self._slices[1:]):
                begun, begins = ahead, wants_all and following is not None
                parts = self._inspector.read(
                    slice_,
                    attributes=self._attributes,
                    cancellation=self._cancellation,
                    on_outside=on_outside,
                    begun=begun,
                )
                for columns in gathered(parts, left):
                    if begins:
                        begins, ahead = False, self._begin(following)
                    yield slice_, columns
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
