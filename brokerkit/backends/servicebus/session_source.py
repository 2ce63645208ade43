"""The source of messages by session: only the holder of a session gets its messages, in their order.

A session is handled batch by batch: its next messages are delivered once the previous ones are settled,
so that a message that is returned is not overtaken.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from azure.servicebus.exceptions import OperationTimeoutError, SessionLockLostError

from brokerkit.core.contract.background import abandon, ended, submit
from brokerkit.core.contract.consumer import Outcome
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import LockLost

from .client_internals import Receiver
from .connection import ANSWER_SECONDS, NEXT_SESSION, ServiceBusConnection, log
from .errors import translate
from .names import EntityName
from .settling import Errors, settle
from .source import DEFAULT_LOCK, MAX_MESSAGES, ROUND_TRIP_SECONDS, STAY_SECONDS, Source, Taken

AT_ONCE = 8
"""How many sessions one consumer holds at a time while messages of all of them wait to be settled."""
ACCEPT_SECONDS = 5.0
"""How long the service looks for a free session."""
FILL_SECONDS = 2.0
"""How long a batch is filled from a session whose messages keep arriving."""


class HeldSession:
    """A session that this consumer holds.

    Attributes:
        owed: The number of its messages that are not settled yet.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.owed = 0
        self.stayed_at = self.renewed_at = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether the session is still held, by the local clock."""
        ends = self.receiver.session.locked_until_utc
        return self.receiver.is_open and (ends is None or ends > datetime.now(UTC))


class SessionSource(Source):
    """A source whose receipts are messages with their session.

    Args:
        session: The session id, or None for the next sessions that are free.
        ahead: Whether more of a session is taken before its earlier messages are settled.
    """

    def __init__(
        self,
        connection: ServiceBusConnection,
        name: EntityName,
        session: str | None,
        lock_seconds: float | None,
        first: Receiver | None = None,
        *,
        ahead: bool = False,
    ) -> None:
        self._connection = connection
        self._name = name
        self._session = session
        self._ahead = ahead
        self._held: list[HeldSession] = [] if first is None else [HeldSession(first)]
        self._opening: Future[Receiver] | None = None
        self.lock_seconds = lock_seconds or DEFAULT_LOCK

    def take(self, max_messages: int, wait: float) -> Taken:
        until = Deadline(max(ROUND_TRIP_SECONDS, wait))
        self._let_go([held for held in self._held if not held.alive])
        for held in [each for each in self._held if self._ahead or not each.owed]:
            taken = self._take_from(held, max_messages, until)
            if taken[0]:
                return taken
            if self._session is None:
                # it has no messages now, so leave it to other consumers
                self._let_go([held])
            elif until.passed:
                return (), ()
        if len(self._held) >= (AT_ONCE if self._session is None else 1):
            time.sleep(until.slice(0.05))
            return (), ()
        held_now = self._accepted(until)
        return ((), ()) if held_now is None else self._take_from(held_now, max_messages, until)

    def _accepted(self, until: Deadline) -> HeldSession | None:
        """Return the session that was asked for, or a free one; None if there is none in time."""
        if self._opening is None:
            wanted = NEXT_SESSION if self._session is None else self._session
            self._opening = submit(
                lambda: self._connection.session(self._name, wanted, ACCEPT_SECONDS),
                f"servicebus session of {self._name}",
            )
        if not ended(self._opening, until.remaining()):
            return None
        opening, self._opening = self._opening, None
        try:
            held = HeldSession(opening.result())
        except OperationTimeoutError:
            if self._session is not None:
                raise
            return None
        self._held.append(held)
        return held

    def _take_from(self, held: HeldSession, max_messages: int, until: Deadline) -> Taken:
        """Return a batch of a session, for as long as its messages arrive without a pause."""
        messages: list[Any] = []
        limit = min(max_messages, MAX_MESSAGES)
        longest = Deadline(FILL_SECONDS)
        try:
            while len(messages) < limit and not longest.passed:
                wait = max(ROUND_TRIP_SECONDS, until.remaining())
                found = held.receiver.receive_messages(limit - len(messages), max_wait_time=wait)
                messages.extend(found)
                if not found:
                    break
        except SessionLockLostError:
            self._let_go([held])
        except Exception:
            self._let_go([held])
            if not messages:
                raise
        held.stayed_at = time.monotonic()
        held.owed += len(messages)
        return messages, [(held, message) for message in messages]

    def _let_go(self, some: Iterable[HeldSession]) -> None:
        for held in some:
            if held in self._held:
                self._held.remove(held)
                submit(held.receiver.close, f"servicebus session of {self._name}")

    def settle(self, receipts: Sequence[Any], outcome: Outcome, reason: str | None) -> Errors:
        errors: list[BaseException | None] = [None] * len(receipts)
        for held, rows in _by_session(receipts):
            messages = [receipts[row][1] for row in rows]
            if not held.alive:
                found: Errors = [_lost()] * len(rows)
            else:
                found = settle(held.receiver, messages, outcome, reason)
            for row, error in zip(rows, found, strict=True):
                errors[row] = error
                if error is None or isinstance(translate(error), LockLost):
                    held.owed -= 1
            if not held.alive:
                self._let_go([held])
        return errors

    def extend(self, receipts: Sequence[Any]) -> Errors:
        errors: list[BaseException | None] = [None] * len(receipts)
        for held, rows in _by_session(receipts):
            error = self._renewed(held)
            for row in rows:
                errors[row] = error
        return errors

    def _renewed(self, held: HeldSession) -> BaseException | None:
        if not held.alive:
            return _lost()
        try:
            held.receiver.session.renew_lock(timeout=ANSWER_SECONDS)
        except Exception as error:
            return error
        held.renewed_at = time.monotonic()
        return None

    def idle(self) -> None:
        if self._opening is not None and self._session is None:
            # a session that is found now would be kept from other consumers for nothing
            opening, self._opening = self._opening, None
            abandon(opening, lambda made: made.close())
        for held in list(self._held):
            if self._session is None and not held.owed:
                self._let_go([held])
                continue
            now = time.monotonic()
            try:
                if now - held.renewed_at > self.lock_seconds / 3 and not held.owed:
                    held.receiver.session.renew_lock(timeout=ANSWER_SECONDS)
                    held.renewed_at = now
                elif now - held.stayed_at > STAY_SECONDS:
                    held.stayed_at = now
                    held.receiver.stay()
            except Exception as error:
                log.info("a session of %s was lost: %s", self._name, translate(error))
                self._let_go([held])

    def close(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            abandon(opening, lambda made: made.close())
        while self._held:
            self._held.pop().receiver.close()


def _by_session(receipts: Sequence[Any]) -> list[tuple[HeldSession, list[int]]]:
    """Return the rows of each session, in order."""
    found: dict[int, tuple[HeldSession, list[int]]] = {}
    for row, (held, _) in enumerate(receipts):
        found.setdefault(id(held), (held, []))[1].append(row)
    return list(found.values())


def _lost() -> LockLost:
    return LockLost("the lock of the session was lost: its messages will be, or were, delivered again")
