"""Typed form fields as the arguments of a query, and back."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError

from ..call_text import ascii_safe
from ..formats import chosen_formats, decoder_name
from ..predicate import Predicate
from ..protocol.browse import QueryForm
from .query import Query


def changes_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `peek` in a form.

    Raises:
        ConfigError: A field is not valid; the error names it.
    """
    start = position(_text(form, "start"), "From")
    newest = bool(form.get("newest", True))
    if not newest and start is None:
        start = "earliest"
    where = _text(form, "where")
    return {
        **chosen_formats(form),
        "start": start,
        "end": position(_text(form, "end"), "To"),
        "newest": True if newest and start is not None else None,
        "limit": _whole(_text(form, "limit") or "100", "At most"),
        "partitions": partitions(_text(form, "partitions")),
        "key": key(_text(form, "key")),
        "header": header(_text(form, "header")),
        "where": None if not where else Predicate(where) if form.get("mode") == "python" else where,
    }


def form_of(query: Query) -> QueryForm:
    """Return the form fields for a query; `function` is a predicate set in code, which stays."""
    where = query.where
    return {
        "newest": query.backwards,
        "start": position_text(query.start) if query.start != "earliest" or query.newest else "",
        "end": position_text(query.end),
        "limit": str(query.limit),
        "partitions": "" if query.partitions is None else ", ".join(map(str, query.partitions)),
        "key": "" if query.key is None else _key_text(query.key),
        "header": _header_text(query.header),
        "mode": "text" if where is None or isinstance(where, str) else "python",
        "where": ascii_safe(where)
        if isinstance(where, str)
        else where.source
        if isinstance(where, Predicate)
        else "",
        "function": where is not None and not isinstance(where, str | Predicate),
        "decode": decoder_name(query.decode),
        "decode_key": decoder_name(query.decode_key),
    }


def _text(form: Mapping[str, Any], name: str) -> str:
    found = form.get(name)
    return (
        found.strip()
        if isinstance(found, str) and name != "where"
        else found
        if isinstance(found, str)
        else ""
    )


def _whole(text: str, label: str) -> int:
    try:
        return int(text.replace(",", "").replace("_", ""))
    except ValueError as error:
        raise ConfigError(f"{label}: expected a whole number, not {text!r:.40}") from error


def position(text: str, label: str) -> Any:
    """Parse a position: empty, a word, a number, a time, a relative time, or ``{partition: position}``."""
    if not text:
        return None
    if text.startswith("{"):
        return _python(text, label, "{0: 17, 1: 4}")
    try:
        return int(text)
    except ValueError:
        return text


def position_text(value: Any) -> str:
    """Return a position as the form shows it."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def partitions(text: str) -> list[int] | None:
    """Parse numbers and ranges: ``0, 2, 4-7``."""
    if not text:
        return None
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        low = _whole(first.strip(), "Partitions")
        high = _whole(last.strip(), "Partitions") if last.strip() else low
        if high - low > 100_000:
            raise ConfigError(f"Partitions: {part.strip()[:40]!r} is a very long range")
        numbers.extend(range(low, high + 1))
    return numbers


def key(text: str) -> str | bytes | None:
    r"""Parse text, or bytes written as Python writes them: ``b'\xff'``."""
    if text[:2] in ("b'", 'b"'):
        found = _python(text, "Key", r"b'\xff'")
        if isinstance(found, bytes):
            return found
    return text or None


def _key_text(value: str | bytes) -> str:
    return repr(value) if isinstance(value, bytes) else ascii_safe(value)


def header(text: str) -> Any:
    """Parse ``name``, ``name=value``, or several as ``{"name": "value", ...}``."""
    if not text:
        return None
    if text.startswith("{"):
        return _python(text, "Header", '{"name": "value"}')
    name, equals, value = text.partition("=")
    return {name.strip(): value.strip()} if equals else name.strip()


def _header_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return ascii_safe(value)
    pairs = list(value.items())
    if len(pairs) == 1 and isinstance(pairs[0][1], str) and "=" not in pairs[0][0]:
        return ascii_safe(f"{pairs[0][0]}={pairs[0][1]}")
    return ascii_safe(repr(dict(pairs)))


def _python(text: str, label: str, example: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise ConfigError(
            f"{label}: {text[:60]!r} cannot be read; expected, for example, {example}"
        ) from error
