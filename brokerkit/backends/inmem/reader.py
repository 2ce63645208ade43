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

    def start(self, slice_: Slice, *, attributes: bool) -> None:
        if slice_.partition is None:
            raise ConfigError(f"a slice of {slice_.topic!r} needs a partition")
        self._piece = slice_
        self._position = slice_.start

    def fetch(self, wait: float) -> Columns | None:
        self._store.check(wait)
        slice_ = self._piece
        assert slice_ is not None
        assert slice_.partition is not None
        with self._store.changed:
            partitions = self._store.topic(slice_.topic).partitions
            if not 0 <= slice_.partition < len(partitions):
                raise NotFound(f"{slice_.topic!r} has no partition {slice_.partition}")
            partition = partitions[slice_.partition]
            position = max(self._position, partition.start)
            end = min(slice_.end, partition.end)
            if position >= end:
                return None
            entries, position = partition.some(position, min(position + READ_ROWS, end), READ_BYTES)
        columns = to_columns(slice_.topic, [(slice_.partition, entry) for entry in entries], None)
        self._position = position
        return columns
