"""Looking at the end of a topic: messages that are new since the look before, and those that were missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.topics import Bounds, Counted, Slice, count_text, hidden_text
from brokerkit.frames.build import FrameBuilder

from ..filters import Filter
from ..overlooked import Overlooked
from .peek import merged_by_time
from .ranges import parse_range, range_finder

if TYPE_CHECKING:
    from ..base import BrokerSession

BOUNDS_SECONDS = 5.0
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


class TopicReader:
    """A reader that keeps the next offset of each partition and reads on from there. It changes nothing.

    Args:
        builder: The builder of the rows; it may be replaced between two looks.
        wanted: The filter; likewise.
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
        self.builder = builder

    def look_back(self, rows: int) -> None:
        """Continue about `rows` messages before the end of each partition."""
        self.next = {each.partition: _back(each, rows) for each in self._bounds()}
        self._begun = True

    def behind(self) -> int:
        """Return about how many messages have not been read."""
        return sum(_messages(each, self.next.get(each.partition, each.start)) for each in self._bounds())

    def look(self, cancellation: Cancellation | None = None, limit: int | None = None) -> Found:
        """Read the messages since the last look, at most the newest `limit` of each partition.

        If it raises, the next look continues exactly where this one failed; the messages read before the
        error are in its `partial`.
        """
        found = Found(pa.RecordBatch.from_pylist([], self.builder.schema))
        batches: list[pa.RecordBatch] = []
        limit = limit or (MAX_BEHIND_FILTERED if self.wanted.active else MAX_BEHIND)
        try:
            slices = [self._next_slice(each, limit, found) for each in self._bounds()]
            for slice_ in self._in_turn(slices):
                found.more = found.more or sum(int(each.nbytes) for each in batches) >= LOOK_BYTES
                if found.more:
                    self._put_back(slice_)
                else:
                    self._read(slice_, found, batches, cancellation)
        except BrokerError as error:
            found.batch = self._merged(batches)
            raise LookFailed(found) from error
        found.batch = self._merged(batches)
        self._begun = True
        return found

    def _in_turn(self, slices: list[Slice]) -> list[Slice]:
        """Start with another partition at each look, so that none always waits behind a large one."""
        self._turn += 1
        first = self._turn % len(slices) if slices else 0
        return slices[first:] + slices[:first]

    def _put_back(self, slice_: Slice) -> None:
        """Keep the conditions of a slice for the rest of it."""
        if slice_.since is not None:
            self._since[slice_.partition] = slice_.since

    def _bounds(self) -> list[Bounds]:
        return self._browser.bounds(self.topic, timeout=BOUNDS_SECONDS)

    def _next_slice(self, bounds: Bounds, limit: int, found: Found) -> Slice:
        partition = bounds.partition
        where = "" if partition is None else f" in partition {partition}"
        start = self.next.get(partition)
        if start is None:
            # a partition added meanwhile is read from its beginning
            start = bounds.start if self._begun else bounds.end
        if start > bounds.end:
            found.notes.append(
                f"The topic was emptied or created again: offsets{where} went back from "
                f"{bounds.show(start)} to {bounds.show(bounds.end)}."
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
        self, slice_: Slice, found: Found, batches: list[pa.RecordBatch], cancellation: Cancellation | None
    ) -> None:
        if slice_.empty:
            return
        for columns in self._browser.read(slice_, cancellation=cancellation, stall=2 * BOUNDS_SECONDS):
            wanted = self.wanted.columns(columns, found.overlooked, self.builder.decoded_keys)
            batch = self.builder.batch(self.wanted.undecoded(wanted, self.builder))
            batch = self.wanted.batch(batch, found.overlooked)
            if batch.num_rows:
                batches.append(batch)
            found.read += columns.length
            last = columns.position_at(columns.length - 1)
            self.next[slice_.partition] = slice_.start if last is None else last + 1
            if sum(int(each.nbytes) for each in batches) >= LOOK_BYTES and last is not None:
                found.more = last + 1 < slice_.end
                if found.more:
                    self._put_back(slice_)
                    return
        self.next[slice_.partition] = slice_.end

    def _merged(self, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
        table = merged_by_time(batches, self.builder.schema).combine_chunks()
        found = table.to_batches()
        return found[0] if found else pa.RecordBatch.from_pylist([], self.builder.schema)


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


def beginning(
    session: BrokerSession, topic: str, start: Any
) -> tuple[dict[int | None, int] | None, dict[int | None, int | None]]:
    """Return where each partition is followed from, and the time from which earlier rows are shown.

    A `start` of None is the end of the topic, and so are the partitions that a mapping does not name.
    """
    if start is None:
        return None, {}
    span = parse_range(start, None)
    located = range_finder(session).locate(topic, span)
    named = span.start if isinstance(span.start, Mapping) else None
    positions = {
        each.bounds.partition: each.start
        if named is None or each.bounds.partition in named
        else each.bounds.end
        for each in located
    }
    return positions, {each.bounds.partition: each.since for each in located}
