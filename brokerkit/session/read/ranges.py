"""The values of `start=`, `end=` and `partitions=`, and the part of each partition that they cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.arguments import as_integer, check_size
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.positions import Earliest, Latest, Position, check_partitions, parse_all
from brokerkit.core.vocabulary.topics import Bounds, hidden_text
from brokerkit.core.vocabulary.windows import LATENESS, Stretch, parse_lateness, span_text

if TYPE_CHECKING:
    from ..base import BrokerSession

Positions: TypeAlias = "Position | Mapping[int, Position]"
Offsets: TypeAlias = "dict[int | None, int]"


class Range(NamedTuple):
    """A start and an end, with relative times resolved against one moment of the client's clock.

    Attributes:
        lateness: How far past a time range to search for rows that are stored behind later ones, in
            microseconds; None searches everything.
    """

    start: Positions
    end: Positions
    lateness: int | None

    def __str__(self) -> str:
        return f"from {_text(self.start)} to {_text(self.end)}"

    def doubt(self, located: Sequence[Stretch]) -> str:
        """Return a sentence about the rows that reading these may miss; empty if it misses none."""
        hidden = hidden_text(each.bounds for each in located if each.end == each.bounds.end)
        if self.lateness is None or not any(each.cut for each in located):
            return hidden
        late = (
            f"messages of that time which lie more than {span_text(self.lateness)} of later ones further on "
            "are not looked for (lateness= looks further)"
        )
        return f"{late}; {hidden}" if hidden else late


def parse_range(start: Any, end: Any, lateness: Any = LATENESS) -> Range:
    """Return both ends as positions; None is the earliest and the latest.

    Raises:
        ConfigError: A value is not a position.
    """
    now = datetime.now(UTC)
    first, last = parse_all(start, now=now, default=Earliest()), parse_all(end, now=now, default=Latest())
    return Range(first, last, parse_lateness(lateness))


def _text(position: Positions) -> str:
    if isinstance(position, Mapping):
        return ", ".join(f"{number}: {each}" for number, each in position.items())
    return str(position)


def parse_partitions(partitions: Any) -> list[int] | None:
    """Return the numbers of partitions; None for all.

    Raises:
        ConfigError: A value is not the number of a partition.
    """
    if partitions is None:
        return None
    given = (
        partitions if isinstance(partitions, Sequence) and not isinstance(partitions, str) else [partitions]
    )
    numbers = [as_integer(each) for each in given]
    if None in numbers or not numbers:
        raise ConfigError(f"partitions must be numbers of partitions such as [0, 2], not {partitions!r:.60}")
    return [check_size(number, "a partition") for number in dict.fromkeys(numbers) if number is not None]


def chosen_bounds(bounds: Sequence[Bounds], partitions: Sequence[int] | None) -> list[Bounds]:
    """Return the bounds of these partitions; None for all.

    Raises:
        NotFound: There is no such partition.
    """
    if partitions is None:
        return list(bounds)
    check_partitions(partitions, bounds)
    return [each for each in bounds if each.partition in partitions]


class RangeFinder:
    """An object that finds ranges in topics, also where the broker has no index of times.

    Args:
        scan_for_time: Where there is no index, find a time by reading the topic through.
    """

    def __init__(self, inspector: ConnectedInspector, *, time_index: bool, scan_for_time: bool) -> None:
        self._inspector = inspector
        self._time_index = time_index
        self._scan_for_time = scan_for_time

    def locate(self, topic: str, span: Range, partitions: Sequence[int] | None = None) -> list[Stretch]:
        """Return the part of each partition that a range covers, with its end fixed now.

        Args:
            topic: The name of the topic.
            span: The range.
            partitions: Only these partitions.
        """
        if partitions is not None:
            check_partitions(partitions, self._inspector.bounds(topic))
        lateness = None if span.lateness is None else timedelta(microseconds=span.lateness)
        found = self._inspector.locate(
            topic,
            span.start,
            span.end,
            lateness=lateness,
            find_time=None if self._time_index else partial(self._found_by_reading, topic),
        )
        return [each for each in found if partitions is None or each.bounds.partition in partitions]

    def _found_by_reading(self, topic: str, moment: int) -> Offsets:
        if not self._scan_for_time:
            raise NotSupported(
                "this system has no time index: give an offset, or scan_for_time=True to read the topic "
                "through in search of the time"
            )
        found: Offsets = {}
        for slice_ in self._inspector.plan(topic):
            for columns in self._inspector.read(slice_, attributes=False):
                pairs = zip(columns.positions(), columns.values("publish_time"), strict=True)
                hit = next((offset for offset, time in pairs if time is not None and time >= moment), None)
                if hit is not None:
                    found[slice_.partition] = hit
                    break
        return found


def range_finder(session: BrokerSession, scan_for_time: bool = False) -> RangeFinder:
    """Return an object that finds ranges in the topics of a session."""
    return RangeFinder(
        session.inspector, time_index=session.capabilities.time_index, scan_for_time=scan_for_time
    )
