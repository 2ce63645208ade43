"""Where to read: what users write, and what it means for each partition."""

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

_SPAN = re.compile(r"^(\d+(?:\.\d+)?)\s*(ms|s|sec|min|m|h|d|w)$", re.IGNORECASE)
_ID = re.compile(r"^\d+:\d+:-?\d+:-?\d+$")
_UNITS = {"ms": 1_000, "s": 1_000_000, "sec": 1_000_000, "min": 60_000_000, "m": 60_000_000,
          "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}  # fmt: skip
EXPECTED = (
    'expected "earliest", "latest", an offset (int; negative counts back from the end), a datetime or date, '
    'an ISO time ("2026-01-31T12:00"), a relative time ("-15min", "-2h", "-1d"), '
    "a message id of Pulsar, or {partition: position}"
)


@dataclass(frozen=True, slots=True)
class Earliest:
    """The first message that is still there."""

    def __str__(self) -> str:
        return "earliest"


@dataclass(frozen=True, slots=True)
class Latest:
    """Behind the last message that is there now."""

    def __str__(self) -> str:
        return "latest"


@dataclass(frozen=True, slots=True)
class AtOffset:
    """An offset; negative counts back from the end of each partition."""

    offset: int

    def __str__(self) -> str:
        return str(self.offset)


@dataclass(frozen=True, slots=True)
class AtPlace:
    """A position as the slices and columns of this system have it."""

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
    """The message with an id, as the column `id` has it; only where ids are positions."""

    id: str

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class AtOffsets:
    """A position in each partition, by (partition, position)."""

    offsets: tuple[tuple[int | None, int], ...]

    def __str__(self) -> str:
        return ", ".join(f"{partition}: {offset}" for partition, offset in self.offsets)


Position = Earliest | Latest | AtOffset | AtPlace | AtOffsets | AtTime | AtId


def parse(value: Any, *, now: datetime | None = None, default: Position | None = None) -> Position:
    """What a user wrote as a `Position`; relative times count from `now` (the client's clock).

    Naive datetimes, dates (their midnight) and ISO strings are UTC. Raises ConfigError that says what
    was expected.
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
    # pandas' Timestamp is a datetime whose NaT is one too
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
    try:
        return AtTime(to_microseconds(datetime.fromisoformat(text)))
    except ValueError:
        raise ConfigError(f"{text!r} is not a position: {EXPECTED}") from None


def microseconds_of(text: str) -> int | None:
    """A span of time such as "15min"; None where it is none. Raises OverflowError."""
    span = _SPAN.match(text.strip())
    if span is None:
        return None
    amount, unit = span.groups()
    return round(float(amount) * _UNITS[unit.lower()])


def parse_all(
    value: Any, *, now: datetime | None = None, default: Position | None = None
) -> Position | dict[int, Position]:
    """Like `parse`, and ``{partition: position}`` as well."""
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
    strangers = sorted(set(numbers) - known, key=str)
    if strangers:
        there = "no partitions" if known <= {None} else ", ".join(map(str, sorted(known, key=str)))
        raise NotFound(f"there is no partition {', '.join(map(str, strangers))}: the topic has {there}")


def resolve(
    position: Position | Mapping[int, Position],
    bounds: Sequence[Bounds],
    at_time: Callable[[int], Mapping[int | None, int]],
    at_id: Callable[[str], tuple[int | None, int]] | None = None,
    *,
    otherwise: Position,
    counted: Callable[[Bounds, int, int], int] | None = None,
) -> dict[int | None, int]:
    """The place of a position in each partition, kept within its bounds.

    at_time: offsets of the first message at or after a moment, by partition; a partition that has
    none is left out. at_id: partition and offset of a message id, where ids are positions. otherwise: for
    partitions that a ``{partition: position}`` does not name. counted: the place so many messages further on
    or back, where `Bounds.advance` does not count messages.
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
                    raise NotSupported("ids are no positions here: give an offset or a time")
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
