"""Payloads that are one number, truth value, text or time, as Pulsar's schemas of such types write them.

Numbers are big-endian. JSON has no times: they are ISO 8601 text, with ``Z`` where they are moments, and as
many digits as the type has. NaN and infinity are written as such.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from ..json_kinds import json_text

_EPOCH = datetime(1970, 1, 1)
_DAY_SECONDS = 86_400
_DAY_NANOS = _DAY_SECONDS * 10**9


class SingleValue(NamedTuple):
    """A type of single values.

    Attributes:
        size: The bytes of each value; None for any number of them.
        text: Returns the text of a payload. Raises ValueError if it has none.
        is_json: Whether the text is JSON.
    """

    size: int | None
    text: Callable[[bytes], str]
    is_json: bool = True

    def read(self, payload: bytes) -> str:
        """Return the text of a payload. Raises ValueError if it is none of this type."""
        if self.size is not None and len(payload) != self.size:
            raise ValueError(f"{len(payload)} bytes, expected {self.size}")
        return self.text(payload)


def _number(format: str) -> SingleValue:
    pattern = struct.Struct(f">{format}")

    def text(payload: bytes) -> str:
        value: Any = pattern.unpack(payload)[0]
        return json_text(value)

    return SingleValue(pattern.size, text)


def _float(payload: bytes) -> str:
    """Return the shortest text that gives the same float of 32 bits."""
    value = struct.unpack(">f", payload)[0]
    for digits in range(6, 10):
        shorter = float(f"{value:.{digits}g}")
        if struct.pack(">f", shorter) == payload:
            return json_text(shorter)
    return json_text(value)


def _truth(payload: bytes) -> str:
    if payload not in (b"\0", b"\1"):
        raise ValueError(f"the byte {payload[0]}, expected 0 or 1")
    return "true" if payload == b"\1" else "false"


def _signed(payload: bytes) -> int:
    return int.from_bytes(payload, "big", signed=True)


def _moment(seconds: int, fraction: str) -> str:
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError(f"{seconds} s since 1970 are outside the years 1 to 9999") from error
    return f"{moment.isoformat()}{fraction}"


def _millis(payload: bytes) -> str:
    seconds, millis = divmod(_signed(payload), 1000)
    return f'"{_moment(seconds, f".{millis:03}")}Z"'


def _instant(payload: bytes) -> str:
    nanos = _signed(payload[8:])
    if not 0 <= nanos < 10**9:
        raise ValueError(f"{nanos} nanoseconds of a second")
    return f'"{_moment(_signed(payload[:8]), f".{nanos:09}")}Z"'


def _day(payload: bytes) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days=_signed(payload))).isoformat()
    except OverflowError as error:
        raise ValueError(f"{_signed(payload)} days since 1970 are outside the years 1 to 9999") from error


def _of_day(payload: bytes) -> str:
    nanos = _signed(payload)
    if not 0 <= nanos < _DAY_NANOS:
        raise ValueError(f"{nanos} nanoseconds are no time of a day")
    seconds, rest = divmod(nanos, 10**9)
    return f"{_EPOCH + timedelta(seconds=seconds):%H:%M:%S}.{rest:09}"


def _millis_of_day(payload: bytes) -> str:
    """Return the time of day of a moment, which is all that `java.sql.Time` means."""
    return _of_day((_signed(payload) % (_DAY_SECONDS * 1000) * 10**6).to_bytes(8, "big"))[:-6]


SINGLE_VALUES: Mapping[str, SingleValue] = {
    "BOOLEAN": SingleValue(1, _truth),
    "INT8": _number("b"),
    "INT16": _number("h"),
    "INT32": _number("i"),
    "INT64": _number("q"),
    "FLOAT": SingleValue(4, _float),
    "DOUBLE": _number("d"),
    "STRING": SingleValue(None, lambda payload: payload.decode(), is_json=False),
    "DATE": SingleValue(8, _millis),
    "TIMESTAMP": SingleValue(8, _millis),
    "TIME": SingleValue(8, lambda payload: f'"{_millis_of_day(payload)}"'),
    "INSTANT": SingleValue(12, _instant),
    "LOCAL_DATE": SingleValue(8, lambda payload: f'"{_day(payload)}"'),
    "LOCAL_TIME": SingleValue(8, lambda payload: f'"{_of_day(payload)}"'),
    "LOCAL_DATE_TIME": SingleValue(16, lambda payload: f'"{_day(payload[:8])}T{_of_day(payload[8:])}"'),
}
"""The types by the names of Pulsar."""
