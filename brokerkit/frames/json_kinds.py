"""What values of one JSON field are, and one Arrow column for all of them, exactly."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from .arrow import Array, ChunkedArray
from .decoded import objects_of

TEXT = pa.large_string()
EXACT_DOUBLE = 2**53
"""Whole numbers up to this are exact as a double."""

INT, UINT, DIGITS, DOUBLE, BOOL, STRING, JSON = "int", "uint", "digits", "double", "bool", "string", "json"
_TYPES: dict[str, Any] = {
    INT: pa.int64(),
    UINT: pa.uint64(),
    DIGITS: TEXT,
    DOUBLE: pa.float64(),
    BOOL: pa.bool_(),
    STRING: TEXT,
    JSON: TEXT,
}
_WHOLE = frozenset({INT, UINT, DIGITS})


class Part:
    """One field in a run of rows: its kind (None where all are null or missing) and its values."""

    __slots__ = ("array", "kind")

    def __init__(self, kind: str | None, array: Array) -> None:
        self.kind = kind
        self.array = array


def part_like(values: Sequence[Any], kind: str | None) -> Part | None:
    """The values as the kind that the field had before, where that needs no look at each of them.

    None where they may be of another kind. Only for kinds that Arrow never makes of another one: of
    1.0 it would make an integer, and of True a double.
    """
    if kind is None:
        empty = values.count(None) == len(values)
        return Part(None, pa.nulls(len(values), TEXT)) if empty else None
    if kind in (STRING, BOOL):
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError):  # another kind came up: look at each value
            return Part(kind, pa.array(values, _TYPES[kind]))
    return None


def part_of(values: Sequence[Any], kinds: set[type]) -> Part:
    """The narrowest exact column for values that a JSON parser made, of the types given; None is null."""
    kinds = kinds - {type(None)}
    if not kinds:
        return Part(None, pa.nulls(len(values), TEXT))
    if kinds == {str}:
        return Part(STRING, pa.array(values, TEXT))
    if kinds == {int}:
        return _whole_numbers(values)
    if kinds == {float}:
        return Part(DOUBLE, pa.array(values, pa.float64()))
    if kinds == {bool}:
        return Part(BOOL, pa.array(values, pa.bool_()))
    if kinds == {int, float} and all(
        value is None or type(value) is float or -EXACT_DOUBLE <= value <= EXACT_DOUBLE for value in values
    ):
        return Part(DOUBLE, pa.array(values, pa.float64()))
    return Part(JSON, pa.array([None if value is None else json_text(value) for value in values], TEXT))


def json_text(value: Any) -> str:
    """A parsed value as JSON; integers beyond 64 bits keep every digit, and no depth is too deep."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "".join(_tokens(value))


class _Punctuation(str):
    """A piece of JSON that is written as it is."""

    __slots__ = ()


def _tokens(value: Any) -> Iterator[str]:
    """The JSON of a value in pieces, without recursion."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if type(item) is _Punctuation:
            yield item
        elif type(item) is dict and item:
            parts = ((_Punctuation(f"{_scalar(name)}:"), inner) for name, inner in item.items())
            waiting.extend(reversed(_enclosed("{", parts, "}")))
        elif type(item) is list and item:
            waiting.extend(reversed(_enclosed("[", ((inner,) for inner in item), "]")))
        else:
            yield _scalar(item)


def _enclosed(opening: str, parts: Iterable[tuple[Any, ...]], closing: str) -> list[Any]:
    pieces: list[Any] = []
    for part in parts:
        pieces.extend((_Punctuation("," if pieces else opening), *part))
    pieces.append(_Punctuation(closing))
    return pieces


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def joined(parts: list[Part]) -> ChunkedArray:
    """All parts of one field as one column, of a type that holds each value exactly.

    Whole numbers are int64, else uint64, else their digits as text; with fractions among them
    double, where that is exact; values of different kinds become their JSON text.
    """
    kinds = {part.kind for part in parts if part.kind is not None}
    kind = _common(kinds, parts)
    return pa.chunked_array([_as_kind(part, kind) for part in parts], _TYPES[kind])


def _whole_numbers(values: Sequence[Any]) -> Part:
    for kind in (INT, UINT):
        with suppress(OverflowError, pa.ArrowInvalid):  # too wide for this one, so the next is tried
            return Part(kind, pa.array(values, _TYPES[kind]))
    return Part(DIGITS, pa.array([None if value is None else str(value) for value in values], TEXT))


def _common(kinds: set[str], parts: list[Part]) -> str:
    if not kinds:
        return STRING
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds <= _WHOLE:
        signed = any(part.kind == INT and (pc.min(part.array).as_py() or 0) < 0 for part in parts)
        return DIGITS if DIGITS in kinds or signed else UINT
    if kinds == {INT, DOUBLE} and all(_exact_as_double(part.array) for part in parts if part.kind == INT):
        return DOUBLE
    return JSON


def _exact_as_double(array: Array) -> bool:
    bounds: Any = pc.min_max(array).as_py()
    return bool(bounds["min"] >= -EXACT_DOUBLE and bounds["max"] <= EXACT_DOUBLE)


def _as_kind(part: Part, kind: str) -> Array:
    if part.kind is None:
        return pa.nulls(len(part.array), _TYPES[kind])
    if part.kind == kind or kind in (UINT, DOUBLE):
        return part.array.cast(_TYPES[kind])
    if part.kind in (INT, UINT, DIGITS):
        return part.array.cast(TEXT)
    values = objects_of(part.array) if part.kind == STRING else part.array.to_pylist()
    return pa.array([None if value is None else json_text(value) for value in values], TEXT)
