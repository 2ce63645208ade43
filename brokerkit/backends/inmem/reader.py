"""The reader of slices, which takes nothing from any subscription."""

from __future__ import annotations

from brokerkit.core.contract.inspector import ReaderDriver
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError, NotFound
from brokerkit.core.vocabulary.topics import Slice

from .codec import to_columns
from .store import Store

READ_ROWS = 2_000
READ_BYTES = 8 * 1024 * 1024
"""Most bytes of one fetch of a reader. A fetch has at least one row, even if that is larger."""


class InmemReader(ReaderDriver):
    """A reader of one slice after the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._piece: Slice | None = None
        self._position = 0

    def start(self, piece: Slice, *, attributes: bool) -> None:
        if piece.partition is None:
            raise ConfigError(f"a slice of {piece.topic!r} needs a partition")
        self._piece = piece
        self._position = piece.start

    def fetch(self, wait: float) -> Columns | None:
        self._store.check(wait)
        piece = self._piece
        assert piece is not None
        assert piece.partition is not None
        with self._store.changed:
            partitions = self._store.topic(piece.topic).partitions
            if not 0 <= piece.partition < len(partitions):
                raise NotFound(f"{piece.topic!r} has no partition {piece.partition}")
            partition = partitions[piece.partition]
            position = max(self._position, partition.start)
            end = min(piece.end, partition.end)
            if position >= end:
                return None
            entries, self._position = partition.some(position, min(position + READ_ROWS, end), READ_BYTES)
        return to_columns(piece.topic, [(piece.partition, entry) for entry in entries], None)
