"""The rows of one slice as they are captured, with the facts that the manifest keeps of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa

from brokerkit.backends.parquet.codec import is_plain
from brokerkit.backends.parquet.manifest import NUMBER
from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.runtime.slice_reading import Begun, ends
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.frames.build import FrameBuilder

from ..read.gathering import gathered
from .same_topic import digest_of


class SliceRows:
    """The rows of a slice, which are read once.

    Args:
        inspector: The inspector of the system.
        builder: The builder of the rows.
        slice_: The slice.
        number: The number of its first row in the partition, used where the system has no offsets.
        begun: Its first rows, which are being fetched already.
        following: The slice that is read next; its first rows are fetched meanwhile.

    Attributes:
        last: The facts about the last row, by the names of `Reached`; empty before it.
        holes: The ranges without a row that were passed. Only the broker knows whether rows were there.
        ahead: The first rows of the next slice, which are being fetched.
    """

    def __init__(
        self,
        inspector: ConnectedInspector,
        builder: FrameBuilder,
        slice_: Slice,
        number: int,
        begun: Begun | None,
        following: Slice | None,
    ) -> None:
        self._inspector = inspector
        self._builder = builder
        self._slice = slice_
        self._number = number
        self._begun = begun
        self._following = following
        self.last: dict[str, Any] = {}
        self.holes: list[tuple[int, int]] = []
        self.ahead: Begun | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, with the column `NUMBER` where the system has no offsets."""
        expected: int | None = self._slice.start
        read = self._inspector.read(self._slice, begun=self._begun)
        for columns in gathered(read, lambda: None):
            if self._following is not None and self.ahead is None:
                # what is wrong shows when the slice is read
                with suppress(Exception):
                    self.ahead = self._inspector.begin(self._following)
            first, last = ends(columns)
            if first is not None and expected is not None and first > expected:
                self.holes.append((expected, first))
            expected = None if last is None else last + 1
            yield self._batch(columns)
            self._note_last(columns, last)
        if expected is not None and expected < self._slice.end:
            self.holes.append((expected, self._slice.end))

    def _batch(self, columns: Columns) -> pa.RecordBatch:
        before = self._builder.counts.nulls
        batch = self._builder.batch(columns)
        nulls = self._builder.counts.nulls - before
        if not is_plain(batch.schema.field("value").type) and batch.column("raw").null_count != nulls:
            raise ConfigError(
                f"decode={self._builder.decoder.name!r} does not keep the bytes of each payload, which a "
                "capture needs: give another decoder"
            )
        if columns.position is None:
            return batch
        numbers = pa.array(np.arange(self._number, self._number + columns.length))
        self._number += columns.length
        return batch.append_column(NUMBER, numbers)

    def _note_last(self, columns: Columns, position: int | None) -> None:
        row = columns.length - 1
        (time,) = columns.slice(row, row + 1).values("publish_time")
        self.last = {"last": position, "last_time": time, "digest": digest_of(columns, row)}
