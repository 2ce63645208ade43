"""The fields of JSON values that were read, for completion while a condition is typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson

from brokerkit.display.sanitize import hides, plain

from .call_text import ascii_safe
from .protocol.conditions import FieldSeen

LOOKED_AT = 200
"""So many values are looked at, the newest first."""
LOOKED_AT_BYTES = 1_000_000
MOST = 200
DEEPEST = 6
LONGEST = 120
"""A longer name is not completed."""
WIDEST = 100
"""So many members of one object are looked at."""
KINDS = {str: "text", bool: "true or false", int: "number", float: "number", dict: "object", list: "list"}

Path = tuple[str | int, ...]


def fields_seen(values: Iterable[Any]) -> list[FieldSeen]:
    """Return the fields of values, those on top first; what is not JSON has none.

    Args:
        values: Texts or parsed values, the newest first.
    """
    return [_field(path, kind) for path, kind in paths_seen(values).items()]


def paths_seen(values: Iterable[Any]) -> dict[Path, str]:
    """Return the kinds of the fields of values by their paths, those on top first; see `fields_seen`."""
    found: dict[Path, str] = {}
    left = LOOKED_AT_BYTES
    for value in islice(values, LOOKED_AT):
        left -= len(value) if isinstance(value, str | bytes) else 0
        if left < 0 or len(found) >= MOST:
            break
        for path, kind in _paths(_parsed(value), ()):
            # a null tells nothing about the kind
            if path in found:
                found[path] = found[path] or kind
            elif len(found) < MOST:
                found[path] = kind
    # an object comes before its own fields, and those on top before all others
    return {path: found[path] for path in sorted(found, key=len)}


def _parsed(value: Any) -> Any:
    if not isinstance(value, str | bytes):
        return value
    try:
        return orjson.loads(value)
    except ValueError:
        return None


def _paths(value: Any, before: Path) -> Iterator[tuple[Path, str]]:
    members: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        members = list(value.items())[:WIDEST]
    elif isinstance(value, list) and value:
        members = [(0, value[0])]
    for name, member in members:
        if isinstance(name, str) and len(name) > LONGEST:
            continue
        path = (*before, name)
        yield path, KINDS.get(type(member), "")
        if len(path) < DEEPEST:
            yield from _paths(member, path)


def _field(path: Path, kind: str) -> FieldSeen:
    return {
        "name": plain(".".join(map(str, path)), LONGEST * 2),
        "python": "value" + "".join(f"[{_literal(each)}]" for each in path),
        "kind": kind,
    }


def _literal(name: str | int) -> str:
    """Return a name as Python, in double quotes as people type them where that is as short."""
    if isinstance(name, int):
        return str(name)
    if not hides(name) and not set(name) & {'"', "\\"}:
        return f'"{name}"'
    return ascii_safe(repr(name))
