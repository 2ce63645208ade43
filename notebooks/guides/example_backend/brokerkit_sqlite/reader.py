"""The reader of slices."""

from __future__ import annotations

from brokerkit.core.contract.inspector import ReaderDriver
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.topics import Slice

from .codec import to_columns
from .connection import Database
from .tables import MESSAGE, messages_of, one_batch

BATCH_ROWS = 1000


class SqliteReader(ReaderDriver):
    """A reader that takes one batch after the other from a table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, slice_: Slice, *, attributes: bool) -> None:
        self._slice, self._position = slice_, slice_.start

    def fetch(self, wait: float) -> Columns | None:
        topic, end = self._slice.topic, self._slice.end
        with self._database.reading(wait) as connection:
            query = f"SELECT {MESSAGE} FROM {messages_of(connection, topic)} WHERE number >= ? AND number < ?"
            found = connection.execute(f"{query} ORDER BY number LIMIT {BATCH_ROWS}", (self._position, end))
            rows = list(one_batch(found))
        if not rows:
            return None
        self._position = rows[-1][0] + 1
        return to_columns(topic, rows)

    def close(self, timeout: float) -> None:
        self._database.close()
