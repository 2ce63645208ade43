"""Topics: partitions, entries, retention."""

from __future__ import annotations

import time
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice

from brokerkit.core.attributes import Pair
from brokerkit.core.columns import Columns


def now_microseconds() -> int:
    return time.time_ns() // 1000


@dataclass(slots=True, frozen=True)
class Entry:
    """One stored message. A control entry takes an offset and is never delivered."""

    offset: int
    time: int
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

    messages: how many can be delivered. size: their bytes.
    """

    def __init__(self, topic: str, number: int) -> None:
        self.topic = topic
        self.number = number
        self.start = 0
        self.size = 0
        self.messages = 0
        self._entries: list[Entry | None] = []

    @property
    def end(self) -> int:
        return self.start + len(self._entries)

    def append(
        self,
        key: bytes | None,
        value: bytes | None,
        attributes: tuple[Pair, ...] | None,
        control: bool = False,
    ) -> Entry:
        entry = Entry(self.end, max(now_microseconds(), self._last_time()), key, value, attributes, control)
        self._entries.append(entry)
        self.size += _size(entry)
        self.messages += _message(entry)
        return entry

    def _last_time(self) -> int:
        last = self._entries[-1] if self._entries else None
        return last.time if last is not None else 0

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

    def at_time(self, moment: int) -> int | None:
        """The offset of the first entry at or after a moment."""
        index = bisect_left(range(len(self._entries)), moment, key=self._time_before)
        entry = next((each for each in islice(self._entries, index, None) if each is not None), None)
        return None if entry is None else entry.offset

    def _time_before(self, index: int) -> int:
        """The time of an entry; of a gap, that of the entry before it."""
        while index >= 0:
            entry = self._entries[index]
            if entry is not None:
                return entry.time
            index -= 1
        return -(2**63)

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
        """The offset at which entries from `moment` on begin."""
        found = self.at_time(moment)
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
        number = next(self._turn) if key is None else zlib.crc32(key)
        return self.partitions[number % len(self.partitions)]

    def enforce_retention(self) -> None:
        for partition in self.partitions:
            if self.retention_seconds is not None:
                oldest = now_microseconds() - int(self.retention_seconds * 1e6)
                partition.trim(partition.expired_before(oldest))
            if self.retention_messages is not None:
                partition.trim(partition.end - self.retention_messages)


def columns_of(topic: str, entries: list[tuple[int, Entry]], counts: list[int] | None) -> Columns:
    """(partition, entry) pairs as columns."""
    times = [entry.time for _, entry in entries]
    return Columns(
        len(entries),
        topic=topic,
        partition=[partition for partition, _ in entries],
        offset=[entry.offset for _, entry in entries],
        id=[f"{partition}-{entry.offset}" for partition, entry in entries],
        key=[entry.key for _, entry in entries],
        value=[entry.value for _, entry in entries],
        attributes=[entry.attributes for _, entry in entries],
        publish_time=times,
        ingestion_time=times,
        delivery_count=counts,
    )
