"""Cells of text as values of a type, and why others are none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ..arrow import ChunkedArray
from ..tabular import Column

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
"""With so many cells of a type, and the others without a digit, the others are mistakes."""
CLEARLY, MANY = 0.99, 100
"""So are a few others with digits among many cells."""
_THOUSANDS = {
    "number": r"^\s*-?[1-9][0-9]{0,2}(\.[0-9]{3})+\s*$",
    "decimal comma": r"^\s*-?[1-9][0-9]{0,2}(,[0-9]{3})+\s*$",
}
"""How cells are written whose sign may separate thousands as well."""
_SIGN = {"number": ".", "decimal comma": ","}
_PADDED = r"\.[0-9]+0\s*$"
_DECIMALS = r"(?P<decimals>\.[0-9]+)\s*$"
_WANTED = {
    "integer": "not a whole number",
    "number": "not a number",
    "decimal comma": "not a number with a decimal comma",
    "boolean": "neither true nor false",
    "time": "not a time such as 2026-01-31T12:00:00Z",
}
LARGEST = 2**63
_FINER = re.compile(r"[.,][0-9]{6}[0-9]*[1-9]")


def guessed_type(column: ChunkedArray) -> CellType:
    """Return the type that the cells of a column are written as; where that is not certain, it is text."""
    filled = column.drop_null()
    if not len(filled):
        return "text"
    fitting = [(kind, pc.match_substring_regex(filled, pattern)) for kind, pattern in GUESSED]
    counts = [pc.sum(fits.cast(pa.int64())).as_py() or 0 for _, fits in fitting]
    # the narrowest of those that most cells fit
    kind, fits = fitting[counts.index(max(counts))]
    found = max(counts)
    if found < len(filled):
        others = filled.filter(pc.invert(fits))
        few = found >= ENOUGH * len(filled) and not pc.any(pc.match_substring_regex(others, "[0-9]")).as_py()
        if not few and not (len(filled) >= MANY and found >= CLEARLY * len(filled)):
            return "text"
        if kind == "decimal comma" and found == 1:
            return "text"
    return "text" if _has_two_readings(filled.filter(fits), kind) else kind


def _has_two_readings(cells: ChunkedArray, kind: CellType) -> bool:
    """Return whether numbers may be others: 1.234 and 1,234 may be thousands, and 1.10 a version."""
    sign = _SIGN.get(kind)
    if sign is None:
        return False
    signed = cells.filter(pc.match_substring(cells, sign))
    if not len(signed):
        return False
    if pc.all(pc.match_substring_regex(signed, _THOUSANDS[kind])).as_py():
        return True
    if kind != "number" or not pc.any(pc.match_substring_regex(signed, _PADDED)).as_py():
        return False
    decimals = pc.struct_field(pc.extract_regex(signed, _DECIMALS), "decimals").drop_null()
    return len(pc.utf8_length(decimals).unique()) > 1


def guessed_types(columns: Mapping[str, Column]) -> dict[str, CellType]:
    """Return the type of each column of text. A file has one decimal sign: beside commas, 1.5 stays text."""
    made: dict[str, CellType] = {
        name: guessed_type(column) for name, column in columns.items() if not isinstance(column, list)
    }
    if "decimal comma" in made.values():
        for name, kind in made.items():
            column = columns[name]
            if kind == "number" and not isinstance(column, list) and _has_points(column):
                made[name] = "text"
    return made


def _has_points(column: ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring(column, ".")).as_py())


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
            wrong[row] = f"{_shown(cell)} is {_WANTED[kind]}: types= may say text"
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
        raise _Unfit("is outside of 64 bits: types= may say text")
    return value


def _number(cell: str) -> float:
    if not re.fullmatch(_NUMBER, cell):
        raise ValueError
    value = float(cell)
    if value in (float("inf"), float("-inf")):
        raise _Unfit("is larger than a number can be: types= may say text")
    digits = re.sub(r"[eE].*|[^0-9]", "", cell).strip("0")
    if digits and not value:
        raise _Unfit("is smaller than a number can be: types= may say text")
    if len(digits) > 15 and digits != re.sub(r"e.*|[^0-9]", "", repr(value)).strip("0"):
        raise _Unfit("has more digits than a number keeps: types= may say text")
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
    if _FINER.search(cell):
        raise _Unfit("has more digits than the microseconds of a time: types= may say text")
    return made if made.tzinfo is not None else made.replace(tzinfo=UTC)


_MAKERS: dict[CellType, Callable[[str], Any]] = {
    "integer": _integer,
    "number": _number,
    "decimal comma": _comma,
    "boolean": _boolean,
    "time": _time,
}
