"""Topics: partitions, entries, retention."""

from __future__ import annotations

import time
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from operator import attrgetter

from brokerkit.core.vocabulary.attributes import Pair
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import NotFound


def now_microseconds() -> int:
    return time.time_ns() // 1000


@dataclass(slots=True, frozen=True)
class Entry:
    """One stored message. A control entry takes an offset and is never delivered.

    time: when it was published, as its publisher says or as `stored`. stored: when it came.
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
    """1 for an entry that can be delivered, else 0."""
    return 0 if entry is None or entry.control else 1


class Partition:
    """A log of entries; deleted ones leave a gap.

    messages: how many can be delivered. size: their bytes. sorted: whether no time is before another's.
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
        return self.start + len(self._entries)

    def append(
        self,
        key: bytes | None,
        value: bytes | None,
        attributes: tuple[Pair, ...] | None,
        time: int | None = None,
        control: bool = False,
    ) -> Entry:
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
        index = offset - self.start
        if not 0 <= index < len(self._entries):
            return None
        entry = self._entries[index]
        return None if entry is None or entry.control else entry

    def range(self, start: int, stop: int) -> list[Entry]:
        """The entries that can be delivered from `start` up to but excluding `stop`."""
        low, high = max(0, start - self.start), max(0, stop - self.start)
        return [e for e in self._entries[low:high] if e is not None and not e.control]

    def some(self, start: int, stop: int, most_bytes: int) -> tuple[list[Entry], int]:
        """As `range`, but at most so many bytes, or one entry; and the offset at which to go on."""
        found: list[Entry] = []
        size = 0
        for entry in self.range(start, stop):
            size += _size(entry)
            if found and size > most_bytes:
                return found, entry.offset
            found.append(entry)
        return found, stop

    def at_time(self, moment: int) -> int | None:
        """The offset of the first entry published at or after a moment."""
        if self.sorted:
            return self._first(moment, attrgetter("time"))
        found = (each for each in self._entries if each is not None and each.time >= moment)
        return next((each.offset for each in found), None)

    def _first(self, moment: int, time_of: Callable[[Entry], int]) -> int | None:
        """The offset of the first entry at or after a moment, by a time that never goes back."""

        def time_before(index: int) -> int:
            """The time of an entry; of a gap, that of the entry before it."""
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
        """Take one entry out, as compaction does."""
        index = offset - self.start
        if 0 <= index < len(self._entries):
            self.size -= _size(self._entries[index])
            self.messages -= _message(self._entries[index])
            self._entries[index] = None

    def trim(self, start: int) -> None:
        """Take out everything before an offset, as retention does."""
        cut = min(max(0, start - self.start), len(self._entries))
        self.size -= sum(map(_size, self._entries[:cut]))
        self.messages -= sum(map(_message, self._entries[:cut]))
        del self._entries[:cut]
        self.start += cut

    def expired_before(self, moment: int) -> int:
        """The offset at which entries stored from `moment` on begin."""
        found = self._first(moment, attrgetter("stored"))
        return self.end if found is None else found


@dataclass
class Topic:
    """Partitions with their limits. retention_seconds, retention_messages: None keeps everything."""

    name: str
    partitions: list[Partition]
    retention_seconds: float | None = None
    retention_messages: int | None = None
    max_message_bytes: int = 0
    published_ids: dict[str, str] = field(default_factory=dict)
    _turn: Iterator[int] = field(default_factory=count)

    def choose(self, key: bytes | None) -> Partition:
        """The partition of a key; unkeyed messages take turns."""
        if key is not None:
            return self.partitions[self.place(key)]
        return self.partitions[next(self._turn) % len(self.partitions)]

    def place(self, key: bytes) -> int:
        """The number of a key's partition."""
        return zlib.crc32(key) % len(self.partitions)

    def partition(self, number: int) -> Partition:
        """A partition by its number. Raises NotFound."""
        if number >= len(self.partitions):
            raise NotFound(f"{self.name!r} has no partition {number}: it has {len(self.partitions)}, from 0")
        return self.partitions[number]

    def enforce_retention(self) -> None:
        for partition in self.partitions:
            if self.retention_seconds is not None:
                oldest = now_microseconds() - int(self.retention_seconds * 1e6)
                partition.trim(partition.expired_before(oldest))
            if self.retention_messages is not None:
                partition.trim(partition.end - self.retention_messages)


def columns_of(topic: str, entries: list[tuple[int, Entry]], counts: list[int] | None) -> Columns:
    """(partition, entry) pairs as columns."""
    return Columns(
        len(entries),
        topic=topic,
        partition=[partition for partition, _ in entries],
        offset=[entry.offset for _, entry in entries],
        id=[f"{partition}-{entry.offset}" for partition, entry in entries],
        key=[entry.key for _, entry in entries],
        value=[entry.value for _, entry in entries],
        attributes=[entry.attributes for _, entry in entries],
        publish_time=[entry.time for _, entry in entries],
        ingestion_time=[entry.stored for _, entry in entries],
        delivery_count=counts,
    )
