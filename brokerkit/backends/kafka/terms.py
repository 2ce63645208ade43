"""The terms on which a topic accepts messages, from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound, NotSupported, TooLarge
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.outbound_rows import OutboundRows
from brokerkit.core.vocabulary.topics import PublishTerms

from .connection import KafkaConnection
from .options import log
from .partitioner import place_of
from .sizes import batch_bytes, bound_of

CONFIG_SECONDS = 2.0
LARGEST = 500_000_000
"""A size in bytes that the client library surely takes."""
FIRST_TIME = datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)
"""The earliest publish time. The broker refuses times before 1970, and the client library uses 0 for now."""
_FOR_EVER = int(timedelta.max / timedelta(milliseconds=1))
_KNOWN_BY = {"cleanup.policy", "max.message.bytes", "message.timestamp.type"}
"""The entries without which a configuration does not tell what the topic accepts."""
_TIME_ROOM = timedelta(minutes=5)
"""How far from a limit a publish time is surely accepted, whatever the broker's clock and the way there."""
_RECOMPRESSED_ROOM = 1_020_000
"""A limit that the largest batch keeps when the broker compresses it again, in bytes."""


@dataclass(frozen=True, slots=True)
class TopicTerms(PublishTerms):
    """The terms of a topic of Kafka.

    Attributes:
        foreseeable: Whether the terms tell of every message whether the broker will refuse it.
    """

    foreseeable: bool = False

    def surely_accepts(self, moment: datetime | None, size: int) -> bool:
        """Return whether the broker surely accepts a message that these terms do not refuse.

        Args:
            moment: The publish time.
            size: The most that the message takes in a batch, in bytes, or 0 if these terms checked it.
        """
        if not self.foreseeable or self.max_bytes is None or size > self.max_bytes:
            return False
        if moment is None or (self.oldest is None and self.newest is None):
            return True
        age = datetime.now(UTC) - moment
        return (self.oldest is None or age < self.oldest - _TIME_ROOM) and (
            self.newest is None or -age < self.newest - _TIME_ROOM
        )


def terms_of(
    connection: KafkaConnection, topic: str, properties: Mapping[str, Any], deadline: Deadline
) -> TopicTerms:
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
        return TopicTerms(partitions, place, since=FIRST_TIME, unknown=str(error))
    policies = {each.strip() for each in config.get("cleanup.policy", "delete").split(",")}
    # before version 3.6 there was one limit for both directions
    both = config.get("message.timestamp.difference.max.ms")
    limit = config.get("max.message.bytes")
    return TopicTerms(
        partitions,
        place,
        keeps_times=config.get("message.timestamp.type", "CreateTime") != "LogAppendTime",
        needs_key="compact" in policies,
        retention=_duration(config.get("retention.ms")) if "delete" in policies else None,
        oldest=_duration(config.get("message.timestamp.before.max.ms", both)),
        newest=_duration(config.get("message.timestamp.after.max.ms", both)),
        since=FIRST_TIME,
        max_bytes=None if limit is None else int(limit),
        foreseeable=_foreseeable(config),
    )


def refusal_of(topic: str, terms: PublishTerms, message: OutboundMessage, limit: int) -> BrokerError | None:
    """Return why a topic does not take a message, or None.

    Args:
        topic: Its name.
        terms: Its terms.
        message: The message.
        limit: The bytes that it may have on the wire.
    """
    if message.key is None and terms.needs_key:
        return ConfigError(f"a compacted topic needs a key, and {topic!r} is compacted (cleanup.policy)")
    if (
        message.partition is not None
        and terms.partitions is not None
        and message.partition >= terms.partitions
    ):
        return NotFound(f"{topic!r} has no partition {message.partition}: it has {terms.partitions}, from 0")
    if message.publish_time is not None:
        refused = time_refusal(topic, message.publish_time, terms)
        if refused is not None:
            return refused
    for name, _ in message.attributes:
        if "\0" in name:
            return ConfigError(
                f"the attribute name {name!r} contains a NUL character, which would cut it short"
            )
    if not message.attributes and len(message.data or b"") + len(message.key or b"") < limit // 2:
        return None
    size = batch_bytes(message)
    if size > limit:
        return TooLarge(
            f"the message takes {size:,} bytes with key, attributes and framing; {topic!r} "
            f"accepts {limit:,} (max.message.bytes of the topic)"
        )
    return None


def accepts_all(
    topic: str, terms: TopicTerms, rows: OutboundRows, limit: int | None, *, surely: bool
) -> bool:
    """Return whether a topic accepts each of these messages, from what their columns have as a whole.

    Args:
        topic: Its name.
        terms: Its terms.
        rows: The messages.
        limit: The bytes that one may have on the wire; None if only the broker knows.
        surely: Whether the broker must accept them too, not only these terms.
    """
    if terms.needs_key and (rows.keys is None or None in rows.keys):
        return False
    places = [each for each in rows.partitions or () if each is not None]
    if places and terms.partitions is not None and max(places) >= terms.partitions:
        return False
    if rows.attributes is not None and any("\0" in name for name in rows.facts.names):
        return False
    moments = [each for each in rows.times or () if each is not None]
    ends: list[datetime | None] = [min(moments), max(moments)] if moments else [None]
    if any(each is not None and time_refusal(topic, each, terms) is not None for each in ends):
        return False
    size = bound_of(rows)
    if size > (LARGEST if limit is None else limit):
        return False
    return not surely or all(terms.surely_accepts(each, size if limit is None else 0) for each in ends)


def _foreseeable(config: Mapping[str, str]) -> bool:
    # vendors' brokers may check the schema of each message, which only they can
    checks = any("validation" in name and value != "false" for name, value in config.items())
    compressed = config.get("compression.type", "producer") not in {"producer", "uncompressed"}
    return (
        config.keys() >= _KNOWN_BY
        and not checks
        and not (compressed and int(config["max.message.bytes"]) < _RECOMPRESSED_ROOM)
    )


def _duration(milliseconds: str | None) -> timedelta | None:
    """Return a number of milliseconds as a duration, or None for no limit."""
    number = -1 if milliseconds is None else int(milliseconds)
    return timedelta(milliseconds=number) if 0 <= number < _FOR_EVER else None


def time_refusal(topic: str, moment: datetime, terms: PublishTerms) -> BrokerError | None:
    """Return the reason why a topic would not keep this publish time, or None."""
    if not terms.keeps_times:
        return NotSupported(
            f"{topic!r} stamps messages itself (message.timestamp.type=LogAppendTime) and would drop "
            "publish_time=: leave it out, or put the time into an attribute"
        )
    if moment < FIRST_TIME:
        return ConfigError(f"publish_time {moment.isoformat()} is not after 1970, where Kafka's times begin")
    age = datetime.now(UTC) - moment
    if terms.oldest is not None and age > terms.oldest:
        return ConfigError(
            f"publish_time {moment.isoformat()} is older than {topic!r} takes: {terms.oldest} "
            "(message.timestamp.before.max.ms of the topic)"
        )
    if terms.newest is not None and -age > terms.newest:
        return ConfigError(
            f"publish_time {moment.isoformat()} is further ahead than {topic!r} takes: {terms.newest} "
            "(message.timestamp.after.max.ms of the topic)"
        )
    return None
