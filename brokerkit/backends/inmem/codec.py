"""Conversion of stored entries to columns."""

from __future__ import annotations

from typing import Any

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.lazy_columns import PartitionOffsetIds

from .log import Entry


def to_columns(topic: str, entries: list[tuple[int, Entry]], counts: list[int] | None) -> Columns:
    """Return (partition, entry) pairs as columns, with the delivery count of each if there are any."""
    partitions: Any = [partition for partition, _ in entries]
    offsets = [entry.offset for _, entry in entries]
    ids: Any
    if partitions and partitions.count(partitions[0]) == len(partitions):
        partitions = partitions[0]
        ids = PartitionOffsetIds(partitions, offsets)
    else:
        ids = [f"{partition}-{offset}" for partition, offset in zip(partitions, offsets, strict=True)]
    return Columns(
        len(entries),
        topic=topic,
        partition=partitions,
        offset=offsets,
        id=ids,
        key=[entry.key for _, entry in entries],
        value=[entry.value for _, entry in entries],
        attributes=[entry.attributes for _, entry in entries],
        publish_time=[entry.time for _, entry in entries],
        ingestion_time=[entry.stored for _, entry in entries],
        delivery_count=counts,
    )
