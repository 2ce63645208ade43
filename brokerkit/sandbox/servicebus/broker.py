"""The broker, which handles messages independently of the protocol.

Its operations do not commit. `commit` is called once for all requests that arrived together, before any
of them is answered.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Mapping
from typing import Any

from . import errors, wire
from .clock import now
from .namespace import Entity, Namespace, Part, milliseconds, path_of
from .queue import Messages, State, Stored
from .rules import DEFAULT, Filter, Rules
from .sessions import SessionLock, Sessions
from .wire import Content

MOST_FORWARDS = 4
"""How often a message is forwarded before it moves to the transfer dead-letter queue."""


class Broker:
    """All entities and messages of one namespace.

    Attributes:
        touched: The holders where messages became available since the set was last emptied.
        refusals: The errors of the next calls of `send`, one each; for tests.
    """

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self.namespace = Namespace(store)
        self.rules = Rules(store)
        self.messages = Messages(store)
        self.sessions = Sessions(store)
        self.touched: set[int] = set()
        self.refusals: deque[errors.Refusal] = deque()
        for message in self.messages.all_locked():
            self._lock_ended(message)
        self.commit()

    def commit(self) -> None:
        """Make all changes so far outlive the process."""
        self._store.commit()

    # entities

    def create(self, kind: str, path: str, settings: dict[str, str]) -> Entity:
        """Create an entity. A subscription starts with the rule that lets everything pass."""
        entity = self.namespace.create(kind, path, settings)
        if kind == "subscription":
            self.rules.add(entity, DEFAULT, Filter("true"))
        return entity

    def delete(self, entity: Entity) -> list[Entity]:
        """Remove an entity with its messages, and return all entities that were removed."""
        gone = self.namespace.delete(entity)
        for each in gone:
            self.rules.forget(each)
        return gone

    # sending

    def send(self, entity: Entity, contents: list[Content]) -> list[int]:
        """Enqueue messages, all or none, and return their sequence numbers in `entity`.

        Raises Refusal for a message without a session if sessions are required, and for one that is too
        large.
        """
        if self.refusals:
            raise self.refusals.popleft()
        for content in contents:
            self._check(entity, content)
        return [self._enqueue(entity, content) for content in contents]

    def _check(self, entity: Entity, content: Content) -> None:
        if entity.requires_session and content.session is None:
            raise errors.not_allowed(
                "The SessionId was not set on a message, and it cannot be sent to the entity. Entities that"
                " have session support enabled can only receive messages that have the SessionId set to a"
                " valid value."
            )
        size = sum(map(len, (content.annotations, content.properties, content.application, content.body)))
        if size > entity.max_message_size:
            raise errors.too_large(entity.max_message_size)

    def _enqueue(self, entity: Entity, content: Content, hops: int = 0, *, known: bool = False) -> int:
        """Put a message where it belongs.

        `known` says that it was checked for duplicates when it was sent.
        """
        holder = entity.holder()
        if not known and entity.flag("RequiresDuplicateDetection") and content.message_id is not None:
            window = milliseconds(entity.settings["DuplicateDetectionHistoryTimeWindow"])
            if self.messages.is_duplicate(holder, content.message_id, window):
                return 0
        due = content.scheduled if content.scheduled is not None and content.scheduled > now() else None
        if due is None and entity.kind == "topic":
            return self._fan_out(entity, content, hops)
        if due is None and entity.settings.get("ForwardTo"):
            return self._forward(entity, content, entity.settings["ForwardTo"], hops)
        self.touched.add(holder)
        return self.messages.put(holder, content, lifetime=_lifetime(entity, content), due=due)

    def _fan_out(self, topic: Entity, content: Content, hops: int) -> int:
        for subscription in self.namespace.subscriptions(topic):
            try:
                copies = self.rules.copies(subscription, content)
            except errors.Refusal as refusal:
                self._bury(subscription, content, "FilterEvaluationException", refusal.description)
                continue
            for copy in copies:
                if subscription.requires_session and copy.session is None:
                    self._bury(subscription, copy, "Session id is null.", "The message has no session id.")
                else:
                    self._enqueue(subscription, copy, hops)
        return 0

    def _forward(self, source: Entity, content: Content, target: str, hops: int) -> int:
        path = path_of(target)
        try:
            if hops == MOST_FORWARDS:
                raise errors.invalid("The maximum number of hops of a forwarded message is exceeded.")
            entity = self.namespace.get(path)
            self._check(entity, content)
        except errors.Refusal as refusal:
            self._bury(
                source, content, "ForwardingFailed", refusal.description, part=Part.TRANSFER_DEAD_LETTER
            )
            return 0
        return self._enqueue(entity, content, hops + 1)

    def cancel_scheduled(self, entity: Entity, numbers: list[int]) -> None:
        """Delete scheduled messages. Raises Refusal for a number that is not one of them."""
        found = []
        for number in numbers:
            message = self.messages.at(entity.holder(), number)
            if message is None or message.state != State.SCHEDULED:
                raise errors.message_not_found(number)
            found.append(message)
        for message in found:
            self.messages.remove(message)

    # receiving

    def take(self, holder: int, *, session: str | None = None, count: int, lock: bool) -> list[Stored]:
        """Return up to `count` messages, locked if `lock` is true and removed otherwise."""
        entity, _ = self.namespace.holding(holder)
        taken = self.messages.free(holder, session, count)
        until = None if session is not None else now() + entity.lock_duration
        for message in taken:
            self._take(message, lock, until)
        return taken

    def _take(self, message: Stored, lock: bool, until: int | None) -> None:
        if lock:
            self.messages.lock(message, until)
        else:
            self.messages.remove(message)

    def take_deferred(
        self, holder: int, numbers: list[int], *, session: str | None, lock: bool
    ) -> list[Stored]:
        """Return deferred messages by their sequence numbers.

        Raises Refusal if one is not available, or its session is not held.
        """
        entity, part = self.namespace.holding(holder)
        in_session = entity.requires_session and part is Part.MAIN
        if in_session:
            self.sessions.held(holder, session or "")
        taken = []
        for number in numbers:
            message = self.messages.at(holder, number)
            if message is None or message.state != State.DEFERRED or message.token:
                raise errors.message_not_found(number)
            if in_session and message.session != session:
                raise errors.message_not_found(number)
            taken.append(message)
        until = None if in_session else now() + entity.lock_duration
        for message in taken:
            self._take(message, lock, until)
        return taken

    def renew(self, holder: int, tokens: list[bytes]) -> list[int]:
        """Extend locks by the entity's lock duration from now on, and return when they end."""
        entity, _ = self.namespace.holding(holder)
        held = [self.messages.held(holder, token) for token in tokens]
        until = now() + entity.lock_duration
        for message in held:
            self.messages.extend(message, until)
        return [until] * len(held)

    # settling; each raises Refusal when the lock is lost

    def complete(self, holder: int, token: bytes) -> None:
        """Remove a message that was processed."""
        self.messages.remove(self.messages.held(holder, token))

    def abandon(self, holder: int, token: bytes, changes: Mapping[str, Any], *, failed: bool = True) -> None:
        """Give a message back. `failed` counts a delivery; `changes` are application properties to set."""
        message = self.messages.held(holder, token)
        application = message.content().with_properties(changes).application
        self._give_back(message, message.deliveries + failed, application)

    def defer(self, holder: int, token: bytes, changes: Mapping[str, Any]) -> None:
        """Set a message aside. `changes` are application properties to set."""
        message = self.messages.held(holder, token)
        self.messages.defer(message, message.content().with_properties(changes).application)

    def dead_letter(
        self,
        holder: int,
        token: bytes,
        reason: str | None,
        description: str | None,
        changes: Mapping[str, Any],
    ) -> None:
        """Move a message to the dead-letter queue. `changes` are application properties to set."""
        self._move(self.messages.held(holder, token), reason, description, changes)

    def _give_back(self, message: Stored, deliveries: int, application: bytes | None = None) -> None:
        entity, part = self.namespace.holding(message.holder)
        if part is Part.MAIN and deliveries >= entity.max_delivery_count:
            message.deliveries = deliveries
            self._move(
                message,
                "MaxDeliveryCountExceeded",
                f"Message could not be consumed after {deliveries} delivery attempts.",
                {},
            )
            return
        self.messages.unlock(message, deliveries=deliveries, application=application)
        self.touched.add(message.holder)

    def _move(
        self, message: Stored, reason: str | None, description: str | None, changes: Mapping[str, Any]
    ) -> None:
        entity, part = self.namespace.holding(message.holder)
        self.messages.remove(message)
        self._bury(
            entity,
            message.content().with_properties(changes),
            reason,
            description,
            part=Part.DEAD_LETTER if part is Part.MAIN else part,
            number=message.seq,
            deliveries=message.deliveries,
        )

    def _bury(
        self,
        entity: Entity,
        content: Content,
        reason: str | None,
        description: str | None,
        *,
        part: Part = Part.DEAD_LETTER,
        number: int | None = None,
        deliveries: int = 0,
    ) -> None:
        given = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
        content = content.with_properties({key: value for key, value in given.items() if value is not None})
        content = content.annotated({wire.DEAD_LETTER_SOURCE: entity.path})
        elsewhere = self.namespace.find(path_of(entity.settings.get("ForwardDeadLetteredMessagesTo", "")))
        if part is Part.DEAD_LETTER and elsewhere is not None:
            if number is not None:
                content = content.annotated({wire.ENQUEUED_SEQUENCE_NUMBER: number})
            self._enqueue(elsewhere, content, 1)
            return
        holder = entity.holder(part)
        self.messages.put(holder, content, lifetime=None, number=number, deliveries=deliveries)
        self.touched.add(holder)

    # sessions

    def accept_session(self, holder: int, session: str | None) -> SessionLock | None:
        """Take a session, or with None the next one with messages that no receiver holds.

        Returns None if there is no such next one. Raises Refusal if another receiver has the session.
        """
        entity, _ = self.namespace.holding(holder)
        if session is not None:
            return self.sessions.accept(holder, session, entity.lock_duration)
        for waiting in self.messages.waiting_sessions(holder):
            if not self.sessions.is_locked(holder, waiting):
                return self.sessions.accept(holder, waiting, entity.lock_duration)
        return None

    def renew_session(self, holder: int, session: str) -> int:
        """Extend the lock of a session by the lock duration from now on, and return when it ends."""
        entity, _ = self.namespace.holding(holder)
        lock = self.sessions.held(holder, session)
        lock.until = now() + entity.lock_duration
        return lock.until

    def release_session(self, lock: SessionLock, *, expired: bool = False) -> None:
        """Release a session, with the messages that its receiver did not settle.

        Their deliveries count only if the lock expired, not if the receiver released it.
        """
        self.sessions.release(lock)
        for message in self.messages.locked_in_session(lock.holder, lock.session):
            self._give_back(message, message.deliveries + expired)
        self.touched.add(lock.holder)

    # time

    def tick(self) -> None:
        """Do what is due by now: scheduled messages, ended locks, expired messages."""
        at = now()
        for message in self.messages.due(at):
            entity, _ = self.namespace.holding(message.holder)
            self.messages.remove(message)
            self._enqueue(entity, message.content(), known=True)
        for message in self.messages.overdue_locks(at):
            self._lock_ended(message)
        for message in self.messages.expired(at):
            entity, _ = self.namespace.holding(message.holder)
            if entity.flag("DeadLetteringOnMessageExpiration"):
                self._move(message, "TTLExpiredException", "The message expired and was dead lettered.", {})
            else:
                self.messages.remove(message)

    def _lock_ended(self, message: Stored) -> None:
        self._give_back(message, message.deliveries + 1)


def _lifetime(entity: Entity, content: Content) -> int | None:
    """Return the shorter of the message's time to live and the entity's default, which is its maximum."""
    return min((each for each in (content.ttl, entity.default_ttl) if each is not None), default=None)
