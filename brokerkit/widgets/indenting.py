"""JSON indented for reading, with every number and string exactly as it was sent."""

from __future__ import annotations

import re

from brokerkit.frames.json_exact import loads

LONGEST = 20_000
DEEPEST = 24
"""Deeper levels are not indented further."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def indented(text: str, limit: int = LONGEST) -> str | None:
    """Return the same JSON with a line for each member; None if it is not JSON, or longer than `limit`."""
    mark, text = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    if len(text) > limit or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        loads(text)
    except ValueError:
        return None
    parts: list[str] = []
    size, depth, previous = 0, 0, ""
    for token in _TOKEN.findall(text):
        if token in "}]":
            depth -= 1
        written = _separator(previous, token, depth) + token
        parts.append(written)
        size += len(written)
        if size > 2 * limit:
            return None
        if token in "{[":
            depth += 1
        previous = token
    return mark + "".join(parts)


def _separator(previous: str, token: str, depth: int) -> str:
    if not previous or token in ",:" or (previous in "{[" and token in "}]"):
        return ""
    if previous == ":":
        return " "
    return "\n" + "  " * min(depth, DEEPEST)
