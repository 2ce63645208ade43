"""Message ids as positions: ``LEDGER:ENTRY:PARTITION:BATCH`` as text, and as one integer.

Pulsar has no offsets. An id says in which ledger a message lies, which entry it is there, and its place
in that entry's batch (-1: no batch). The integer has the three side by side, so that it grows along a
partition; it leaves gaps, and only `LedgerBounds` knows how many messages lie between two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulsar

from brokerkit.core.errors import ConfigError, NotSupported
from brokerkit.core.topics import Bounds

ENTRY_BITS = 21
BATCH_BITS = 11
LEDGER_BITS = 63 - ENTRY_BITS - BATCH_BITS


def pack(ledger: int, entry: int, batch: int = -1) -> int:
    """An id as an integer. NotSupported for the rare one that 63 bits cannot hold."""
    place = batch + 1
    if ledger >> LEDGER_BITS or entry >> ENTRY_BITS or place >> BATCH_BITS:
        raise NotSupported(
            f"message {ledger}:{entry}:{batch} has no offset: ledgers below 2^{LEDGER_BITS}, entries below "
            f"2^{ENTRY_BITS} and batches of fewer than {(1 << BATCH_BITS) - 1} messages do; consume the "
            "topic with a subscription, or read it with session.native"
        )
    return (ledger << ENTRY_BITS | entry) << BATCH_BITS | place


def unpack(offset: int) -> tuple[int, int, int]:
    """Ledger, entry and batch index of an offset."""
    entries, place = divmod(offset, 1 << BATCH_BITS)
    ledger, entry = divmod(entries, 1 << ENTRY_BITS)
    return ledger, entry, place - 1


def id_text(message_id: Any) -> str:
    """An id of the library as the text that frames show."""
    return (
        f"{message_id.ledger_id()}:{message_id.entry_id()}:"
        f"{message_id.partition()}:{message_id.batch_index()}"
    )


def parse_id(text: str) -> tuple[int | None, int]:
    """Partition and offset of an id. Raises ConfigError."""
    try:
        ledger, entry, partition, batch = map(int, text.split(":"))
    except ValueError:
        raise ConfigError(f"{text!r} is not a message id: expected LEDGER:ENTRY:PARTITION:BATCH") from None
    return None if partition < 0 else partition, pack(ledger, entry, batch)


def entry_id(offset: int, partition: int | None) -> Any:
    """The library's id of the entry in which an offset lies."""
    ledger, entry, _ = unpack(offset)
    return pulsar.MessageId(-1 if partition is None else partition, ledger, entry, -1)


@dataclass(frozen=True, slots=True)
class LedgerBounds(Bounds):
    """The range of a partition, counted in entries: a batch counts as one message.

    ledgers: (id, entries) of each that has some, in order.
    """

    ledgers: tuple[tuple[int, int], ...] = ()

    def advance(self, offset: int, count: int) -> int:
        """The offset `count` entries further on, or back when negative, within the range."""
        return self._at(self._entries_before(offset) + count)

    def after(self, offset: int, messages: int) -> int:
        return max(offset + 1, self.advance(offset, messages))

    def between(self, start: int, stop: int) -> int:
        return max(int(stop > start), self._entries_before(stop) - self._entries_before(start))

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
