"""Settings in units that a person reads: 7 days, 10 MB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SECOND = 1_000
_SPANS = (("day", 86_400 * SECOND), ("hour", 3_600 * SECOND), ("minute", 60 * SECOND), ("second", SECOND))
_SIZES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
_DECIMAL = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_TIME_ENDS = {"ms": 1, "milliseconds": 1, "seconds": SECOND, "minutes": 60 * SECOND, "hours": 3_600 * SECOND}
_SIZE_ENDS = {"bytes": 1, "megabytes": 1 << 20, "mebibytes": 1 << 20}
UNLIMITED = frozenset({2**63 - 1, 2**31 - 1})


def span_words(milliseconds: float) -> str:
    """Return a span of time in its largest unit that needs at most one fraction digit, such as ``7 days``."""
    for unit, size in _SPANS:
        amount = milliseconds / size
        if amount >= 1 and round(amount, 1) == amount:
            return f"{amount:g} {unit}{'' if amount == 1 else 's'}"
    return f"{milliseconds:g} ms" if milliseconds < SECOND else f"{milliseconds / SECOND:g} seconds"


def size_words(count: int) -> str:
    """Return a number of bytes in the largest unit that fits it exactly, such as ``10 MB`` or ``1 GiB``."""
    for unit, size in (*_SIZES, *_DECIMAL):
        if count >= size and not count % size:
            return f"{count // size:,} {unit}"
    for unit, size in _DECIMAL:
        if count >= size:
            return f"{count / size:.1f} {unit} ({count:,} bytes)"
    return f"{count:,} bytes"


def setting_text(name: str, value: Any) -> str:
    """Return a setting as text. The end of its name says the unit: ``_seconds``, ``.ms``, ``.bytes``."""
    if isinstance(value, Mapping):
        return ", ".join(f"{each}: {setting_text(str(each), inner)}" for each, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    number = _number(value)
    unit = name.replace(".", "_").rpartition("_")[2]
    if number in UNLIMITED:
        return "unlimited"
    if number is None or unit not in (*_TIME_ENDS, *_SIZE_ENDS):
        return str(value)
    if number < 0:
        # other negative numbers have meanings of their own
        followed = name.replace("local.", "", 1)
        if number == -2 and followed != name:
            return f"as {followed}"
        return "unlimited" if number == -1 else str(value)
    if unit in _SIZE_ENDS:
        return size_words(int(number * _SIZE_ENDS[unit]))
    return span_words(number * _TIME_ENDS[unit])


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    text = str(value)
    return int(text) if text.removeprefix("-").isdigit() else None
