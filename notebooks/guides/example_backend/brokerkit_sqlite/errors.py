"""What the exceptions of sqlite3 mean."""

from __future__ import annotations

import sqlite3
from typing import Any

from brokerkit.core.contract.error_table import ByCode, ByText, ErrorTable, Row
from brokerkit.core.vocabulary.errors import (
    ConfigError,
    NotFound,
    StorageError,
    TooLarge,
    Unauthorized,
    Unavailable,
)


def primary_code(error: BaseException) -> int:
    """Return the result code of SQLite without its extension. 0 if the module raised by itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _codes(error: Any) -> list[int]:
    return [primary_code(error)]


ERRORS = ErrorTable(
    {
        sqlite3.Error: ByCode(
            _codes,
            {
                sqlite3.SQLITE_BUSY: Row(Unavailable, "another connection holds the lock of the file"),
                sqlite3.SQLITE_CANTOPEN: Row(
                    NotFound, "the file cannot be opened", hint="create=True makes one that is not there"
                ),
                sqlite3.SQLITE_ERROR: ByText(
                    {"no such table: messages": Row(NotFound, "the topic was deleted")}
                ),
                sqlite3.SQLITE_NOTADB: Row(ConfigError, "the file is no SQLite database"),
                sqlite3.SQLITE_READONLY: Row(Unauthorized, "the file or its folder cannot be written"),
                sqlite3.SQLITE_PERM: Row(Unauthorized, "the file may not be opened"),
                sqlite3.SQLITE_FULL: Row(StorageError, "the disk is full"),
                sqlite3.SQLITE_IOERR: Row(StorageError, "the file cannot be read or written"),
                sqlite3.SQLITE_TOOBIG: Row(TooLarge, "a message is too large for SQLite"),
            },
        )
    }
)
