"""Topics with their partitions, entries and retention."""

from __future__ import annotations

import time
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from operator import attrgetter
from uuid import uuid4

from brokerkit.core.vocabulary.attributes import Pair
from brokerkit.core.vocabulary.errors import NotFound


def now_microseconds() -> int:
    """Return the present time in microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(slots=True, frozen=True)
class Entry:
    """A stored message or a control entry.

    Times are in microseconds since 1970.

    Attributes:
        offset: The offset in the partition.
        time: The publish time; equal to `stored` if the publisher gave none.
        stored: When the entry was stored.
        key: The key.
        value: The payload.
        attributes: The attributes.
        control: Whether it is a control entry, which has an offset but is never delivered.
    """

    offset: int
    time: int
    stored: int
    key: bytes | None = None
    value: bytes | None = None
    attributes: tuple[Pair, ...] | None = None
    control: bool = False


def _size(entry: Entry | None) -> int:
    return 0 if entry is None else len(entry.value or b"") + len(entry.key or b"")


def _message(entry: Entry | None) -> int:
    """Return 1 for an entry that can be delivered, otherwise 0."""
    return 0 if entry is None or entry.control else 1


class Partition:
    """A log of entries. A deleted entry leaves a gap.

    Attributes:
        topic: The name of the topic.
        number: The number of the partition.
        start: The first offset.
        size: The size of all keys and values, in bytes.
        messages: The number of entries that can be delivered.
        sorted: Whether the publish times never decrease.
    """

    def __init__(self, topic: str, number: int) -> None:
        self.topic = topic
        self.number = number
        self.start = 0
        self.size = 0
        self.messages = 0
        self._entries: list[Entry | None] = []
        self._latest = -(2**63)
        self.sorted = True

    @property
    def end(self) -> int:
        """The offset after the last entry."""
        return self.start + len(self._entries)

    def append(
        self,
        key: bytes | None,
        value: bytes | None,
        attributes: tuple[Pair, ...] | None,
        time: int | None = None,
        control: bool = False,
    ) -> Entry:
        """Store an entry and return it. Its publish time is now if `time` is None."""
        stored = max(now_microseconds(), self._last_stored())
        entry = Entry(self.end, stored if time is None else time, stored, key, value, attributes, control)
        self.sorted = self.sorted and entry.time >= self._latest
        self._latest = max(self._latest, entry.time)
        self._entries.append(entry)
        self.size += _size(entry)
        self.messages += _message(entry)
        return entry

    def _last_stored(self) -> int:
        last = self._entries[-1] if self._entries else None
        return last.stored if last is not None else 0

    def get(self, offset: int) -> Entry | None:
        """Return the entry at an offset, or None if no message can be delivered from there."""
        index = offset - self.start
        if not 0 <= index < len(self._entries):
            return None
        entry = self._entries[index]
        return None if entry is None or entry.control else entry

    def range(self, start: int, stop: int) -> list[Entry]:
        """Return the entries that can be delivered, from `start` up to but excluding `stop`."""
        low, high = max(0, start - self.start), max(0, stop - self.start)
        return [e for e in self._entries[low:high] if e is not None and not e.control]

    def some(self, start: int, stop: int, most_bytes: int) -> tuple[list[Entry], int]:
        """Return entries as `range` does, up to a size, and the offset at which to continue.

        At least one entry is returned, even if it is larger than `most_bytes`.
        """
        found: list[Entry] = []
        size = 0
        for entry in self.range(start, stop):
            size += _size(entry)
            if found and size > most_bytes:
                return found, entry.offset
            found.append(entry)
        return found, stop

    def at_time(self, moment: int) -> int | None:
        """Return the offset of the first entry published at or after a moment, or None."""
        if self.sorted:
            return self._first(moment, attrgetter("time"))
        found = (each for each in self._entries if each is not None and each.time >= moment)
        return next((each.offset for each in found), None)

    def _first(self, moment: int, time_of: Callable[[Entry], int]) -> int | None:
        """Return the offset of the first entry at or after a moment, by a time that never decreases."""

        def time_before(index: int) -> int:
            """Return the time of an entry, or for a gap the time of the entry before it."""
            while index >= 0:
                entry = self._entries[index]
                if entry is not None:
                    return time_of(entry)
                index -= 1
            return -(2**63)

        index = bisect_left(range(len(self._entries)), moment, key=time_before)
        entry = next((each for each in islice(self._entries, index, None) if each is not None), None)
        return None if entry is None else entry.offset

    def delete(self, offset: int) -> None:
        """Delete one entry, as compaction does."""
        index = offset - self.start
        if 0 <= index < len(self._entries):
            self.size -= _size(self._entries[index])
            self.messages -= _message(self._entries[index])
            self._entries[index] = None

    def trim(self, start: int) -> None:
        """Delete all entries before an offset, as retention does."""
        cut = min(max(0, start - self.start), len(self._entries))
        self.size -= sum(map(_size, self._entries[:cut]))
        self.messages -= sum(map(_message, self._entries[:cut]))
        del self._entries[:cut]
        self.start += cut

    def expired_before(self, moment: int) -> int:
        """Return the offset of the first entry stored at or after a moment, or the end."""
        found = self._first(moment, attrgetter("stored"))
        return self.end if found is None else found


@dataclass
class Topic:
    """A topic: its partitions and their limits.

    Attributes:
        name: The name.
        partitions: The partitions, by number.
        retention_seconds: How long messages are kept; None for ever.
        retention_messages: The number of messages that each partition keeps; None for all.
        max_message_bytes: The largest payload, in bytes.
        published_ids: The ids of stored messages, by their deduplication id.
        identity: What tells it from another topic of its name.
    """

    name: str
    partitions: list[Partition]
    retention_seconds: float | None = None
    retention_messages: int | None = None
    max_message_bytes: int = 0
    published_ids: dict[str, str] = field(default_factory=dict)
    identity: str = field(default_factory=lambda: uuid4().hex)
    _turn: Iterator[int] = field(default_factory=count)

    def choose(self, key: bytes | None) -> Partition:
        """Return the partition of a key. Messages without a key are spread in turn."""
        if key is not None:
            return self.partitions[self.place(key)]
        return self.partitions[next(self._turn) % len(self.partitions)]

    def place(self, key: bytes) -> int:
        """Return the number of a key's partition."""
        return zlib.crc32(key) % len(self.partitions)

    def partition(self, number: int) -> Partition:
        """Return the partition with a number.

        Raises:
            NotFound: There is no such partition.
        """
        if number >= len(self.partitions):
            raise NotFound(f"{self.name!r} has no partition {number}: it has {len(self.partitions)}, from 0")
        return self.partitions[number]

    def enforce_retention(self) -> None:
        """Delete the messages that are beyond the limits of retention."""
        for partition in self.partitions:
            if self.retention_seconds is not None:
                oldest = now_microseconds() - int(self.retention_seconds * 1e6)
                partition.trim(partition.expired_before(oldest))
            if self.retention_messages is not None:
                partition.trim(partition.end - self.retention_messages)
