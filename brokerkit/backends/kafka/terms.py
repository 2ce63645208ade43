"""The terms on which a topic accepts messages, from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.topics import PublishTerms

from .connection import KafkaConnection
from .options import log
from .partitioner import place_of

CONFIG_SECONDS = 2.0
FIRST_TIME = datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)
"""The earliest publish time. The broker refuses times before 1970, and the client library uses 0 for now."""
_FOR_EVER = int(timedelta.max / timedelta(milliseconds=1))


def terms_of(
    connection: KafkaConnection, topic: str, properties: Mapping[str, Any], deadline: Deadline
) -> PublishTerms:
    """Return the terms of a topic. If its configuration may not be read, only what else is known is set.

    Raises:
        NotFound: The topic does not exist.
    """
    partitions = len(connection.partitions(topic, deadline))
    place = place_of(properties, partitions)
    try:
        config = connection.topic_config(topic, Deadline(min(CONFIG_SECONDS, deadline.remaining())))
    except BrokerError as error:
        # permission to write to a topic does not include permission to see its configuration
        log.info("configuration of %r: %s", topic, error)
        return PublishTerms(partitions, place, since=FIRST_TIME)
    policies = {each.strip() for each in config.get("cleanup.policy", "delete").split(",")}
    # before version 3.6 there was one limit for both directions
    both = config.get("message.timestamp.difference.max.ms")
    limit = config.get("max.message.bytes")
    return PublishTerms(
        partitions,
        place,
        keeps_times=config.get("message.timestamp.type", "CreateTime") != "LogAppendTime",
        needs_key="compact" in policies,
        retention=_duration(config.get("retention.ms")) if "delete" in policies else None,
        oldest=_duration(config.get("message.timestamp.before.max.ms", both)),
        newest=_duration(config.get("message.timestamp.after.max.ms", both)),
        since=FIRST_TIME,
        max_bytes=None if limit is None else int(limit),
    )


def _duration(milliseconds: str | None) -> timedelta | None:
    """Return a number of milliseconds as a duration, or None for no limit."""
    number = -1 if milliseconds is None else int(milliseconds)
    return timedelta(milliseconds=number) if 0 <= number < _FOR_EVER else None
