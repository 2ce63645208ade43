"""How many messages there are over time: from the broker's index, or from rows that were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.messages import from_microseconds
from brokerkit.core.vocabulary.positions import AtTime
from brokerkit.core.vocabulary.topics import Bounds
from brokerkit.session.options import ReadOptions
from brokerkit.session.read.peek import new_peek
from brokerkit.session.read.ranges import chosen_bounds, parse_range

from ..protocol.browse import Counts

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

BUCKETS = 60
READ_MESSAGES = 20_000
"""At most so many messages are counted one by one if the broker's index does not tell their times."""
SAMPLED_PLACES, SAMPLED_THERE = 150, 20
"""At how many places of a larger topic messages are read, and how many there."""
GOLDEN = 0.6180339887
"""Its multiples are spread evenly."""
FEW = 0.02
"""The share of moments at both ends that may lie far from the others."""
_SECOND = 1_000_000
_STEPS = [
    *(number * scale for scale in (1_000, 10_000, 100_000) for number in (1, 2, 5)),
    *(number * _SECOND for number in (1, 2, 5, 10, 15, 30)),
    *(number * 60 * _SECOND for number in (1, 2, 5, 10, 15, 30)),
    *(number * 3_600 * _SECOND for number in (1, 2, 3, 6, 12)),
    *(number * 86_400 * _SECOND for number in (1, 2, 7, 14, 28, 91, 182, 365)),
]


@dataclass(frozen=True)
class Histogram:
    """Counts between edges, which are microseconds since 1970. There is one edge more than counts.

    `source` is a description of the messages counted.
    """

    edges: tuple[int, ...]
    counts: tuple[int, ...]
    source: str

    def view(self) -> Counts:
        """Return the numbers and words for the view."""
        total, busiest = sum(self.counts), max(self.counts, default=0)
        noun = "message" if total == 1 else "messages"
        return {
            "edges": [edge // 1_000 for edge in self.edges],
            "counts": list(self.counts),
            "source": self.source,
            "label": f"{total:,} {noun} {self._span()}, at most {busiest:,} in one bar"
            if self.counts
            else "nothing to count",
        }

    def _span(self) -> str:
        first, last = from_microseconds(self.edges[0]), from_microseconds(self.edges[-1])
        return f"from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"


def edges_between(first: int, last: int, buckets: int = BUCKETS) -> tuple[int, ...]:
    """Return round moments that enclose two, at most so many steps apart."""
    span = max(1, last - first)
    step = next((each for each in _STEPS if span / each <= buckets - 1), span // (buckets - 1) + 1)
    start = first // step * step
    count = (last - start) // step + 1
    return tuple(start + number * step for number in range(count + 1))


def of_rows(table: pa.Table, source: str = "of the rows found") -> Histogram:
    """Return how many rows of a table fall into each interval."""
    times = table.column("publish_time").cast(pa.int64()).drop_null().to_numpy()
    if not len(times):
        return Histogram((), (), f"{source}: they have no times")
    return _counted(times, source)


def _counted(times: np.ndarray[Any, Any], source: str) -> Histogram:
    """Return how many moments fall into each interval."""
    edges = edges_between(int(times.min()), int(times.max()))
    counts, _ = np.histogram(times, bins=np.array(edges, dtype=np.int64))
    return Histogram(edges, tuple(int(count) for count in counts), source)


def of_topic(
    session: DataSession,
    topic: str,
    partitions: Sequence[int] | None = None,
    cancellation: Cancellation | None = None,
) -> Histogram:
    """Return how many messages of a topic fall into each interval, by the positions of its moments.

    Two messages of each partition are read, for the first and the last moment. Where producers set the times,
    every message is read instead if there are at most `READ_MESSAGES`; of more, a sample is read, and the
    source says so.

    Raises:
        NotSupported: The system has no time index.
        Cancelled: The read was cancelled.
    """
    bounds = chosen_bounds(session.inspector.bounds(topic), partitions)
    in_order = session.inspector.time_order(topic) == "sorted"
    if not in_order and sum(each.estimate for each in bounds) <= READ_MESSAGES:
        return _of_all(session, topic, partitions, cancellation)
    if not in_order:
        return _of_sample(session, topic, bounds, cancellation)
    moments = [moment for newest in (False, True) for moment in _ends(session, topic, newest, cancellation)]
    exact = all(each.estimate == each.end - each.start for each in bounds)
    source = "of the topic, from the broker's time index"
    if not exact:
        source += "; approximate, as offsets have gaps"
    if not moments:
        return Histogram((), (), "of the topic, which has no messages with times")
    edges = edges_between(min(moments), max(moments))
    places = [_places(session, topic, bounds, edge, cancellation) for edge in edges[1:-1]]
    before = {each.partition: each.start for each in bounds}
    after = {each.partition: each.end for each in bounds}
    counts = [
        _between(bounds, low, high) for low, high in zip([before, *places], [*places, after], strict=True)
    ]
    return Histogram(edges, tuple(counts), source)


def _of_all(
    session: DataSession, topic: str, partitions: Sequence[int] | None, cancellation: Cancellation | None
) -> Histogram:
    """Return the histogram of all messages, read one by one."""
    planned = session.inspector.plan(topic)
    times: list[int] = []
    for slice_ in planned:
        if partitions is None or slice_.partition in partitions:
            for columns in session.inspector.read(slice_, attributes=False, cancellation=cancellation):
                times += [time for time in columns.values("publish_time") if time is not None]
    if not times:
        return Histogram((), (), "of the topic, which has no messages with times")
    return _counted(np.array(times, dtype=np.int64), "of the topic, every message counted")


def _of_sample(
    session: DataSession, topic: str, bounds: Sequence[Bounds], cancellation: Cancellation | None
) -> Histogram:
    """Return the histogram of all messages, estimated from some that are read at places all over the topic.

    The index does not help: before a message with a late time, it finds no other.
    """
    total = sum(each.estimate for each in bounds)
    parts = {each.partition: each for each in bounds}
    times: list[int] = []
    weights: list[float] = []
    for number, slice_ in enumerate(session.inspector.plan(topic, slice_rows=-(-total // SAMPLED_PLACES))):
        part = parts.get(slice_.partition)
        if part is not None:
            # other places in other slices: partitions often go on alike
            ahead = int(max(0, slice_.estimate - SAMPLED_THERE) * (number * GOLDEN % 1))
            start = part.after(slice_.start, ahead) if ahead else slice_.start
            few = replace(slice_, start=start, end=min(slice_.end, part.after(start, SAMPLED_THERE)))
            read = session.inspector.read(few, attributes=False, cancellation=cancellation)
            found = [time for columns in read for time in columns.values("publish_time") if time is not None]
            times += found
            weights += [slice_.estimate / max(1, len(found))] * len(found)
    source = f"of the topic, estimated from {len(times):,} messages all over it, as producers set the times"
    if not times:
        return Histogram((), (), "of the topic, which has no messages with times")
    moments, counted = np.array(times, dtype=np.int64), np.array(weights)
    near = _near(moments)
    if not near.all():
        source += f"; about {round(counted[~near].sum()):,} with times far from the others are left out"
    edges = edges_between(int(moments[near].min()), int(moments[near].max()))
    counts, _ = np.histogram(moments[near], bins=np.array(edges, dtype=np.int64), weights=counted[near])
    return Histogram(edges, tuple(round(float(count)) for count in counts), source)


def _near(moments: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return which moments are not far away from nearly all others."""
    low, high = np.quantile(moments, (FEW, 1 - FEW))
    reach = max(float(high - low), float(_SECOND))
    near: np.ndarray[Any, Any] = (moments >= low - reach) & (moments <= high + reach)
    return near


def _ends(session: DataSession, topic: str, newest: bool, cancellation: Cancellation | None) -> list[int]:
    """Return the time of the last or first message of each partition."""
    look = new_peek(session, 1, ReadOptions(attributes=False))
    look.plan(topic, parse_range(None, None), newest=newest)
    look.read(cancellation, progress=False)
    batches = [batch for run in look.runs for batch in run.batches]
    times = pa.Table.from_batches(batches, look.builder.schema).column("publish_time")
    found: list[Any] = times.cast(pa.int64()).drop_null().to_pylist()
    return found


def _places(
    session: DataSession, topic: str, bounds: Sequence[Bounds], moment: int, cancellation: Cancellation | None
) -> dict[int | None, int]:
    if cancellation is not None:
        cancellation.raise_if_cancelled()
    found = {slice_.partition: slice_.start for slice_ in session.inspector.plan(topic, AtTime(moment))}
    return {
        each.partition: min(max(found.get(each.partition, each.end), each.start), each.end) for each in bounds
    }


def _between(bounds: Sequence[Bounds], low: dict[int | None, int], high: dict[int | None, int]) -> int:
    return sum(
        each.between(low[each.partition], high[each.partition])
        for each in bounds
        if low[each.partition] < high[each.partition]
    )
