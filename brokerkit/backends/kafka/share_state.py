"""The progress of share groups in a topic, read from the internal topic in which the brokers store it.

The admin client has no request for it. For each group and partition, the topic `STATE_TOPIC` contains the
first offset that is not settled and the number of settled offsets after it. Only the brokers know which
messages are locked.
"""

from __future__ import annotations

import struct
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, TopicCollection, TopicPartition

from brokerkit.core.contract.background import close_with_timeout
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, NotFound, Unavailable
from brokerkit.core.vocabulary.secrets import revealed

from .clients import Consumer
from .connection import KafkaConnection, request_seconds
from .errors import lacks_permission, translate, translating
from .group_positions import CLOSE_SECONDS, group_settings
from .options import Properties, log
from .watch import Watch

STATE_TOPIC = "__share_group_state"
HIDDEN = f"share groups are not shown, since the user may not read {STATE_TOPIC}, where their state is"
RETRY_SECONDS = 0.2
BATCH = 1_000
POLL_SECONDS = 0.2

_SNAPSHOT, _UPDATE = 0, 1
_BATCH_BYTES = 20
"""The size of an entry: first and last offset, a state, a delivery count, no tagged fields."""


class Key(NamedTuple):
    """The subject of a record in `STATE_TOPIC`.

    Attributes:
        group: The name of the group.
        topic: The 16 bytes of the topic's id.
        partition: The number of the partition.
    """

    group: str
    topic: bytes
    partition: int


@dataclass(slots=True)
class ShareState:
    """The state of a group in one partition.

    Attributes:
        start: The first offset that is not settled, -1 before the first read.
        done: The number of offsets from `start` on that are acknowledged or rejected.
    """

    start: int
    done: int


ByTopic = dict[str, dict[str, dict[int, ShareState]]]
"""The state of share groups by topic, group and partition."""


def share_states(
    connection: KafkaConnection, properties: Properties, topics: Iterable[str], deadline: Deadline
) -> tuple[ByTopic, tuple[str, ...]]:
    """Return the state of share groups in topics, and a sentence if the user may not read it.

    The state is empty if the brokers keep none.

    Raises:
        Unavailable: It could not be read before the deadline.
    """
    asked = list(topics)
    while True:
        try:
            return _by_topic(connection, properties, asked, deadline), ()
        except NotFound:
            return {topic: {} for topic in asked}, ()
        except BrokerError as error:
            if lacks_permission(error):
                # permission to read a topic does not include permission to see its other readers
                return {topic: {} for topic in asked}, (f"{HIDDEN} ({error})",)
            if not error.retryable or deadline.remaining() <= RETRY_SECONDS:
                raise
            log.info("%s", error)
        time.sleep(RETRY_SECONDS)


def _by_topic(
    connection: KafkaConnection, properties: Properties, topics: Sequence[str], deadline: Deadline
) -> ByTopic:
    found: ByTopic = {topic: {} for topic in topics}
    numbers = connection.partitions(STATE_TOPIC, deadline, wait=0)
    names = {identity: topic for topic, identity in _topic_ids(connection, topics, deadline).items()}
    for key, state in _states(connection, properties, numbers, deadline).items():
        if key.topic in names:
            found[names[key.topic]].setdefault(key.group, {})[key.partition] = state
    return found


def _topic_ids(connection: KafkaConnection, topics: Iterable[str], deadline: Deadline) -> dict[str, bytes]:
    """Return the 16 bytes that identify each topic until it is deleted.

    Topics that do not exist are left out: one may be deleted while many are asked for.
    """
    asked = connection.client.describe_topics(
        TopicCollection(list(topics)), request_timeout=request_seconds(deadline)
    )
    found = {}
    for topic, future in asked.items():
        with suppress(NotFound):
            identity = connection.wait(future, deadline, f"describing topic {topic!r}").topic_id
            halves = identity.get_most_significant_bits(), identity.get_least_significant_bits()
            found[topic] = struct.pack(">qq", *halves)
    return found


def _states(
    connection: KafkaConnection, properties: Properties, numbers: list[int], deadline: Deadline
) -> dict[Key, ShareState]:
    states: dict[Key, ShareState] = {}
    for message in _records(connection, properties, numbers, deadline):
        raw, value = message.key(), message.value()
        if not isinstance(raw, bytes):
            continue
        try:
            kind, key = parse_key(raw)
            if value is None:
                states.pop(key, None)
            else:
                states[key] = parse_value(kind, value, states.get(key))
        except (struct.error, ValueError, IndexError) as error:
            log.info("a record of %s cannot be read: %s", STATE_TOPIC, error)
    return states


def _records(
    connection: KafkaConnection, properties: Properties, numbers: list[int], deadline: Deadline
) -> Iterator[Message]:
    """Yield all records of `STATE_TOPIC`, in the order of each partition."""
    partitions = [TopicPartition(STATE_TOPIC, number) for number in numbers]
    starts, ends = connection.starts(partitions, deadline), connection.ends(partitions, deadline)
    for number in numbers:
        if (STATE_TOPIC, number) not in starts or (STATE_TOPIC, number) not in ends:
            raise Unavailable(f"partition {number} of {STATE_TOPIC} has no leader now")
    left = {number for number in numbers if starts[STATE_TOPIC, number] < ends[STATE_TOPIC, number]}
    if not left:
        return
    watch = Watch.of(properties)
    settings = group_settings(properties, f"brokerkit-reader-{uuid.uuid4().hex}", watch)
    settings["enable.partition.eof"] = True
    with translating("reading the state of share groups"):
        consumer = Consumer(revealed(settings))
    try:
        consumer.assign([TopicPartition(STATE_TOPIC, n, starts[STATE_TOPIC, n]) for n in sorted(left)])
        while left:
            if deadline.passed:
                raise watch.unavailable("reading the state of share groups")
            for message in consumer.consume(BATCH, POLL_SECONDS):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition() or 0)
                else:
                    raise translate(error, "reading the state of share groups")
    finally:
        close_with_timeout(consumer.close, CLOSE_SECONDS, "close")


def parse_key(raw: bytes) -> tuple[int, Key]:
    """Return the kind of a record and its subject."""
    kind, length = struct.unpack_from(">hh", raw)
    group = raw[4 : 4 + length].decode("utf-8")
    topic, partition = struct.unpack_from(">16si", raw, 4 + length)
    return kind, Key(group, topic, partition)


def parse_value(kind: int, value: bytes, before: ShareState | None) -> ShareState:
    """Return the state after a record, which is a snapshot or an update of the state `before`.

    Raises:
        ValueError: The kind or the version of the record is unknown.
    """
    (version,) = struct.unpack_from(">h", value)
    if version != 0 or kind not in (_SNAPSHOT, _UPDATE):
        raise ValueError(f"kind {kind} in version {version} is not known")
    # epochs come first; in a snapshot two times follow the start
    begin = 14 if kind == _SNAPSHOT else 10
    (start,) = struct.unpack_from(">q", value, begin)
    count, at = _varint(value, begin + (24 if kind == _SNAPSHOT else 8))
    done = _done(value, at + max(0, count - 1) * _BATCH_BYTES)
    if start < 0 and before is not None:
        start = before.start
    return ShareState(start, done)


def _done(value: bytes, at: int) -> int:
    """Return the number of settled offsets: the first of the tagged fields, 0 if it is absent."""
    fields, at = _varint(value, at)
    if not fields:
        return 0
    tag, at = _varint(value, at)
    _, at = _varint(value, at)
    return int(struct.unpack_from(">i", value, at)[0]) if tag == 0 else 0


def _varint(value: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned number, encoded in seven bits per byte, and the index after it."""
    number = shift = 0
    while True:
        byte = value[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
