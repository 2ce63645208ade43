"""The state of a tail: the rows that are kept, the filter, and the thread that reads."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from brokerkit.core.contract.at_exit import close_at_exit
from brokerkit.core.vocabulary.arguments import check_count, check_seconds
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.freed import freed
from brokerkit.display.sanitize import plain
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.masking.mask import Mask, as_mask
from brokerkit.frames.provenance import attach, provenance
from brokerkit.session.arguments import check_topic
from brokerkit.session.filters import Filter
from brokerkit.session.options import ReadOptions
from brokerkit.session.overlooked import Overlooked
from brokerkit.session.read.following import Found, LookFailed, Note, TopicReader
from brokerkit.session.read.ranges import parse_range, range_finder
from brokerkit.session.reader_schemas import planned

from ..call_text import Name, call_text, variable_of
from ..notebook_cells import cells
from .loop import INTERVAL, ReadLoop
from .rate import RateMeter
from .ring import Ring

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession

NOTES = 100
BEFORE = 20
"""How many messages of each partition are shown from the start."""
LOOK_BACK = 1_000
"""How many messages of each partition a new filter is tried on."""


class Viewer(Protocol):
    """A view of the model. Any thread calls it."""

    def show_state(self) -> None:
        """Show the state that changes all the time."""

    def show_rows(self, rows: int, notes: int) -> None:
        """Show so many new rows and notes."""

    def show_all(self) -> None:
        """Show everything from the beginning."""

    def show_selected(self) -> None:
        """Show the selected row."""


class TailModel:
    """The state of a tail, without a widget. `Tail` says what its properties mean.

    Attributes:
        owner: Returns the object that a notebook has a variable for, or None.
        viewers: Its views.
        read: How many messages were read.
        skipped: How many messages were skipped to keep up.
    """

    def __init__(
        self,
        session: DataSession,
        topic: str,
        *,
        start: Any = None,
        key: str | bytes | None = None,
        where: Any = None,
        rows: int = 1_000,
        decode: Any = "auto",
        decode_key: Any = "auto",
        mask: Mask | str | None = None,
        unmask: bool = False,
        paused: bool = False,
        interval: float = INTERVAL,
    ) -> None:
        self.session = session
        self.topic = check_topic(topic)
        self._start, self._decode, self._decode_key = start, decode, decode_key
        self._mask, self._unmask = mask, unmask
        reading = ReadOptions(decode=decode, decode_key=decode_key, mask=mask, unmask=unmask)
        reading = planned(session, [topic], reading)
        self._builder = reading.builder(session.schema_source, session.mask)
        self._filter = Filter(key, where, self._builder.schema)
        self._key, self._where = key, where
        self._ring = Ring(self._builder.schema, rows=check_count(rows, "rows"))
        self.owner: Callable[[], object] = lambda: None
        self.viewers: list[Viewer] = []
        self._lock = threading.RLock()
        self._rate = RateMeter(time.monotonic())
        self._notes: deque[Note] = deque(maxlen=NOTES)
        self._selected: pa.Table | None = None
        self.read = self.skipped = 0
        self._overlooked = Overlooked()
        positions, since = self._beginning()
        self._reader = TopicReader(session.inspector, topic, self._builder, self._filter, positions, since)
        if start is None:
            self._reader.look_back(BEFORE)
        try:
            self._found(self._reader.look(), None)
        except LookFailed as failed:
            raise failed.error from failed.error.__cause__
        self._loop = ReadLoop(
            self._reader,
            on_found=self._found,
            on_state=self._tell,
            name=f"tail of {plain(topic, 40)}",
            interval=check_seconds(interval, "interval") or INTERVAL,
        )
        self._loop.paused = paused
        notebook = cells()
        if notebook is not None:
            notebook.stop_when_rerun(self)
        close_at_exit(self)
        self._loop.start()

    def _beginning(self) -> tuple[dict[int | None, int] | None, dict[int | None, int | None]]:
        """Return where each partition is followed from, and the time from which earlier rows are shown."""
        if self._start is None:
            return None, {}
        span = parse_range(self._start, None)
        located = range_finder(self.session).locate(self.topic, span)
        named = span.start if isinstance(span.start, Mapping) else None
        positions = {
            each.bounds.partition: each.start
            if named is None or each.bounds.partition in named
            else each.bounds.end
            for each in located
        }
        return positions, {each.bounds.partition: each.since for each in located}

    # The rows.

    def frame(self) -> pd.DataFrame:
        """Return the rows that are kept now."""
        with freed(self._lock), self._lock:
            table = self._ring.table()
        return self._as_frame(table)

    def newest(self, rows: int) -> tuple[int, pa.Table]:
        """Return the newest rows, and the number of the first of them."""
        with freed(self._lock), self._lock:
            return self._ring.newest(rows)

    def newest_notes(self, count: int) -> list[Note]:
        """Return the newest notes."""
        with freed(self._lock), self._lock:
            return list(self._notes)[max(0, len(self._notes) - count) :]

    @property
    def notes(self) -> list[Note]:
        return list(self._notes)

    def rate(self) -> list[int]:
        """Return how many messages came in each of the last seconds."""
        with freed(self._lock), self._lock:
            return self._rate.counts(time.monotonic())

    @property
    def selected_row(self) -> pa.Table | None:
        """The selected row; None if none is selected."""
        return self._selected

    def selected(self) -> pd.DataFrame:
        """Return the selected row, as a frame of one row or none."""
        return self._as_frame(self._builder.to_table([]) if self._selected is None else self._selected)

    def select_number(self, number: int) -> None:
        """Select a row by its number in the ring; none if it is no longer kept."""
        with freed(self._lock), self._lock:
            row = self._ring.row(number)
        self.select_row(row)

    def select_row(self, row: pa.Table | None) -> None:
        self._selected = row
        for viewer in list(self.viewers):
            viewer.show_selected()

    def select(self, place: int | str | tuple[int | None, int] | None) -> None:
        """Select the row at an offset, at (partition, offset), or with an id; None for none.

        Raises:
            ConfigError: Not exactly one row is at that place.
        """
        if place is None:
            return self.select_row(None)
        partition, offset = place if isinstance(place, tuple) else (None, place)
        with freed(self._lock), self._lock:
            table = self._ring.table()
        column = "id" if isinstance(offset, str) else "offset"
        offsets, partitions = table.column(column).to_pylist(), table.column("partition").to_pylist()
        hits = [
            row
            for row, each in enumerate(offsets)
            if each == offset and (partition is None or partitions[row] == partition)
        ]
        if len(hits) != 1:
            where = f"{column} {offset}" + ("" if partition is None else f" of partition {partition}")
            problem = (
                "is in several partitions: give (partition, offset)" if hits else "is not among the rows kept"
            )
            raise ConfigError(f"{where} {problem}")
        self.select_row(table.slice(hits[0], 1))

    def _as_frame(self, table: pa.Table) -> pd.DataFrame:
        read = {"read": self.read, "skipped": self.skipped, **self._overlooked.to_dict()}
        details = {"tail": self.topic, "read": read}
        return attach(to_pandas(table), provenance(self._builder, source=self.session.name, details=details))

    # What may be set.

    @property
    def paused(self) -> bool:
        return self._loop.paused

    def pause(self, paused: bool) -> None:
        """Stop reading for now, or continue."""
        self._loop.paused = bool(paused)
        self._tell()

    @property
    def key(self) -> str | bytes | None:
        return self._key

    @property
    def where(self) -> Any:
        return self._where

    def use_filter(self, key: Any, where: Any) -> None:
        """Keep other messages from now on, and try the filter on the last ones.

        Raises:
            ConfigError: The filter cannot be used.
        """
        wanted = Filter(key, where, self._builder.schema)
        self._key, self._where, self._filter = key, where, wanted
        self._loop.change(partial(self._apply, wanted))
        self._tell()

    def _apply(self, wanted: Filter, reader: TopicReader) -> list[str]:
        reader.wanted = wanted
        reader.look_back(LOOK_BACK)
        with freed(self._lock), self._lock:
            self._ring.clear()
            self._notes.clear()
            self._overlooked = Overlooked()
            self._selected = None
        self._show_all()
        return []

    @property
    def filter(self) -> Filter:
        return self._filter

    def filter_errors(self) -> str:
        """Return the messages that the filter could not examine, in words."""
        return self._overlooked.text(name="The filter")

    @property
    def rows(self) -> int:
        return self._ring.rows

    def resize(self, rows: int) -> None:
        """Keep so many rows."""
        with freed(self._lock), self._lock:
            self._ring.resize(check_count(rows, "rows"))
        self._tell()

    def clear(self) -> None:
        """Drop the rows."""
        with freed(self._lock), self._lock:
            self._ring.clear()
        self._show_all()

    # Reading.

    @property
    def status(self) -> str:
        return self._loop.state

    @property
    def problem(self) -> BrokerError | None:
        return self._loop.problem

    @property
    def running(self) -> bool:
        return self._loop.why_stopped is None

    def stop(self, why: str = "you stopped it") -> None:
        """Stop for good; the rows stay."""
        self._loop.stop(why)

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and wait for the thread."""
        self.stop("it was closed")
        self._loop.join(timeout)

    def _found(self, found: Found, seconds: float | None) -> None:
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
            self._overlooked.add(found.overlooked)
            self.skipped += found.skipped
            if seconds is not None:
                self._rate.add(found.came, now - seconds, now)
        if found.batch.num_rows or found.notes:
            for viewer in list(self.viewers):
                viewer.show_rows(found.batch.num_rows, len(found.notes))

    def _tell(self) -> None:
        for viewer in list(self.viewers):
            viewer.show_state()

    def _show_all(self) -> None:
        for viewer in list(self.viewers):
            viewer.show_all()

    # In words.

    def status_text(self) -> str:
        """Return what it does, or why it stopped."""
        following = self._loop
        match following.state:
            case "following" if self.running:
                return "Following"
            case "paused" if self.running:
                waiting = following.waiting_messages
                return f"Paused, {waiting:,} waiting" if waiting else "Paused"
            case "waiting" if self.running:
                return "Waiting for the broker"
        return f"Stopped: {following.why_stopped or 'it ended'}"

    def counts_text(self) -> str:
        """Return how many messages were read, skipped and kept."""
        skipped = f", {self.skipped:,} skipped" if self.skipped else ""
        return f"{self.read:,} read{skipped}, {len(self._ring):,} of at most {self.rows:,} rows kept"

    def name(self) -> Name:
        """Return the name of the notebook's variable."""
        return variable_of(self.owner(), "tail")

    def call(self) -> str:
        """Return the Python call that makes the same tail."""
        where = self._where
        if where is not None and not isinstance(where, str):
            where = Name(f"{self.name()}.where")
        rows = None if self.rows == 1_000 else self.rows
        decode = None if self._decode == "auto" else self._decode
        return call_text(
            f"{variable_of(self.session, 's')}.tail",
            self.topic,
            start=self._start,
            key=self._key,
            where=where,
            rows=rows,
            decode=decode,
            decode_key=None if self._decode_key == "auto" else self._decode_key,
            mask=None if self._mask is None else Name(f"bk.Mask.parse({str(as_mask(self._mask))!r})"),
            unmask=self._unmask or None,
            paused=self.paused or None,
        )

    def selected_call(self) -> str:
        """Return the Python call that writes a message from the selected row."""
        row = Name(f"{self.name()}.selected")
        return call_text(f"{variable_of(self.session, 's')}.compose", self.topic, message=row)
