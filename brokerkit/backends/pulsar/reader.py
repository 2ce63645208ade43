"""Reading slices with the library's readers, which acknowledge nothing and leave nothing behind."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from typing import Any

import pulsar

from brokerkit.core.collector import gc_paused
from brokerkit.core.columns import Columns
from brokerkit.core.driver import ReaderDriver
from brokerkit.core.errors import Closed, ConfigError, NotFound, Unavailable
from brokerkit.core.topics import Slice

from . import safety
from .columns import offset_of, to_columns
from .names import partition_name
from .positions import entry_id, pack, unpack
from .ranges import READER_PREFIX
from .subscribing import leave
from .topics import Topics

OPEN_SECONDS = 15.0
LOOK_SECONDS = 5.0
BATCH = 2_000
AHEAD = 1_000


class PulsarReader(ReaderDriver):
    """Reads one slice after the other, each with a reader of its own."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._link = topics.link
        self._known = ""
        self._piece: Slice | None = None
        self._reader: Any = None
        self._attributes = True
        self._done = True

    def start(self, piece: Slice, *, attributes: bool) -> None:
        self.stop()
        full = self._topics.full(piece.topic)
        if self._known != full:
            # the library would create a missing topic
            if piece.partition not in self._topics.partitions(full, LOOK_SECONDS):
                raise NotFound(f"topic {full!r} has no partition {piece.partition}")
            self._known = full
        self._piece, self._attributes, self._done = piece, attributes, piece.empty
        name = partition_name(full, piece.partition)
        if not self._done:
            # from the beginning of the entry: what of its batch comes before the slice is left out later
            begin = entry_id(piece.start, piece.partition)
            self._reader = self._link.run(
                lambda: self._open(name, begin), OPEN_SECONDS, f"reading {piece.topic}"
            )

    def _open(self, name: str, begin: Any) -> Any:
        return safety.watch(
            self._link.client.create_reader(
                name,
                begin,
                start_message_id_inclusive=True,
                receiver_queue_size=AHEAD,
                subscription_role_prefix=READER_PREFIX,
            )
        )

    def fetch(self, wait: float) -> Columns | None:
        piece = self._piece
        if piece is None:
            raise ConfigError("no slice was started")
        if self._done:
            return None
        with gc_paused():
            messages = self._read(wait, piece.end)
            columns = to_columns(messages, attributes=self._attributes)
        if not columns.length:
            self._done = self._done or self._at_end()
            return None if self._done else columns
        offsets = columns.offset
        columns = columns.slice(bisect_left(offsets, piece.start), bisect_left(offsets, piece.end))
        self._done = self._done or _next_offset(offsets[-1]) >= piece.end
        return None if self._done and not columns.length else columns

    def _read(self, wait: float, end: int) -> list[Any]:
        """What is there, or comes first within `wait`, up to the end of the slice."""
        messages: list[Any] = []
        while len(messages) < BATCH:
            try:
                message = self._reader.read_next(timeout_millis=0 if messages else int(1000 * wait))
            except pulsar.Timeout:
                break
            messages.append(message)
            if _next_offset(offset_of(message.message_id())) >= end:
                self._done = True
                break
        return messages

    def _at_end(self) -> bool:
        """Whether nothing more comes now: the end of the slice may have been deleted."""
        if not self._reader.is_connected():
            raise Unavailable("the connection to the broker is lost; the client reconnects")
        reader = self._reader
        return not self._link.run(reader.has_message_available, LOOK_SECONDS, "looking for more")

    def stop(self) -> None:
        reader, self._reader, self._done = self._reader, None, True
        if reader is not None:
            # nobody waits for it; with a client that is closed it is closed, too
            with contextlib.suppress(Closed):
                self._link.begin(lambda: leave(reader), "leave")

    def close(self, timeout: float) -> None:
        self.stop()


def _next_offset(offset: int) -> int:
    """The offset behind a message: behind one without a batch that of the next entry."""
    ledger, entry, batch = unpack(offset)
    return pack(ledger, entry + 1) if batch < 0 else offset + 1
