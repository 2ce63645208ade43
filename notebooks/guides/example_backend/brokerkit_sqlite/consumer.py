"""The consumer: it locks what it fetches, until the message is settled or its lock ends."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Sequence
from itertools import chain, islice
from typing import Any

from brokerkit.core.contract.consumer import (
    Backlog,
    ConsumerRequest,
    Fetched,
    MessageDriver,
    Outcome,
    SubscriptionNotFound,
    SubscriptionRequest,
)
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError, LockLost
from brokerkit.core.vocabulary.positions import Position

from .admin import create_subscription
from .codec import to_columns
from .connection import Database
from .errors import primary_code
from .options import SUBSCRIPTION_OPTIONS
from .tables import MESSAGE, Row, bounds_of, messages_of, one_batch

POLL_SECONDS = 0.02
"""How often a waiting consumer looks into the file: no process tells another that it wrote."""
QUICK_SECONDS = 0.2
PATIENT_SECONDS = 2.0
"""How long the lock of the file may be out of reach before the consumer says so."""
SETTLE_SECONDS = 10.0
NO_HOLDER = 0

Receipt = tuple[int, int]
"""The number of a message, and which delivery of it this was."""

HELD = "subscription = ? AND number = ? AND count = ? AND holder = ? AND until > ?"


class SqliteConsumer(MessageDriver):
    """A consumer of one subscription."""

    def __init__(self, database: Database, request: ConsumerRequest) -> None:
        self._database = database
        self._request = request
        self._options = SUBSCRIPTION_OPTIONS.read(request.options)
        self._me = random.SystemRandom().getrandbits(62) + 1
        self._woken = threading.Event()
        self._busy_since: float | None = None

    def attach(self, wait: float) -> bool:
        topic, name = self._request.topic, self._request.subscription
        with self._database.reading(wait) as connection:
            self._table = messages_of(connection, topic)
            found = connection.execute(
                "SELECT s.number, s.lock FROM subscriptions s JOIN topics t ON s.topic = t.number "
                "WHERE t.name = ? AND s.name = ?",
                (topic, name),
            ).fetchone()
        if found is None:
            raise SubscriptionNotFound(f"topic {topic!r} has no subscription {name!r}", topic, str(name))
        self._subscription, self.lock_seconds = found
        if "lock" in self._request.options and self._options["lock"] != self.lock_seconds:
            raise ConfigError(f"subscription {name!r} has lock={self.lock_seconds:g}: leave the option out")
        return True

    def create_subscription(self, start: Position, timeout: float) -> None:
        asked = self._request
        name = str(asked.subscription)
        request = SubscriptionRequest(asked.topic, name, asked.model, start, asked.options)
        create_subscription(self._database, request, timeout)

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        deadline = time.monotonic() + wait
        while True:
            if self._is_something_due():
                found = self._taken(max_messages)
                if found:
                    receipts = [(row[0], row[-1]) for row in found]
                    columns = to_columns(self._request.topic, [row[:-1] for row in found])
                    columns.delivery_count = [row[-1] for row in found]
                    return Fetched(columns, receipts)
            left = deadline - time.monotonic()
            if left <= 0 or self._woken.wait(min(left, POLL_SECONDS)):
                self._woken.clear()
                return Fetched(Columns.empty())

    def _is_something_due(self) -> bool:
        """Look without the lock of the file, which every consumer would otherwise ask for all the time."""
        with self._database.reading(QUICK_SECONDS) as connection:
            due, fresh = self._waiting(connection, "number")
            return next(chain(due, fresh), None) is not None

    def _waiting(self, connection: sqlite3.Connection, what: str) -> tuple[sqlite3.Cursor, sqlite3.Cursor]:
        """Return messages that come back, each with its last count, and those that were never delivered."""
        due = connection.execute(
            f"SELECT {what}, count FROM deliveries JOIN {self._table} USING (number) "
            "WHERE subscription = ? AND until <= ? ORDER BY number",
            (self._subscription, time.time()),
        )
        fresh = connection.execute(
            f"SELECT {what}, 0 FROM {self._table} WHERE number >= "
            "(SELECT next FROM subscriptions WHERE number = ?) ORDER BY number",
            (self._subscription,),
        )
        return due, fresh

    def _taken(self, max_messages: int) -> list[Row]:
        """Lock messages and return them. Nothing if other connections do not let go of the file for now."""
        try:
            with self._database.writing(QUICK_SECONDS) as connection:
                found = self._locked(connection, max_messages)
        except sqlite3.OperationalError as error:
            self._busy_since = self._busy_since or time.monotonic()
            waited = time.monotonic() - self._busy_since
            if primary_code(error) != sqlite3.SQLITE_BUSY or waited > PATIENT_SECONDS:
                raise
            return []
        self._busy_since = None
        return found

    def _locked(self, connection: sqlite3.Connection, max_messages: int) -> list[Row]:
        rows = list(islice(one_batch(chain(*self._waiting(connection, MESSAGE))), max_messages))
        found = [(*row[:-1], row[-1] + 1) for row in rows]
        until = time.time() + float(self.lock_seconds or 0)
        connection.executemany(
            "INSERT OR REPLACE INTO deliveries (subscription, number, holder, until, count) "
            "VALUES (?, ?, ?, ?, ?)",
            [(self._subscription, row[0], self._me, until, row[-1]) for row in found],
        )
        if found:
            connection.execute(
                "UPDATE subscriptions SET next = max(next, ?) WHERE number = ?",
                (found[-1][0] + 1, self._subscription),
            )
        return found

    def wake(self) -> None:
        self._woken.set()

    def settle(
        self, receipts: Sequence[Receipt], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> list[BaseException | None]:
        if outcome is Outcome.ACK:
            return self._change(receipts, "DELETE FROM deliveries", (), SETTLE_SECONDS)
        again = (NO_HOLDER, time.time() + (delay or 0))
        return self._change(receipts, "UPDATE deliveries SET holder = ?, until = ?", again, SETTLE_SECONDS)

    def extend(self, receipts: Sequence[Receipt]) -> list[BaseException | None]:
        until = time.time() + float(self.lock_seconds or 0)
        return self._change(receipts, "UPDATE deliveries SET until = ?", (until,), QUICK_SECONDS)

    def _change(
        self, receipts: Sequence[Receipt], change: str, values: tuple[float, ...], wait: float
    ) -> list[BaseException | None]:
        """Change the deliveries that this consumer still holds. Return LockLost for each of the others."""
        results: list[BaseException | None] = []
        with self._database.writing(wait) as connection:
            now = time.time()
            for receipt in receipts:
                place = (*values, self._subscription, *receipt, self._me, now)
                held = connection.execute(f"{change} WHERE {HELD}", place).rowcount
                lost = LockLost("the lock of the message has ended: the message is delivered again")
                results.append(None if held else lost)
        return results

    def backlog(self, mark: Any) -> Backlog:
        # the lock shows that messages can come
        with self._database.writing(PATIENT_SECONDS) as connection:
            end = bounds_of(connection, self._table).end if mark is None else mark
            first = [next(each, None) for each in self._waiting(connection, "number")]
        return Backlog(end, any(row is not None and row[0] < end for row in first))

    def close(self, timeout: float) -> None:
        self._database.close()
