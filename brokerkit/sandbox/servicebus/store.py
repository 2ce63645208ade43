"""Everything that outlives the process: entities, rules, messages and session states, in SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS entity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE COLLATE NOCASE,
    settings TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS rule (
    entity INTEGER NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    definition TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (entity, name)
);
CREATE TABLE IF NOT EXISTS sequence (entity INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    holder INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    state INTEGER NOT NULL,
    due INTEGER,
    enqueued INTEGER NOT NULL,
    expires INTEGER,
    session TEXT,
    message_id TEXT,
    deliveries INTEGER NOT NULL,
    token BLOB,
    locked_until INTEGER,
    ttl INTEGER,
    annotations BLOB NOT NULL,
    properties BLOB NOT NULL,
    application BLOB NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (holder, seq)
);
CREATE INDEX IF NOT EXISTS free ON message (holder, seq) WHERE state = 0 AND token IS NULL;
CREATE INDEX IF NOT EXISTS free_of_session ON message (holder, session, seq)
    WHERE state = 0 AND token IS NULL;
CREATE INDEX IF NOT EXISTS locked ON message (token) WHERE token IS NOT NULL;
CREATE INDEX IF NOT EXISTS lock_end ON message (locked_until) WHERE locked_until IS NOT NULL;
CREATE INDEX IF NOT EXISTS due ON message (due) WHERE state = 2;
CREATE INDEX IF NOT EXISTS expiry ON message (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS session (
    holder INTEGER NOT NULL,
    name TEXT NOT NULL,
    state BLOB NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (holder, name)
);
CREATE TABLE IF NOT EXISTS seen (
    holder INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (holder, message_id)
);
"""


def open_store(folder: Path) -> sqlite3.Connection:
    """Open the database in a folder, and create it if it does not exist.

    A committed change outlives a killed process. It is not synced to the disk for each commit, since a
    test ends processes and not machines.
    """
    store = sqlite3.connect(folder / "messages.sqlite3")
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = OFF")
    store.executescript(SCHEMA)
    return store
