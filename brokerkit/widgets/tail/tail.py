"""The widget that follows a topic live: ``s.tail("orders")``."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.contract.at_exit import close_at_exit
from brokerkit.core.vocabulary.arguments import check_count, check_seconds
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.display.markup import block, heading, lines, table
from brokerkit.display.sanitize import plain
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.provenance import attach, provenance
from brokerkit.session.arguments import check_topic
from brokerkit.session.filters import Filter
from brokerkit.session.overlooked import Overlooked
from brokerkit.session.read.ranges import parse_range, range_finder

from ..call_text import Name, call_text, variable_of
from ..notebook_cells import cells
from ..panel import Panel, PanelDisplayed
from ..row_view import VALUE_SHOWN, detail_view, rows_view
from ..side_effects import NO_SIDE_EFFECT
from .chart import rate_chart
from .loop import INTERVAL, ReadLoop
from .rate import RateMeter
from .reader import Found, LookFailed, Note, TopicReader
from .ring import Ring

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession

SHOWN = 100
"""How many rows the browser shows; the ring keeps more."""
BEFORE = 20
"""How many messages of each partition are shown from the start."""
LOOK_BACK = 1_000
"""How many messages of each partition a new filter is tried on."""
NOTES = 100


class Tail(PanelDisplayed):
    """A widget with the newest messages of a topic, live, without side effects. Made by `Session.tail`.

    It reads in a thread of its own, keeps the newest `rows` rows in bounded memory (`frame`), continues after
    a restart of the broker, and stops when its cell is run again, the session is closed or the kernel ends.
    `where`, `key`, `paused`, `rows` and `selected` may be set; `notes` says which messages were missed and
    why.
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
        paused: bool = False,
        interval: float = INTERVAL,
    ) -> None:
        self.session = session
        self.topic = check_topic(topic)
        self._start, self._decode = start, decode
        self._builder = FrameBuilder(decode)
        self._filter = Filter(key, where, self._builder.schema)
        self._key, self._where = key, where
        self._ring = Ring(self._builder.schema, rows=check_count(rows, "rows"))
        self._lock = threading.RLock()
        self._rate = RateMeter(time.monotonic())
        self._chart_at = 0.0
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

    # Results.

    @property
    def frame(self) -> pd.DataFrame:
        """The rows that are kept now, the newest last, as `Session.peek` returns them."""
        with self._lock:
            table = self._ring.table()
        return self._as_frame(table)

    @property
    def selected(self) -> pd.DataFrame:
        """The selected row, as a frame of one row or none.

        Set it to an offset, to (partition, offset), to an id, or to None.
        """
        return self._as_frame(self._builder.to_table([]) if self._selected is None else self._selected)

    @selected.setter
    def selected(self, place: int | str | tuple[int | None, int] | None) -> None:
        if place is None:
            return self._select(None)
        partition, offset = place if isinstance(place, tuple) else (None, place)
        with self._lock:
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
        self._select(table.slice(hits[0], 1))

    @property
    def notes(self) -> list[str]:
        """Gaps, skipped messages and deleted offsets, as texts. The newest 100."""
        return [note.text for note in self._notes]

    @property
    def rate(self) -> list[int]:
        """How many messages came in each of the last 120 s, the oldest first, regardless of the filter."""
        with self._lock:
            return self._rate.counts(time.monotonic())

    @property
    def status(self) -> str:
        """`following`, `paused`, `waiting` (for the broker, or the topic) or `stopped`."""
        return self._loop.state

    @property
    def problem(self) -> BrokerError | None:
        """The error that it waits for to end, or that stopped it; None if there is none."""
        return self._loop.problem

    @property
    def running(self) -> bool:
        return self._loop.why_stopped is None

    # Attributes that may be set.

    @property
    def paused(self) -> bool:
        """Whether it is paused. Nothing is read then; the number of waiting messages is shown."""
        return self._loop.paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._loop.paused = bool(value)
        self._tell()

    @property
    def where(self) -> Any:
        """A text in the payload, a function of the value, or an Arrow expression; None for all messages."""
        return self._where

    @where.setter
    def where(self, value: Any) -> None:
        self._refilter(self._key, value or None)

    @property
    def key(self) -> str | bytes | None:
        """Only messages with exactly this key; None for all messages."""
        return self._key

    @key.setter
    def key(self, value: str | bytes | None) -> None:
        self._refilter(value, self._where)

    @property
    def rows(self) -> int:
        """How many rows are kept at most."""
        return self._ring.rows

    @rows.setter
    def rows(self, value: int) -> None:
        with self._lock:
            self._ring.resize(check_count(value, "rows"))
        self._tell()

    def pause(self) -> None:
        """Stop reading for now."""
        self.paused = True

    def resume(self) -> None:
        """Continue where it was paused; messages that are too far behind are skipped, with a note."""
        self.paused = False

    def clear(self) -> None:
        """Drop the rows."""
        with self._lock:
            self._ring.clear()
        self._send_snapshot()

    def stop(self, why: str = "you stopped it") -> None:
        """Stop for good; the rows stay."""
        self._loop.stop(why)

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and wait for the thread."""
        self.stop("it was closed")
        self._loop.join(timeout)

    @property
    def call(self) -> str:
        """The Python call that makes the same tail."""
        where = self._where
        if where is not None and not isinstance(where, str):
            where = Name(f"{variable_of(self, 'tail')}.where")
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
            paused=self.paused or None,
        )

    # Calls from the thread.

    def _found(self, found: Found, seconds: float | None) -> None:
        """Keep the rows of a look.

        Args:
            found: The result of the look.
            seconds: The time since the look before; None for rows that were there already.
        """
        now = time.monotonic()
        with self._lock:
            for text in found.notes:
                self._notes.append(Note(text, self._ring.last + 1))
            self._ring.add(found.batch)
            self.read += found.read
            self._overlooked.add(found.overlooked)
            self.skipped += found.skipped
            if seconds is not None:
                self._rate.add(found.came, now - seconds, now)
        if self._panel is not None and (found.batch.num_rows or found.notes):
            self._send_rows(min(SHOWN, found.batch.num_rows), len(found.notes), "rows")

    def _tell(self) -> None:
        """Show the state, and the chart once a second."""
        shown = self._panel
        if shown is None or not shown.attended:
            return
        shown.show(self._state())
        now = time.monotonic()
        if now - self._chart_at >= 1.0:
            self._chart_at = now
            shown.send({"type": "chart", "svg": rate_chart(self.rate)})

    def _send_rows(self, rows: int, notes: int, what: str) -> None:
        if self._panel is None or not self._panel.attended:
            return
        with self._lock:
            first, table = self._ring.newest(rows)
            last_notes = list(self._notes)[len(self._notes) - notes :]
        shown = [
            {"text": plain(note.text, 400), "before": note.before, "time": f"{note.time:%H:%M:%S}"}
            for note in last_notes
        ]
        self._panel.send({"type": what, "rows": rows_view(table, first), "notes": shown, "most": SHOWN})

    def _send_snapshot(self) -> None:
        if self._panel is not None:
            self._panel.show(self._state())
            self._send_rows(SHOWN, len(self._notes), "snapshot")
            self._panel.send({"type": "chart", "svg": rate_chart(self.rate)})
            self._show_selected()

    def _refilter(self, key: Any, where: Any) -> None:
        wanted = Filter(key, where, self._builder.schema)
        self._key, self._where, self._filter = key, where, wanted
        self._loop.change(partial(self._use_filter, wanted))
        self._tell()

    def _use_filter(self, wanted: Filter, follower: TopicReader) -> list[str]:
        follower.wanted = wanted
        follower.look_back(LOOK_BACK)
        with self._lock:
            self._ring.clear()
            self._notes.clear()
            self._overlooked = Overlooked()
            self._selected = None
        self._send_snapshot()
        return []

    # Messages from the browser.

    def receive(self, message: dict[str, Any]) -> None:
        """Handle a message of the view: `hello`, `here`, or an action of the user."""
        kind = message["type"]
        if kind == "hello":
            self._send_snapshot()
        elif kind in ("pause", "resume", "clear", "stop"):
            getattr(self, kind)()
        elif kind == "filter":
            self._refilter(_text(message, "key"), _text(message, "where"))
        elif kind == "select":
            number = message.get("n")
            with self._lock:
                row = self._ring.row(number) if isinstance(number, int) else None
            self._select(row)

    def _select(self, row: pa.Table | None) -> None:
        self._selected = row
        self._show_selected()

    def _show_selected(self) -> None:
        if self._panel is not None:
            detail = None if self._selected is None else detail_view(self._selected)
            self._panel.send({"type": "detail", "detail": detail, "call": self._selected_call()})

    def _selected_call(self) -> str:
        row = Name(f"{variable_of(self, 'tail')}.selected")
        return call_text(f"{variable_of(self.session, 's')}.compose", self.topic, message=row)

    # Display.

    def _state(self) -> dict[str, Any]:
        following = self._loop
        reason = following.problem
        return {
            "topic": plain(self.topic, 120),
            "session": plain(self.session.name, 120),
            "marks": self.session.marks,
            "status": following.state,
            "running": self.running,
            "text": self._status_text(),
            "problem": "" if reason is None else plain(str(reason), 300),
            "paused": self.paused,
            "key": "" if self._key is None else plain(str(self._key), 200),
            "where": self._where if isinstance(self._where, str) else "",
            "function": ""
            if self._where is None or isinstance(self._where, str)
            else plain(str(self._filter), 80),
            "filtered": self._filter.active,
            "filter_errors": self._overlooked.text(name="The filter"),
            "counts": self._counts_text(),
            "call": self.call,
            "effect": NO_SIDE_EFFECT,
        }

    def _status_text(self) -> str:
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

    def _counts_text(self) -> str:
        skipped = f", {self.skipped:,} skipped" if self.skipped else ""
        return f"{self.read:,} read{skipped}, {len(self._ring):,} of at most {self.rows:,} rows kept"

    def _as_frame(self, table: pa.Table) -> pd.DataFrame:
        read = {"read": self.read, "skipped": self.skipped, **self._overlooked.to_dict()}
        details = {"tail": self.topic, "read": read}
        return attach(to_pandas(table), provenance(self._builder, source=self.session.name, details=details))

    def _new_panel(self) -> Panel:
        return Panel(["tail.js"], self._state(), self.receive)

    def __repr__(self) -> str:
        return f"<Tail of {plain(self.topic, 120)} on {self.session.label}>"

    def _repr_html_(self) -> str:
        """Return the newest rows as HTML for places without a kernel, where nothing updates by itself."""
        with self._lock:
            first, newest = self._ring.newest(10)
        rows = [
            (row["partition"], row["offset"], row["key"], "null" if row["kind"] == "null" else row["value"])
            for row in rows_view(newest, first)
        ]
        return block(
            heading(f"{self.topic} on {self.session.label}, as it was followed"),
            table(["partition", "offset", "key", "value"], rows, width=VALUE_SHOWN),
            lines(self.call),
        )


def _text(message: dict[str, Any], name: str) -> str | None:
    value = message.get(name)
    return value if isinstance(value, str) and value else None
