"""Publishing to the real broker."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import pytest

from brokerkit.backends.kafka.sizes import batch_bytes
from brokerkit.core import BrokerError, Closed, Connection, NotFound, OutboundMessage, TooLarge
from brokerkit.testing.waiting import eventually

from .conftest import publish

pytestmark = pytest.mark.broker
MakeTopic = Callable[..., str]


def test_a_message_above_the_topics_limit_fails_and_its_siblings_arrive(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    batch = [OutboundMessage(b"a"), OutboundMessage(b"x" * 10_000_000), OutboundMessage(b"b")]
    with broker.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(batch)
    assert [result.status for result in results] == ["confirmed", "failed", "confirmed"]
    assert isinstance(results[1].error, TooLarge)
    assert "1,048,588" in str(results[1].error)


@pytest.mark.parametrize("limit", [2_000, 20_000])
def test_the_limit_of_a_topic_is_kept_to_the_byte(
    broker: Connection, make_topic: MakeTopic, limit: int
) -> None:
    topic = make_topic(**{"max.message.bytes": limit})
    attributes = {"name": "value"}
    frame = batch_bytes(OutboundMessage(b"", key=b"key", attributes=attributes))
    room = next(
        size
        for size in range(limit - frame, 0, -1)
        if batch_bytes(OutboundMessage(b"x" * size, key=b"key", attributes=attributes)) <= limit
    )
    fits = OutboundMessage(b"x" * room, key=b"key", attributes=attributes)
    with broker.publisher() as publisher:
        assert publisher.topic(topic).publish(fits).ok
        with pytest.raises(TooLarge):
            publisher.topic(topic).publish(OutboundMessage(b"x" * (room + 1), b"key", attributes))


@pytest.mark.parametrize("transactional", [False, True])
def test_many_messages_that_fit_one_by_one_are_not_sent_in_batches_that_do_not(
    broker: Connection, make_topic: MakeTopic, transactional: bool
) -> None:
    topic = make_topic(**{"max.message.bytes": 30_000})
    batch = [OutboundMessage(b"%04d" % n * 250, key=b"k") for n in range(500)]
    with broker.publisher(transactional_id=f"tx-{uuid.uuid4().hex}" if transactional else None) as publisher:
        if transactional:
            publisher.begin()
        results = publisher.topic(topic).publish_batch(batch)
        assert {result.status for result in results} == {"confirmed"}
        if transactional:
            publisher.commit()
    assert [int(str(result.id).split("-")[1]) for result in results] == list(range(500))


def test_topics_of_different_limits_do_not_disturb_each_other(
    broker: Connection, make_topic: MakeTopic
) -> None:
    wide, narrow = make_topic(**{"max.message.bytes": 3_000_000}), make_topic(**{"max.message.bytes": 2_000})
    with broker.publisher() as publisher:
        for _ in range(2):
            assert publisher.topic(wide).publish(OutboundMessage(b"x" * 2_500_000)).ok
            assert publisher.topic(narrow).publish(OutboundMessage(b"x" * 1_500)).ok


def test_a_missing_topic_fails_within_seconds_and_the_others_get_theirs(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    began = time.monotonic()
    with broker.publisher() as publisher:
        results = publisher.send(
            [
                (topic, OutboundMessage(b"1")),
                ("missing", OutboundMessage(b"2")),
                (topic, OutboundMessage(b"3")),
            ]
        )
        assert [result.status for result in results] == ["confirmed", "failed", "confirmed"]
        assert isinstance(results[1].error, NotFound)
        broker.create_topic("missing")
        assert publisher.topic("missing").publish(OutboundMessage(b"2")).ok
    broker.delete_topic("missing")
    assert time.monotonic() - began < 60


def test_a_topic_deleted_meanwhile_is_not_waited_for(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    with broker.publisher() as publisher:
        assert publisher.topic(topic).publish(OutboundMessage(b"1")).ok
        broker.delete_topic(topic)
        (result,) = publisher.topic(topic).publish_batch([OutboundMessage(b"2")], timeout=15)
        assert result.status in ("failed", "unknown")


def test_one_message_is_confirmed_quickly(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    with broker.publisher() as publisher:
        publisher.topic(topic).publish(OutboundMessage(b"warm"))
        times = []
        for _ in range(20):
            began = time.perf_counter()
            publisher.topic(topic).publish(OutboundMessage(b"x"))
            times.append(time.perf_counter() - began)
    # the fastest: the others say what else the machine does
    assert min(times) < 0.05


def test_a_key_goes_to_the_partition_where_the_java_client_puts_it(
    broker: Connection, make_topic: MakeTopic
) -> None:
    # murmur2 of Kafka's own test vectors, positive, modulo 1000003 partitions does not fit: use 5
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    topic = make_topic(5)
    results = publish(broker, topic, *(OutboundMessage(b"x", key=key) for key in known))
    expected = [(murmur & 0x7FFFFFFF) % 5 for murmur in known.values()]
    assert [int(str(result.id).split("-")[0]) for result in results] == expected


def test_a_second_publisher_of_a_transactional_id_closes_the_first(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic, name = make_topic(), f"tx-{uuid.uuid4().hex}"
    with broker.publisher(transactional_id=name) as first, broker.publisher(transactional_id=name) as second:
        first.begin()
        first.topic(topic).publish(OutboundMessage(b"from the first"))
        second.begin()
        second.topic(topic).publish(OutboundMessage(b"from the second"))
        second.commit()
        with pytest.raises(Closed, match="transactional_id"):
            first.commit()
    (slice_,) = broker.inspector().plan(topic)
    values = [value for columns in broker.inspector().read(slice_) for value in columns.value]
    assert values == [b"from the second"]


@pytest.mark.parametrize("count", [1, 3])
def test_partitions_that_are_added_are_published_to(
    broker: Connection, make_topic: MakeTopic, count: int
) -> None:
    from confluent_kafka.admin import NewPartitions

    topic = make_topic(1)
    batch = [OutboundMessage(b"a", partition=2)] * count
    with broker.publisher() as publisher:
        assert publisher.topic(topic).publish(OutboundMessage(b"first", partition=0)).ok
        with pytest.raises(BrokerError, match="partition"):
            publisher.topic(topic).publish(batch[0])
        broker.native.create_partitions([NewPartitions(topic, 3)])[topic].result(60)

        def published() -> bool:
            return all(result.ok for result in publisher.topic(topic).publish_batch(batch))

        eventually(published, "the new partition is known", within=60)
