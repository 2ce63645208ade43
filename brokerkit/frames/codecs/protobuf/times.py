"""Timestamps and durations: seconds and nanoseconds as Arrow values or text, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...arrays import choose, joined
from ...arrow import Array, ArrowType, fill_null
from .plan import Kind, Value

FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
"""The first second of year 1 and the last of year 9999."""

MOST_SECONDS = 315_576_000_000
"""The longest duration, about 10,000 years."""

_BILLION = 1_000_000_000
_DIGITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": _BILLION}
_LAST_NANOS = divmod(2**63 - 1, _BILLION)
"""Seconds and nanoseconds of the last time that 64 bits hold in nanoseconds."""

Seconds = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def allowed(kind: Kind, seconds: Seconds, nanos: Seconds) -> Flags:
    """Return which pairs Protobuf allows."""
    if kind is Kind.TIMESTAMP:
        within = (seconds >= FIRST_SECOND) & (seconds <= LAST_SECOND)
        flags: Flags = within & (nanos >= 0) & (nanos < _BILLION)
        return flags
    within = (np.abs(seconds) <= MOST_SECONDS) & (np.abs(nanos) < _BILLION)
    flags = within & ~((seconds > 0) & (nanos < 0)) & ~((seconds < 0) & (nanos > 0))
    return flags


def representable(value: Value, seconds: Seconds, nanos: Seconds) -> Flags:
    """Return which allowed pairs the type of the column holds exactly."""
    if value.json:
        return np.ones(len(seconds), np.bool_)
    parts = _BILLION // _DIGITS[unit_of(value.type)]
    if parts > 1:
        flags: Flags = nanos % parts == 0
        return flags
    most, rest = _LAST_NANOS
    flags = (np.abs(seconds) < most) | ((np.abs(seconds) == most) & (nanos * np.sign(seconds) <= rest))
    return flags


def usual(value: Value, seconds: Seconds, nanos: Seconds) -> bool:
    """Return whether all pairs are surely allowed and representable; false says nothing."""
    if not len(seconds):
        return True
    if not value.json and _BILLION // _DIGITS[unit_of(value.type)] > 1:
        return False
    least, most = seconds.min() >= 0, seconds.max() < _LAST_NANOS[0]
    return bool(least and most and nanos.min() >= 0 and nanos.max() < _BILLION)


def unit_of(type: ArrowType) -> str:
    """Return the unit of a time type."""
    return str(getattr(type, "unit", "ns"))


def as_times(value: Value, seconds: Seconds, nanos: Seconds, null: Flags) -> Array:
    """Return pairs that `representable` accepts as a column."""
    if value.json:
        shown = _timestamps if value.kind is Kind.TIMESTAMP else _durations
        texts = joined('"', shown(seconds, nanos), '"')
        return choose(pa.array(~null), texts, pa.scalar(None, pa.large_string()))
    digits = _DIGITS[unit_of(value.type)]
    counts: Any = seconds * digits + (nanos if digits == _BILLION else nanos // (_BILLION // digits))
    mask: Any = null if null.any() else None
    array: Array = pa.array(counts, mask=mask).cast(value.type)
    return array


def as_pairs(kind: Kind, array: Array) -> tuple[Seconds, Seconds]:
    """Return a column of a time type as seconds and nanoseconds; null is 0."""
    digits = _DIGITS[unit_of(array.type)]
    counts = np.asarray(fill_null(array.cast(pa.int64()), 0), np.int64)
    seconds, rest = counts // digits, counts % digits
    nanos = rest * (_BILLION // digits)
    if kind is Kind.DURATION:
        # both parts of a duration have its sign
        back = (seconds < 0) & (nanos > 0)
        seconds, nanos = seconds + back, nanos - back * _BILLION
    return seconds, nanos


def _timestamps(seconds: Seconds, nanos: Seconds) -> Array:
    within: Any = pa.array(np.clip(seconds, FIRST_SECOND, LAST_SECOND))
    whole = within.cast(pa.timestamp("s")).cast(pa.string())
    texts = pc.replace_substring(whole.cast(pa.large_string()), " ", "T", max_replacements=1)
    return joined(texts, _fractions(nanos), "Z")


def _durations(seconds: Seconds, nanos: Seconds) -> Array:
    signs = np.where((seconds < 0) | (nanos < 0), "-", "")
    whole = pa.array(np.abs(seconds)).cast(pa.large_string())
    return joined(pa.array(signs, pa.large_string()), whole, _fractions(np.abs(nanos)), "s")


def _fractions(nanos: Seconds) -> Array:
    """Return nanoseconds as a fraction of 0, 3, 6 or 9 digits."""
    digits: Any = pa.array(nanos).cast(pa.large_string())
    padded = joined(".", pc.utf8_lpad(digits, 9, "0"))
    return pc.replace_substring_regex(padded, r"(?:\.0{9}|0{6}|0{3})$", "")
