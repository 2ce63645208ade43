"""Ranges of time in partitions whose times are not sorted.

Producers set the times of their messages, so a message may lie behind later ones. The first row at or
after a moment is where a range begins, but no row marks its end: reading goes on as far beyond the end
as `lateness` says, and rows with other times are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import compress
from typing import Any, Literal, TypeAlias

from .columns import Columns
from .errors import ConfigError
from .lazy_columns import Milliseconds
from .positions import AtTime, Earliest, Latest, Position, microseconds_of, resolve
from .topics import Bounds, Counted, Slice

TimeOrder = Literal["sorted", "first", "near", "none"]
"""How a broker finds a moment. ``"sorted"``: its own clock stamped the messages. ``"first"``: it finds the
first message at or after the moment, whatever lies behind it. ``"near"``: it finds one that would be the
first if times were sorted. ``"none"``: it finds none, and all messages are looked at."""
LATENESS = "1h"
"""How far beyond the end of a range of time to look by default."""
_AGE = 100 * 366 * 86_400_000_000
"""Longer spans reach beyond every message."""
Positions: TypeAlias = "Position | Mapping[int, Position]"


def parse_lateness(value: Any) -> int | None:
    """Return a span of time in microseconds, or None for no limit.

    Args:
        value: Seconds, a timedelta, a text such as "15min", or None.

    Raises:
        ConfigError: It is none of these, or negative.
    """
    if value is None:
        return None
    try:
        span = _microseconds(value)
    except OverflowError:
        return None
    if span is None or span < 0:
        raise ConfigError(
            'lateness must be a span of time such as "15min", a timedelta or seconds, or None to look '
            f"through everything, not {value!r:.60}"
        )
    return span if span < _AGE else None


def _microseconds(value: Any) -> int | None:
    if isinstance(value, str):
        return microseconds_of(value)
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
        return round(value * 1_000_000)
    return None


def span_text(microseconds: int) -> str:
    """Return a span of time as text, in the largest unit that needs no fraction."""
    for unit, size in (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000)):
        if microseconds >= size and not microseconds % size:
            return f"{microseconds // size} {unit}"
    return f"{microseconds / 1_000_000:g} s"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of one partition that a range covers.

    Attributes:
        bounds: The readable range of the partition.
        start: The first offset.
        end: The offset after the last.
        since: Rows with an earlier time are left out, in microseconds since 1970. None for no limit.
        until: Rows with this or a later time are left out. None for no limit.
        cut: Whether rows of the range may lie outside `start` and `end`.
    """

    bounds: Bounds
    start: int
    end: int
    since: int | None = None
    until: int | None = None
    cut: bool = False


def stretches(
    start: Positions,
    end: Positions,
    bounds: Sequence[Bounds],
    at_time: Callable[[int], Mapping[int | None, int]],
    at_id: Callable[[str], tuple[int | None, int]] | None,
    *,
    order: TimeOrder,
    lateness: int | None,
    counted: Callable[[Bounds, int, int], int] | None = None,
) -> list[Stretch]:
    """Return the part of each partition that a range covers, within its bounds.

    Args:
        start: Where the range begins, one position or one per partition.
        end: Where the range ends, exclusive.
        bounds: The readable range of each partition.
        at_time: As for `resolve`.
        at_id: As for `resolve`.
        order: How `at_time` finds a moment.
        lateness: How far to look beyond the ends of a range of time, in microseconds. None for everything.
        counted: As for `resolve`.
    """
    if order == "none":
        lateness = None
    back = order in ("near", "none")
    earlier = _changed(start, lambda moment: _moved(moment, lateness, back=True) if back else None)
    later = _changed(end, lambda moment: _moved(moment, lateness) if order != "sorted" else None)
    begins = resolve(earlier, bounds, at_time, at_id, otherwise=Earliest(), counted=counted)
    ends = resolve(later, bounds, at_time, at_id, otherwise=Latest(), counted=counted)
    found = []
    for each in bounds:
        since, until = (_moment(of, each.partition, order) for of in (start, end))
        begin, stop = begins[each.partition], ends[each.partition]
        cut = (until is not None and stop < each.end) or (since is not None and back and begin > each.start)
        found.append(Stretch(each, begin, stop, since, until, cut))
    return found


def slices_of(topic: str, stretch: Stretch, slice_rows: int | None = None) -> Iterator[Slice]:
    """Iterate over the slices of a stretch, each of about `slice_rows` messages, or one slice if None."""
    bounds, start, end = stretch.bounds, stretch.start, stretch.end
    while start < end:
        stop = end if slice_rows is None else min(end, bounds.after(start, slice_rows))
        estimate = bounds.between(start, stop)
        yield Slice(
            topic,
            bounds.partition,
            start,
            stop,
            estimate,
            stretch.since,
            stretch.until,
            _worth(stretch, start, stop),
        )
        start = stop


def _worth(stretch: Stretch, start: int, stop: int) -> Counted:
    """Return how far the estimate for a part of a stretch can be relied on."""
    bounds = stretch.bounds
    if bounds.counted == "about":
        return "about"
    if stretch.since is not None or stretch.until is not None or not bounds.exact:
        return "at most"
    return "exact" if bounds.dense or (start, stop) == (bounds.start, bounds.end) else "about"


def has_time(position: Positions) -> bool:
    """Tell whether a time is among the positions."""
    each = position.values() if isinstance(position, Mapping) else [position]
    return any(isinstance(one, AtTime) for one in each)


def _moved(moment: AtTime, lateness: int | None, *, back: bool = False) -> Position:
    if lateness is None:
        return Earliest() if back else Latest()
    return AtTime(moment.microseconds + (-lateness if back else lateness))


def _changed(position: Positions, change: Callable[[AtTime], Position | None]) -> Positions:
    """Return positions with each time replaced by `change`, which returns None to keep it."""

    def one(each: Position) -> Position:
        return (change(each) or each) if isinstance(each, AtTime) else each

    if isinstance(position, Mapping):
        return {number: one(each) for number, each in position.items()}
    return one(position)


def _moment(position: Positions, partition: int | None, order: TimeOrder) -> int | None:
    each = position.get(partition) if isinstance(position, Mapping) else position  # type: ignore[arg-type]  # None is looked up too
    return each.microseconds if isinstance(each, AtTime) and order != "sorted" else None


def inside(columns: Columns, since: int | None, until: int | None) -> Columns:
    """Return the rows with a time from `since` up to but excluding `until`, and none without a time."""
    if not columns.length or (since is None and until is None):
        return columns
    times, unit = columns.publish_time, 1
    absent: Any = None
    if isinstance(times, Milliseconds):
        absent, unit, times = times.absent, 1000, times.counts
    elif not isinstance(times, list):
        times = list(columns.values("publish_time"))
    low = None if since is None else -(-since // unit)
    high = None if until is None else -(-until // unit)
    try:
        first, last = min(times), max(times)
    except TypeError:
        # there is a row without a time
        pass
    else:
        if first != absent and (low is None or first >= low) and (high is None or last < high):
            return columns
    kept = [
        time is not None and time != absent and (low is None or time >= low) and (high is None or time < high)
        for time in times
    ]
    return columns if all(kept) else columns.take(list(compress(range(columns.length), kept)))
