"""The state of a tail: the rows that are kept, the filter, and the reading of new ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from brokerkit.core.contract.at_exit import close_at_exit
from brokerkit.core.vocabulary.arguments import check_count, check_seconds
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.display.sanitize import plain
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.masking.mask import Mask
from brokerkit.frames.provenance import attach, provenance
from brokerkit.session.arguments import check_topic
from brokerkit.session.filters import Filter
from brokerkit.session.options import ReadOptions
from brokerkit.session.read.following import Found, LookFailed, TopicReader, beginning
from brokerkit.session.reader_schemas import planned

from ..call_text import Name, variable_of
from ..notebook_cells import cells
from .kept import Kept, Place
from .loop import INTERVAL, ReadLoop
from .typed import TypedFilter

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession

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
        named: How calls name it where there is no variable.
        viewers: Its views.
        typed: The filter as it is typed in a view.
        kept: The rows, notes and counts.
        start: Where it began.
        reading: How messages are read.
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
        self.start = start
        self.reading = ReadOptions(decode=decode, decode_key=decode_key, mask=mask, unmask=unmask)
        self._builder = self._builder_for(self.reading)
        self._filter = Filter(key, where, self._builder.schema)
        self._key, self._where = key, where
        self.kept = Kept(self._builder, rows=check_count(rows, "rows"))
        self.owner: Callable[[], object] = lambda: None
        self.named = "tail"
        self.typed = TypedFilter()
        self.viewers: list[Viewer] = []
        positions, since = beginning(session, topic, start)
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
            on_state=self.tell,
            name=f"tail of {plain(topic, 40)}",
            interval=check_seconds(interval, "interval") or INTERVAL,
        )
        self._loop.paused = paused
        notebook = cells()
        if notebook is not None:
            notebook.stop_when_rerun(self)
        close_at_exit(self)
        self._loop.start()

    # The rows.

    def frame(self) -> pd.DataFrame:
        """Return the rows that are kept now."""
        return self._as_frame(*self.kept.all())

    def selected(self) -> pd.DataFrame:
        """Return the selected row, as a frame of one row or none."""
        row, builder = self.kept.chosen()
        return self._as_frame(builder.to_table([]) if row is None else row, builder)

    def select_number(self, number: int) -> None:
        """Select a row by its number in the ring; none if it is no longer kept."""
        self.select_row(self.kept.numbered(number))

    def select_row(self, row: pa.Table | None) -> None:
        """Select this row; None selects none."""
        self.kept.selected = row
        for viewer in list(self.viewers):
            viewer.show_selected()

    def select(self, place: Place | None) -> None:
        """Select the row at an offset, at (partition, offset), or with an id; None for none.

        Raises:
            ConfigError: Not exactly one row is at that place.
        """
        self.select_row(None if place is None else self.kept.at(place))

    def _as_frame(self, table: pa.Table, builder: FrameBuilder) -> pd.DataFrame:
        details = {"tail": self.topic, "read": self.kept.report()}
        return attach(to_pandas(table), provenance(builder, source=self.session.name, details=details))

    # What may be set.

    @property
    def paused(self) -> bool:
        return self._loop.paused

    def pause(self, paused: bool) -> None:
        """Stop reading for now, or continue."""
        self._loop.paused = bool(paused)
        self.tell()

    @property
    def key(self) -> str | bytes | None:
        return self._key

    @property
    def where(self) -> Any:
        return self._where

    def _builder_for(self, reading: ReadOptions) -> FrameBuilder:
        reading = planned(self.session, [self.topic], reading)
        return reading.builder(self.session.schema_source, self.session.mask)

    def read_as(self, **formats: Any) -> None:
        """Read values and keys as other formats from now on, and the last messages again.

        Args:
            formats: `decode`, `decode_key` or both; what is left out stays.

        Raises:
            ConfigError: There is no such format, or the filter cannot be used on its columns.
        """
        reading = replace(self.reading, **formats)
        builder = self._builder_for(reading)
        wanted = Filter(self._key, self._where, builder.schema)
        self.reading, self._builder, self._filter = reading, builder, wanted
        self._loop.change(partial(self._apply, wanted, builder))
        self.tell()

    def use_filter(self, key: Any, where: Any) -> None:
        """Keep other messages from now on, and try the filter on the last ones.

        Raises:
            ConfigError: The filter cannot be used.
        """
        wanted = Filter(key, where, self._builder.schema)
        self._key, self._where, self._filter = key, where, wanted
        self._loop.change(partial(self._apply, wanted, self._builder))
        self.tell()

    def _apply(self, wanted: Filter, builder: FrameBuilder, reader: TopicReader) -> list[str]:
        reader.look_back(LOOK_BACK)
        reader.wanted, reader.builder = wanted, builder
        self.kept.start_over(builder)
        self._show_all()
        return []

    @property
    def filter(self) -> Filter:
        return self._filter

    def filter_errors(self) -> str:
        """Return the messages that the filter could not examine, in words."""
        return self.kept.overlooked.text(name="The filter")

    def resize(self, rows: int) -> None:
        """Keep so many rows."""
        self.kept.resize(check_count(rows, "rows"))
        self.tell()

    def clear(self) -> None:
        """Drop the rows."""
        self.kept.clear()
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
        self.kept.add(found, seconds)
        if found.batch.num_rows or found.notes:
            for viewer in list(self.viewers):
                viewer.show_rows(found.batch.num_rows, len(found.notes))

    def tell(self) -> None:
        """Show the state."""
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
        kept = self.kept
        skipped = f", {kept.skipped:,} skipped" if kept.skipped else ""
        return f"{kept.read:,} read{skipped}, {len(kept):,} of at most {kept.rows:,} rows kept"

    def name(self) -> Name:
        """Return the name of the notebook's variable."""
        return variable_of(self.owner(), self.named)
