"""Conversion of librdkafka messages to columns, with as few Python objects as possible."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import itemgetter, not_
from typing import Any

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Message

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.lazy_columns import Milliseconds, PartitionOffsetIds

_kind = itemgetter(0)
_count = itemgetter(1)
_NO_TIME = -1
"""The timestamp that Kafka stores for a record without one."""
_CREATED = frozenset({TIMESTAMP_CREATE_TIME})
_APPENDED = frozenset({TIMESTAMP_LOG_APPEND_TIME})


def split_errors(messages: list[Message]) -> tuple[list[Message], list[Message]]:
    """Separate the messages that carry data from those that carry an error."""
    errors = list(map(Message.error, messages))
    if not any(errors):
        return messages, []
    return list(compress(messages, map(not_, errors))), list(compress(messages, errors))


def to_columns(
    messages: Sequence[Message],
    topic: str,
    *,
    partition: int | None = None,
    attributes: bool = True,
    counted: bool = False,
) -> Columns:
    """Return messages of one topic as columns. None of the messages may carry an error.

    Args:
        messages: The messages, in order.
        topic: The name of their topic.
        partition: The partition of all the messages; None if they come from several.
        attributes: Whether to read the headers, which is expensive.
        counted: Whether the broker counts the deliveries of each message.
    """
    offsets: list[Any] = list(map(Message.offset, messages))
    partitions: Any = partition
    ids: Sequence[str]
    if partition is None:
        partitions = list(map(Message.partition, messages))
        ids = [f"{number}-{offset}" for number, offset in zip(partitions, offsets, strict=True)]
    else:
        ids = PartitionOffsetIds(partition, offsets)
    published, ingested = _times(list(map(Message.timestamp, messages)))
    return Columns(
        len(offsets),
        topic=topic,
        partition=partitions,
        offset=offsets,
        id=ids,
        key=list(map(Message.key, messages)),
        value=list(map(Message.value, messages)),
        attributes=list(map(Message.headers, messages)) if attributes else None,
        publish_time=published,
        ingestion_time=ingested,
        delivery_count=list(map(Message.delivery_count, messages)) if counted else None,
    )


def _times(stamps: list[tuple[int, int]]) -> tuple[Any, Any]:
    """Return the publish times and the ingestion times, in microseconds.

    A message has an ingestion time only if the broker set its timestamp.
    """
    kinds = set(map(_kind, stamps))
    if kinds <= _CREATED:
        return Milliseconds(list(map(_count, stamps)), _NO_TIME), None
    if kinds <= _APPENDED:
        appended = Milliseconds(list(map(_count, stamps)), _NO_TIME)
        return appended, appended
    known = _CREATED | _APPENDED
    times = [millis * 1000 if kind in known and millis != _NO_TIME else None for kind, millis in stamps]
    appended_at = [time if kind in _APPENDED else None for (kind, _), time in zip(stamps, times, strict=True)]
    return times, appended_at
