"""The reader of slices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.contract.inspector import ReaderDriver
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.topics import Slice

from .codec import TOPIC, position_column, stored_columns, to_columns
from .connection import ParquetConnection
from .row_groups import ordered_tables

FETCH_BYTES = 16_000_000
"""About how many bytes of rows are returned at once."""


class ParquetReader(ReaderDriver):
    """A reader of one slice after the other.

    Files may be put together with others meanwhile: what is missing is looked up in the manifest again, and
    reading goes on behind the rows that were returned last.
    """

    def __init__(self, connection: ParquetConnection) -> None:
        self._connection = connection
        self._rows: Iterator[Columns] | None = None
        self._slice: Slice | None = None
        self._attributes = True

    def start(self, slice_: Slice, *, attributes: bool) -> None:
        self._slice, self._attributes, self._rows = slice_, attributes, None

    def fetch(self, wait: float) -> Columns | None:
        slice_ = self._slice
        assert slice_ is not None
        if self._rows is None:
            self._rows = self._read(slice_)
        try:
            found = next(self._rows, None)
        except BaseException:
            self._rows = None
            raise
        if found is not None:
            self._slice = slice_.after(found.position_at(found.length - 1))
        return found

    def _read(self, slice_: Slice) -> Iterator[Columns]:
        data_set = self._connection.data_set(slice_.topic)
        numbered = data_set.manifest.numbered
        files = data_set.files(slice_.partition)
        for table in ordered_tables(
            data_set.folder,
            files,
            slice_.start,
            slice_.end,
            position_column(numbered),
            stored_columns(numbered, self._attributes),
        ):
            found = table
            if slice_.topic != data_set.manifest.topic:
                found = table.filter(pc.equal(table.column(TOPIC), pa.scalar(slice_.topic)))
            rows = max(1, FETCH_BYTES * found.num_rows // max(1, found.nbytes))
            for begin in range(0, found.num_rows, rows):
                part = found.slice(begin, rows)
                yield to_columns(files[0], part, numbered=numbered)

    def stop(self) -> None:
        rows, self._rows = self._rows, None
        close = getattr(rows, "close", None)
        if close is not None:
            with suppress(ValueError):
                close()
