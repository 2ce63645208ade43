"""Two messages side by side, field by field."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import datetime
from itertools import islice, zip_longest
from typing import Any, NamedTuple

from brokerkit.display.sanitize import plain

from ..row_view import bytes_text
from . import tree
from .message import MessageView

FIELDS = 2_000
"""At most so many fields of one payload are compared."""
DEEPEST = 40
LINES = 400
"""At most so many lines of payloads that are not JSON."""


class Compared(NamedTuple):
    """One field of two messages; None where a message does not have it."""

    field: str
    left: str | None
    right: str | None

    @property
    def same(self) -> bool:
        return self.left == self.right


def compare(left: MessageView, right: MessageView) -> list[Compared]:
    """Return the position, key, times, headers and payload of two messages, field by field."""
    found = [
        Compared(name, _shown(left.get(name)), _shown(right.get(name)))
        for name in (
            "topic",
            "partition",
            "offset",
            "id",
            "key",
            "raw_key",
            "publish_time",
            "ingestion_time",
            "delivery_count",
        )
        if (left.get(name), right.get(name)) != (None, None)
    ]
    headers = _paired(_headers(left), _headers(right))
    found.extend(Compared(f"header {name}", ours, theirs) for name, ours, theirs in headers)
    return [*found, *_payloads(left, right)]


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f} UTC"
    return bytes_text(value) if isinstance(value, bytes) else str(value)


def _headers(message: MessageView) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in message.attributes:
        name, number = pair["name"], 2
        while name in values:
            name, number = f"{pair['name']} #{number}", number + 1
        text = "null" if pair["value"] is None else bytes_text(pair["value"])
        values[name] = text if pair["type"] == "string" else f"{text} ({pair['type']})"
    return values


def _paired(left: dict[str, str], right: dict[str, str]) -> Iterator[tuple[str, str | None, str | None]]:
    for name in dict.fromkeys([*left, *right]):
        yield name, left.get(name), right.get(name)


def _payloads(left: MessageView, right: MessageView) -> list[Compared]:
    try:
        ours, theirs = left.json, right.json
    except ValueError:
        return _texts(left, right)
    return [Compared(*each) for each in _paired(dict(_leaves(ours)), dict(_leaves(theirs)))]


def _leaves(root: Any) -> Iterator[tuple[str, str]]:
    """Yield each single value of JSON with its path; of very large JSON, the first of them."""
    waiting: list[tuple[str, Any, int]] = [("value", root, 0)]
    count = 0
    while waiting and count < FIELDS:
        path, node, depth = waiting.pop()
        if tree.is_nested(node) and node and depth < DEEPEST:
            dotted = isinstance(node, tree.Members)
            items = node if dotted else enumerate(node)
            below = [
                (f"{path}.{name}" if dotted else f"{path}[{name}]", value, depth + 1)
                for name, value in islice(items, FIELDS)
            ]
            waiting.extend(reversed(below))
            continue
        count += 1
        # deeper values are compared as a whole
        yield path, _whole(node)


def _whole(node: Any) -> str:
    if tree.is_nested(node) and not node:
        return "{}" if isinstance(node, tree.Members) else "[]"
    try:
        return repr(node)[:10_000] if tree.is_nested(node) else tree.value_text(node, 10_000)
    except RecursionError:
        return tree.value_text(node)


def _texts(left: MessageView, right: MessageView) -> list[Compared]:
    ours, theirs = _lines(left), _lines(right)
    found: list[Compared] = []
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    for _, first, last, other_first, other_last in matcher.get_opcodes():
        pairs = zip_longest(range(first, last), range(other_first, other_last))
        for mine, other in pairs:
            number = other if mine is None else mine
            found.append(
                Compared(
                    f"line {number + 1}",
                    None if mine is None else ours[mine],
                    None if other is None else theirs[other],
                )
            )
    return found


def _lines(message: MessageView) -> list[str]:
    if message.payload is None:
        return ["null"]
    text = bytes_text(message.payload[:100_000])
    return [plain(line, 10_000) for line in text.splitlines()[:LINES]]


def compared_view(rows: list[Compared]) -> list[tuple[str, str | None, str | None, bool]]:
    """Return short texts for the view: field, left, right, and whether they are equal."""
    return [
        (
            plain(each.field, 160),
            None if each.left is None else plain(each.left, 400),
            None if each.right is None else plain(each.right, 400),
            each.same,
        )
        for each in rows
    ]
