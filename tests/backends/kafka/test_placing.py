"""Partitions and times that the publisher chooses, and what a topic takes of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from brokerkit.core import Connection, OutboundMessage, connect
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing.waiting import eventually

pytestmark = pytest.mark.broker
MakeTopic = Callable[..., str]
NOW = datetime.now(UTC).replace(microsecond=123_000)
ODD_KEYS = [
    b"",
    b"\x00",
    b"a",
    b"ab",
    b"abc",
    b"abcd",
    b"\xff" * 9,
    "ünï".encode(),
    *(b"key-%d" % n for n in range(60)),
]


def _stored(broker: Connection, topic: str) -> list[tuple[int, bytes, datetime | None]]:
    """Partition, payload and time of what is stored, by partition and offset."""
    return [
        (record.partition, record.value or b"", record.publish_time)
        for slice_ in broker.inspector().plan(topic)
        for columns in broker.inspector().read(slice_)
        for record in columns.to_records()
    ]


@pytest.mark.parametrize("transactional", [None, "placing"])
def test_partition_and_time_are_those_of_the_message(
    broker: Connection, make_topic: MakeTopic, transactional: str | None
) -> None:
    topic = make_topic(3)
    moments = [NOW - timedelta(days=days, milliseconds=days) for days in (3, 1, 6, 2)]
    batch = [
        OutboundMessage(b"%d" % n, key=b"one key", partition=n % 3, publish_time=moment)
        for n, moment in enumerate(moments)
    ]
    with broker.publisher(transactional_id=transactional) as publisher:
        if transactional is None:
            results = publisher.topic(topic).publish_batch(batch)
        else:
            with publisher.transaction():
                results = publisher.topic(topic).publish_batch(batch)
    assert all(result.ok for result in results)
    # the markers of a transaction come a moment after its commit
    eventually(lambda: len(_stored(broker, topic)) == len(batch), "all of the transaction can be read")
    assert _stored(broker, topic) == [
        (0, b"0", moments[0]),
        (0, b"3", moments[3]),
        (1, b"1", moments[1]),
        (2, b"2", moments[2]),
    ]


def test_a_partition_that_is_not_there_fails_that_message_alone(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic(2)
    with broker.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(
            [OutboundMessage(b"a", partition=1), OutboundMessage(b"b", partition=2), OutboundMessage(b"c")]
        )
    assert [result.status for result in results] == ["confirmed", "failed", "confirmed"]
    assert "no partition 2: it has 2" in str(results[1].error)


@pytest.mark.parametrize(
    ("config", "moment", "said"),
    [
        ({"message.timestamp.type": "LogAppendTime"}, NOW, "stamps messages itself"),
        ({"message.timestamp.before.max.ms": 60_000}, NOW - timedelta(minutes=5), "before.max.ms"),
        ({"message.timestamp.after.max.ms": 60_000}, NOW + timedelta(days=5), "after.max.ms"),
        ({}, datetime(1969, 12, 31, tzinfo=UTC), "not after 1970"),
        ({}, datetime(1970, 1, 1), "not after 1970"),
        ({}, NOW.replace(microsecond=123_456), "has microseconds"),
    ],
)
def test_a_time_that_a_topic_does_not_keep_fails_that_message_alone(
    broker: Connection, make_topic: MakeTopic, config: dict[str, object], moment: datetime, said: str
) -> None:
    topic = make_topic(1, **config)
    batch = [OutboundMessage(b"%d" % n) for n in range(5)]
    batch[2] = OutboundMessage(b"2", publish_time=moment)
    with broker.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(batch)
    assert [result.status for result in results] == ["confirmed"] * 2 + ["failed"] + ["confirmed"] * 2
    assert said in str(results[2].error)
    assert [value for _, value, _ in _stored(broker, topic)] == [b"0", b"1", b"3", b"4"]


@pytest.mark.parametrize(
    "partitioner", ["murmur2_random", "murmur2", "consistent_random", "consistent", "fnv1a", "fnv1a_random"]
)
def test_the_partition_of_a_key_is_known_before_it_is_sent(
    kafka_server: KafkaServer, make_topic: MakeTopic, partitioner: str
) -> None:
    topic = make_topic(7)
    with connect(f"kafka://{kafka_server.bootstrap}", partitioner=partitioner) as broker:
        place = broker.inspector().terms(topic).place
        assert place is not None
        keys = [key for key in ODD_KEYS if key or partitioner != "consistent_random"]
        with broker.publisher() as publisher:
            results = publisher.topic(topic).publish_batch([OutboundMessage(b"x", key=key) for key in keys])
    found = [int(str(result.id).split("-")[0]) for result in results]
    assert found == [place(key) for key in keys]


def test_the_limits_of_a_topic_are_read_from_its_configuration(
    broker: Connection, make_topic: MakeTopic
) -> None:
    config = {
        "cleanup.policy": "compact,delete",
        "retention.ms": 1000,
        "message.timestamp.before.max.ms": 2000,
        "max.message.bytes": 3000,
    }
    terms = broker.inspector().terms(make_topic(2, **config))
    assert (terms.partitions, terms.needs_key, terms.keeps_times) == (2, True, True)
    assert (terms.retention, terms.oldest) == (timedelta(seconds=1), timedelta(seconds=2))
    assert (terms.newest, terms.max_bytes) == (timedelta(hours=1), 3000)
    # compacted only: nothing is deleted for its age
    terms = broker.inspector().terms(make_topic(1, **{"cleanup.policy": "compact", "retention.ms": 1000}))
    assert (terms.needs_key, terms.retention) == (True, None)
    terms = broker.inspector().terms(make_topic(1, **{"retention.ms": -1}))
    assert (terms.needs_key, terms.retention, terms.oldest) == (False, None, None)
