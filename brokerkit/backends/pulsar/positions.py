"""Message ids as positions: ``LEDGER:ENTRY:PARTITION:BATCH`` as text, and one integer.

Pulsar has no offsets. An id names the ledger of a message, its entry there, and its place in the batch
of that entry (-1 without a batch). The integer holds the three side by side, each as wide as the broker
can count, so that it grows along a partition and is unique. It leaves gaps, and only `LedgerBounds`
knows how many entries lie between two positions. A message in several chunks lies where its last chunk
is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulsar

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Bounds

from .wire import fields

LEDGER, ENTRY, BATCH_SIZE, FIRST_CHUNK = 1, 2, 6, 7
"""Field numbers of an encoded id."""
ENTRY_BITS = 64
PLACE_BITS = 32
_PLACE = (1 << PLACE_BITS) - 1
NO_POSITION = (
    'on Pulsar a position is the id of a message ("LEDGER:ENTRY:PARTITION:BATCH", as in the column `id`), '
    'a time, "earliest", "latest", or a negative number, which counts messages back from the end of each '
    "partition"
)


def pack(ledger: int, entry: int, batch: int = -1) -> int:
    """Return an id as an integer."""
    return (ledger << ENTRY_BITS | entry) << PLACE_BITS | (batch + 1)


def unpack(position: int) -> tuple[int, int, int]:
    """Return the ledger, entry and batch index of a position."""
    entries, place = divmod(position, 1 << PLACE_BITS)
    ledger, entry = divmod(entries, 1 << ENTRY_BITS)
    return ledger, entry, place - 1


def entry_of(position: int) -> int:
    """Return the position of the entry that holds a position."""
    return position >> PLACE_BITS << PLACE_BITS


def place_of(position: int) -> int:
    """Return the place of a position in the batch of its entry, from 1; 0 without a batch."""
    return position & _PLACE


def next_entry(position: int) -> int:
    """Return the position of the entry after the one that holds a position, in the same ledger."""
    return (position >> PLACE_BITS) + 1 << PLACE_BITS


def parse_id(text: str) -> tuple[int | None, int]:
    """Return the partition and position of an id. Raises ConfigError."""
    try:
        ledger, entry, partition, batch = map(int, text.split(":"))
        if min(ledger, entry, batch + 1) < 0 or max(ledger, entry) >> ENTRY_BITS or batch + 1 >> PLACE_BITS:
            raise ValueError
    except ValueError:
        raise ConfigError(f"{text!r} is not a message id: expected LEDGER:ENTRY:PARTITION:BATCH") from None
    return None if partition < 0 else partition, pack(ledger, entry, batch)


def entry_id(position: int, partition: int | None) -> Any:
    """Return the library's id of the entry that holds a position."""
    ledger, entry, _ = unpack(position)
    return pulsar.MessageId(-1 if partition is None else partition, ledger, entry, -1)


@dataclass(frozen=True, slots=True)
class Extent:
    """The facts that only the encoded form of an id tells.

    Attributes:
        size: The number of messages in its batch.
        first: The position of its first chunk.
    """

    size: int
    first: int | None


def extent_of(message_id: Any) -> Extent:
    """Return the batch and the chunks of a message from the library's id."""
    content = dict(fields(message_id.serialize()))
    first = content.get(FIRST_CHUNK)
    if isinstance(first, bytes):
        chunk = dict(fields(first))
        return Extent(0, pack(int(chunk.get(LEDGER, 0)), int(chunk.get(ENTRY, 0))))
    return Extent(int(content.get(BATCH_SIZE, 0)), None)


def position_of(message_id: Any) -> int:
    """Return the position of a message from the library's id."""
    return pack(message_id.ledger_id(), message_id.entry_id(), message_id.batch_index())


@dataclass(frozen=True, slots=True)
class LedgerBounds(Bounds):
    """The range of a partition, counted in entries: a batch counts as one message.

    Attributes:
        ledgers: The (id, entries) of each ledger that has entries, in order.
    """

    ledgers: tuple[tuple[int, int], ...] = ()

    def place(self, number: int) -> int:
        raise ConfigError(f"{number} is not a position: {NO_POSITION}")

    def show(self, position: int) -> str:
        """Return an id, so that what is shown can be given as a position."""
        return self.written(position)

    def written(self, position: int) -> str:
        """Return the id of the message at a position: ``LEDGER:ENTRY:PARTITION:BATCH``."""
        ledger, entry, batch = unpack(position)
        return f"{ledger}:{entry}:{-1 if self.partition is None else self.partition}:{batch}"

    def same(self, position: int, other: int) -> bool:
        """Return whether two positions begin with the same entry. Cursors are told by entry."""
        return self._entries_before(position) == self._entries_before(other)

    def advance(self, offset: int, count: int) -> int:
        """Return the position `count` entries forward, or back if negative, within the range."""
        return self._at(self._entries_before(offset) + count)

    def after(self, offset: int, messages: int) -> int:
        return max(offset + 1, self.advance(offset, messages))

    def before(self, offset: int, messages: int) -> int:
        # an entry that begins before the position counts, or a step within it would lead nowhere
        return self._at(self._entries_before(offset) + int(offset > entry_of(offset)) - messages)

    def between(self, start: int, stop: int) -> int:
        whole = self._entries_before(stop) + int(stop > entry_of(stop)) - self._entries_before(start)
        return max(int(stop > start), whole)

    def entries(self, start: int, stop: int) -> Iterator[int]:
        """Yield the positions of the entries with a part from `start` up to but excluding `stop`."""
        first, begin, _ = unpack(start)
        for ledger, size in self.ledgers:
            if ledger < first:
                continue
            for entry in range(begin if ledger == first else 0, size):
                position = pack(ledger, entry)
                if position >= stop:
                    return
                yield position

    def backwards(self, start: int) -> Iterator[int]:
        """Yield the positions of the entries before `start`, the nearest first."""
        last, entry, _ = unpack(start)
        for ledger, size in reversed(self.ledgers):
            if ledger <= last:
                for each in reversed(range(min(size, entry) if ledger == last else size)):
                    yield pack(ledger, each)

    def _entries_before(self, offset: int) -> int:
        ledger, entry, _ = unpack(offset)
        return sum(
            size if each < ledger else min(entry, size) for each, size in self.ledgers if each <= ledger
        )

    def _at(self, entries: int) -> int:
        left = max(0, entries)
        for ledger, size in self.ledgers:
            if left < size:
                return pack(ledger, left)
            left -= size
        return self.end


def from_ledgers(number: int | None, internal: dict[str, Any]) -> LedgerBounds:
    """Return the range that the ledgers of a partition cover."""
    newest, last = map(int, internal["lastConfirmedEntry"].split(":"))
    sizes = [(int(each["ledgerId"]), int(each["entries"])) for each in internal["ledgers"]]
    # the list does not tell the size of the ledger that is being written
    ledgers = [(ledger, last + 1 if ledger == newest else entries) for ledger, entries in sizes]
    filled = tuple((ledger, entries) for ledger, entries in ledgers if entries > 0 and ledger <= newest)
    end = pack(max(0, newest), last + 1)
    start = pack(filled[0][0], 0) if filled else end
    return LedgerBounds(
        number, start, max(start, end), sum(entries for _, entries in filled), filled, counted="about"
    )
