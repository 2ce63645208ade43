"""The tables in the file, and what several drivers look up in them.

A topic is a table ``messages_N`` with a sequence number for each message. A subscription has a number `next`:
it has never delivered that message and those after it. Of those before it, the ones that are not acknowledged
have a row in `deliveries`: who holds it, until when, and how often it was delivered. Times are those of the
clock, because processes share them: seconds since 1970 for locks, microseconds for messages.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from brokerkit.core.vocabulary.errors import NotFound
from brokerkit.core.vocabulary.topics import Bounds

APPLICATION_ID = 0x62726F6B
SCHEMA = (
    "CREATE TABLE topics (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE)",
    """CREATE TABLE subscriptions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        topic INTEGER NOT NULL REFERENCES topics ON DELETE CASCADE,
        name TEXT NOT NULL, next INTEGER NOT NULL, lock REAL NOT NULL, UNIQUE (topic, name))""",
    """CREATE TABLE deliveries (
        subscription INTEGER NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
        number INTEGER NOT NULL, holder INTEGER NOT NULL, until REAL NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (subscription, number)) WITHOUT ROWID""",
    "CREATE INDEX due ON deliveries (subscription, until)",
)
MESSAGES = """CREATE TABLE {} (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB, value BLOB, attributes TEXT, time INTEGER NOT NULL)"""
MESSAGE = "number, key, value, attributes, time"
"""The columns of a message."""

BATCH_BYTES = 8_000_000
"""A batch ends with the message that makes it larger than this."""

Row = tuple[Any, ...]


def messages_of(connection: sqlite3.Connection, topic: str) -> str:
    """Return the name of the table of a topic. Raises NotFound."""
    found = connection.execute("SELECT number FROM topics WHERE name = ?", (topic,)).fetchone()
    if found is None:
        raise NotFound(f"there is no topic {topic!r}: s.topics() lists them")
    return f"messages_{found[0]}"


def bounds_of(connection: sqlite3.Connection, table: str) -> Bounds:
    """Return the range of the sequence numbers in a table of messages."""
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    end = 1 if last is None else last[0] + 1
    (first,) = connection.execute(f"SELECT min(number) FROM {table}").fetchone()
    return Bounds(None, end if first is None else first, end)


def first_at(connection: sqlite3.Connection, table: str, microseconds: int) -> dict[int | None, int]:
    """Return the first message in a table at or after a moment, as `InspectorDriver.at_time` does."""
    query = f"SELECT number FROM {table} WHERE time >= ? ORDER BY number LIMIT 1"
    found = connection.execute(query, (microseconds,)).fetchone()
    return {} if found is None else {None: found[0]}


def one_batch(rows: Iterable[Row]) -> Iterator[Row]:
    """Iterate over rows that begin with those of `MESSAGE`, until there are enough bytes."""
    size = 0
    for row in rows:
        yield row
        size += sum(len(each or b"") for each in row[1:4])
        if size > BATCH_BYTES:
            return
