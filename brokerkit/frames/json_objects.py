"""Texts parsed as JSON objects: exact, and each failure kept with its row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from operator import length_hint
from typing import Any, NoReturn

import orjson

from .decoded import ERROR_LENGTH

EMPTY: dict[str, Any] = {}
"""What a row without an object has: no fields. Never written to."""

_LONG_DIGITS = re.compile(r"[0-9]{19}")
_LARGEST_EXACT = 2.0**63
_NUMBERS = {float, int, bool, type(None)}


def parse_objects(items: Sequence[str | bytes | None]) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """One object per row, and the rows that hold no JSON object with the reason. None is no failure."""
    parsed, failures = _parse(items)
    if set(map(type, parsed)) == {dict}:
        return parsed, failures
    for row, value in enumerate(parsed):
        if type(value) is not dict:
            parsed[row] = EMPTY
            failures.append((row, f"JSON, but {_what(value)} and not an object"))
    failures.sort()
    return parsed, failures


def _parse(items: Sequence[str | bytes | None]) -> tuple[list[Any], list[tuple[int, str]]]:
    parsed: list[Any] = []
    failures: list[tuple[int, str]] = []
    rows = iter(items)
    while True:
        try:
            parsed.extend(map(orjson.loads, rows))  # type: ignore[arg-type]  # None fails, and is told apart
            return parsed, failures
        except orjson.JSONDecodeError as error:
            row = len(items) - length_hint(rows) - 1
            if items[row] is not None:
                failures.append((row, f"not valid JSON: {error}"[:ERROR_LENGTH]))
            parsed.append(EMPTY)


def restore_long_integers(
    items: Sequence[str | bytes | None], objects: list[dict[str, Any]], rows: Sequence[int]
) -> list[tuple[int, str]]:
    """Parse `rows` again where orjson may have made a float of an integer beyond 64 bits.

    Returns the rows that Python's parser cannot read, because they are nested too deep for it.
    """
    failures = []
    for row in rows:
        text = items[row]
        if text is None or _LONG_DIGITS.search(text if isinstance(text, str) else text.decode()) is None:
            continue
        try:
            objects[row] = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            objects[row] = EMPTY
            failures.append((row, f"not readable exactly: {error}"[:ERROR_LENGTH]))
    return failures


def doubtful_rows(values: Sequence[Any], kinds: set[type]) -> Iterable[int]:
    """Rows whose value may stand for an integer that orjson could not hold: large floats, nested values."""
    if float not in kinds and dict not in kinds and list not in kinds:
        return ()
    if kinds <= _NUMBERS:
        # `filter` leaves out None and zero, neither of which is large
        largest = max(map(abs, filter(None, values)), default=0)
        if largest < _LARGEST_EXACT:
            return ()
    return (row for row, value in enumerate(values) if _may_be_inexact(value))


def _may_be_inexact(value: Any) -> bool:
    kind = type(value)
    if kind is float:
        return not -_LARGEST_EXACT < value < _LARGEST_EXACT
    return kind is dict or kind is list


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _what(value: Any) -> str:
    if value is None:
        return "null"
    names = {list: "a list", str: "text", bool: "a bool", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)
