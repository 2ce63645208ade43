"""What a tail keeps of the messages that it read: rows, notes, counts and the selected row."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.freed import freed
from brokerkit.frames.build import FrameBuilder
from brokerkit.session.overlooked import Overlooked
from brokerkit.session.read.following import Found, Note

from .rate import RateMeter
from .ring import Ring

NOTES = 100
Place = int | str | tuple[int | None, int]
"""An offset, a partition and an offset, or an id."""


class Kept:
    """The newest rows and notes of a tail, in bounded memory. Any thread may call it.

    Attributes:
        read: How many messages were read.
        skipped: How many messages were skipped to keep up.
        overlooked: The messages that the filter could not examine.
        selected: The selected row; None if none is selected.
    """

    def __init__(self, builder: FrameBuilder, rows: int) -> None:
        self._lock = threading.RLock()
        self._builder = builder
        self._ring = Ring(builder.schema, rows=rows)
        self._notes: deque[Note] = deque(maxlen=NOTES)
        self._rate = RateMeter(time.monotonic())
        self.read = self.skipped = 0
        self.overlooked = Overlooked()
        self.selected: pa.Table | None = None

    def __len__(self) -> int:
        return len(self._ring)

    @property
    def rows(self) -> int:
        """How many rows are kept at most."""
        return self._ring.rows

    def resize(self, rows: int) -> None:
        """Keep so many rows."""
        with freed(self._lock), self._lock:
            self._ring.resize(rows)

    def add(self, found: Found, seconds: float | None) -> None:
        """Keep the rows of a look.

        Args:
            found: The result of the look.
            seconds: The time since the look before; None for rows that were there already.
        """
        now = time.monotonic()
        with freed(self._lock), self._lock:
            for text in found.notes:
                self._notes.append(Note(text, self._ring.last + 1))
            self._ring.add(found.batch)
            self.read += found.read
            self.overlooked.add(found.overlooked)
            self.skipped += found.skipped
            if seconds is not None:
                self._rate.add(found.came, now - seconds, now)

    def clear(self) -> None:
        """Drop the rows."""
        with freed(self._lock), self._lock:
            self._ring.clear()

    def start_over(self, builder: FrameBuilder) -> None:
        """Drop what belongs to the old filter or formats: all but the counts of messages."""
        with freed(self._lock), self._lock:
            self._builder = builder
            self._ring.start_over(builder.schema)
            self._notes.clear()
            self.overlooked = Overlooked()
            self.selected = None

    def all(self) -> tuple[pa.Table, FrameBuilder]:
        """Return the rows that are kept now, and what built them."""
        with freed(self._lock), self._lock:
            return self._ring.table(), self._builder

    def chosen(self) -> tuple[pa.Table | None, FrameBuilder]:
        """Return the selected row, and what built it."""
        with freed(self._lock), self._lock:
            return self.selected, self._builder

    def newest(self, rows: int) -> tuple[int, pa.Table]:
        """Return the newest rows, and the number of the first of them."""
        with freed(self._lock), self._lock:
            return self._ring.newest(rows)

    def notes(self, count: int = NOTES) -> list[Note]:
        """Return the newest notes."""
        with freed(self._lock), self._lock:
            return list(self._notes)[max(0, len(self._notes) - count) :]

    def rate(self) -> list[int]:
        """Return how many messages came in each of the last seconds."""
        with freed(self._lock), self._lock:
            return self._rate.counts(time.monotonic())

    def numbered(self, number: int) -> pa.Table | None:
        """Return a row by its number; None if it is no longer kept."""
        with freed(self._lock), self._lock:
            return self._ring.row(number)

    def at(self, place: Place) -> pa.Table:
        """Return the row at a place.

        Raises:
            ConfigError: Not exactly one row is at that place.
        """
        partition, offset = place if isinstance(place, tuple) else (None, place)
        table, _ = self.all()
        column = "id" if isinstance(offset, str) else "offset"
        offsets, partitions = table.column(column).to_pylist(), table.column("partition").to_pylist()
        hits = [
            row
            for row, each in enumerate(offsets)
            if each == offset and (partition is None or partitions[row] == partition)
        ]
        if len(hits) == 1:
            return table.slice(hits[0], 1)
        where = f"{column} {offset}" + ("" if partition is None else f" of partition {partition}")
        several = "is in several partitions: give (partition, offset)"
        problem = several if hits else "is not among the rows kept"
        raise ConfigError(f"{where} {problem}")

    def report(self) -> dict[str, Any]:
        """Return what was read, for a frame to remember."""
        return {"read": self.read, "skipped": self.skipped, **self.overlooked.to_dict()}
