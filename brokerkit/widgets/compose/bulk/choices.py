"""What each column of a file or a frame becomes, as it was chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.mapped.cell_types import TYPES, CellType, guessed_types
from brokerkit.frames.mapped.roles import Roles, check_once
from brokerkit.frames.mapped.source import Source

from ...protocol.bulk import BulkRole

SINGLE: tuple[BulkRole, ...] = ("key", "value", "partition", "time")
"""What only one column can be."""
KEYS: tuple[BulkRole, ...] = ("key", "key and field")
FIELDS: tuple[BulkRole, ...] = ("field", "key and field")


@dataclass(frozen=True)
class Choice:
    """A column and what it becomes.

    Attributes:
        column: The column.
        role: What it becomes.
        name: The name that it has there.
        kind: The type of its cells; None where they have one already.
        more: What it becomes besides, by code, each with its name there; another choice for it ends that.
    """

    column: str
    role: BulkRole
    name: str
    kind: CellType | None
    more: tuple[tuple[BulkRole, str], ...] = ()

    @property
    def uses(self) -> tuple[tuple[BulkRole, str], ...]:
        """All that it becomes, each with its name there."""
        return ((self.role, self.name), *self.more)

    def without(self, *roles: BulkRole) -> Choice:
        """Return the choice without these roles."""
        kept = [each for each in self.uses if each[0] not in roles]
        first, *more = kept or [("left out", self.name)]
        return replace(self, role=first[0], name=first[1], more=tuple(more))


def choices_of(source: Source, roles: Roles) -> tuple[Choice, ...]:
    """Return the choice of each column for these roles."""
    made = []
    guessed = guessed_types(source.columns) if source.texts else {}
    for column in source.columns:
        kind = roles.types.get(column, guessed.get(column))
        first, *more = _uses_of(column, roles) or [("left out", column)]
        made.append(Choice(column, *first, kind, tuple(more)))
    return tuple(made)


def _uses_of(column: str, roles: Roles) -> list[tuple[BulkRole, str]]:
    """Return what a column becomes: it may be several."""
    found: list[tuple[BulkRole, str]] = []
    if column in roles.fields:
        found.append(("key and field" if column == roles.key else "field", roles.fields[column]))
    elif column == roles.key:
        found.append(("key", column))
    alone: dict[BulkRole, str | None] = {
        "value": roles.value,
        "partition": roles.partition,
        "time": roles.time,
    }
    if column in roles.headers:
        found.append(("header", roles.headers[column]))
    return found + [(role, column) for role, chosen in alone.items() if chosen == column]


def roles_of_choices(choices: tuple[Choice, ...]) -> Roles:
    """Return the roles of columns as they were chosen.

    Raises:
        ConfigError: Nothing becomes the value, or two fields or headers have the same name.
    """
    uses = [(each.column, role, name) for each in choices for role, name in each.uses]
    alone = {role: column for column, role, _ in uses if role in SINGLE}
    key = next((column for column, role, _ in uses if role in KEYS), None)
    fields = {column: name for column, role, name in uses if role in FIELDS}
    if "value" in alone:
        fields = {}
    elif not fields:
        raise ConfigError("choose a column for the value, or some as its fields")
    headers = {column: name for column, role, name in uses if role == "header"}
    check_once("field", fields.values())
    check_once("header", headers.values())
    return Roles(
        key,
        alone.get("value"),
        fields,
        headers,
        alone.get("partition"),
        alone.get("time"),
        {each.column: each.kind for each in choices if each.kind is not None and each.column in fields},
    )


def changed(
    choices: tuple[Choice, ...], place: int, roles: tuple[BulkRole, ...], **changes: Any
) -> tuple[Choice, ...]:
    """Return the choices with one that is changed.

    A column that becomes what only one can be takes that from the other. With a column of whole values there
    are no fields.

    Raises:
        ConfigError: There is no such column, role or type.
    """
    if not 0 <= place < len(choices):
        raise ConfigError(f"there is no column {place}")
    role, kind, name = changes.get("role"), changes.get("kind"), changes.get("name")
    if role is not None and role not in roles:
        raise ConfigError(f"a column cannot become {role!r} here")
    if kind is not None and kind not in TYPES:
        raise ConfigError(f"{kind!r} is no type of cells")
    if name is not None and not name:
        raise ConfigError("a field and a header need a name")
    one = choices[place]
    more = one.more if role is None else ()
    one = replace(one, role=role or one.role, kind=kind or one.kind, name=name or one.name, more=more)
    made = [one if number == place else _given_up(each, role) for number, each in enumerate(choices)]
    return tuple(made)


def taken_over(
    choices: tuple[Choice, ...],
    before: tuple[Choice, ...],
    found: tuple[Choice, ...],
    roles: tuple[BulkRole, ...],
    *,
    by_place: bool = False,
) -> tuple[Choice, ...]:
    """Return the choices of a file that is read in another way; what was chosen of the same columns stays.

    Args:
        choices: What its columns become where nothing is chosen.
        before: The choices before.
        found: What the columns became then before anything was chosen.
        roles: What a column can become.
        by_place: Whether the columns are the same ones, with other names.
    """
    names = [each.column for each in choices]
    for place, (old, first) in enumerate(zip(before, found, strict=True)):
        if by_place:
            there = place
        elif old.column in names:
            there = names.index(old.column)
        else:
            continue
        changes = {
            part: getattr(old, part)
            for part in ("role", "kind", "name")
            if getattr(old, part) != getattr(first, part) and getattr(old, part) is not None
        }
        if changes and changes.get("role", "field") in roles:
            choices = changed(choices, there, roles, **changes)
    return choices


def _given_up(other: Choice, role: BulkRole | None) -> Choice:
    """Return the choice of another column once one has this role."""
    if role is None:
        return other
    if role in KEYS and other.role == "key and field":
        other = replace(other, role="field")
    elif role in KEYS:
        other = other.without("key")
    elif role in SINGLE:
        other = other.without(role)
    if role == "value" and other.role == "key and field":
        return replace(other, role="key")
    if role == "value":
        return other.without("field")
    return other.without("value") if role in FIELDS else other
