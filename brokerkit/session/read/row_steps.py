"""Steps of a scan that follow a `head` or a `sample`: each takes the rows that the one before it left.

A step is never changed. It returns the step that goes on with the next rows, so that the rest of a scan that
was interrupted can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.topics import Slice
from brokerkit.frames.arrays import flags
from brokerkit.frames.arrow import fill_null

from ..filters import Filter
from ..overlooked import Overlooked

Place: TypeAlias = "tuple[str, int | None]"
PlaceOf: TypeAlias = Callable[["int | None", "str | None"], int]
"""Returns the position of a row by its offset, or by its id if it has no offset."""


@dataclass(frozen=True)
class Window:
    """A range of one partition; its fields are those of `Slice`."""

    start: int
    end: int
    since: int | None = None
    until: int | None = None


class RowStep(Protocol):
    """A step over rows that were decoded.

    Attributes:
        left: How many rows it still lets through; None if it counts none.
    """

    @property
    def left(self) -> int | None: ...

    def apply(
        self, batch: pa.RecordBatch, slice_: Slice, overlooked: Overlooked, place: PlaceOf
    ) -> tuple[pa.RecordBatch, RowStep]:
        """Return the rows that it lets through, and the step for the rows that follow."""
        ...


@dataclass(frozen=True)
class Head:
    """The first rows."""

    left: int

    def apply(
        self, batch: pa.RecordBatch, slice_: Slice, overlooked: Overlooked, place: PlaceOf
    ) -> tuple[pa.RecordBatch, RowStep]:
        kept = batch.slice(0, self.left)
        return kept, Head(self.left - kept.num_rows)


@dataclass(frozen=True)
class Every:
    """Rows at equal distances: `rows` of `of`.

    Attributes:
        seen: How many of them have come.
    """

    rows: int
    of: int
    seen: int = 0

    @property
    def left(self) -> int | None:
        return max(0, self.rows - self._kept(self.seen))

    def _kept(self, seen: int) -> int:
        return -(-seen * self.rows // self.of)

    def apply(
        self, batch: pa.RecordBatch, slice_: Slice, overlooked: Overlooked, place: PlaceOf
    ) -> tuple[pa.RecordBatch, RowStep]:
        numbers = range(self.seen, self.seen + batch.num_rows)
        rows = [row for row, seen in enumerate(numbers) if self._kept(seen + 1) > self._kept(seen)]
        rows = rows[: self.left]
        return batch.take(pa.array(rows, pa.int64())), replace(self, seen=numbers.stop)


@dataclass(frozen=True)
class Where:
    """The rows that a filter keeps."""

    filter: Filter
    left: int | None = None

    def __str__(self) -> str:
        return self.filter.fingerprint

    def apply(
        self, batch: pa.RecordBatch, slice_: Slice, overlooked: Overlooked, place: PlaceOf
    ) -> tuple[pa.RecordBatch, RowStep]:
        return self.filter.decoded(batch, overlooked), self


@dataclass(frozen=True)
class Within:
    """The rows of a range, which has a window in each partition."""

    windows: Mapping[Place, Window]
    left: int | None = None

    def apply(
        self, batch: pa.RecordBatch, slice_: Slice, overlooked: Overlooked, place: PlaceOf
    ) -> tuple[pa.RecordBatch, RowStep]:
        window = self.windows.get((slice_.topic, slice_.partition))
        if window is None:
            return batch.slice(0, 0), self
        pairs = zip(batch.column("offset").to_pylist(), batch.column("id").to_pylist(), strict=True)
        places = [place(*pair) for pair in pairs]
        kept = np.array([window.start <= each < window.end for each in places], np.bool_)
        times = batch.column("publish_time").cast(pa.int64())
        for moment, compare in ((window.since, pc.greater_equal), (window.until, pc.less)):
            if moment is not None:
                limit: Any = pa.scalar(moment, pa.int64())
                kept &= flags(fill_null(compare(times, limit), False))
        return batch.filter(pa.array(kept)), self
