"""What users write as `start=` and `end=` as slices to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from brokerkit.core.arguments import as_integer
from brokerkit.core.browser import ConnectedBrowser
from brokerkit.core.errors import ConfigError, NotSupported
from brokerkit.core.positions import AtTime, Earliest, Latest, Position, check_partitions, parse_all, resolve
from brokerkit.core.topics import Bounds, Slice

Positions: TypeAlias = "Position | Mapping[int, Position]"
Offsets: TypeAlias = "dict[int | None, int]"


class Range(NamedTuple):
    """From where up to where, relative times resolved against one moment of the client's clock."""

    start: Positions
    end: Positions

    def __str__(self) -> str:
        return f"from {_text(self.start)} to {_text(self.end)}"


def parse_range(start: Any, end: Any) -> Range:
    """Both ends as positions; None is the earliest and the latest. Raises ConfigError."""
    now = datetime.now(UTC)
    return Range(parse_all(start, now=now, default=Earliest()), parse_all(end, now=now, default=Latest()))


def _text(position: Positions) -> str:
    if isinstance(position, Mapping):
        return ", ".join(f"{number}: {each}" for number, each in position.items())
    return str(position)


def parse_partitions(partitions: Any) -> list[int] | None:
    """Numbers of partitions, None for all. Raises ConfigError."""
    if partitions is None:
        return None
    given = (
        partitions if isinstance(partitions, Sequence) and not isinstance(partitions, str) else [partitions]
    )
    numbers = [as_integer(each) for each in given]
    if None in numbers or not numbers:
        raise ConfigError(f"partitions must be numbers of partitions such as [0, 2], not {partitions!r:.60}")
    return [number for number in dict.fromkeys(numbers) if number is not None]


def chosen_bounds(bounds: Sequence[Bounds], partitions: Sequence[int] | None) -> list[Bounds]:
    """The bounds of these partitions, None for all. Raises NotFound for one that is not there."""
    if partitions is None:
        return list(bounds)
    check_partitions(partitions, bounds)
    return [each for each in bounds if each.partition in partitions]


class Planner:
    """Makes slices of ranges, also where the broker has no index of times.

    scan_for_time: without such an index, find a time by reading the topic through.
    """

    def __init__(self, browser: ConnectedBrowser, *, time_index: bool, scan_for_time: bool) -> None:
        self._browser = browser
        self._time_index = time_index
        self._scan_for_time = scan_for_time

    def slices(
        self,
        topic: str,
        span: Range,
        slice_rows: int | None = None,
        partitions: Sequence[int] | None = None,
    ) -> list[Slice]:
        """The slices of a range, with its end fixed now. partitions: only these."""
        if partitions is not None:
            check_partitions(partitions, self._browser.bounds(topic))
        found = self._slices(topic, span, slice_rows)
        return [piece for piece in found if partitions is None or piece.partition in partitions]

    def _slices(self, topic: str, span: Range, slice_rows: int | None) -> list[Slice]:
        start, end = span
        if not self._time_index and (_has_time(start) or _has_time(end)):
            begins, ends = self.offsets(topic, start, Earliest()), self.offsets(topic, end, Latest())
            whole = self._browser.plan(topic, slice_rows=slice_rows)
            cut = (_within(piece, begins[piece.partition], ends[piece.partition]) for piece in whole)
            return [piece for piece in cut if not piece.empty]
        return self._browser.plan(topic, start, end, slice_rows=slice_rows)

    def offsets(self, topic: str, position: Positions, otherwise: Position) -> Offsets:
        """The offset of a position in each partition."""

        def at_time(moment: int) -> Offsets:
            if self._time_index:
                return {piece.partition: piece.start for piece in self._browser.plan(topic, AtTime(moment))}
            if not self._scan_for_time:
                raise NotSupported(
                    "this system has no time index: give an offset, or scan_for_time=True to read the topic "
                    "through in search of the time"
                )
            return self._found_by_reading(topic, moment)

        return resolve(position, self._browser.bounds(topic), at_time, otherwise=otherwise)

    def _found_by_reading(self, topic: str, moment: int) -> Offsets:
        found: Offsets = {}
        for piece in self._browser.plan(topic):
            for columns in self._browser.read(piece, attributes=False):
                pairs = zip(columns.values("offset"), columns.values("publish_time"), strict=True)
                hit = next((offset for offset, time in pairs if time is not None and time >= moment), None)
                if hit is not None:
                    found[piece.partition] = hit
                    break
        return found


def _has_time(position: Positions) -> bool:
    each = position.values() if isinstance(position, Mapping) else [position]
    return any(isinstance(one, AtTime) for one in each)


def _within(piece: Slice, start: int, end: int) -> Slice:
    start, end = max(piece.start, start), min(piece.end, end)
    return Slice(piece.topic, piece.partition, start, end, max(0, min(piece.estimate, end - start)))
