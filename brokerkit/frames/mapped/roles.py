"""Which column becomes which part of a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from brokerkit.core.vocabulary.errors import ConfigError

from ..tabular import describe_columns
from .cell_types import TYPES, CellType, guessed_types
from .source import Source

Names: TypeAlias = "Mapping[str, str] | Sequence[str]"
"""Columns, each with the name of what it becomes; a list keeps the names."""


@dataclass(frozen=True)
class Roles:
    """Which column becomes which part of a message.

    Attributes:
        key: The column of keys.
        value: The column of whole payloads; None if they are objects of `fields`.
        fields: The columns that are fields of an object, with the names of the fields.
        headers: The columns that are headers, with the names of the headers.
        partition: The column of partitions.
        time: The column of times.
        types: The type that each cell of a column of text is made to.
    """

    key: str | None
    value: str | None
    fields: Mapping[str, str]
    headers: Mapping[str, str]
    partition: str | None
    time: str | None
    types: Mapping[str, CellType]

    def options(self) -> dict[str, Any]:
        """Return the arguments that give these roles."""
        return {
            "key": self.key,
            "value": self.value,
            "fields": None if self.value is not None else _short(self.fields),
            "headers": _short(self.headers) or None,
            "partition": self.partition,
            "time": self.time,
            "types": {name: kind for name, kind in self.types.items() if name in self.fields} or None,
        }


def roles_of(
    source: Source,
    key: str | None,
    value: str | None,
    fields: Names | None,
    headers: Names | None,
    partition: str | None,
    time: str | None,
    types: Mapping[str, CellType] | None,
) -> Roles:
    """Return the roles of columns as they were given, or as they are likely.

    Raises:
        ConfigError: There is no such column or type.
    """
    columns = source.columns
    if value is not None and fields is not None:
        raise ConfigError("give value= for whole payloads, or fields= for objects of columns, not both")
    if value is None and fields is None:
        value, key = _likely(source, key)
    named = _named("headers", headers or ())
    used = {each for each in (key, value, partition, time, *named) if each is not None}
    if value is not None:
        objects: dict[str, str] = {}
    elif fields is not None:
        objects = _named("fields", fields)
    else:
        left = [name for name in columns if name not in used and name != source.whole]
        objects = {name: name for name in left}
    for name in (*used, *objects):
        if name not in columns:
            raise ConfigError(f"there is no column {name!r}; there are {describe_columns(columns)}")
    if value is None and not objects:
        raise ConfigError("there is no column for the value: fields= or value= name some")
    check_once("field", objects.values())
    check_once("header", named.values())
    chosen = dict(types or {})
    if chosen and not source.texts:
        raise ConfigError("types= is for CSV: JSON lines, Parquet and frames have types of their own")
    for name, kind in chosen.items():
        if kind not in TYPES:
            raise ConfigError(f"types={{{name!r}: {kind!r}}}: expected one of {', '.join(TYPES)}")
        if name not in columns:
            raise ConfigError(f"types= has no column {name!r}; there are {describe_columns(columns)}")
    return Roles(key, value, objects, named, partition, time, _types(source, objects, chosen))


def _likely(source: Source, key: str | None) -> tuple[str | None, str | None]:
    """Return the columns of values and keys where none was named."""
    if source.whole is not None:
        return source.whole, key
    if key in (None, "key") and {"key", "value"} <= {*source.columns}:
        return "value", "key"
    return None, key


def _types(source: Source, fields: Iterable[str], chosen: Mapping[str, CellType]) -> dict[str, CellType]:
    if not source.texts:
        return {}
    guessed = guessed_types(source.columns)
    return {
        name: chosen.get(name, kind) for name, kind in guessed.items() if name in chosen or name in fields
    }


def _named(what: str, given: Names) -> dict[str, str]:
    if isinstance(given, str):
        raise ConfigError(f"{what}={given!r} is one text; expected a list of columns, [{given!r}]")
    if isinstance(given, Mapping):
        return dict(given)
    return {name: name for name in given}


def check_once(what: str, names: Iterable[str]) -> None:
    """Raise ConfigError if two columns become the same."""
    known: set[str] = set()
    for name in names:
        if name in known:
            raise ConfigError(f"two columns are the {what} {name!r}: one of them needs another name")
        known.add(name)


def _short(names: Mapping[str, str]) -> Any:
    """Return names as a list where each is kept."""
    return list(names) if all(name == kept for name, kept in names.items()) else dict(names)
