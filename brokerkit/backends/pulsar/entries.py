"""What each entry of a partition holds, which the library does not tell of those it gives no message of.

Of an entry the library gives a message or several (a batch), or none: it is a chunk of a message that is
given with its last chunk, or one that brokers wrote for each other. A reader that begins between the chunks
of a message leaves it out without a word, so somebody has to look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from brokerkit.core.vocabulary.cancellation import Deadline

from .positions import LedgerBounds, pack, unpack
from .rest import Admin

HIDDEN = {"x-pulsar-marker-type": "", "x-pulsar-txn-aborted": "true", "x-pulsar-txn-uncommitted": "true"}
"""What the broker says of entries that no reader gets. An empty text stands for any."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry. messages: how many its batch has, 0 where it is none. chunk: which, of how many, of what."""

    position: int
    messages: int = 0
    chunk: int | None = None
    chunks: int = 0
    uuid: str = ""
    hidden: bool = False

    @property
    def last(self) -> int | None:
        """The position of the last message that a reader gives for it; None where it gives none."""
        if self.hidden or (self.chunk is not None and self.chunk < self.chunks - 1):
            return None
        return self.position + self.messages


@dataclass(frozen=True, slots=True)
class Missing:
    """A message that should have come. begin: the entry at which a reader of it has to begin."""

    position: int
    begin: int


class Entries:
    """Asks the REST endpoint about the entries of one partition."""

    def __init__(self, admin: Admin, part: str) -> None:
        self._admin = admin
        self._part = part
        self._known: dict[int, Entry | None] = {}

    def entry(self, position: int, deadline: Deadline) -> Entry | None:
        """The entry in which a position lies; None where there is none."""
        ledger, number, _ = unpack(position)
        place = pack(ledger, number)
        if place not in self._known:
            headers = self._admin.entry(self._part, ledger, number, max(1.0, deadline.remaining()))
            self._known[place] = None if headers is None else _read(place, headers)
        return self._known[place]

    def missing(self, bounds: LedgerBounds, start: int, stop: int, deadline: Deadline) -> Missing | None:
        """The first message from `start` up to but excluding `stop` that a reader should give."""
        for position in bounds.entries(start, stop):
            found = self.entry(position, deadline)
            last = None if found is None else found.last
            if found is not None and last is not None and last >= start:
                begin = self.begin(bounds, found, deadline)
                if begin is not None:
                    return Missing(max(start, position), begin)
        return None

    def begin(self, bounds: LedgerBounds, entry: Entry, deadline: Deadline) -> int | None:
        """Where a reader of an entry's message has to begin; None where retention has taken a part of it."""
        if not entry.chunk:
            return entry.position
        left = set(range(entry.chunk))
        for position in bounds.backwards(entry.position):
            found = self.entry(position, deadline)
            if found is not None and found.uuid == entry.uuid and found.chunk is not None:
                left.discard(found.chunk)
                if found.chunk == 0:
                    return None if left else position
        return None


def _read(position: int, headers: Mapping[str, str]) -> Entry:
    chunk = headers.get("x-pulsar-chunk-id")
    hidden = any(name in headers and text in ("", headers[name].lower()) for name, text in HIDDEN.items())
    return Entry(
        position,
        int(headers.get("x-pulsar-num-batch-message", 0)),
        None if chunk is None else int(chunk),
        int(headers.get("x-pulsar-num-chunks-from-msg", 0)),
        headers.get("x-pulsar-uuid", ""),
        hidden,
    )
