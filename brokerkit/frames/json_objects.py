"""Texts parsed as JSON objects, exactly; each failure is kept with its row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from operator import length_hint
from typing import Any, NamedTuple

import orjson

from .json_exact import read, reread

EMPTY: dict[str, Any] = {}
"""The fields of a row without an object: none. It is never changed."""

RowTexts = list[tuple[int, str]]


class Objects(NamedTuple):
    """One object per row.

    Attributes:
        failures: The rows that hold no object, with the reason.
        lenient: The rows that are JSON only if read leniently.
    """

    values: list[dict[str, Any]]
    failures: RowTexts
    lenient: RowTexts


def parse_objects(items: Sequence[bytes | None]) -> Objects:
    """Return one object per row, and the rows that hold no JSON object with the reason.

    None is not a failure. Numbers may have lost digits; see `restore_numbers`.
    """
    parsed, failures, lenient = _parse(items)
    if set(map(type, parsed)) != {dict}:
        for row, value in enumerate(parsed):
            if type(value) is not dict:
                parsed[row] = EMPTY
                failures.append((row, f"JSON, but {_what(value)} and not an object"))
        failures.sort()
    return Objects(parsed, failures, lenient)


def restore_numbers(items: Sequence[bytes | None], objects: Objects) -> RowTexts:
    """Read the rows whose numbers lost digits again, exactly, and return the rows that failed."""
    values: list[Any] = objects.values
    rows = [row for row, value in enumerate(values) if value is not EMPTY]
    return reread(items, values, rows, EMPTY)


def _parse(items: Sequence[bytes | None]) -> tuple[list[Any], RowTexts, RowTexts]:
    parsed: list[Any] = []
    failures: RowTexts = []
    lenient: RowTexts = []
    # null is no text: it fails, and is told apart
    rows: Iterator[Any] = iter(items)
    while True:
        try:
            parsed.extend(map(orjson.loads, rows))
            return parsed, failures, lenient
        except orjson.JSONDecodeError:
            row = len(items) - length_hint(rows) - 1
        item = items[row]
        parsed.append(EMPTY)
        if item is None:
            continue
        try:
            parsed[row], leniency = read(item, Decimal)
        except ValueError as error:
            failures.append((row, str(error)))
            continue
        if leniency is not None:
            lenient.append((row, leniency))


def _what(value: Any) -> str:
    if value is None:
        return "null"
    names = {list: "a list", str: "text", bool: "a bool", int: "a number", float: "a number"}
    return names.get(type(value), "a number" if type(value) is Decimal else type(value).__name__)
