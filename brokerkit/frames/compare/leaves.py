"""A value as its leaves: the path of each, and a text that is equal where the values are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isinf, isnan
from typing import Any

from ..json_exact import INT_DIGITS
from ..json_kinds import json_text

_ODD = re.compile(r'[.\[\]"]')


class PlainText(str):
    """A text that is a payload as it is, and not a string of JSON."""

    __slots__ = ()


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of each leaf. An empty list or mapping is a leaf.

    The paths of different places differ: a name with a point, a bracket or a quote stands in brackets.
    """
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping) and value:
            waiting.extend((below(path, name), inner) for name, inner in reversed([*value.items()]))
        elif isinstance(value, list | tuple) and value:
            waiting.extend((f"{path}[{place}]", value[place]) for place in range(len(value) - 1, -1, -1))
        else:
            yield path, value


def below(path: str, name: Any) -> str:
    """Return the path of what has this name inside of what has that path."""
    text = str(name)
    if _ODD.search(text) or not text:
        return f"{path}[{json_text(text)}]"
    return f"{path}.{text}" if path else text


def canonical(value: Any) -> str:
    """Return a text that two leaves have in common if they are equal, and only then.

    Numbers are equal by their exact value, whatever their types; NaN equals NaN. A number, a truth value, a
    text, bytes and null never equal each other.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return f"n{_number(value)}"
        case PlainText():
            return f"'{value}"
        case str():
            return f'"{value}'
        case bytes():
            return f"b{value.hex()}"
        case datetime():
            moment = value if value.tzinfo is None else value.astimezone(UTC)
            return f"t{moment.isoformat()}.{getattr(value, 'nanosecond', 0)}"
        case date():
            return f"d{value.isoformat()}"
        case timedelta():
            return f"s{value.days}:{value.seconds}:{value.microseconds}:{getattr(value, 'nanoseconds', 0)}"
        case Mapping():
            return "{}"
        case list() | tuple():
            return "[]"
    return f"{type(value).__name__}:{value}"


def _number(value: int | float | Decimal) -> str:
    if isinstance(value, float):
        if isnan(value):
            return "nan"
        if isinf(value):
            return "inf" if value > 0 else "-inf"
        value = Decimal(repr(value))
    elif isinstance(value, int):
        if -1_000_000_000 < value < 1_000_000_000 and value % 10:
            return f"{value}e0"
        if abs(value).bit_length() > 3 * INT_DIGITS:
            return f"x{value:x}"
        value = Decimal(value)
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return "nan" if value.is_nan() else "-inf" if sign else "inf"
    text = "".join(map(str, digits)).lstrip("0")
    short = text.rstrip("0")
    if not short:
        return "0"
    return f"{'-' if sign else ''}{short}e{exponent + len(text) - len(short)}"


def shown(value: Any) -> str:
    """Return a leaf as text for people: JSON where it has a value of that kind."""
    if isinstance(value, PlainText):
        return str(value)
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, float) and not (isnan(value) or isinf(value)):
        return repr(value)
    if value is None or isinstance(value, bool | int | str | Decimal | Mapping | list | tuple):
        return json_text(value)
    return str(value)
