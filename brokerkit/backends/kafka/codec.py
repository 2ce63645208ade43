"""Conversion of librdkafka messages to columns, with as few Python objects as possible."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import itemgetter, not_
from typing import Any, NamedTuple

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError, Message

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.lazy_columns import Milliseconds, PartitionOffsetIds

_kind = itemgetter(0)
_count = itemgetter(1)
_NO_TIME = -1
"""The timestamp that Kafka stores for a record without one."""
_CREATED = frozenset({TIMESTAMP_CREATE_TIME})
_APPENDED = frozenset({TIMESTAMP_LOG_APPEND_TIME})


class Reported(NamedTuple):
    """An error among messages.

    Attributes:
        error: The error.
        offset: Where in the partition, if it says.
    """

    error: KafkaError
    offset: int | None


def split_errors(messages: list[Message]) -> tuple[list[Message], list[Message]]:
    """Separate the messages that carry data from those that carry an error."""
    errors = list(map(Message.error, messages))
    if not any(errors):
        return messages, []
    return list(compress(messages, map(not_, errors))), list(compress(messages, errors))


def to_columns(messages: Sequence[Message], topic: str, *, counted: bool = False) -> Columns:
    """Return messages of one topic as columns. None of the messages may carry an error.

    Args:
        messages: The messages, in order.
        topic: The name of their topic.
        counted: Whether the broker counts the deliveries of each message.
    """
    offsets: list[Any] = list(map(Message.offset, messages))
    partitions = list(map(Message.partition, messages))
    published, ingested = _times(list(map(Message.timestamp, messages)))
    return Columns(
        len(offsets),
        topic=topic,
        partition=partitions,
        offset=offsets,
        id=[f"{number}-{offset}" for number, offset in zip(partitions, offsets, strict=True)],
        key=list(map(Message.key, messages)),
        value=list(map(Message.value, messages)),
        attributes=list(map(Message.headers, messages)),
        publish_time=published,
        ingestion_time=ingested,
        delivery_count=list(map(Message.delivery_count, messages)) if counted else None,
    )


class PartitionColumns:
    """The columns of consecutive messages of one partition, which are added in small parts.

    A part is freed before the next one is made, so that its memory is used again while it is in the cache.

    Args:
        topic: The name of the topic.
        partition: The number of the partition.
        attributes: Whether to read the headers, which is expensive.
    """

    def __init__(self, topic: str, partition: int, *, attributes: bool) -> None:
        self._topic = topic
        self._partition = partition
        self._attributes: list[Any] | None = [] if attributes else None
        self._offsets: list[Any] = []
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._stamps: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._values)

    def add(self, messages: Sequence[Message]) -> None:
        """Add messages, none of which may carry an error."""
        self._offsets.extend(map(Message.offset, messages))
        self._keys.extend(map(Message.key, messages))
        self._values.extend(map(Message.value, messages))
        self._stamps.extend(map(Message.timestamp, messages))
        if self._attributes is not None:
            self._attributes.extend(map(Message.headers, messages))

    def columns(self) -> Columns:
        """Return what was added."""
        offsets: Sequence[int] = self._offsets
        if not offsets:
            return Columns.empty()
        if offsets[-1] - offsets[0] == len(offsets) - 1:
            # they only ever rise, so none is missing
            offsets = range(offsets[0], offsets[-1] + 1)
        published, ingested = _times(self._stamps)
        return Columns(
            len(offsets),
            topic=self._topic,
            partition=self._partition,
            offset=offsets,
            id=PartitionOffsetIds(self._partition, offsets),
            key=self._keys,
            value=self._values,
            attributes=self._attributes,
            publish_time=published,
            ingestion_time=ingested,
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
