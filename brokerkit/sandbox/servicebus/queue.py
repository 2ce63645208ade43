"""The messages in one part of an entity: enqueued, locked, settled, peeked at."""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass
from enum import IntEnum

from . import errors, wire
from .clock import now
from .namespace import entity_of
from .wire import Content


class State(IntEnum):
    """The state in the annotation `x-opt-message-state`."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


COLUMNS = (
    "holder, seq, state, due, enqueued, expires, session, message_id, deliveries, token, locked_until, ttl,"
    " annotations, properties, application, body"
)


@dataclass(slots=True)
class Stored:
    """A stored message. Its times are milliseconds since the epoch, and `ttl` is milliseconds."""

    holder: int
    seq: int
    state: int
    due: int | None
    enqueued: int
    expires: int | None
    session: str | None
    message_id: str | None
    deliveries: int
    token: bytes | None
    locked_until: int | None
    ttl: int | None
    annotations: bytes
    properties: bytes
    application: bytes
    body: bytes

    @property
    def lock_token(self) -> uuid.UUID:
        """The lock token as requests name it. On a link, the delivery tag has its bytes."""
        assert self.token is not None
        return uuid.UUID(bytes_le=self.token)

    def content(self) -> Content:
        """Return the content that was sent, to be stored elsewhere."""
        return Content(
            self.annotations,
            self.properties,
            self.application,
            self.body,
            self.ttl,
            self.session,
            self.message_id,
        )

    def encoded(self) -> bytes:
        """Return the message encoded for a receiver."""
        pairs = [
            wire.timestamp_pair(wire.ENQUEUED_TIME, self.enqueued),
            wire.long_pair(wire.SEQUENCE_NUMBER, self.seq),
        ]
        if self.locked_until is not None:
            pairs.append(wire.timestamp_pair(wire.LOCKED_UNTIL, self.locked_until))
        if self.state != State.ACTIVE:
            pairs.append(wire.int_pair(wire.MESSAGE_STATE, self.state))
        return b"".join(
            (
                wire.header(self.ttl, self.deliveries),
                wire.annotations_with(self.annotations, pairs),
                self.properties,
                self.application,
                self.body,
            )
        )


class Messages:
    """The messages of all holders, each of which is a part of an entity. Its operations do not commit."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self._last = dict(store.execute("SELECT entity, last FROM sequence").fetchall())

    def _next(self, entity: int) -> int:
        number: int = self._last.get(entity, 0) + 1
        self._last[entity] = number
        self._store.execute("INSERT OR REPLACE INTO sequence (entity, last) VALUES (?, ?)", (entity, number))
        return number

    def put(
        self,
        holder: int,
        content: Content,
        *,
        lifetime: int | None,
        due: int | None = None,
        number: int | None = None,
        deliveries: int = 0,
    ) -> int:
        """Enqueue a message, and return its sequence number.

        Args:
            holder: Where to put it.
            content: The message.
            lifetime: The milliseconds after which it expires, or None.
            due: When it is enqueued, in milliseconds since the epoch, or None for now.
            number: The sequence number that it already has in this entity, or None for the next one.
            deliveries: How often it was delivered before.
        """
        at = now()
        start = at if due is None else due
        if number is None:
            number = self._next(entity_of(holder))
        self._store.execute(
            f"INSERT INTO message ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?, ?, ?, ?, ?)",
            (
                holder,
                number,
                State.ACTIVE if due is None else State.SCHEDULED,
                due,
                at,
                None if lifetime is None else start + lifetime,
                content.session,
                content.message_id,
                deliveries,
                content.ttl if lifetime is None else lifetime,
                content.annotations,
                content.properties,
                content.application,
                content.body,
            ),
        )
        return number

    def _rows(self, query: str, values: tuple[object, ...]) -> list[Stored]:
        rows = self._store.execute(f"SELECT {COLUMNS} FROM message WHERE {query}", values)
        return [Stored(*row) for row in rows]

    def at(self, holder: int, seq: int) -> Stored | None:
        """Return the message with a sequence number, or None."""
        found = self._rows("holder = ? AND seq = ?", (holder, seq))
        return found[0] if found else None

    def held(self, holder: int, token: bytes) -> Stored:
        """Return the message with a lock. Raises Refusal if the lock is unknown or has ended."""
        for message in self._rows("token = ?", (token,)):
            if message.holder == holder and (message.locked_until is None or message.locked_until > now()):
                return message
        raise errors.message_lock_lost()

    def free(self, holder: int, session: str | None, count: int) -> list[Stored]:
        """Return active messages without a lock, oldest first."""
        query, values = "holder = ? AND state = 0 AND token IS NULL", (holder,)
        if session is None:
            return self._rows(f"{query} ORDER BY seq LIMIT ?", (*values, count))
        return self._rows(f"{query} AND session = ? ORDER BY seq LIMIT ?", (*values, session, count))

    def peek(self, holder: int, start: int, count: int, session: str | None = None) -> list[Stored]:
        """Return messages of every state from a sequence number on."""
        if session is None:
            return self._rows("holder = ? AND seq >= ? ORDER BY seq LIMIT ?", (holder, start, count))
        return self._rows(
            "holder = ? AND seq >= ? AND session = ? ORDER BY seq LIMIT ?", (holder, start, session, count)
        )

    def lock(self, message: Stored, until: int | None) -> None:
        """Lock a message with a token. Without `until`, the lock lasts as long as that of its session."""
        message.token, message.locked_until = uuid.uuid4().bytes_le, until
        self._store.execute(
            "UPDATE message SET token = ?, locked_until = ? WHERE holder = ? AND seq = ?",
            (message.token, until, message.holder, message.seq),
        )

    def extend(self, message: Stored, until: int) -> None:
        """Let the lock of a message last until another time."""
        self._store.execute(
            "UPDATE message SET locked_until = ? WHERE holder = ? AND seq = ?",
            (until, message.holder, message.seq),
        )

    def unlock(self, message: Stored, *, deliveries: int, application: bytes | None = None) -> None:
        """Remove the lock of a message, and store how often it was delivered."""
        self._store.execute(
            "UPDATE message SET token = NULL, locked_until = NULL, deliveries = ?, application = ?"
            " WHERE holder = ? AND seq = ?",
            (
                deliveries,
                message.application if application is None else application,
                message.holder,
                message.seq,
            ),
        )

    def defer(self, message: Stored, application: bytes) -> None:
        """Set a message aside. From now on it is available only by its sequence number."""
        self._store.execute(
            "UPDATE message SET token = NULL, locked_until = NULL, state = ?, application = ?"
            " WHERE holder = ? AND seq = ?",
            (State.DEFERRED, application, message.holder, message.seq),
        )

    def remove(self, message: Stored) -> None:
        """Remove a message."""
        self._store.execute("DELETE FROM message WHERE holder = ? AND seq = ?", (message.holder, message.seq))

    def delete_before(self, holder: int, until: int, count: int, session: str | None) -> int:
        """Remove active messages without a lock that were enqueued before a time, oldest first."""
        among = "" if session is None else " AND session = ?"
        values = (holder, until, *([] if session is None else [session]), count)
        return self._store.execute(
            "DELETE FROM message WHERE holder = ? AND seq IN (SELECT seq FROM message WHERE holder = ?1"
            f" AND state = 0 AND token IS NULL AND enqueued < ?{among} ORDER BY seq LIMIT ?)",
            values,
        ).rowcount

    def locked_in_session(self, holder: int, session: str) -> list[Stored]:
        """Return the messages that the receiver of a session has not settled."""
        return self._rows("holder = ? AND session = ? AND token IS NOT NULL", (holder, session))

    def all_locked(self) -> list[Stored]:
        """Return every message with a lock."""
        return self._rows("token IS NOT NULL", ())

    def overdue_locks(self, at: int) -> list[Stored]:
        """Return the messages whose lock has ended."""
        return self._rows("locked_until <= ? ORDER BY seq", (at,))

    def due(self, at: int) -> list[Stored]:
        """Return the scheduled messages whose time has come, in the order of their times."""
        return self._rows("state = 2 AND due <= ? ORDER BY due, seq", (at,))

    def expired(self, at: int) -> list[Stored]:
        """Return active messages without a lock whose time to live is over."""
        return self._rows("expires <= ? AND state = 0 AND token IS NULL ORDER BY seq", (at,))

    def waiting_sessions(self, holder: int) -> list[str]:
        """Return the sessions with available messages, the one with the oldest first."""
        rows = self._store.execute(
            "SELECT session FROM message WHERE holder = ? AND state = 0 AND token IS NULL"
            " AND session IS NOT NULL GROUP BY session ORDER BY MIN(seq)",
            (holder,),
        )
        return [row[0] for row in rows]

    def counts(self, holder: int) -> tuple[dict[int, int], int]:
        """Return the number of messages in each state, and the bytes of all."""
        rows = self._store.execute(
            "SELECT state, COUNT(*), SUM(LENGTH(body) + LENGTH(application) + LENGTH(properties))"
            " FROM message WHERE holder = ? GROUP BY state",
            (holder,),
        ).fetchall()
        return {row[0]: row[1] for row in rows}, sum(row[2] for row in rows)

    def is_duplicate(self, holder: int, message_id: str, window: int) -> bool:
        """Return whether a message of this id arrived in the last `window` milliseconds. Remember the id."""
        at = now()
        self._store.execute("DELETE FROM seen WHERE holder = ? AND until < ?", (holder, at))
        added = self._store.execute(
            "INSERT OR IGNORE INTO seen (holder, message_id, until) VALUES (?, ?, ?)",
            (holder, message_id, at + window),
        )
        return added.rowcount == 0
