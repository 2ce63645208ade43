"""JSON as a tree that is shown level by level, with numbers and repeated names exactly as they were sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from brokerkit.core.contract.garbage_collection import uncollected
from brokerkit.display.sanitize import plain

from ..protocol.messages import TreeItem, TreePart

CHILDREN = 100
"""How many members of one object or array are shown at once."""
TEXT = 300
LONGEST = 500_000
"""At most so many characters of JSON are parsed as a tree, so that there is no pause."""


class Number(str):
    """A number as it is written."""


class Members(list[tuple[str, Any]]):
    """The members of an object in order, including names that repeat."""


def parsed(text: str) -> Any:
    """Parse JSON as nested `Members`, lists, `Number` objects and texts.

    NaN and infinity are numbers, too. A byte-order mark before the text and zero bytes behind it are ignored,
    and control characters in strings are accepted.

    Raises:
        ValueError: The text is not JSON; the error says why.
    """
    if len(text) > LONGEST:
        raise ValueError(f"{len(text):,} characters are too long for a tree")
    try:
        return uncollected(_loads, text.removeprefix("\ufeff").rstrip("\x00"))
    except RecursionError:
        raise ValueError("it is nested too deeply for a tree") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error


def _loads(text: str) -> Any:
    return json.loads(
        text,
        object_pairs_hook=Members,
        parse_int=Number,
        parse_float=Number,
        parse_constant=Number,
        strict=False,
    )


def children(root: Any, path: Sequence[int], first: int = 0) -> TreePart:
    """Return the members at a path of positions, starting with the `first`, and how many there are in all."""
    node = root
    for step in path:
        node = _items(node, step, step + 1)[0][1]
    return {
        "path": list(path),
        "first": first,
        "total": len(node) if is_nested(node) else 0,
        "items": [_view(name, value) for name, value in _items(node, first, first + CHILDREN)],
    }


def located(root: Any, path: Sequence[int]) -> tuple[list[str | int], Any]:
    """Return the names and places that lead to a path of positions, and what is there.

    Raises:
        IndexError: There is nothing.
    """
    node, steps = root, list[str | int]()
    for step in path:
        named = isinstance(node, Members)
        name, node = _items(node, step, step + 1)[0]
        steps.append(name if named else step)
    return steps, node


def whole(root: Any) -> TreeItem:
    """Return the top of a tree."""
    return _view("", root)


def is_nested(value: Any) -> bool:
    """Return whether a value has members."""
    return isinstance(value, list)


def _items(node: Any, first: int, last: int) -> list[tuple[str, Any]]:
    """Return the members at these positions.

    Raises:
        IndexError: There are none.
    """
    if not is_nested(node) or not 0 <= first <= len(node):
        raise IndexError("there is nothing at this place")
    part = node[first:last]
    if isinstance(node, Members):
        return list(part)
    return [(str(index), value) for index, value in enumerate(part, first)]


def kind_of(value: Any) -> str:
    """Return the JSON type of a value."""
    if isinstance(value, Members):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, Number):
        return "number"
    if isinstance(value, str):
        return "string"
    return "null" if value is None else "bool"


def value_text(value: Any, limit: int = TEXT) -> str:
    """Return one value as a line, cut."""
    match kind_of(value):
        case "object":
            return f"{{{len(value):,} members}}" if len(value) != 1 else "{1 member}"
        case "array":
            return f"[{len(value):,} items]" if len(value) != 1 else "[1 item]"
        case "string":
            return f'"{plain(value, limit)}"'
        case "number":
            return plain(value, limit)
        case "null":
            return "null"
    return "true" if value else "false"


def _view(name: str, value: Any) -> TreeItem:
    nested = is_nested(value)
    return {
        "name": plain(name, 120),
        "kind": kind_of(value),
        "text": value_text(value),
        "more": nested and len(value) > 0,
    }
