"""Read slices with the library's readers, which acknowledge nothing and leave nothing behind.

Messages that a reader does not return are looked up. The library skips a message if it was told to begin
between its chunks, and after a stall and a lost connection it may report the end although more messages
exist. Therefore every entry is accounted for, and the end is the one that the broker reports.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from typing import Any

import pulsar

from brokerkit.core.contract.garbage_collection import gc_paused
from brokerkit.core.contract.inspector import ReaderDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import (
    Closed,
    NotFound,
    NotSupported,
    Unauthorized,
    Unavailable,
)
from brokerkit.core.vocabulary.topics import Slice

from .client_internals import taking
from .codec import Found, to_columns
from .connection import leave
from .entries import Entries, Missing
from .lookahead import Lookahead
from .names import partition_name
from .positions import (
    entry_id,
    entry_of,
    extent_of,
    from_ledgers,
    next_entry,
    pack,
    place_of,
    position_of,
    unpack,
)
from .schemas import TopicSchemas
from .topics import Topics

OPEN_SECONDS = 15.0
ANSWER_SECONDS = 5.0
"""Seconds that the broker may take to answer one question."""
PATIENCE = 3.0
"""After this many seconds without an existing message, another reader is asked for it."""
STILL_SECONDS = 1.0
"""After this many seconds without a message, the queue of a reader is made short."""
BATCH = 20_000
BATCH_BYTES = 32_000_000
BATCH_SECONDS = 0.5
LARGE_BYTES = 32_000
"""The size of a message is looked at when it comes if it has more bytes than that."""
COUNTED_TOGETHER = 8
"""Of so many smaller messages the sizes, and whether they passed the end, are looked at together."""
GATHER_MILLIS = 20
"""How long a fetch waits for the messages behind the first, which the broker sends in small groups."""
LOOK_BACK_SECONDS = 1.0
LOOK_BACK = 100
"""How many entries before a slice are searched for the first chunk of a message without the REST endpoint."""


class UnreadableWarning(UserWarning):
    """A warning that entries of a topic gave no message, although they may hold some."""


class PulsarReader(ReaderDriver):
    """A reader of one slice after the other, with a new reader of the library for each."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._connection = topics.connection
        self._known = ""
        self._schemas = TopicSchemas(None, "")
        self._piece: Slice | None = None
        self._part = ""
        self._reader: Any = None
        self._entries: Entries | None = None
        self._attributes = True
        self._done = True
        self._at = self._begun = 0
        self._last: Any = None
        self._tried: set[int] = set()
        self._looked_back = False
        self._lost = False
        self._moved = 0.0
        self._ahead = Lookahead()

    def start(self, slice_: Slice, *, attributes: bool) -> None:
        self.stop()
        full = self._topics.full(slice_.topic)
        if self._known != full:
            # the library would create a missing topic
            if slice_.partition not in self._topics.partitions(full, ANSWER_SECONDS):
                raise NotFound(f"topic {full!r} has no partition {slice_.partition}")
            self._known = full
        self._schemas = TopicSchemas(self._topics.rest, full)
        self._piece, self._attributes, self._done = slice_, attributes, slice_.empty
        self._part = partition_name(full, slice_.partition)
        rest = self._topics.rest
        self._entries = None if rest is None else Entries(rest, self._part)
        self._at, self._last, self._looked_back = slice_.start, None, False
        self._tried, self._lost = set(), False
        if not self._done:
            # begin at the start of the entry; messages of its batch before the slice are left out later
            self._open(entry_of(slice_.start))

    def _open(self, begin: int) -> None:
        """Continue reading at the beginning of an entry."""
        assert self._piece is not None
        self._use(entry_id(begin, self._piece.partition), inclusive=True)
        self._begun = begin

    def _use(self, begin: Any, *, inclusive: bool) -> None:
        ahead = self._ahead.begin()

        def make() -> Any:
            return self._connection.open_reader(self._part, begin, inclusive=inclusive, prefetch=ahead)

        reader = self._connection.call(make, OPEN_SECONDS, f"reading {self._part}")
        self._let_go()
        self._reader, self._moved = reader, time.monotonic()

    def fetch(self, wait: float) -> Columns | None:
        slice_ = self._piece
        assert slice_ is not None
        if self._done:
            return None
        if self._lost:
            self._open(entry_of(self._at))
            self._lost = self._looked_back = False
        before = self._at, self._last
        try:
            with gc_paused():
                messages, ids, found, fits = self._read(wait, slice_.end)
                if messages:
                    return self._rows(messages, ids, found, fits)
        except BaseException:
            # messages that were taken out of the reader are read again
            self._at, self._last = before
            self._done, self._lost = False, True
            raise
        if not self._ahead.safe and self._still():
            # the broker does not answer for long if it may not read as many bytes at once
            self._ahead.forget()
            self._let_go()
            self._lost = True
            return Columns.empty()
        self._done = self._at_end(slice_)
        return None if self._done else Columns.empty()

    def _rows(self, messages: list[Any], ids: list[Any], found: Found, fits: bool) -> Columns | None:
        """Return the columns of the rows that are new, as far as none is missing; None at the end.

        Args:
            messages: The messages.
            ids: Their ids.
            found: What is known of them.
            fits: Whether the queue of the reader has the right length for them.
        """
        assert self._piece is not None
        end, reader = self._piece.end, self._reader
        self._schemas.learn(found.versions, ANSWER_SECONDS)
        rows = self._contiguous(ids, found.positions, end)
        self._done = self._done or self._at >= end
        if rows and reader is self._reader and not (fits and self._ahead.safe):
            # the caller may be away for long, and the library would fill its queue meanwhile
            self._let_go()
            self._lost = True
        columns = self._columns(messages, found)
        columns = columns if rows == list(range(len(messages))) else columns.take(rows)
        return None if self._done and not columns.length else columns

    def _columns(self, messages: list[Any], found: Found) -> Columns:
        return to_columns(messages, found=found, attributes=self._attributes, schemas=self._schemas)

    def _read(self, wait: float, end: int) -> tuple[list[Any], list[Any], Found, bool]:
        """Return the messages that are here, or else the first to arrive within `wait`.

        Their ids and what is known of them follow. Reads only up to the end of the slice. The last item is
        whether the queue of the reader has the right length for these messages.
        """
        messages: list[Any] = []
        ids: list[Any] = []
        data: list[bytes] = []
        # the end is near there, and is passed where a later ledger begins before it is reached
        last_entry = unpack(end)[1] - 1
        take, millis = taking(self._reader), int(1000 * wait)
        size, counted = 0, 0
        fits = True
        until = time.monotonic() + max(wait, BATCH_SECONDS)
        while len(messages) < BATCH and size < BATCH_BYTES and time.monotonic() < until and fits:
            try:
                message = take(millis)
            except pulsar.Timeout:
                break
            message_id, payload = message.message_id(), message.data()
            messages.append(message)
            ids.append(message_id)
            data.append(payload)
            millis = GATHER_MILLIS
            length = len(payload)
            size += length
            look = length > LARGE_BYTES or len(data) - counted == COUNTED_TOGETHER
            if look:
                fits = not self._ahead.unfit(sum(map(len, data[counted:])), len(data) - counted)
                counted = len(data)
            if (look or message_id.entry_id() >= last_entry) and _reaches(message_id, end):
                break
        if counted < len(data):
            fits = not self._ahead.unfit(sum(map(len, data[counted:])), len(data) - counted) and fits
        self._ahead.learn()
        return messages, ids, Found.of(messages, ids, data, self._part), fits

    def _contiguous(self, ids: list[Any], places: list[int], end: int) -> list[int]:
        """Return the rows of the slice that are new, as far as none is missing between them."""
        rows: list[int] = []
        for row, place in enumerate(places):
            at = self._at
            if place == at < end:
                rows.append(row)
                self._at = place + 1
                continue
            if place >= at:
                follows = place == at or (place - at <= 1 and at == entry_of(at))
                if not follows and row and _completes(ids[row - 1], places[row - 1]):
                    at = max(at, next_entry(places[row - 1]))
                    follows = 0 <= place - at <= 1
                if not follows and at < end and not self._explained(at, place, min(place, end), ids[row]):
                    break
                if place < end:
                    rows.append(row)
                self._at = place + 1
            if place >= end:
                self._done = True
                break
        else:
            if places[-1] + 1 >= self._at and _completes(ids[-1], places[-1]):
                self._at = max(self._at, next_entry(places[-1]))
        if rows:
            self._last, self._moved = ids[rows[-1]], time.monotonic()
        return rows

    def _explained(self, at: int, place: int, stop: int, message_id: Any) -> bool:
        """Return whether no message is missing between the expected position and the received one.

        If one is missing before `stop`, open a reader that returns it.
        """
        first = extent_of(message_id).first
        entries = self._entries
        if entries is None:
            return self._explained_by(first, at, place)
        deadline = Deadline(ANSWER_SECONDS)
        if first == at:
            begin = self._asked(lambda: entries.entry(at, deadline))
            if begin is not None and begin.chunks == (place - at >> 32) + 1:
                return True
        missing = self._asked(lambda: entries.missing(self._bounds(deadline), at, stop, deadline))
        if self._entries is None:
            return self._explained_by(first, at, place)
        if missing is None:
            return True
        if missing.position in self._tried:
            self._warn(missing.position, stop, "the client library cannot read what they hold")
            return True
        self._open(missing.begin)
        self._tried.add(missing.position)
        return False

    def _explained_by(self, first: int | None, at: int, place: int) -> bool:
        """Return the same without the REST endpoint, by reading the entries before again."""
        ledger = unpack(at)[0]
        next_ledger, begin, _ = unpack(place if first is None else min(first, place))
        if next_ledger > ledger and begin == 0:
            return True
        if self._look_back():
            return False
        if first is None or first > at:
            self._warn(
                at,
                place,
                f"where they end a message in chunks that begins more than {LOOK_BACK} entries before, it is "
                "missing; connect with admin=http://HOST:8080 to be sure",
            )
        return True

    def _look_back(self) -> bool:
        """Begin somewhat earlier, once for each place where a reader was opened to go on."""
        ledger, entry, _ = unpack(self._begun)
        if self._looked_back or not entry:
            return False
        self._looked_back = True
        self._open(pack(ledger, max(0, entry - LOOK_BACK)))
        return True

    def _asked(self, question: Any) -> Any:
        """Return the answer of the REST endpoint. If it refuses, return None and do not ask again."""
        try:
            return question()
        except (Unauthorized, NotSupported):
            self._entries = None
            return None

    def _bounds(self, deadline: Deadline) -> Any:
        rest = self._topics.required_rest()
        partition = None if self._piece is None else self._piece.partition
        return from_ledgers(partition, rest.internal_stats(self._part, max(1.0, deadline.remaining())))

    def _warn(self, start: int, stop: int, why: str) -> None:
        (ledger, entry, _), (until, last, _) = unpack(start), unpack(stop - 1)
        warnings.warn(
            f"entries {ledger}:{entry} to {until}:{last} of {self._part} gave no message: {why}",
            UnreadableWarning,
            stacklevel=2,
        )

    def _at_end(self, slice_: Slice) -> bool:
        """Return whether the broker has no more of the slice. If it has, wait for it or read it again."""
        if not self._reader.is_connected():
            raise Unavailable("the connection to the broker is lost; the client reconnects")
        entries = self._entries
        if entries is None:
            return self._nothing_more()
        deadline = Deadline(ANSWER_SECONDS)
        missing: Missing | None = self._asked(
            lambda: entries.missing(self._bounds(deadline), self._at, slice_.end, deadline)
        )
        if self._entries is None:
            return self._nothing_more()
        if missing is None:
            return True
        late = time.monotonic() - self._moved > PATIENCE
        if late or (missing.begin < self._begun and missing.position not in self._tried):
            self._open(missing.begin)
            self._tried.add(missing.position)
        return False

    def _still(self) -> bool:
        return time.monotonic() - self._moved > STILL_SECONDS

    def _nothing_more(self) -> bool:
        """Return the same without the REST endpoint. Only a reader that was just opened is reliable."""
        reader = self._reader
        if self._connection.call(reader.has_message_available, ANSWER_SECONDS, "looking for more"):
            if time.monotonic() - self._moved > LOOK_BACK_SECONDS:
                self._look_back()
            return False
        if self._last is None:
            self._open(self._begun)
        else:
            self._use(self._last, inclusive=False)
        reader = self._reader
        return not self._connection.call(reader.has_message_available, ANSWER_SECONDS, "looking for more")

    def _let_go(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            # no caller waits for it, and a closed client closes it too
            with contextlib.suppress(Closed):
                self._connection.submit(lambda: leave(reader), "leave")

    def stop(self) -> None:
        self._done = True
        self._let_go()

    def close(self, timeout: float) -> None:
        self.stop()


def _reaches(message_id: Any, end: int) -> bool:
    """Return whether the messages behind this one are not before a position."""
    position = position_of(message_id)
    return position + 1 >= end or (next_entry(position) >= end and _completes(message_id, position))


def _completes(message_id: Any, position: int) -> bool:
    """Return whether a message is the last of its entry."""
    place = place_of(position)
    return not place or place == extent_of(message_id).size


class PlacesReader(PulsarReader):
    """A reader whose columns have positions and times only, which takes less time."""

    def _columns(self, messages: list[Any], found: Found) -> Columns:
        times = [message.publish_timestamp() * 1000 for message in messages]
        return Columns(len(messages), topic=self._known, position=found.positions, publish_time=times)
