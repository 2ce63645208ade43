"""The publisher."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.vocabulary.errors import NotFound
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.results import PublishResult

from .codec import row_of
from .connection import Database
from .errors import ERRORS
from .tables import messages_of


class SqlitePublisher(PublisherDriver):
    """A publisher that stores each batch in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        stored: list[PublishResult] = []
        try:
            with self._database.writing(timeout) as connection:
                for topic, message in batch:
                    stored.append(_store(connection, topic, message))
        except sqlite3.Error as error:
            if len(stored) == len(batch):
                # the commit failed, so they may be stored
                raise
            return [PublishResult("failed", error=ERRORS.translate(error)) for _ in batch]
        return stored

    def close(self, timeout: float) -> None:
        self._database.close()


def _store(connection: sqlite3.Connection, topic: str, message: OutboundMessage) -> PublishResult:
    try:
        table = messages_of(connection, topic)
    except NotFound as error:
        return PublishResult("failed", error=error)
    insert = f"INSERT INTO {table} (key, value, attributes, time) VALUES (?, ?, ?, ?)"
    return PublishResult("confirmed", id=str(connection.execute(insert, row_of(message)).lastrowid))
