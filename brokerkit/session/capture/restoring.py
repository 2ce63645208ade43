"""Publishing a data set to a topic: a copy from the files as a broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from brokerkit.backends.parquet.manifest import manifest_of
from brokerkit.core.runtime.connection import Connection
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.core.vocabulary.windows import slices_of
from brokerkit.frames.arrow import ArrowType, schema
from brokerkit.frames.dataframe import to_pandas

from ..base import BrokerSession
from ..publish.placement import Partitions, Times, partitions_of, placement_of
from ..read.ranges import Range, range_finder

if TYPE_CHECKING:
    import pandas as pd

OPEN_SECONDS = 10.0
PLAN: dict[str, ArrowType] = {
    "partition": pa.int32(),
    "start": pa.int64(),
    "end": pa.int64(),
    "messages": pa.int64(),
    "target": pa.string(),
}


def _count(source: BrokerSession, slice_: Slice) -> int:
    if slice_.counted == "exact":
        return slice_.estimate
    return sum(columns.length for columns in source.inspector.read(slice_, attributes=False))


@contextmanager
def opened_data_set(path: Path) -> Iterator[tuple[BrokerSession, str]]:
    """Open a data set as a broker, and return a session on it with the name of its topic.

    Raises:
        ConfigError: The folder is not a data set.
    """
    manifest = manifest_of(path)
    if manifest is None:
        raise ConfigError(f"{path} is not a folder that capture wrote: it has no manifest of a capture")
    where = quote(path.resolve().as_posix().removeprefix("/"))
    session = BrokerSession(Connection(Address.parse(f"parquet:///{where}"), timeout=OPEN_SECONDS))
    with session:
        yield session, manifest.topic


def restore_plan(
    source: BrokerSession,
    name: str,
    target: Any,
    topic: str,
    span: Range,
    partitions: Partitions | None,
    times: Times | None,
) -> pd.DataFrame:
    """Return one row for each partition of a data set with what would be sent, without sending it.

    ``attrs["brokerkit"]["placing"]`` says what becomes of partitions and times.
    """
    placement = placement_of(
        target,
        topic,
        partitions=partitions,
        times=times,
        source=partitions_of(source, [name]) if source.capabilities.partitions else None,
        has_partitions=source.capabilities.partitions,
    )
    rows = []
    for each in range_finder(source).locate(name, span):
        bounds = each.bounds
        rows.append(
            {
                "partition": bounds.partition,
                "start": each.start,
                "end": each.end,
                "messages": sum(_count(source, slice_) for slice_ in slices_of(name, each)),
                "target": topic,
            }
        )
    frame = to_pandas(pa.Table.from_pylist(rows, schema(PLAN)))
    frame.attrs["brokerkit"] = {"restore": name, "topic": topic, "placing": placement.summary()}
    return frame
