"""Reading the rows of a frame again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.arguments import check_size
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.topics import EXACT, Bounds, Slice
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.decoded import PayloadDecoder
from brokerkit.frames.decoding import decoder_named
from brokerkit.frames.provenance import key_writer_of, writer_of

from ..publish.frame_placement import time_values

if TYPE_CHECKING:
    import pandas as pd

NEAR = 1_000
"""Rows at most so many offsets, or messages, apart are read together."""

Place = tuple[str, int | None, int]


def places_of(df: pd.DataFrame, inspector: ConnectedInspector) -> list[Place]:
    """Return topic, partition and position of each row.

    Raises:
        ConfigError: A row does not have them.
    """
    missing = [name for name in ("topic", "partition", "offset") if name not in getattr(df, "columns", ())]
    if missing:
        raise ConfigError(
            f"reread needs the columns topic, partition and offset of a frame that was pulled, peeked or "
            f"scanned; missing: {', '.join(missing)}"
        )
    try:
        columns = [
            pa.array(df[name], from_pandas=True).to_pylist() for name in ("topic", "partition", "offset")
        ]
        ids = pa.array(df["id"], from_pandas=True).to_pylist() if "id" in df.columns else [None] * len(df)
    except OverflowError as error:
        raise ConfigError(
            "a partition or an offset is not a 64-bit integer: it cannot be read again"
        ) from error
    except UnicodeEncodeError as error:
        raise ConfigError(f"a topic or an id is not a valid name: {error.object!a:.60}") from error
    places = []
    for row, (topic, partition, offset, identity) in enumerate(zip(*columns, ids, strict=True)):
        if topic is None or (offset is None and identity is None):
            raise ConfigError(f"row {row} has no topic, or no offset and no id: it cannot be read again")
        try:
            known = None if offset is None else check_size(int(offset), "an offset")
            place = inspector.place(known, identity)
        except NotSupported:
            raise ConfigError(f"row {row} has no offset, so it cannot be read again") from None
        places.append((str(topic), None if partition is None else int(partition), place))
    return places


def slices_of(places: Sequence[Place], between: Callable[[Slice], int]) -> Iterator[Slice]:
    """Yield slices that cover the places, without reading many messages between them.

    Args:
        places: Where the rows are.
        between: Returns about how many messages a slice has; used only where positions are not offsets.
    """
    ordered = sorted(
        set(places), key=lambda place: (place[0], -1 if place[1] is None else place[1], place[2])
    )
    for (topic, partition), group in groupby(ordered, key=lambda place: place[:2]):
        start = end = None
        for _, _, offset in group:
            if start is None or end is None:
                start, end = offset, offset + 1
            elif _far(Slice(topic, partition, end, offset), between):
                yield Slice(topic, partition, start, end, end - start)
                start, end = offset, offset + 1
            else:
                end = offset + 1
        if start is not None and end is not None:
            yield Slice(topic, partition, start, end, end - start)


def _far(gap: Slice, between: Callable[[Slice], int]) -> bool:
    positions = gap.end - gap.start
    return positions > NEAR and (gap.end < EXACT or between(gap) > NEAR)


def decoder_of(df: pd.DataFrame) -> PayloadDecoder | str:
    """Return the decoder that filled a frame; "auto" if the frame does not say."""
    name = writer_of(df)
    return "auto" if name is None else decoder_named(name)


def key_decoder_of(df: pd.DataFrame) -> PayloadDecoder | str:
    """Return the decoder that filled the keys of a frame; "auto" if the frame does not say."""
    name = key_writer_of(df)
    return "auto" if name is None else decoder_named(name)


def read_times(inspector: ConnectedInspector, places: Sequence[Place]) -> Iterator[tuple[Place, int | None]]:
    """Yield the places that have a message, with its time in microseconds."""
    wanted = set(places)
    for slice_ in slices_of(places, _between(inspector)):
        for columns in inspector.read(slice_, attributes=False, removing=True):
            for offset, time in zip(columns.positions(), columns.values("publish_time"), strict=True):
                place = (slice_.topic, slice_.partition, offset)
                if place in wanted:
                    yield place, time


def _between(inspector: ConnectedInspector) -> Callable[[Slice], int]:
    """Return what counts the messages of a slice, which asks for the range of each topic once."""
    topics: dict[str, dict[int | None, Bounds]] = {}

    def between(gap: Slice) -> int:
        if gap.topic not in topics:
            topics[gap.topic] = {each.partition: each for each in inspector.bounds(gap.topic)}
        bounds = topics[gap.topic].get(gap.partition)
        return 0 if bounds is None else bounds.between(gap.start, gap.end)

    return between


def times_of(df: pd.DataFrame) -> list[int | None]:
    """Return the time of each row in microseconds, None where the frame has none."""
    if "publish_time" not in df.columns:
        return [None] * len(df)
    times = time_values(list(df["publish_time"]), 0, len(df))
    return [each if isinstance(each, int) else None for each in times]


def read_places(
    inspector: ConnectedInspector, places: Sequence[Place], times: Sequence[int | None], builder: FrameBuilder
) -> pa.Table:
    """Return the rows at these places, in order; rows that are gone are left out, with a warning.

    A topic that was deleted and created again has the same places: another time tells another message.
    """
    wanted = set(places)
    known: dict[Place, set[int]] = {}
    for place, time in zip(places, times, strict=True):
        if time is not None:
            known.setdefault(place, set()).add(time)
    found: dict[Any, int] = {}
    others: set[Place] = set()
    batches: list[pa.RecordBatch] = []
    for slice_ in slices_of(places, _between(inspector)):
        for columns in inspector.read(slice_):
            offsets = columns.positions()
            keep = []
            for index, (offset, time) in enumerate(zip(offsets, columns.values("publish_time"), strict=True)):
                place = (slice_.topic, slice_.partition, offset)
                if place not in wanted:
                    continue
                if time is not None and time not in known.get(place, {time}):
                    others.add(place)
                    continue
                keep.append(index)
                found[place] = len(found)
            if keep:
                batches.append(builder.batch(columns.take(keep)))
    replaced = sum(1 for place in places if place in others)
    missing = sum(1 for place in places if place not in found) - replaced
    if replaced:
        warnings.warn(
            f"{replaced:,} of {len(places):,} rows were left out: their places have messages of other times "
            "now. Was the topic deleted and created again, or the column publish_time changed?",
            stacklevel=3,
        )
    if missing:
        warnings.warn(
            f"{missing:,} of {len(places):,} rows are no longer on the broker and were left out",
            stacklevel=3,
        )
    order = pa.array([found[place] for place in places if place in found], pa.int64())
    return builder.to_table(batches).take(order)
