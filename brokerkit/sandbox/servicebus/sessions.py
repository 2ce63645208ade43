"""Message sessions: the receivers that hold them, and the state kept with each."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from . import errors
from .clock import now


@dataclass(slots=True)
class SessionLock:
    """A receiver's hold of a session.

    Attributes:
        until: When it ends, in milliseconds since the epoch.
    """

    holder: int
    session: str
    until: int


class Sessions:
    """The locks and states of sessions. Locks end with their receivers, so only the states are stored."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self._locks: dict[tuple[int, str], SessionLock] = {}

    def accept(self, holder: int, session: str, duration: int) -> SessionLock:
        """Take a session for `duration` milliseconds. Raises Refusal if another receiver has it."""
        if self.is_locked(holder, session):
            raise errors.session_locked(session)
        lock = SessionLock(holder, session, now() + duration)
        self._locks[holder, session] = lock
        return lock

    def is_locked(self, holder: int, session: str) -> bool:
        """Return whether a receiver holds a session."""
        return (holder, session) in self._locks

    def held(self, holder: int, session: str) -> SessionLock:
        """Return the lock of a session. Raises Refusal if no receiver holds it."""
        lock = self._locks.get((holder, session))
        if lock is None or lock.until <= now():
            raise errors.session_lock_lost(session)
        return lock

    def release(self, lock: SessionLock) -> None:
        """Release a session. Releasing twice is allowed."""
        if self._locks.get((lock.holder, lock.session)) is lock:
            del self._locks[lock.holder, lock.session]

    def overdue(self, at: int) -> list[SessionLock]:
        """Return the locks that have ended."""
        return [lock for lock in self._locks.values() if lock.until <= at]

    def state(self, holder: int, session: str) -> bytes | None:
        """Return the state that was last set, or None."""
        row = self._store.execute(
            "SELECT state FROM session WHERE holder = ? AND name = ?", (holder, session)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def set_state(self, holder: int, session: str, state: bytes | None) -> None:
        """Set the state of a session, or remove it with None."""
        if state is None:
            self._store.execute("DELETE FROM session WHERE holder = ? AND name = ?", (holder, session))
            return
        self._store.execute(
            "INSERT OR REPLACE INTO session (holder, name, state, updated) VALUES (?, ?, ?, ?)",
            (holder, session, state, now()),
        )

    def names(self, holder: int, updated_after: int | None) -> list[str]:
        """Return the sessions whose state was set after a time.

        With None, return those with a state or active messages.
        """
        if updated_after is not None:
            query, values = (
                "SELECT name FROM session WHERE holder = ? AND updated > ?",
                (holder, updated_after),
            )
        else:
            query, values = (
                "SELECT name FROM session WHERE holder = ? UNION"
                " SELECT session FROM message WHERE holder = ? AND state = 0 AND session IS NOT NULL",
                (holder, holder),
            )
        return [row[0] for row in self._store.execute(f"{query} ORDER BY 1", values)]
