"""The kinds of values of one JSON field, and one Arrow column that holds them all exactly."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from .arrow import Array, ArrowType, ChunkedArray, chunked, nulls
from .decoded import objects_of

TEXT = pa.large_string()
EXACT_DOUBLE = 2**53
"""Whole numbers up to this are exact as a double."""

INT, UINT, NUMBER, DOUBLE, BOOL, STRING, JSON = "int", "uint", "number", "double", "bool", "string", "json"
"""NUMBER: numbers that only a decimal, or the digits as text, hold exactly."""

_TYPES: dict[str, Any] = {
    INT: pa.int64(),
    UINT: pa.uint64(),
    NUMBER: TEXT,
    DOUBLE: pa.float64(),
    BOOL: pa.bool_(),
    STRING: TEXT,
    JSON: TEXT,
}
_NUMBERS = frozenset({INT, UINT, NUMBER, DOUBLE})
_DECIMALS = ((38, pa.decimal128), (76, pa.decimal256))
_LONGEST_SHOWN = 400
"""A longer text is not checked digit by digit: it cannot be a number of up to 76 digits."""


class Part:
    """One field in a run of rows: its kind (None if all are null or missing) and its values.

    Values of the kind NUMBER are texts.
    """

    __slots__ = ("array", "kind")

    def __init__(self, kind: str | None, array: Array) -> None:
        self.kind = kind
        self.array = array


def part_like(values: Sequence[Any], kind: str | None) -> Part | None:
    """Return the values as the field's previous kind, if that needs no check of each value.

    None means that they may be of another kind. This is only for kinds that Arrow does not convert silently:
    it would make an integer of 1.0, and a double of True.
    """
    if kind is None:
        empty = values.count(None) == len(values)
        return Part(None, pa.nulls(len(values), TEXT)) if empty else None
    if kind in (STRING, BOOL):
        # values of another kind, or text that Arrow cannot hold: check each value
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
            return Part(kind, pa.array(values, _TYPES[kind]))
    return None


def part_of(values: Sequence[Any], kinds: set[type]) -> Part:
    """Return the narrowest exact column for parsed JSON values of these types; None is null."""
    kinds = kinds - {type(None)}
    if not kinds:
        return Part(None, pa.nulls(len(values), TEXT))
    if kinds == {str}:
        return Part(STRING, text_array(values))
    if kinds == {int}:
        return _whole_numbers(values)
    if kinds == {float}:
        return Part(DOUBLE, pa.array(values, pa.float64()))
    if kinds == {bool}:
        return Part(BOOL, pa.array(values, pa.bool_()))
    if kinds <= {int, float, Decimal}:
        return _numbers(values)
    return Part(JSON, pa.array([None if value is None else json_text(value) for value in values], TEXT))


def text_array(values: Sequence[str | None]) -> Array:
    """Return texts as an array; a lone surrogate, which Arrow cannot hold, is written as its escape."""
    try:
        return pa.array(values, TEXT)
    except UnicodeEncodeError:
        data = [None if text is None else text.encode("utf-8", "backslashreplace") for text in values]
        return pa.array(data, pa.large_binary()).cast(TEXT)


def json_text(value: Any) -> str:
    """Return a parsed value as JSON. Numbers keep every digit, and no depth is too deep.

    NaN and infinity are written as they came, which is not valid JSON.
    """
    if type(value) is float and not isfinite(value):
        return _scalar(value)
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "".join(_tokens(value))


class _Punctuation(str):
    """A piece of JSON that is written as it is."""

    __slots__ = ()


def _tokens(value: Any) -> Iterator[str]:
    """Yield the JSON of a value in pieces, without recursion."""
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
    if type(value) is Decimal:
        return str(value)
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isascii() or _is_utf8(text) else json.dumps(value)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def joined(parts: list[Part]) -> ChunkedArray:
    """Return all parts of one field as one column, of a type that holds each value exactly.

    Whole numbers are int64, otherwise uint64, otherwise a decimal. With fractions among them they are double
    if that is exact, otherwise a decimal. Numbers that no decimal holds, and values of different kinds,
    become their JSON text.
    """
    kind = common_kind(parts)
    if kind == NUMBER:
        return _decimals(parts)
    return pa.chunked_array([_as_kind(part, kind) for part in parts], _TYPES[kind])


def common_kind(parts: list[Part]) -> str:
    """Return the kind that holds the values of all parts exactly."""
    return _common({part.kind for part in parts if part.kind is not None}, parts)


def type_of_kind(kind: str) -> ArrowType:
    """Return the type of a column of a kind; numbers that no other type holds are their digits as text."""
    found: ArrowType = _TYPES[kind]
    return found


def as_kind(part: Part, kind: str) -> Array | None:
    """Return the values as a kind that was chosen before they were seen; None if it changes one of them."""
    fits = (
        part.kind in (None, kind)
        or kind == JSON
        or (kind == NUMBER and part.kind in (INT, UINT))
        or (kind == DOUBLE and part.kind == INT and _exact_as_double(part.array))
        or (kind == UINT and part.kind == INT and pc.min(part.array).as_py() >= 0)
    )
    return _as_kind(part, kind) if fits else None


def as_type(part: Part, type: ArrowType) -> Array | None:
    """Return the values as a type that the caller asks for; None if it cannot hold one of them.

    Numbers are rounded to floats. Texts are read as what the type holds, such as times.
    """
    if part.kind is None:
        return nulls(len(part.array), type)
    texts = pa.types.is_string(type) or pa.types.is_large_string(type)
    if part.kind == JSON or (texts and part.kind != STRING):
        return None
    if pa.types.is_boolean(type) != (part.kind == BOOL):
        return None
    # Arrow makes no decimal of a whole number that has room for fewer digits than its type
    values = part.array.cast(TEXT) if pa.types.is_decimal(type) else part.array
    try:
        return values.cast(type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _whole_numbers(values: Sequence[Any]) -> Part:
    for kind in (INT, UINT):
        with suppress(OverflowError, pa.ArrowInvalid):  # too wide for this type, so the next is tried
            return Part(kind, pa.array(values, _TYPES[kind]))
    return Part(NUMBER, pa.array([None if value is None else str(value) for value in values], TEXT))


def _numbers(values: Sequence[Any]) -> Part:
    """Return numbers that are not all int: as doubles, if each is exact as a double."""
    if all(map(_exact_as_float, values)):
        return Part(DOUBLE, pa.array([None if value is None else float(value) for value in values]))
    texts = [None if value is None else json_text(value) for value in values]
    finite = all(value is None or isfinite(value) for value in values if type(value) is not int)
    return Part(NUMBER if finite else JSON, pa.array(texts, TEXT))


def _exact_as_float(value: Any) -> bool:
    if value is None or type(value) is float:
        return True
    if type(value) is Decimal:
        return not value.is_finite()
    return bool(-EXACT_DOUBLE <= value <= EXACT_DOUBLE)


def _decimals(parts: list[Part]) -> ChunkedArray:
    """Return all parts as decimals of one precision and scale; as their digits if none is wide enough."""
    texts = [_as_kind(part, NUMBER) for part in parts]
    shown = [text for each in texts for text in objects_of(each) if text is not None]
    if max(map(len, shown)) <= _LONGEST_SHOWN:
        numbers = list(map(Decimal, shown))
        scale = max(map(_scale, numbers))
        digits = scale + max(map(_whole_digits, numbers))
        for most, type_of in _DECIMALS:
            if digits <= most:
                kind = type_of(most, scale)
                arrays = [_decimal_array(objects_of(each), kind) for each in texts]
                return chunked(arrays, kind)
    return pa.chunked_array(texts, TEXT)


def _decimal_array(texts: list[str | None], kind: ArrowType) -> Array:
    return pa.array([None if text is None else Decimal(text) for text in texts], kind)


def _scale(number: Decimal) -> int:
    """Return the number of digits behind the point, without zeros at the end."""
    _, digits, exponent = number.as_tuple()
    places = -int(exponent)
    for digit in reversed(digits):
        if places <= 0 or digit:
            break
        places -= 1
    return max(0, places)


def _whole_digits(number: Decimal) -> int:
    return max(0, number.adjusted() + 1) if number else 0


def _common(kinds: set[str], parts: list[Part]) -> str:
    if not kinds:
        return STRING
    if len(kinds) == 1:
        return next(iter(kinds))
    if not kinds <= _NUMBERS:
        return JSON
    if kinds == {INT, UINT}:
        signed = any(part.kind == INT and (pc.min(part.array).as_py() or 0) < 0 for part in parts)
        return NUMBER if signed else UINT
    if kinds == {INT, DOUBLE} and all(_exact_as_double(part.array) for part in parts if part.kind == INT):
        return DOUBLE
    doubles = (part.array for part in parts if part.kind == DOUBLE)
    return JSON if any(pc.all(pc.is_finite(array)).as_py() is False for array in doubles) else NUMBER


def _exact_as_double(array: Array) -> bool:
    bounds: Any = pc.min_max(array).as_py()
    return bool(bounds["min"] >= -EXACT_DOUBLE and bounds["max"] <= EXACT_DOUBLE)


def _as_kind(part: Part, kind: str) -> Array:
    if part.kind is None:
        return nulls(len(part.array), _TYPES[kind])
    if part.kind == kind or kind in (UINT, DOUBLE):
        return part.array.cast(_TYPES[kind])
    if part.kind in (INT, UINT, NUMBER):
        return part.array.cast(TEXT)
    values = objects_of(part.array) if part.kind == STRING else part.array.to_pylist()
    return pa.array([None if value is None else json_text(value) for value in values], TEXT)
