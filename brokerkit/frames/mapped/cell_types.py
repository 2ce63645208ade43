"""Cells of text as values of a type, and why others are none."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ..arrow import ChunkedArray

CellType: TypeAlias = Literal["text", "integer", "number", "decimal comma", "boolean", "time"]
TYPES: tuple[CellType, ...] = ("text", "integer", "number", "decimal comma", "boolean", "time")

_INTEGER = r"^\s*-?(0|[1-9][0-9]*)\s*$"
_NUMBER = r"^\s*-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\s*$"
_PLAIN_NUMBER = r"^\s*-?(0|[1-9][0-9]*)(\.[0-9]+)?\s*$"
_COMMA = r"^\s*-?(0|[1-9][0-9]{0,2}(\.[0-9]{3})+|[1-9][0-9]*)(,[0-9]+)?\s*$"
_BOOLEAN = r"^\s*(?i:true|false)\s*$"
GUESSED: tuple[tuple[CellType, str], ...] = (
    ("integer", _INTEGER),
    ("number", _NUMBER),
    ("decimal comma", _COMMA),
    ("boolean", _BOOLEAN),
)
"""The types that are guessed, the narrowest first, and how their cells are written: 007 is text."""
ENOUGH = 0.8
"""With so many cells of a type, the others are mistakes."""
_WANTED = {
    "integer": "not a whole number",
    "number": "not a number",
    "decimal comma": "not a number with a decimal comma",
    "boolean": "neither true nor false",
    "time": "not a time such as 2026-01-31T12:00:00Z",
}
LARGEST = 2**63


def guessed_type(column: ChunkedArray) -> CellType:
    """Return the type that most cells of a column are written as."""
    filled = len(column) - column.null_count
    if not filled:
        return "text"
    for kind, pattern in GUESSED:
        found = pc.sum(pc.match_substring_regex(column, pattern).cast(pa.int64())).as_py() or 0
        if found >= ENOUGH * filled and (kind != "decimal comma" or found == filled or found > 1):
            return kind
    return "text"


def typed_cells(column: ChunkedArray, kind: CellType) -> tuple[ChunkedArray, dict[int, str]]:
    """Return cells of text as values of a type, and by row why others are none."""
    if kind == "text":
        return column, {}
    plain = _at_once(column, kind)
    if plain is not None:
        return plain, {}
    values, wrong = _typed(column.to_pylist(), kind)
    return pa.chunked_array([pa.array(values, _ARROW[kind])]), wrong


def _at_once(column: ChunkedArray, kind: CellType) -> ChunkedArray | None:
    """Return a column whose cells are all short numbers, which Arrow reads exactly; else None."""
    pattern = {"integer": _INTEGER, "number": _PLAIN_NUMBER}.get(kind)
    longest = pc.max(pc.utf8_length(column)).as_py() or 0
    if pattern is None or longest > 15 or not pc.all(pc.match_substring_regex(column, pattern)).as_py():
        return None
    try:
        made: ChunkedArray = pc.utf8_trim_whitespace(column).cast(_ARROW[kind])
    except pa.ArrowInvalid:
        return None
    return made


_ARROW: dict[str, Any] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "decimal comma": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", "UTC"),
}


def _typed(cells: list[str | None], kind: CellType) -> tuple[list[Any], dict[int, str]]:
    make = _MAKERS[kind]
    wrong: dict[int, str] = {}
    values: list[Any] = [None] * len(cells)
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        try:
            values[row] = make(cell)
        except _Unfit as error:
            wrong[row] = f"{_shown(cell)} {error}"
        except (ValueError, OverflowError):
            wrong[row] = f"{_shown(cell)} is {_WANTED[kind]}"
    return values, wrong


class _Unfit(Exception):
    """A cell is written as the type, and no value of it."""


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 60 else f"{cell[:57]}...")


def _integer(cell: str) -> int:
    if not re.fullmatch(_INTEGER, cell):
        raise ValueError
    value = int(cell)
    if not -LARGEST <= value < LARGEST:
        raise _Unfit("is outside of 64 bits: its type may be text")
    return value


def _number(cell: str) -> float:
    if not re.fullmatch(_NUMBER, cell):
        raise ValueError
    value = float(cell)
    if value in (float("inf"), float("-inf")):
        raise _Unfit("is larger than a number can be: its type may be text")
    digits = re.sub(r"[eE].*|[^0-9]", "", cell).strip("0")
    if len(digits) > 15 and digits != re.sub(r"e.*|[^0-9]", "", repr(value)).strip("0"):
        raise _Unfit("has more digits than a number keeps: its type may be text")
    return value


def _comma(cell: str) -> float:
    if not re.fullmatch(_COMMA, cell):
        raise ValueError
    return _number(cell.replace(".", "").replace(",", "."))


def _boolean(cell: str) -> bool:
    word = cell.strip().lower()
    if word not in ("true", "false"):
        raise ValueError
    return word == "true"


def _time(cell: str) -> datetime:
    made = datetime.fromisoformat(cell.strip())
    return made if made.tzinfo is not None else made.replace(tzinfo=UTC)


_MAKERS: dict[CellType, Callable[[str], Any]] = {
    "integer": _integer,
    "number": _number,
    "decimal comma": _comma,
    "boolean": _boolean,
    "time": _time,
}
