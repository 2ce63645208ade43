"""Following the end of a topic by reading it: new messages, and those that were missed.

A `Follower` looks once each time it is called; `Following` calls it from a thread of its own.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.cancellation import Cancellation, Deadline
from brokerkit.core.vocabulary.errors import BrokerError, Cancelled, Closed, NotFound
from brokerkit.core.vocabulary.topics import Bounds, Counted, Slice, count_text, hidden_text
from brokerkit.frames.build import FrameBuilder
from brokerkit.session.filters import Filter
from brokerkit.session.overlooked import Overlooked
from brokerkit.session.peek import merged_by_time

State = Literal["following", "paused", "waiting", "stopped"]

ANSWER_SECONDS = 5.0
INTERVAL = 0.5
DROPPED_SECONDS = 0.5
"""Seconds between two checks whether the receiver still exists."""
LONGEST_WAIT = 5.0
MAX_BEHIND = 10_000
"""At most so many messages of one partition are read at once; older ones are skipped, with a note."""
MAX_BEHIND_FILTERED = 100_000
"""The same if a filter must see each of them."""
LOOK_BYTES = 16_000_000
"""One look ends at so many bytes of rows, and the next one continues."""


@dataclass(frozen=True)
class Note:
    """A remark for readers of the rows. `before` is the number of the row that it precedes."""

    text: str
    before: int = 0
    time: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Found:
    """The result of one look.

    Attributes:
        batch: The wanted rows.
        read: How many messages were read.
        skipped: How many messages were skipped.
        overlooked: The messages that the filter could not examine.
        more: Whether it ended before it had read all.
    """

    batch: pa.RecordBatch
    more: bool = False
    read: int = 0
    skipped: int = 0
    notes: list[str] = field(default_factory=list)
    overlooked: Overlooked = field(default_factory=Overlooked)

    @property
    def came(self) -> int:
        return self.read + self.skipped


class Follower:
    """A reader that keeps the next offset of each partition and reads on from there. It changes nothing.

    Args:
        wanted: The filter; it may be replaced between two looks.
        positions: Where each partition begins.
        since: At the first look, only rows from these times on are shown, in microseconds. Later messages are
            shown whatever their time.
    """

    def __init__(
        self,
        browser: ConnectedInspector,
        topic: str,
        builder: FrameBuilder,
        wanted: Filter,
        positions: dict[int | None, int] | None = None,
        since: Mapping[int | None, int | None] | None = None,
    ) -> None:
        self.topic = topic
        self.wanted = wanted
        self.next: dict[int | None, int] = dict(positions or {})
        self._begun = positions is not None
        self._since = dict(since or {})
        self._hidden: set[int | None] = set()
        self._turn = -1
        self._browser = browser
        self._builder = builder

    def look_back(self, rows: int) -> None:
        """Continue about `rows` messages before the end of each partition."""
        self.next = {each.partition: _back(each, rows) for each in self._bounds()}
        self._begun = True

    def behind(self) -> int:
        """Return about how many messages have not been read."""
        return sum(_messages(each, self.next.get(each.partition, each.start)) for each in self._bounds())

    def look(self, cancellation: Cancellation | None = None, most: int | None = None) -> Found:
        """Read the messages since the last look, at most the newest `most` of each partition.

        If it raises, the next look continues exactly where this one failed; the messages read before the
        error are in its `partial`.
        """
        found = Found(pa.RecordBatch.from_pylist([], self._builder.schema))
        batches: list[pa.RecordBatch] = []
        limit = most or (MAX_BEHIND_FILTERED if self.wanted.active else MAX_BEHIND)
        try:
            pieces = [self._next_slice(each, limit, found) for each in self._bounds()]
            for piece in self._in_turn(pieces):
                found.more = found.more or sum(int(each.nbytes) for each in batches) >= LOOK_BYTES
                if found.more:
                    self._put_back(piece)
                else:
                    self._read(piece, found, batches, cancellation)
        except BrokerError as error:
            found.batch = self._merged(batches)
            raise LookFailed(found) from error
        found.batch = self._merged(batches)
        self._begun = True
        return found

    def _in_turn(self, pieces: list[Slice]) -> list[Slice]:
        """Start with another partition at each look, so that none always waits behind a large one."""
        self._turn += 1
        first = self._turn % len(pieces) if pieces else 0
        return pieces[first:] + pieces[:first]

    def _put_back(self, piece: Slice) -> None:
        """Keep the conditions of a slice for the rest of it."""
        if piece.since is not None:
            self._since[piece.partition] = piece.since

    def _bounds(self) -> list[Bounds]:
        return self._browser.bounds(self.topic, timeout=ANSWER_SECONDS)

    def _next_slice(self, bounds: Bounds, limit: int, found: Found) -> Slice:
        partition = bounds.partition
        where = "" if partition is None else f" in partition {partition}"
        start = self.next.get(partition)
        if start is None:
            # a partition added meanwhile is read from its beginning
            start = bounds.start if self._begun else bounds.end
        if start > bounds.end:
            found.notes.append(
                f"The topic was emptied or made anew: offsets{where} went back from {bounds.show(start)} to "
                f"{bounds.show(bounds.end)}."
            )
            start = bounds.start
        if start < bounds.start:
            found.notes.append(
                f"Offsets {bounds.show(start)} to {bounds.show(bounds.start - 1)}{where} were deleted by "
                "retention before they were read."
            )
            start = bounds.start
        if bool(bounds.hidden) != (partition in self._hidden):
            self._hidden ^= {partition}
            if bounds.hidden:
                found.notes.append(f"Messages{where} are {hidden_text([bounds])}.")
        if _messages(bounds, start) > limit:
            later = _back(bounds, limit)
            skipped = _messages(bounds, start) - _messages(bounds, later)
            found.skipped += skipped
            worth: Counted = (
                "exact" if bounds.dense else "at most" if bounds.counted == "at most" else "about"
            )
            found.notes.append(
                f"{count_text(skipped, worth, 'message')}{where} were skipped to keep up "
                f"(offsets {bounds.show(start)} to {bounds.show(later - 1)})."
            )
            start = later
        self.next[partition] = start
        since = self._since.pop(partition, None)
        return Slice(self.topic, partition, start, bounds.end, _messages(bounds, start), since)

    def _read(
        self, piece: Slice, found: Found, batches: list[pa.RecordBatch], cancellation: Cancellation | None
    ) -> None:
        if piece.empty:
            return
        for columns in self._browser.read(piece, cancellation=cancellation, stall=2 * ANSWER_SECONDS):
            batch = self._builder.batch(self.wanted.columns(columns, found.overlooked))
            batch = self.wanted.batch(batch, found.overlooked)
            if batch.num_rows:
                batches.append(batch)
            found.read += columns.length
            last = columns.slice(columns.length - 1, columns.length).positions()[0]
            self.next[piece.partition] = piece.start if last is None else last + 1
            if sum(int(each.nbytes) for each in batches) >= LOOK_BYTES and last is not None:
                found.more = last + 1 < piece.end
                if found.more:
                    self._put_back(piece)
                    return
        self.next[piece.partition] = piece.end

    def _merged(self, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
        table = merged_by_time(batches, self._builder.schema).combine_chunks()
        found = table.to_batches()
        return found[0] if found else pa.RecordBatch.from_pylist([], self._builder.schema)


class LookFailed(Exception):
    """A look ended early, because of its `__cause__`; `partial` has the messages read before."""

    def __init__(self, partial: Found) -> None:
        super().__init__("the look ended early")
        self.partial = partial

    @property
    def error(self) -> BrokerError:
        assert isinstance(self.__cause__, BrokerError)
        return self.__cause__


def _messages(bounds: Bounds, start: int) -> int:
    """Return about how many messages lie from `start` to the end."""
    if bounds.end <= bounds.start or start >= bounds.end:
        return 0
    return max(1, bounds.between(max(start, bounds.start), bounds.end))


def _back(bounds: Bounds, rows: int) -> int:
    """Return the position about `rows` messages before the end."""
    if not bounds.estimate or not rows:
        return bounds.end
    return max(bounds.start, bounds.before(bounds.end, rows))


class Following:
    """A daemon thread that looks again and again, over interruptions of the broker, until it is stopped.

    The callbacks are bound methods. The thread does not keep their object alive, and ends soon after the
    object is gone.

    Args:
        on_found: Called in that thread with the rows of each look and the time since the look before.
        on_state: Called in that thread after each change of `state`, `problem` or `waiting_messages`.
    """

    def __init__(
        self,
        follower: Follower,
        *,
        on_found: Callable[[Found, float], None],
        on_state: Callable[[], None],
        name: str,
        interval: float = INTERVAL,
    ) -> None:
        self.state: State = "following"
        self.problem: BrokerError | None = None
        self.why_stopped: str | None = None
        self.waiting_messages = 0
        self._follower = follower
        self._on_found = weakref.WeakMethod(on_found)
        self._on_state = weakref.WeakMethod(on_state)
        self._interval = interval
        self._paused = False
        self._changes: list[Callable[[Follower], Iterable[str]]] = []
        self._stop = Cancellation()
        self._wake = threading.Event()
        self._last_look = time.monotonic()
        self._out_since: datetime | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, why: str) -> None:
        """Stop soon, without waiting. The first reason stays."""
        if self.why_stopped is None:
            self.why_stopped = why
            self._stop.cancel()
            self._wake.set()

    def join(self, timeout: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def paused(self) -> bool:
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._paused = value
        self._wake.set()

    def change(self, action: Callable[[Follower], Iterable[str]]) -> None:
        """Call `action` with the follower between two looks; the texts it returns become notes."""
        self._changes.append(action)
        self._wake.set()

    def _run(self) -> None:
        delay = self._interval
        while not self._stop.cancelled:
            self._wait(delay)
            if self._stop.cancelled:
                break
            began = time.monotonic()
            delay = self._step(delay)
            # look less often if the broker answers slowly
            delay = max(delay, min(LONGEST_WAIT, 2 * (time.monotonic() - began)))
        self._set("stopped", self.problem)

    def _wait(self, delay: float) -> None:
        """Wait until the next look, a change, or the end of the receiver."""
        deadline = Deadline(delay)
        # the end of the receiver does not wake it: a finalizer may run while this lock is held
        while not self._wake.wait(deadline.slice(DROPPED_SECONDS)) and not deadline.passed:
            if self._on_state() is None:
                break
        self._wake.clear()
        if self._on_state() is None:
            self.stop("it was dropped")

    def _step(self, delay: float) -> float:
        """Look once, or try to; return the seconds until the next look."""
        try:
            notes = self._apply_changes()
            if self._paused:
                self.waiting_messages = self._follower.behind()
                self._set("paused", None)
                return max(self._interval, 1.0)
            found = self._follower.look(self._stop)
        except LookFailed as failed:
            self._hand_over(failed.partial, [])
            return self._failed(failed.error, delay)
        except BrokerError as error:
            return self._failed(error, delay)
        except TimeoutError as error:
            return self._failed(BrokerError(str(error) or "the broker did not answer", retryable=True), delay)
        except Exception as error:  # the thread must end with a reason for the user
            self._give_up(BrokerError(f"{type(error).__name__}: {error}"))
            return delay
        self._hand_over(found, [*notes, *self._back_again()])
        self.waiting_messages = 0
        self._set("following", None)
        return 0.0 if found.more else self._interval

    def _apply_changes(self) -> list[str]:
        notes: list[str] = []
        while self._changes:
            notes.extend(self._changes[0](self._follower))
            self._changes.pop(0)
        return notes

    def _hand_over(self, found: Found, notes: list[str]) -> None:
        now = time.monotonic()
        found.notes[:0] = notes
        if found.came or found.notes:
            tell = self._on_found()
            if tell is not None:
                tell(found, now - self._last_look)
        self._last_look = now

    def _failed(self, error: BrokerError, delay: float) -> float:
        if isinstance(error, Cancelled):
            return delay
        if isinstance(error, Closed):
            self.stop("the session was closed")
            return delay
        if not (error.retryable or isinstance(error, NotFound)):
            self._give_up(error)
            return delay
        if self._out_since is None:
            self._out_since = datetime.now(UTC)
            delay = self._interval
        self._set("waiting", error)
        return min(LONGEST_WAIT, 1.5 * delay)

    def _give_up(self, error: BrokerError) -> None:
        self.problem = error
        self.stop("it failed")

    def _back_again(self) -> list[str]:
        if self._out_since is None:
            return []
        since, until = self._out_since, datetime.now(UTC)
        self._out_since = None
        gone = isinstance(self.problem, NotFound)
        what = "The topic was gone" if gone else "The broker could not be reached"
        seconds = max(1, round((until - since).total_seconds()))
        return [
            f"{what} from {since:%H:%M:%S} to {until:%H:%M:%S} UTC ({seconds:,} s). "
            "Reading went on where it stopped."
        ]

    def _set(self, state: State, problem: BrokerError | None) -> None:
        self.state, self.problem = state, problem
        tell = self._on_state()
        if tell is not None:
            tell()
