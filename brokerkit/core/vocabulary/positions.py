"""Positions: how users write where to read, and what it means for each partition."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from .arguments import as_integer, check_size
from .errors import ConfigError, NotFound, NotSupported
from .messages import from_microseconds, to_microseconds
from .topics import Bounds

_SPAN = re.compile(r"^([0-9]+(?:\.[0-9]+)?)\s*(ms|s|sec|min|m|h|d|w)$", re.IGNORECASE)
_DAY = re.compile(r"^(today|yesterday)(?:(?: +|t)([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?$")
_ID = re.compile(r"^[0-9]+(?::-?[0-9]+){3,}$")
"""An id that is a position: numbers joined by colons, of which a time of day has two at most."""
_UNITS = {"ms": 1_000, "s": 1_000_000, "sec": 1_000_000, "min": 60_000_000, "m": 60_000_000,
          "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}  # fmt: skip
EXPECTED = (
    'expected "earliest", "latest", an offset (int; negative counts back from the end), a datetime or date, '
    'an ISO time ("2026-01-31T12:00"), a relative time ("-15min", "-2h", "-1d"), a day ("today", '
    '"yesterday 13:00", in UTC), '
    'a message id ("12:34:-1:0") on systems whose ids are positions, or {partition: position}'
)


@dataclass(frozen=True, slots=True)
class Earliest:
    """The first message that is still there."""

    def __str__(self) -> str:
        return "earliest"


@dataclass(frozen=True, slots=True)
class Latest:
    """The end: after the last message that is there now."""

    def __str__(self) -> str:
        return "latest"


@dataclass(frozen=True, slots=True)
class AtOffset:
    """An offset. A negative one counts back from the end of each partition."""

    offset: int

    def __str__(self) -> str:
        return str(self.offset)


@dataclass(frozen=True, slots=True)
class AtPlace:
    """A position as it stands in the slices and columns of the system."""

    place: int

    def __str__(self) -> str:
        return str(self.place)


@dataclass(frozen=True, slots=True)
class AtTime:
    """The first message published at or after a moment, in microseconds since 1970."""

    microseconds: int

    def __str__(self) -> str:
        moment = from_microseconds(self.microseconds)
        return f"{self.microseconds} µs" if moment is None else moment.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class AtId:
    """The message with this id, as in the column `id`, where ids are positions."""

    id: str

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class AtOffsets:
    """A position in each partition, as (partition, position) pairs."""

    offsets: tuple[tuple[int | None, int], ...]

    def __str__(self) -> str:
        return ", ".join(f"{partition}: {offset}" for partition, offset in self.offsets)


Position = Earliest | Latest | AtOffset | AtPlace | AtOffsets | AtTime | AtId


def parse(value: Any, *, now: datetime | None = None, default: Position | None = None) -> Position:
    """Return the `Position` that a user wrote.

    Naive datetimes, dates (their midnight) and ISO strings are in UTC.

    Args:
        value: The position as the user wrote it.
        now: From when relative times count. None for the clock of this machine.
        default: The position if `value` is None.

    Raises:
        ConfigError: It is not a position. The text says what was expected.
    """
    if value is None and default is not None:
        return default
    if isinstance(value, Position):
        return value
    if isinstance(value, datetime):
        return AtTime(_micros_of(value))
    if isinstance(value, date):
        return AtTime(to_microseconds(datetime(value.year, value.month, value.day)))
    offset = as_integer(value)
    if offset is not None:
        return AtOffset(check_size(offset, "a position"))
    if isinstance(value, str):
        return _parse_text(value.strip(), now)
    raise ConfigError(f"{value!r} is not a position: {EXPECTED}")


def _micros_of(value: datetime) -> int:
    # NaT of pandas is a datetime too, and not equal to itself
    if value != value:
        raise ConfigError(f"a missing time (NaT) is not a position: {EXPECTED}")
    return to_microseconds(value)


def _parse_text(text: str, now: datetime | None) -> Position:
    lowered = text.lower()
    if lowered == "earliest":
        return Earliest()
    if lowered in ("latest", "now"):
        return Latest()
    if _ID.match(text):
        return AtId(text)
    if text[:1] in ("+", "-") and _SPAN.match(text[1:].strip()):
        try:
            span = timedelta(microseconds=microseconds_of(text[1:]) or 0)
            moment = now or datetime.now(UTC)
            return AtTime(to_microseconds(moment - span if text[0] == "-" else moment + span))
        except OverflowError:
            raise ConfigError(f"{text!r} is beyond the calendar: {EXPECTED}") from None
    day = _DAY.match(lowered)
    if day is not None:
        return AtTime(to_microseconds(_at_day(text, day, now or datetime.now(UTC))))
    try:
        return AtTime(to_microseconds(datetime.fromisoformat(text)))
    except ValueError:
        raise ConfigError(f"{text!r} is not a position: {EXPECTED}") from None


def _at_day(text: str, day: re.Match[str], now: datetime) -> datetime:
    """Return the moment of a day that is named by its distance from now, in UTC. Raises ConfigError."""
    name, *clock = day.groups()
    begun = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    hour, minute, second = (int(each or 0) for each in clock)
    try:
        return (begun - timedelta(days=name == "yesterday")).replace(hour=hour, minute=minute, second=second)
    except ValueError:
        raise ConfigError(f"{text!r} is no time of a day: {EXPECTED}") from None


def microseconds_of(text: str) -> int | None:
    """Return a span of time such as "15min" in microseconds. None if the text is not a span.

    Raises:
        OverflowError: The span is too long.
    """
    span = _SPAN.match(text.strip())
    if span is None:
        return None
    amount, unit = span.groups()
    return round(float(amount) * _UNITS[unit.lower()])


def parse_all(
    value: Any, *, now: datetime | None = None, default: Position | None = None
) -> Position | dict[int, Position]:
    """Like `parse`, but ``{partition: position}`` is also accepted."""
    if isinstance(value, Mapping):
        return {_partition(number): parse(each, now=now) for number, each in value.items()}
    return parse(value, now=now, default=default)


def _partition(value: Any) -> int:
    number = as_integer(value)
    if number is None:
        raise ConfigError(f"a partition is an integer, not {value!r}: {EXPECTED}")
    return check_size(number, "a partition")


def check_partitions(numbers: Iterable[int], bounds: Sequence[Bounds]) -> None:
    """Raise NotFound unless the topic has all these partitions."""
    known = {each.partition for each in bounds}
    unknown = sorted(set(numbers) - known, key=str)
    if unknown:
        there = "no partitions" if known <= {None} else ", ".join(map(str, sorted(known, key=str)))
        raise NotFound(f"there is no partition {', '.join(map(str, unknown))}: the topic has {there}")


SHOWN_ENDS = 5
"""How many ends of partitions a text shows."""


def after_the_end(
    position: Position | Mapping[int, Position],
    bounds: Sequence[Bounds],
    at_id: Callable[[str], tuple[int | None, int]],
) -> str | None:
    """Return a text about a position that names a message after the end of each partition, or None.

    The end itself, times and numbers counted from the end are never after it.
    """
    texts: dict[str, None] = {}
    ends: list[str] = []
    for each in bounds:
        wanted = position.get(each.partition or 0) if isinstance(position, Mapping) else position
        match wanted:
            case AtOffset(number) if number >= 0 and each.place(number) > each.end:
                texts[f"{number:,}"] = None
            case AtId(name) if at_id(name)[1] > each.end:
                texts[name] = None
            case None:
                continue
            case _:
                return None
        ends.append(each.show(each.end))
    if not ends:
        return None
    shown = f"the end, {ends[0]}" if len(ends) == 1 else f"the ends, {', '.join(ends[:SHOWN_ENDS])}"
    more = ", ..." if len(ends) > SHOWN_ENDS else ""
    return f"the start {', '.join(texts)} lies after {shown}{more}"


def resolve(
    position: Position | Mapping[int, Position],
    bounds: Sequence[Bounds],
    at_time: Callable[[int], Mapping[int | None, int]],
    at_id: Callable[[str], tuple[int | None, int]] | None = None,
    *,
    otherwise: Position,
    counted: Callable[[Bounds, int, int], int] | None = None,
) -> dict[int | None, int]:
    """Return the offset of a position in each partition, within its bounds.

    Args:
        position: One position for all partitions, or one per partition.
        bounds: The readable range of each partition.
        at_time: Returns the offset of the first message at or after a moment, by partition. A partition
            without such a message is left out.
        at_id: Returns partition and offset of a message id, where ids are positions.
        otherwise: The position of partitions that ``{partition: position}`` does not name.
        counted: Returns the offset so many messages after or before another one, where `Bounds.advance`
            does not count messages.

    Raises:
        ConfigError: A message id belongs to another partition.
        NotFound: There is no partition of that number.
        NotSupported: Ids are not positions here.
    """
    by_partition: Mapping[Any, Position]
    if isinstance(position, Mapping):
        check_partitions(position, bounds)
        by_partition = {each.partition: position.get(each.partition, otherwise) for each in bounds}  # type: ignore[arg-type]  # None is looked up too
    else:
        by_partition = {each.partition: position for each in bounds}
    found_at: dict[int, Mapping[int | None, int]] = {}
    offsets: dict[int | None, int] = {}
    for each in bounds:
        wanted = by_partition[each.partition]
        match wanted:
            case Earliest():
                offset = each.start
            case Latest():
                offset = each.end
            case AtOffset(number) if number >= 0:
                offset = each.place(number)
            case AtOffset(number):
                offset = (
                    each.advance(each.end, number) if counted is None else counted(each, each.end, number)
                )
            case AtPlace(place):
                offset = place
            case AtOffsets(places):
                offset = dict(places).get(each.partition, each.start)
            case AtTime(moment):
                if moment not in found_at:
                    found_at[moment] = at_time(moment)
                offset = found_at[moment].get(each.partition, each.end)
            case AtId(name):
                if at_id is None:
                    raise NotSupported("ids are not positions here: give an offset or a time")
                partition, offset = at_id(name)
                if partition != each.partition:
                    raise ConfigError(
                        f"message {name} is of {_named(partition)} and says nothing of "
                        f"{_named(each.partition)}: give {{partition: position}}"
                    )
        offsets[each.partition] = min(max(offset, each.start), each.end)
    return offsets


def _named(partition: int | None) -> str:
    return "a topic without partitions" if partition is None else f"partition {partition}"
