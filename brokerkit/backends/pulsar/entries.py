"""Find out what each entry of a partition holds, also if the library returns no message of it.

The library returns one or several messages (a batch) of an entry, or none: the entry is a chunk of a
message that is returned with its last chunk, or an internal entry of the brokers. A reader that begins
between the chunks of a message silently skips it, so the entries must be examined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from brokerkit.core.vocabulary.cancellation import Deadline

from .positions import LedgerBounds, pack, unpack
from .rest import RestEndpoint

HIDDEN = {"x-pulsar-marker-type": "", "x-pulsar-txn-aborted": "true", "x-pulsar-txn-uncommitted": "true"}
"""Headers of entries that no reader returns. An empty string stands for any value."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a partition.

    Attributes:
        position: The position of the entry.
        messages: The number of messages in its batch, or 0 if it is not a batch.
        chunk: The index of its chunk, or None if it is not a chunk.
        chunks: The number of chunks of the message.
        uuid: The id that all chunks of a message share.
        hidden: Whether no reader returns it.
        millis: When it was published, in milliseconds since 1970: one time for all messages of a batch.
    """

    position: int
    messages: int = 0
    chunk: int | None = None
    chunks: int = 0
    uuid: str = ""
    hidden: bool = False
    millis: int = 0

    @property
    def last(self) -> int | None:
        """The position of the last message that a reader returns for it, or None if it returns none."""
        if self.hidden or (self.chunk is not None and self.chunk < self.chunks - 1):
            return None
        return self.position + self.messages


@dataclass(frozen=True, slots=True)
class Missing:
    """A message that a reader should have returned.

    Attributes:
        position: The position of the message.
        begin: The entry at which a reader must begin to return it.
    """

    position: int
    begin: int


class Entries:
    """A cache of the entries of one partition, read from the REST endpoint."""

    def __init__(self, rest: RestEndpoint, part: str) -> None:
        self._rest = rest
        self._part = part
        self._known: dict[int, Entry | None] = {}

    def entry(self, position: int, deadline: Deadline) -> Entry | None:
        """Return the entry that holds a position, or None if there is none."""
        ledger, number, _ = unpack(position)
        place = pack(ledger, number)
        if place not in self._known:
            headers = self._rest.entry(self._part, ledger, number, max(1.0, deadline.remaining()))
            self._known[place] = None if headers is None else _read(place, headers)
        return self._known[place]

    def missing(self, bounds: LedgerBounds, start: int, stop: int, deadline: Deadline) -> Missing | None:
        """Return the first message from `start` up to but excluding `stop` that a reader should return."""
        for position in bounds.entries(start, stop):
            found = self.entry(position, deadline)
            last = None if found is None else found.last
            if found is not None and last is not None and last >= start:
                begin = self.begin(bounds, found, deadline)
                if begin is not None:
                    return Missing(max(start, position), begin)
        return None

    def begin(self, bounds: LedgerBounds, entry: Entry, deadline: Deadline) -> int | None:
        """Return where a reader must begin to return an entry's message;

        None if retention removed a part of it.
        """
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
        _millis(headers.get("x-pulsar-publish-time")),
    )


def _millis(text: str | None) -> int:
    return 0 if text is None else round(1000 * datetime.fromisoformat(text).timestamp())
