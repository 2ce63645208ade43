"""JSON read without loss: every digit of every number, and common deviations from JSON.

`orjson` reads nearly everything. It makes a float of an integer beyond 64 bits and of any decimal number,
which may lose digits, and it refuses text that many programs write: NaN, a byte-order mark, zero bytes at
the end, and control characters and lone surrogates in strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import orjson

from .arrow import Array
from .decoded import ERROR_LENGTH

INT_DIGITS = 4_000
"""Whole numbers with more digits than this are read as `Decimal`: Python refuses to parse them as int."""

_SAFE_DIGITS = 16
"""A run of so many digits and points may exceed 64 bits or the digits of a float; a shorter one is safe."""

# a digit, a point, an e and a sign as one character each
_CLASSES = bytes(
    ord("0") if byte in b"0123456789." else ord("e") if byte in b"eE" else ord("-") if byte in b"-" else 32
    for byte in range(256)
)
_LONG = b"0" * _SAFE_DIGITS
_STRIDE = 4
"""A run of so many digits is found by checking each fourth byte."""
_WINDOW = 65_536
_OVERLAP = 32
_POINT, _POINT_TO_NINE, _MINUS, _LOWER, _E = map(np.uint8, (ord("."), 12, ord("-"), 32, ord("e")))
_TINY = b"0e-000"
_NUMBERS = re.compile(rb"-?[0-9.]{%d,}(?:[eE][+-]?[0-9]+)?|-?[0-9.]+[eE]-[0-9]{3,}" % _SAFE_DIGITS)
# one set of first characters, which the machine of `re` looks for seven times faster than for alternatives
_ALMOST = re.compile(
    rb"[\x00-\x1f\\NI\xef0-9](?:(?<=[0-9])(?:[eE]\+?[0-9]{2}|[0-9]{299})|(?<=[\x00-\x1f])"
    rb"|(?<=\\)u[dD][89a-fA-F]|(?<=N)aN|(?<=I)nfinity|(?<=\xef)\xbb\xbf)"
)
_BOM = "\ufeff"


class Read(NamedTuple):
    """A value, and the deviation from JSON that made a lenient reading necessary; None for plain JSON."""

    value: Any
    leniency: str | None = None


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text, exactly.

    Numbers are int and float, and `decimal.Decimal` where a float would lose digits. If a name is repeated,
    the last one counts.

    Raises:
        ValueError: The text is not JSON, even if read leniently.
    """
    return read(text).value


def read(text: str | bytes, constant: Callable[[str], Any] = float) -> Read:
    """Return the value of a JSON text, exactly, and whether it had to be read leniently.

    Args:
        text: The JSON text.
        constant: Makes the value of NaN, Infinity and -Infinity.

    Raises:
        ValueError: The text is not JSON, even if read leniently.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        if _ALMOST.search(data) is None:
            raise ValueError(f"not valid JSON: {error}"[:ERROR_LENGTH]) from error
        try:
            return _read_leniently(data.decode("utf-8", "surrogatepass"), constant)
        except json.JSONDecodeError:
            raise ValueError(f"not valid JSON: {error}"[:ERROR_LENGTH]) from error
    return Read(_exactly(text, constant)) if is_inexact(text) else Read(value)


def may_be_inexact(texts: Array) -> bool:
    """Return whether `is_inexact` must be called for each text of a large_binary array: one test for all."""
    data = _bytes_of(texts)
    # windows fit the cache, and are small enough that memory is reused
    for start in range(0, len(data), _WINDOW):
        window = data[max(0, start - _OVERLAP) : start + _WINDOW]
        numeric = (window[::_STRIDE] - _POINT) < _POINT_TO_NINE
        for shift in (1, 2):
            numeric = numeric[:-shift] & numeric[shift:]
        if numeric.any() and _LONG in window.tobytes().translate(_CLASSES):
            return True
        exponents = ((window[:-1] | _LOWER) == _E) & (window[1:] == _MINUS)
        if exponents.any() and _TINY in window.tobytes().translate(_CLASSES):
            return True
    return False


def _bytes_of(texts: Array) -> Any:
    """Return the bytes of all texts, one after the other, as an array."""
    offsets: Any
    data: Any
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return np.empty(0, np.uint8)
    places = np.frombuffer(offsets, np.int64)
    return np.frombuffer(data, np.uint8)[places[texts.offset] : places[texts.offset + len(texts)]]


def is_inexact(text: str | bytes) -> bool:
    """Return whether `orjson` would lose digits of a number in this JSON text."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    classes = data.translate(_CLASSES)
    if _LONG not in classes and _TINY not in classes:
        return False
    return any(_loses_digits(found.group().decode()) for found in _NUMBERS.finditer(data))


def reread(
    texts: Sequence[bytes | None], values: list[Any], rows: Iterable[int], otherwise: Any
) -> list[tuple[int, str]]:
    """Read `rows` again where their numbers would lose digits. Rows that fail get the value `otherwise`.

    NaN and infinity become `Decimal`, which no JSON writer turns into null.

    Returns:
        The rows that failed, with the reason.
    """
    failures = []
    for row in rows:
        text = texts[row]
        if text is None or not is_inexact(text):
            continue
        try:
            values[row] = read(text, Decimal).value
        except ValueError as error:
            values[row] = otherwise
            failures.append((row, str(error)))
    return failures


def number(text: str) -> float | Decimal:
    """Return a number that has a fraction or an exponent, exactly as written."""
    near = float(text)
    shown = repr(near)
    if shown == text:
        return near
    try:
        exact = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"the exponent of {text[:40]} is beyond any number") from error
    return near if isfinite(near) and Decimal(shown) == exact else exact


def _whole_number(text: str) -> int | Decimal:
    return int(text) if len(text) <= INT_DIGITS else Decimal(text)


def _loses_digits(text: str) -> bool:
    if not text.strip("-0123456789"):
        return len(text) > 20 or not -(2**63) <= int(text) < 2**64
    try:
        return type(number(text)) is Decimal
    except ValueError:
        # not a number, such as a version within a string; if it is one, reading it raises the error
        return "e" in text or "E" in text


def _exactly(text: str | bytes, constant: Callable[[str], Any], strict: bool = True) -> Any:
    try:
        return json.loads(
            text, parse_float=number, parse_int=_whole_number, parse_constant=constant, strict=strict
        )
    except RecursionError as error:
        raise ValueError(f"not readable exactly: {error}"[:ERROR_LENGTH]) from error


def _read_leniently(text: str, constant: Callable[[str], Any]) -> Read:
    found: list[str] = []

    def noted(name: str) -> Any:
        found.append(name)
        return constant(name)

    if text.startswith(_BOM):
        found.append("a byte-order mark")
        text = text[len(_BOM) :]
    if text.endswith("\x00"):
        found.append("zero bytes at the end")
        text = text.rstrip("\x00")
    value = _exactly(text, noted, strict=False)
    if not found:
        try:
            json.loads(text, parse_float=str, parse_int=str)
        except json.JSONDecodeError:
            found.append("control characters in a text")
        else:
            found.extend(["a lone surrogate"] if _lone_surrogate(value) else [])
    return Read(value, found[0] if found else None)


def _lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return True
    except RecursionError:
        # too deep to be sure; plain JSON of this depth is not read in this way
        return True
    return False
