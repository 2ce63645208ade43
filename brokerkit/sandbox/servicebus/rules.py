"""Decide which messages a subscription gets, with correlation filters, SQL filters and SQL actions."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import asdict, dataclass, field
from typing import Any

from . import errors
from .clock import now
from .namespace import Entity
from .wire import Content

DEFAULT = "$Default"

SYSTEM_PROPERTIES = {
    "messageid": 0,
    "to": 2,
    "label": 3,
    "subject": 3,
    "replyto": 4,
    "correlationid": 5,
    "contenttype": 6,
    "sessionid": 10,
    "replytosessionid": 12,
}
"""Where the properties section has what `sys.` names; in small letters."""

TOKENS = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
      | (?P<name>(?:\[[^\]]+\]|"[^"]+"|[A-Za-z_$][\w$-]*)(?:\.(?:\[[^\]]+\]|"[^"]+"|[A-Za-z_$][\w$-]*))?)
      | (?P<sign><>|!=|<=|>=|[-+*/%=<>(),])
    )""",
    re.VERBOSE,
)
KEYWORDS = {"AND", "OR", "NOT", "IN", "LIKE", "ESCAPE", "IS", "NULL", "TRUE", "FALSE"}

_evaluator = sqlite3.connect(":memory:")
_evaluator.execute("PRAGMA case_sensitive_like = ON")


@dataclass(frozen=True)
class Filter:
    """A filter of a rule.

    Attributes:
        kind: "true", "false", "sql" or "correlation".
        expression: The expression of an SQL filter.
        system: The system properties of a correlation filter, by names of the protocol such as
            "correlation-id".
        properties: The application properties of a correlation filter.
    """

    kind: str
    expression: str = ""
    system: dict[str, str] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)

    def matches(self, message: Content) -> bool:
        """Return whether the subscription gets a message."""
        if self.kind in ("true", "false"):
            return self.kind == "true"
        if self.kind == "sql":
            return bool(evaluate(self.expression, message))
        fields, application = message.fields(), message.application_properties()
        return all(
            _as_text(fields[SYSTEM_PROPERTIES[name.replace("-", "")]]) == wanted
            for name, wanted in self.system.items()
        ) and all(
            name in application and application[name] == value for name, value in self.properties.items()
        )


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True)
class Rule:
    """A rule of a subscription.

    Attributes:
        created: When it was created, in milliseconds since the epoch.
        action: An SQL action, or empty for none.
    """

    name: str
    filter: Filter
    action: str
    created: int

    def applied(self, message: Content) -> Content:
        """Return the message with the changes of the action."""
        return perform(self.action, message) if self.action else message


def _property(name: str, message: Content) -> Any:
    scope, dot, rest = name.partition(".")
    plain = (rest if dot else scope).strip('[]"')
    if dot and scope.lower() == "sys":
        if plain.lower() not in SYSTEM_PROPERTIES:
            raise errors.invalid(f"sys.{plain} is not a property of a message")
        return _as_text(message.fields()[SYSTEM_PROPERTIES[plain.lower()]])
    if dot and scope.lower() != "user":
        raise errors.invalid(f"'{scope}.' is not a scope of properties: use sys. or user.")
    value = message.application_properties().get(plain)
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def _translate(expression: str, message: Content) -> tuple[str, list[Any]]:
    """Return the expression for SQLite, with every property and literal as a parameter."""
    parts: list[str] = []
    values: list[Any] = []
    at = 0
    text = expression.rstrip()
    exists = False
    while at < len(text):
        match = TOKENS.match(text, at)
        if match is None:
            raise errors.invalid(
                f"the filter '{expression}' is not understood from '{text[at : at + 20]}' on"
            )
        at = match.end()
        word = match[0].strip()
        if match["text"]:
            parts.append("?")
            values.append(word[1:-1].replace("''", "'"))
        elif match["number"] or match["sign"]:
            parts.append(word)
            if word == ")" and exists:
                parts.append("IS NOT NULL")
                exists = False
        elif word.upper() in KEYWORDS:
            parts.append(word.upper())
        elif word.upper() == "EXISTS":
            exists = True
        else:
            parts.append("?")
            values.append(_property(word, message))
    return " ".join(parts), values


def evaluate(expression: str, message: Content) -> Any:
    """Return the value of an SQL expression for a message, or None for unknown.

    Raises Refusal for a bad one.
    """
    translated, values = _translate(expression, message)
    try:
        return _evaluator.execute(f"SELECT ({translated})", values).fetchone()[0]
    except (sqlite3.Error, OverflowError) as error:
        raise errors.invalid(f"the expression '{expression}' is not valid: {error}") from error


ASSIGNMENT = re.compile(r"\s*SET\s+(?:user\.)?([\w$-]+)\s*=\s*(.+)", re.IGNORECASE | re.DOTALL)
REMOVAL = re.compile(r"\s*REMOVE\s+(?:user\.)?([\w$-]+)\s*", re.IGNORECASE)


def perform(action: str, message: Content) -> Content:
    """Return the message after an SQL action of SET and REMOVE. Raises Refusal for a bad one."""
    known = message.application_properties()
    for statement in filter(str.strip, action.split(";")):
        if assignment := ASSIGNMENT.fullmatch(statement):
            known[assignment[1]] = evaluate(assignment[2], message)
        elif removal := REMOVAL.fullmatch(statement):
            known.pop(removal[1], None)
        else:
            raise errors.invalid(f"'{statement.strip()}' is not an action: SET name = value or REMOVE name")
    return message.with_only_properties(known)


EMPTY = Content(b"", b"", b"", b"")


class Rules:
    """The rules of all subscriptions, in memory and in the store. Its operations do not commit."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self._rules: dict[int, dict[str, Rule]] = {}
        for row in store.execute("SELECT entity, name, definition, created FROM rule ORDER BY created"):
            definition = json.loads(row[2])
            rule = Rule(row[1], Filter(**definition["filter"]), definition["action"], row[3])
            self._rules.setdefault(row[0], {})[row[1].lower()] = rule

    def of(self, subscription: Entity) -> list[Rule]:
        """Return the rules of a subscription, by name."""
        rules = self._rules.get(subscription.id, {})
        return [rules[name] for name in sorted(rules)]

    def copies(self, subscription: Entity, message: Content) -> list[Content]:
        """Return the copies of a message that a subscription gets.

        There is one copy for all matching rules without an action, and one for each matching rule with
        an action. Raises Refusal if an expression fails on this message.
        """
        matched = [rule for rule in self.of(subscription) if rule.filter.matches(message)]
        changed = [rule.applied(message) for rule in matched if rule.action]
        return changed if len(changed) == len(matched) else [*changed, message]

    def add(self, subscription: Entity, name: str, given: Filter, action: str = "") -> Rule:
        """Add a rule. Raises Refusal if the name is taken or an expression is not valid."""
        self._check(given, action)
        if name.lower() in self._rules.get(subscription.id, {}):
            raise errors.already_exists(f"{subscription.path}/rules/{name}")
        return self._put(subscription, Rule(name, given, action, now()))

    def replace(self, subscription: Entity, name: str, given: Filter, action: str = "") -> Rule:
        """Set another filter and action of a rule. Raises Refusal for an unknown name."""
        self._check(given, action)
        known = self.get(subscription, name)
        return self._put(subscription, Rule(known.name, given, action, known.created))

    def get(self, subscription: Entity, name: str) -> Rule:
        """Return a rule. Raises Refusal for an unknown name."""
        try:
            return self._rules[subscription.id][name.lower()]
        except KeyError:
            raise errors.not_found(f"{subscription.path}/rules/{name}") from None

    def remove(self, subscription: Entity, name: str) -> None:
        """Remove a rule. Raises Refusal for an unknown name."""
        known = self.get(subscription, name)
        del self._rules[subscription.id][name.lower()]
        self._store.execute("DELETE FROM rule WHERE entity = ? AND name = ?", (subscription.id, known.name))

    def forget(self, subscription: Entity) -> None:
        """Forget the rules of a deleted subscription, which the store has already removed."""
        self._rules.pop(subscription.id, None)

    def _check(self, given: Filter, action: str) -> None:
        if given.kind == "sql":
            evaluate(given.expression, EMPTY)
        if action:
            perform(action, EMPTY)

    def _put(self, subscription: Entity, rule: Rule) -> Rule:
        self._rules.setdefault(subscription.id, {})[rule.name.lower()] = rule
        self._store.execute(
            "INSERT OR REPLACE INTO rule (entity, name, definition, created) VALUES (?, ?, ?, ?)",
            (
                subscription.id,
                rule.name,
                json.dumps({"filter": asdict(rule.filter), "action": rule.action}),
                rule.created,
            ),
        )
        return rule
