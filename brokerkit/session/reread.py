"""Reading the rows of a frame again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.errors import ConfigError
from brokerkit.core.topics import Slice
from brokerkit.frames.provenance import provenance_of

if TYPE_CHECKING:
    import pandas as pd

NEAR = 1_000
"""Rows at most so many offsets apart are read in one go."""

Place = tuple[str, int | None, int]


def places_of(df: pd.DataFrame) -> list[Place]:
    """(topic, partition, offset) of each row. Raises ConfigError for rows that do not say it."""
    missing = [name for name in ("topic", "partition", "offset") if name not in df.columns]
    if missing:
        raise ConfigError(
            f"reread needs the columns topic, partition and offset of a frame that was pulled, peeked or "
            f"scanned; missing: {', '.join(missing)}"
        )
    columns = [pa.array(df[name], from_pandas=True).to_pylist() for name in ("topic", "partition", "offset")]
    places = []
    for row, (topic, partition, offset) in enumerate(zip(*columns, strict=True)):
        if topic is None or offset is None:
            raise ConfigError(f"row {row} has no topic or offset, so it cannot be read again")
        places.append((str(topic), None if partition is None else int(partition), int(offset)))
    return places


def slices_of(places: list[Place]) -> Iterator[Slice]:
    """Slices that cover the places, without reading far between them."""
    ordered = sorted(
        set(places), key=lambda place: (place[0], -1 if place[1] is None else place[1], place[2])
    )
    for (topic, partition), group in groupby(ordered, key=lambda place: place[:2]):
        start = end = None
        for _, _, offset in group:
            if start is None or end is None:
                start, end = offset, offset + 1
            elif offset - end > NEAR:
                yield Slice(topic, partition, start, end, end - start)
                start, end = offset, offset + 1
            else:
                end = offset + 1
        if start is not None and end is not None:
            yield Slice(topic, partition, start, end, end - start)


def decoder_of(df: pd.DataFrame) -> str:
    """The name of the decoder that filled a frame; "auto" where it does not say."""
    known: dict[str, Any] = provenance_of(df) or {}
    name = known.get("decoder")
    return name if isinstance(name, str) else "auto"
