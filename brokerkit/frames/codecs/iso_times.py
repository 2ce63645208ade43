"""Dates and times as ISO 8601 text, read as exact numbers of units since 1970 or midnight, for any year."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any

_DATE = r"(?P<year>[+-]?\d{4,9})-(?P<month>\d\d)-(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
_ZONE = r"(?P<zone>Z|z|[+-]\d\d:?\d\d)?"
_DAYS = re.compile(_DATE, re.ASCII)
_OF_DAY = re.compile(_TIME, re.ASCII)
_MOMENT = re.compile(f"{_DATE}[T ]{_TIME}{_ZONE}", re.ASCII)
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days(value: Any) -> int:
    """Return the days since 1970 of a date, or of its text. Raises ValueError."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.toordinal() - date(1970, 1, 1).toordinal()
    return _days(_matched(_DAYS, value, "a date such as 2026-01-31"))


def of_day(value: Any, per_second: int) -> int:
    """Return the units since midnight of a time of day, or of its text. Raises ValueError."""
    if isinstance(value, time):
        if value.tzinfo is not None:
            raise ValueError(f"expected a time of day without a zone, not {value!r:.60}")
        seconds = value.hour * 3600 + value.minute * 60 + value.second
        return _units(seconds, value.microsecond * 1000, per_second)
    return _of_day(_matched(_OF_DAY, value, "a time such as 12:00:00"), per_second)


def moment(value: Any, per_second: int, *, zoned: bool) -> int:
    """Return the units since 1970 of a time, or of its text.

    Args:
        zoned: Whether it has a zone, or may have none.

    Raises:
        ValueError: It is no time, its zone is missing or one too many, or it has more digits than units.
    """
    if isinstance(value, datetime):
        return _moment_of(value, per_second, zoned)
    example = "2026-01-31T12:00:00" + ("Z" if zoned else "")
    found = _matched(_MOMENT, value, f"a time such as {example}")
    zone = found["zone"]
    _check_zone(zone is not None, zoned)
    shift = 0
    if zone is not None and zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        shift = (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)
    return (_days(found) * 86_400 - shift) * per_second + _of_day(found, per_second)


def _moment_of(value: datetime, per_second: int, zoned: bool) -> int:
    _check_zone(value.tzinfo is not None, zoned)
    plain = value.astimezone(UTC) if zoned else value
    seconds = (plain.toordinal() - date(1970, 1, 1).toordinal()) * 86_400
    seconds += plain.hour * 3600 + plain.minute * 60 + plain.second
    return _units(seconds, plain.microsecond * 1000 + getattr(plain, "nanosecond", 0), per_second)


def _check_zone(given: bool, wanted: bool) -> None:
    if wanted and not given:
        raise ValueError("a time with its zone is expected, such as Z at its end")
    if given and not wanted:
        raise ValueError("a local time is expected, without a zone")


def _matched(pattern: re.Pattern[str], value: Any, what: str) -> re.Match[str]:
    found = pattern.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected {what}, not {value!r:.60}")
    return found


def _days(found: re.Match[str]) -> int:
    """Count days by the calendar that is used since 1582, for all years."""
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _LENGTHS[month - 1] + (leap and month == 2):
        raise ValueError(f"there is no day {found[0]!r:.40}")
    before = year - 1
    count = before * 365 + before // 4 - before // 100 + before // 400
    return count + sum(_LENGTHS[: month - 1]) + (leap and month > 2) + day - date(1970, 1, 1).toordinal()


def _of_day(found: re.Match[str], per_second: int) -> int:
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"there is no time {found[0]!r:.40}")
    fraction = (found["fraction"] or "").rstrip("0")
    if len(fraction) > 9:
        raise ValueError(f"{found[0]:.60} has more digits than nanoseconds")
    return _units(hour * 3600 + minute * 60 + second, int(fraction.ljust(9, "0")), per_second)


def _units(seconds: int, nanoseconds: int, per_second: int) -> int:
    step = 10**9 // per_second
    if nanoseconds % step:
        raise ValueError(f"it has more digits than the {_NAMES[per_second]} of the schema")
    return seconds * per_second + nanoseconds // step


_NAMES = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}
