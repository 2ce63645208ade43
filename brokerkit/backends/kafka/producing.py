"""Giving messages to the client library, many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import repeat
from types import NoneType
from typing import Any

from confluent_kafka import KafkaException

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.messages import to_microseconds
from brokerkit.core.vocabulary.outbound_rows import OutboundRows

from .clients import Producer
from .options import log
from .sizes import Header, headers_of
from .terms import TopicTerms

ANY_PARTITION = -1
METADATA_SECONDS = 5.0
PRESENT = 0
"""The timestamp that stands for the present."""
NO_HEADERS: list[Header] = []
_AS_THEY_ARE = {bytes, NoneType}


def stamp_of(moment: datetime | None) -> int:
    """Return a publish time as the client library takes it."""
    return PRESENT if moment is None else to_microseconds(moment) // 1000


def place_of(partition: int | None) -> int:
    """Return a partition as the client library takes it."""
    return ANY_PARTITION if partition is None else partition


def _headers(rows: OutboundRows, part: slice) -> Iterable[list[Any]]:
    attributes = (rows.attributes or ())[part]
    return Attributes.lists(attributes) if rows.facts.types <= _AS_THEY_ARE else map(headers_of, attributes)


def learned(
    producer: Producer, topic: str, known: TopicTerms | None, found: TopicTerms, deadline: Deadline
) -> TopicTerms:
    """Tell the client library of partitions that were added; it would refuse them for up to five minutes.

    Args:
        known: What was known of the topic. None if it was not looked up before.
        found: What is known of it now.

    Returns:
        What was found. With the partitions that were known, if the client library does not know the new ones
        yet, so that it is told again.
    """
    if known is None or found.partitions is None or found.partitions <= (known.partitions or 0):
        return found
    try:
        listed = producer.list_topics(topic, max(0.1, min(METADATA_SECONDS, deadline.remaining())))
        if len(listed.topics[topic].partitions) >= found.partitions:
            return found
    except KafkaException as error:
        log.info("the new partitions of %r are not known yet: %s", topic, error)
    return replace(found, partitions=known.partitions)


def produce_rows(
    producer: Producer,
    topic: str,
    rows: OutboundRows,
    takers: Sequence[Callable[..., Any]],
    begin: int,
    end: int,
) -> int:
    """Give rows to the client library until it does not take one. Return how many it took.

    This takes less time than `produce_batch` of the client, which also carries neither headers nor times and
    does not say which row a delivery report belongs to.

    Args:
        producer: The producer.
        topic: The topic of all rows.
        rows: The messages.
        takers: The function that takes the delivery report of each row.
        begin, end: The rows to give.
    """
    part = slice(begin, end)
    taken = 0
    try:
        for _ in map(
            producer.produce,
            repeat(topic),
            rows.data[part],
            repeat(None) if rows.keys is None else rows.keys[part],
            repeat(ANY_PARTITION) if rows.partitions is None else map(place_of, rows.partitions[part]),
            takers[part],
            repeat(None),
            repeat(PRESENT) if rows.times is None else map(stamp_of, rows.times[part]),
            repeat(NO_HEADERS) if rows.attributes is None else _headers(rows, part),
        ):
            taken += 1
    except Exception:
        # giving this row alone raises the same, and tells what it is
        return taken
    return taken
