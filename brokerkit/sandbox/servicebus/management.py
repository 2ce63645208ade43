"""The request-response operations of an entity, sent to `<entity>/$management`."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from proton import UNDESCRIBED, Array, Data, Described, int32, timestamp, ulong

from . import claims, errors, wire
from .broker import Broker
from .namespace import Entity, Part
from .queue import Stored
from .rules import Filter, Rule

NO_CONTENT = 204
MOST_DELETED = 4000
"""How many messages one request deletes at most. The service allows 500 outside of its premium tier."""
MOST_PEEKED = 1024 * 1024
"""The size in bytes at which an answer is full, even if more messages were asked for."""

NO_FILTER_END = 253402300800000
"""A `last-updated-time` from the year 10000 on asks for no filter by time."""

CORRELATION = (
    "correlation-id",
    "message-id",
    "to",
    "reply-to",
    "label",
    "session-id",
    "reply-to-session-id",
    "content-type",
)
"""The fields of a correlation filter, in the order in which they are listed."""

Answer = tuple[int, dict[str, Any]]
Operation = Callable[["Management", Entity, Part, Mapping[str, Any]], Answer]


def longs(values: list[int]) -> Array:
    """Return an AMQP array of longs."""
    return Array(UNDESCRIBED, Data.LONG, *values)


def timestamps(values: list[int]) -> Array:
    """Return an AMQP array of timestamps."""
    return Array(UNDESCRIBED, Data.TIMESTAMP, *map(timestamp, values))


def field(body: Mapping[str, Any], name: str) -> Any:
    """Return a field that a request must have. Raises Refusal without it."""
    if body.get(name) is None:
        raise errors.invalid(f"the request has no {name}")
    return body[name]


def items(body: Mapping[str, Any], name: str) -> list[Any]:
    """Return the elements of a field that is an array or a list. Raises Refusal if there are none."""
    given = field(body, name)
    elements = list(given.elements) if isinstance(given, Array) else list(given)
    if not elements:
        raise errors.invalid(f"the request has no {name}")
    return elements


class Management:
    """A handler that answers requests with a status code and a body, or raises Refusal."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def claim(self, operation: str) -> str:
        """Return the right that an operation needs."""
        if operation in ("com.microsoft:schedule-message", "com.microsoft:cancel-scheduled-message"):
            return claims.SEND
        return claims.MANAGE if operation.endswith("-rule") else claims.LISTEN

    def answer(self, operation: str, entity: Entity, part: Part, body: Any) -> Answer:
        """Perform an operation and return its answer."""
        if operation not in OPERATIONS:
            raise errors.Refusal("amqp:not-implemented", f"{operation} is not an operation here", 501)
        if not isinstance(body, dict):
            raise errors.invalid("the body of a request is a map")
        if strange := [name for name in body if not isinstance(name, str)]:
            raise errors.invalid(f"the names of a request's fields are text, not {strange[0]!r:.60}")
        try:
            return OPERATIONS[operation](self, entity, part, body)
        except (TypeError, ValueError, AttributeError, KeyError, OverflowError, sqlite3.Error) as error:
            raise errors.invalid(
                f"the request has a field of a wrong type or beyond its range: {error}"
            ) from error

    def _peek(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        start, count = field(body, "from-sequence-number"), field(body, "message-count")
        if count < 1:
            raise errors.invalid(f"message-count is {count}, and must be positive")
        found = self._broker.messages.peek(entity.holder(part), start, count, body.get("session-id"))
        if not found:
            return NO_CONTENT, {}
        messages: list[dict[str, Any]] = []
        size = 0
        for each in found:
            encoded = each.encoded()
            size += len(encoded)
            if messages and size > MOST_PEEKED:
                break
            messages.append({"message": encoded})
        return 200, {"messages": messages}

    def _delete_batch(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        count, until = field(body, "message-count"), field(body, "enqueued-time-utc")
        if not 1 <= count <= MOST_DELETED:
            raise errors.invalid(f"message-count is {count}, and must be from 1 to {MOST_DELETED}")
        holder, session = entity.holder(part), body.get("session-id")
        deleted = self._broker.messages.delete_before(holder, int(until), int(count), session)
        if not deleted:
            return NO_CONTENT, {}
        return 200, {"message-count": int32(deleted)}

    def _renew_lock(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        tokens = [token.bytes_le for token in items(body, "lock-tokens")]
        return 200, {"expirations": timestamps(self._broker.renew(entity.holder(part), tokens))}

    def _schedule(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        contents = [wire.parse(bytes(each["message"])) for each in items(body, "messages")]
        if any(content.scheduled is None for content in contents):
            raise errors.invalid(f"a message to be scheduled has the annotation {wire.SCHEDULED_TIME}")
        return 200, {"sequence-numbers": longs(self._broker.send(entity, contents))}

    def _cancel(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        self._broker.cancel_scheduled(entity, items(body, "sequence-numbers"))
        return 200, {}

    def _receive_deferred(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        lock = body.get("receiver-settle-mode") != 0
        numbers = items(body, "sequence-numbers")
        taken = self._broker.take_deferred(
            entity.holder(part), numbers, session=body.get("session-id"), lock=lock
        )
        return 200, {"messages": [_deferred(message, lock) for message in taken]}

    def _settle(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        status, holder = field(body, "disposition-status"), entity.holder(part)
        changes = dict(body.get("properties-to-modify") or {})
        if strange := [name for name in changes if not isinstance(name, str)]:
            raise errors.invalid(f"the names of properties to modify are text, not {strange[0]!r:.60}")
        if status not in ("completed", "abandoned", "defered", "suspended"):
            raise errors.invalid(f"'{status}' is not a disposition-status")
        for token in items(body, "lock-tokens"):
            if status == "completed":
                self._broker.complete(holder, token.bytes_le)
            elif status == "abandoned":
                self._broker.abandon(holder, token.bytes_le, changes)
            elif status == "defered":
                self._broker.defer(holder, token.bytes_le, changes)
            else:
                reason, description = body.get("deadletter-reason"), body.get("deadletter-description")
                self._broker.dead_letter(holder, token.bytes_le, reason, description, changes)
        return 200, {}

    def _renew_session(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        until = self._broker.renew_session(entity.holder(part), field(body, "session-id"))
        return 200, {"expiration": timestamp(until)}

    def _get_state(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        state = self._broker.sessions.state(entity.holder(part), field(body, "session-id"))
        return 200, {"session-state": state}

    def _set_state(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        session, state = field(body, "session-id"), body.get("session-state")
        self._broker.sessions.held(entity.holder(part), session)
        self._broker.sessions.set_state(entity.holder(part), session, None if state is None else bytes(state))
        return 200, {}

    def _sessions(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        after = int(field(body, "last-updated-time"))
        skip, top = int(body.get("skip") or 0), int(body.get("top") or 100)
        found = self._broker.sessions.names(entity.holder(part), None if after >= NO_FILTER_END else after)
        page = found[skip : skip + top]
        if not page:
            raise errors.Refusal("com.microsoft:session-not-found", "There are no such sessions.", NO_CONTENT)
        return 200, {"skip": int32(skip + len(page)), "sessions-ids": page}

    def _add_rule(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        description = field(body, "rule-description")
        action = (description.get("sql-rule-action") or {}).get("expression", "")
        self._broker.rules.add(_subscription(entity), field(body, "rule-name"), _filter(description), action)
        return 200, {}

    def _remove_rule(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        self._broker.rules.remove(_subscription(entity), field(body, "rule-name"))
        return 200, {}

    def _rules(self, entity: Entity, part: Part, body: Mapping[str, Any]) -> Answer:
        skip, top = int(body.get("skip") or 0), int(body.get("top") or 100)
        page = self._broker.rules.of(_subscription(entity))[skip : skip + top]
        if not page:
            return NO_CONTENT, {}
        return 200, {"rules": [{"rule-description": _described(rule)} for rule in page]}


OPERATIONS: dict[str, Operation] = {
    "com.microsoft:peek-message": Management._peek,
    "com.microsoft:batch-delete-messages": Management._delete_batch,
    "com.microsoft:renew-lock": Management._renew_lock,
    "com.microsoft:schedule-message": Management._schedule,
    "com.microsoft:cancel-scheduled-message": Management._cancel,
    "com.microsoft:receive-by-sequence-number": Management._receive_deferred,
    "com.microsoft:update-disposition": Management._settle,
    "com.microsoft:renew-session-lock": Management._renew_session,
    "com.microsoft:get-session-state": Management._get_state,
    "com.microsoft:set-session-state": Management._set_state,
    "com.microsoft:get-message-sessions": Management._sessions,
    "com.microsoft:add-rule": Management._add_rule,
    "com.microsoft:remove-rule": Management._remove_rule,
    "com.microsoft:enumerate-rules": Management._rules,
}


def _deferred(message: Stored, lock: bool) -> dict[str, Any]:
    token = message.lock_token if lock else uuid.UUID(int=0)
    return {"message": message.encoded(), "lock-token": token}


def _subscription(entity: Entity) -> Entity:
    if entity.kind != "subscription":
        raise errors.not_allowed(f"'{entity.path}' is not a subscription and has no rules")
    return entity


def _filter(description: Mapping[str, Any]) -> Filter:
    if sql := description.get("sql-filter"):
        return Filter("sql", expression=field(sql, "expression"))
    if correlation := description.get("correlation-filter"):
        system = {name: str(correlation[name]) for name in CORRELATION if correlation.get(name) is not None}
        return Filter("correlation", system=system, properties=dict(correlation.get("properties") or {}))
    if "false-filter" in description:
        return Filter("false")
    return Filter("true")


RULE, NO_ACTION, SQL_ACTION = ulong(0x13700000004), ulong(0x13700000005), ulong(0x13700000006)
FILTERS = {
    "sql": ulong(0x1370000006),
    "true": ulong(0x1370000007),
    "false": ulong(0x1370000008),
    "correlation": ulong(0x1370000009),
}


def _described(rule: Rule) -> Described:
    given = rule.filter
    fields: list[Any] = []
    if given.kind == "sql":
        fields = [given.expression]
    elif given.kind == "correlation":
        fields = [*(given.system.get(name) for name in CORRELATION), given.properties]
    action = Described(SQL_ACTION, [rule.action]) if rule.action else Described(NO_ACTION, [])
    return Described(
        RULE, [Described(FILTERS[given.kind], fields), action, rule.name, timestamp(rule.created)]
    )
