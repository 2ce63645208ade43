"""Conversion of stored entries to columns."""

from __future__ import annotations

from brokerkit.core.vocabulary.columns import Columns

from .log import Entry


def to_columns(topic: str, entries: list[tuple[int, Entry]], counts: list[int] | None) -> Columns:
    """Return (partition, entry) pairs as columns, with the delivery count of each if there are any."""
    return Columns(
        len(entries),
        topic=topic,
        partition=[partition for partition, _ in entries],
        offset=[entry.offset for _, entry in entries],
        id=[f"{partition}-{entry.offset}" for partition, entry in entries],
        key=[entry.key for _, entry in entries],
        value=[entry.value for _, entry in entries],
        attributes=[entry.attributes for _, entry in entries],
        publish_time=[entry.time for _, entry in entries],
        ingestion_time=[entry.stored for _, entry in entries],
        delivery_count=counts,
    )
