"""A search on the broker in a thread: the rows found so far, progress, stop and continue."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, Cancelled
from brokerkit.core.vocabulary.positions import AtTime
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.frames.tabular import table_of
from brokerkit.session.read.peek import Peek, new_peek
from brokerkit.session.read.ranges import parse_range
from brokerkit.session.reader_schemas import planned

from ..latest_only_worker import LatestOnlyWorker
from .query import Query

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

Status = Literal["reading", "stopped", "at the limit", "at max_bytes", "at the end", "failed"]
TELL_SECONDS = 0.3
"""Seconds between two updates of the rows while it reads."""
TELL_SHARE = 5.0
"""The rows are merged again after so many times the duration of the last merge."""


class Search:
    """One query in progress. `table` is replaced as rows are found, never changed.

    Args:
        on_change: Called after new rows or a new status, in the thread that reads.

    Attributes:
        problem: Why it failed, or why reading the same again did.
        ended: When it read last.
    """

    def __init__(
        self, session: DataSession, query: Query, worker: LatestOnlyWorker, on_change: Callable[[], None]
    ) -> None:
        self.session = session
        self.query = query
        self.status: Status = "reading"
        self.problem: BrokerError | None = None
        self.table: pa.Table = query.builder(session).to_table([])
        self.seconds = 0.0
        self.ended: datetime | None = None
        self._lane = worker
        self._on_change = on_change
        self._place: Slice | None = None
        self._told, self._cost = time.monotonic(), 0.0
        self._begun = time.monotonic()
        self._peek: Peek | None = None
        if query.side_effects is None:
            self._peek = new_peek(session, query.limit, planned(session, [query.topic], query.reading()))
        self.builder = self._peek.builder if self._peek is not None else query.builder(session)

    def start(self) -> None:
        """Read, in the thread of the worker."""
        self.status, self.problem = "reading", None
        self._lane.run(self._run)

    def go_on(self, more: int = 0) -> None:
        """Continue where it stopped, with a limit raised by `more` rows, and at `max_bytes` by bytes too."""
        if self.running or not self.resumable:
            return
        if self._peek is not None:
            self.query = self.query.widened(more, bytes_too=self.status == "at max_bytes")
            self._peek.limit, self._peek.max_bytes = self.query.limit, self.query.max_bytes
        self._begun = time.monotonic() - self.seconds
        self.start()

    @property
    def running(self) -> bool:
        return self.status == "reading"

    @property
    def resumable(self) -> bool:
        """Whether there is something left to read or to show."""
        peek = self._peek
        if peek is None or self.running:
            return False
        # rows beyond the limit are kept for each partition
        return not peek.runs or not peek.exhausted or peek.rows > self.table.num_rows

    @property
    def read(self) -> int:
        """How many messages were read."""
        return self.table.num_rows if self._peek is None else self._peek.looked_at

    @property
    def left(self) -> int:
        """About how many messages have not been read."""
        return 0 if self._peek is None else self._peek.left

    @property
    def rest(self) -> int:
        """How many more rows there can be at most."""
        return max(0, self.read + self.left - self.table.num_rows)

    @property
    def place(self) -> Slice | None:
        """The rest of the slice that is being read."""
        return self._place

    @property
    def overlooked(self) -> str:
        """The messages that the filter could not examine, in words; empty if there were none."""
        return "" if self._peek is None else self._peek.overlooked.text(self.read, "The filter")

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.read / max(self.elapsed, 1e-3)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._begun if self.running else self.seconds

    def fixed(self) -> Query:
        """Return the query with its ends fixed at offsets: it returns the same rows later, too."""
        runs = [] if self._peek is None else self._peek.runs
        if not runs:
            return self.query
        whole = self.status in ("at the limit", "at the end")
        spans = {run.partition: (run.begin, run.finish) if whole else run.covered for run in runs}
        since = any(run.since is not None for run in runs)
        until = any(run.until is not None for run in runs)
        begins = {each.partition: each.bounds.written(spans[each.partition][0]) for each in runs}
        finishes = {each.partition: each.bounds.written(spans[each.partition][1]) for each in runs}
        starts = _position(
            {each.partition: _place(each.since, begins[each.partition]) for each in runs}, since
        )
        ends = _position(
            {each.partition: _place(each.until, finishes[each.partition]) for each in runs}, until
        )
        limit = self.query.limit if whole else max(1, self.table.num_rows)
        # within a range of times, the rows found are those that are the newest or the first
        newest = True if (whole or since or until) and self.query.backwards else None
        return self.query.but(start=starts, end=ends, newest=newest, limit=limit)

    def report(self) -> dict[str, Any]:
        """Return the report of the read so far, for the frame to remember."""
        return {} if self._peek is None else self._peek.report.to_dict()

    def _run(self, cancellation: Cancellation) -> None:
        status: Status = "failed"
        try:
            cancellation.raise_if_cancelled()
            if self._peek is None:
                self._borrow()
                status = "at the end"
            else:
                status = self._look(self._peek, cancellation)
        except Cancelled:
            status = "stopped"
        except (BrokerError, TimeoutError) as error:
            self.problem = error if isinstance(error, BrokerError) else BrokerError(str(error))
        except Exception as error:  # the thread must end with a reason for the user
            self.problem = BrokerError(f"{type(error).__name__}: {error}")
        self.seconds = time.monotonic() - self._begun
        if self._peek is not None:
            self.table = self._peek.found()
        self.ended = datetime.now(UTC)
        self.status = status
        self._on_change()

    def _look(self, peek: Peek, cancellation: Cancellation) -> Status:
        peek.on_read = self._on_read
        query = self.query
        if not peek.runs:
            span = parse_range(query.start, query.end, query.lateness)
            peek.plan(query.topic, span, newest=query.backwards, partitions=query.partitions)
        peek.read(cancellation, progress=False)
        stopped = peek.report.stopped
        return stopped if stopped in ("at the limit", "at max_bytes") else "at the end"

    def _borrow(self) -> None:
        query = self.query
        frame = self.session.peek(query.topic, query.limit, **query.changed())
        self.table = table_of(frame).select(self.builder.schema.names).cast(self.builder.schema)

    def _on_read(self, rest: Slice) -> None:
        self._place = rest
        now = time.monotonic()
        if now - self._told < max(TELL_SECONDS, TELL_SHARE * self._cost):
            return
        if self._peek is not None and self._peek.rows != self.table.num_rows:
            self.table = self._peek.found()
        self._on_change()
        self._told = time.monotonic()
        self._cost = self._told - now


def _place(moment: int | None, position: int | str) -> int | str:
    """Return a time as it was asked for, otherwise a position."""
    return position if moment is None else str(AtTime(moment))


def _position(places: Mapping[int | None, int | str], timed: bool) -> Any:
    """Return one position for all partitions if they agree on a time, otherwise one for each."""
    values = list(places.values())
    alike = timed and all(each == values[0] for each in values)
    return values[0] if alike or set(places) == {None} else dict(places)
