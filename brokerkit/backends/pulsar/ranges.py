"""Find the readable range of each partition, and the position of a moment or of a number of messages in it.

Positions do not tell how many messages lie between them: an entry may hold thousands, or a part of one. So
messages are counted by reading them.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import pulsar

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, NotSupported, Unauthorized, Unavailable
from brokerkit.core.vocabulary.positions import Earliest, Position, resolve
from brokerkit.core.vocabulary.topics import Bounds, Slice
from brokerkit.core.vocabulary.windows import LATENESS, parse_lateness

from .connection import leave
from .entries import Entries
from .names import partition_name
from .positions import (
    LedgerBounds,
    entry_of,
    extent_of,
    from_ledgers,
    next_entry,
    parse_id,
    position_of,
    unpack,
)
from .reader import PlacesReader
from .topics import Topics

STEP_MILLIS = 1000
LATENESS_MILLIS = (parse_lateness(LATENESS) or 0) // 1000
BACK_SECONDS = (10.0, 600.0, 86_400.0)
"""How far back to search for the last message if it lies in several chunks."""
LARGE_BATCH = 100
"""Asking for the headers of a batch takes as long as reading about so many messages."""
FETCH_SECONDS = 0.2
RETRY_SECONDS = 0.2
LOOKING = 0.5
"""The part of a timeout in which the first message of a time is looked for."""
FEW = 50
"""The number of messages expected in an entry before one was read."""

T = TypeVar("T")


class EarlierStartWarning(UserWarning):
    """A warning that a subscription may begin earlier than asked, since looking for the place took long."""


class Ranges:
    """The ranges of topics, from the REST endpoint if there is one, or else from readers at both ends."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._connection = topics.connection

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        """Return the range of each partition. Raises NotFound."""
        deadline = Deadline(timeout)
        parts = self._topics.parts(self._topics.full(topic), timeout)
        return [self.part(number, name, deadline) for number, name in parts.items()]

    def part(self, number: int | None, name: str, deadline: Deadline) -> Bounds:
        """Return the range of one partition."""
        rest = self._topics.rest
        if rest is not None:
            return from_ledgers(number, rest.internal_stats(name, deadline.remaining()))
        return self._looked_at(number, name, deadline)

    def _looked_at(self, number: int | None, name: str, deadline: Deadline) -> Bounds:
        first = self._asked(name, pulsar.MessageId.earliest, lambda reader: _next(reader, deadline), deadline)
        last = self._newest(name, deadline)
        if first is None or last is None:
            return LedgerBounds(number, 0, 0, 0)
        chunk = extent_of(first.message_id()).first
        begin = entry_of(position_of(first.message_id()) if chunk is None else chunk)
        end = next_entry(position_of(last.message_id()))
        (ledger, entry, _), (newest, stop, _) = unpack(begin), unpack(end)
        ledgers = [(newest, stop)]
        if ledger != newest:
            # only the REST endpoint knows how many entries the ledgers in between have
            ledgers.insert(0, (ledger, entry + 1))
        return LedgerBounds(
            number, begin, end, sum(size for _, size in ledgers), tuple(ledgers), counted="about"
        )

    def _newest(self, name: str, deadline: Deadline) -> Any:
        """Return the last message.

        The last entry of a message in chunks returns nothing, so reading begins at an earlier time.
        """

        def last_since(millis: int | None) -> Callable[[Any], Any]:
            def look(reader: Any) -> Any:
                if millis is not None:
                    reader.seek(millis)
                found = None
                while (message := _next(reader, deadline, patient=millis is not None)) is not None:
                    found = message
                return found

            return look

        found = self._with_reader(name, pulsar.MessageId.latest, last_since(None), deadline)
        for seconds in (*BACK_SECONDS, None):
            if found is not None:
                return found
            millis = 0 if seconds is None else max(0, int(1000 * (time.time() - seconds)))
            found = self._asked(name, pulsar.MessageId.earliest, last_since(millis), deadline)
        return found

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        """Return the first message published at or after a moment, by partition.

        The broker takes the times for sorted. Partitions without such a message are left out.
        """
        millis = max(0, -(-microseconds // 1000))
        return self._sought(topic, millis, millis, Deadline(timeout))

    def _sought(self, topic: str, millis: int, least: int, deadline: Deadline) -> dict[int | None, int]:
        """Return the first message of a time of `least` behind where the broker finds a time."""

        def find(reader: Any) -> Any:
            reader.seek(millis)
            message = _next(reader, deadline)
            while message is not None and message.publish_timestamp() < least:
                message = _next(reader, deadline)
            return message

        found: dict[int | None, int] = {}
        for number, name in self._topics.parts(self._topics.full(topic), deadline.remaining()).items():
            message = self._asked(name, pulsar.MessageId.earliest, find, deadline)
            if message is not None:
                found[number] = position_of(message.message_id())
        return found

    def first_since(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        """Return the first message published at or after a moment, by partition, if times are not sorted.

        Producers set the times, so the messages of the hour before the moment are looked through. Where that
        takes longer than half of the timeout, it is an earlier message, and `EarlierStartWarning` says so.
        """
        deadline, looking = Deadline(timeout), Deadline(LOOKING * timeout)
        millis = max(0, -(-microseconds // 1000))
        begin = self._sought(topic, max(0, millis - LATENESS_MILLIS), 0, deadline)
        bounds = {each.partition: each for each in self.bounds(topic, deadline.remaining())}
        found: dict[int | None, int] = {}
        for done, (number, start) in enumerate(begin.items()):
            share = Deadline(looking.remaining() / (len(begin) - done))
            place = self._first(topic, bounds[number], start, millis, share, deadline)
            if place is not None:
                found[number] = place
        return found

    def _first(
        self, topic: str, bounds: Bounds, start: int, millis: int, looking: Deadline, deadline: Deadline
    ) -> int | None:
        """Return the first message of a partition from `start` and a moment on, or None.

        When the time for looking is over, it is the last message that was looked at.
        """
        seen, found = self._first_batch(topic, bounds, start, millis, looking)
        if found:
            return seen
        if looking.passed:
            return _early(topic, bounds, seen)
        reader = PlacesReader(self._topics)
        try:
            reader.start(
                Slice(topic, bounds.partition, seen, max(bounds.end, next_entry(seen))), attributes=False
            )
            while (columns := _fetched(reader, deadline)) is not None:
                places: list[int] = columns.positions()
                for place, moment in zip(places, columns.values("publish_time"), strict=True):
                    if moment >= 1000 * millis:
                        return place
                seen = places[-1] if places else seen
                if looking.passed:
                    return _early(topic, bounds, seen)
            return None
        finally:
            reader.stop()

    def _first_batch(
        self, topic: str, bounds: Bounds, start: int, millis: int, looking: Deadline
    ) -> tuple[int, bool]:
        """Look through large batches, each of which has one time, by asking for their headers.

        Return the position of the first one from a moment on and True, or where the large batches end.
        """
        rest = self._topics.rest
        if rest is None or not isinstance(bounds, LedgerBounds):
            return start, False
        part = partition_name(self._topics.full(topic), bounds.partition)
        entries = Entries(rest, part)
        for position in bounds.entries(start, bounds.end):
            try:
                entry = None if looking.passed else entries.entry(position, looking)
            except (Unauthorized, NotSupported):
                entry = None
            if entry is None or entry.messages < LARGE_BATCH:
                return start, False
            start = position
            if entry.millis >= millis:
                return position, True
        return start, False

    def locate(self, topic: str, position: Position, timeout: float) -> dict[int | None, tuple[int, Bounds]]:
        """Return where a subscription begins in each partition, with the range of the partition."""
        bounds = self.bounds(topic, timeout)
        offsets = resolve(
            position,
            bounds,
            lambda at: self.first_since(topic, at, timeout),
            parse_id,
            otherwise=Earliest(),
            counted=lambda each, place, count: counted(self._topics, topic, each, place, count, timeout),
        )
        return {each.partition: (offsets[each.partition], each) for each in bounds}

    def _asked(self, name: str, start: Any, work: Callable[[Any], Any], deadline: Deadline) -> Any:
        """Return the result of a reader. If it finds nothing, a second reader must agree.

        After a stall and a lost connection the library may report the end although more messages exist.
        """
        found = self._with_reader(name, start, work, deadline)
        return self._with_reader(name, start, work, deadline) if found is None else found

    def _with_reader(self, name: str, start: Any, work: Callable[[Any], T], deadline: Deadline) -> T:
        """Return the result of `work` on a reader that is opened for it alone.

        The client does not repeat a question that the broker could not answer for the moment, for example
        because it did not read the last entry in time, so it is asked again with another reader.
        """

        def look() -> T:
            reader = self._connection.open_reader(name, start, inclusive=True, prefetch=1)
            try:
                return work(reader)
            finally:
                leave(reader)

        while True:
            try:
                return self._connection.call(look, deadline.remaining(), f"looking into {name}")
            except BrokerError as error:
                if not error.retryable or deadline.remaining() <= RETRY_SECONDS:
                    raise
                time.sleep(RETRY_SECONDS)


def _early(topic: str, bounds: Bounds, position: int) -> int:
    """Return a position, after a warning that it may be earlier than the one that was looked for."""
    where = "" if bounds.partition is None else f" in partition {bounds.partition}"
    warnings.warn(
        f"{topic}: the first message of that time was not found soon enough among those of the hour before, "
        f"so the beginning{where} may be an earlier one, {bounds.show(position)}: give a longer timeout",
        EarlierStartWarning,
        stacklevel=2,
    )
    return position


def _next(reader: Any, deadline: Deadline, *, patient: bool = True) -> Any:
    """Return the next message, or None at the end.

    With `patient`, wait for a message that the library promises.
    """
    while reader.has_message_available():
        try:
            return reader.read_next(timeout_millis=STEP_MILLIS)
        except pulsar.Timeout:
            if not patient:
                return None
            if deadline.passed:
                raise
    return None


def counted(topics: Topics, topic: str, bounds: Bounds, position: int, count: int, timeout: float) -> int:
    """Return the position `count` messages after another, or before it if negative, within the bounds."""
    deadline = Deadline(timeout)
    if count >= 0:
        found = _positions(topics, Slice(topic, bounds.partition, position, bounds.end), count + 1, timeout)
        return found[-1] if len(found) > count else bounds.end
    missing, end, entries = -count, position, 1 + -count // FEW
    while missing > 0 and end > bounds.start:
        start = max(bounds.start, bounds.before(end, entries))
        found = _positions(topics, Slice(topic, bounds.partition, start, end), None, deadline.remaining())
        if len(found) >= missing:
            return found[-missing]
        missing -= len(found)
        share = max(len(found) / max(1, entries), 1 / 8)
        entries, end = min(4 * entries, 1 + int(1.1 * missing / share)), start
    return end


def _positions(topics: Topics, slice_: Slice, limit: int | None, timeout: float) -> list[int]:
    """Return the positions of the messages of a slice, limited to `limit`."""
    deadline = Deadline(timeout)
    found: deque[int] = deque()
    reader = PlacesReader(topics)
    try:
        reader.start(slice_, attributes=False)
        while (columns := _fetched(reader, deadline)) is not None:
            found.extend(columns.positions())
            if limit is not None and len(found) >= limit:
                return list(found)[:limit]
            if deadline.passed:
                raise Unavailable(f"counting messages of {slice_.topic!r} took longer than {timeout:.3g} s")
        return list(found)
    finally:
        reader.stop()


def _fetched(reader: PlacesReader, deadline: Deadline) -> Columns | None:
    """Return the next rows, also after a lost connection."""
    while True:
        try:
            return reader.fetch(FETCH_SECONDS)
        except BrokerError as error:
            if not error.retryable or deadline.passed:
                raise
            time.sleep(FETCH_SECONDS)
