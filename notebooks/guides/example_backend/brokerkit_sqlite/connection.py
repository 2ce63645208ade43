"""The file: each thread opens it for itself, and works with it in transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from brokerkit.core.vocabulary.errors import ConfigError

from .tables import APPLICATION_ID, SCHEMA


def _opened(path: str, mode: str, wait: float) -> sqlite3.Connection:
    uri = f"{Path(path).as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, timeout=wait, isolation_level=None, uri=True)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def create_file(path: str, wait: float) -> None:
    """Create the file with its tables, if it is not there or empty."""
    with closing(_opened(path, "rwc", wait)) as connection:
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            return
        # readers then do not wait for writers
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        # another process may have been faster
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")


class Database:
    """The file as one thread sees it. It is opened on first use.

    Args:
        path: the path of the file; a relative one begins in the current folder.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._connection: sqlite3.Connection | None = None

    def again(self) -> Database:
        """Return the same file for another thread."""
        return Database(self.path)

    def check(self, wait: float) -> None:
        """Raise ConfigError if the file is not one of this backend."""
        with self.reading(wait) as connection:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise ConfigError(f"{self.path} holds something else: expected a file made with create=True")

    @contextmanager
    def reading(self, wait: float) -> Iterator[sqlite3.Connection]:
        """Read in one transaction, which sees one state of the file."""
        with self._transaction("BEGIN", wait) as connection:
            yield connection

    @contextmanager
    def writing(self, wait: float) -> Iterator[sqlite3.Connection]:
        """Write in one transaction, which holds the lock of the file. Wait for the lock at most `wait`."""
        with self._transaction("BEGIN IMMEDIATE", wait) as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str, wait: float) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            self._connection = _opened(self.path, "rw", wait)
        connection = self._connection
        connection.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
        connection.execute(begin)
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
