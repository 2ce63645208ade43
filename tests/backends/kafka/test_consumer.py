"""Consumer groups on the real broker."""

from __future__ import annotations

import threading
import time
import uuid
import warnings
from collections.abc import Callable

import pytest

from brokerkit.backends.kafka.consumer import KafkaConsumer
from brokerkit.core import (
    AlreadyExists,
    Connection,
    NotFound,
    OutboundMessage,
    Record,
    RecordConsumer,
    RetentionWarning,
    StaleAck,
    Unavailable,
    connect,
)
from brokerkit.core.contract.consumer import Backlog, ConsumerRequest
from brokerkit.core.vocabulary.positions import AtOffset, Earliest
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing import eventually
from tests.backends.attaching import attached

from .conftest import publish, record_consumer

pytestmark = pytest.mark.broker
MakeTopic = Callable[..., str]


def group_name() -> str:
    return f"group-{uuid.uuid4().hex[:8]}"


def next_record(consumer: RecordConsumer, within: float = 15) -> Record:
    record = consumer.next_record(within)
    assert record is not None
    return record


def position(broker: Connection, topic: str, group: str) -> dict[int | None, int | None]:
    """The committed positions of a group; empty when it has none."""
    found = {each.name: each for each in broker.inspector().describe(topic).subscriptions}
    return dict(found[group].position) if group in found else {}


def driver_consumer(broker: Connection, topic: str, group: str, start: object = None) -> KafkaConsumer:
    """A consumer at the level of the driver, attached; the test's thread is its owner."""
    request = ConsumerRequest(topic, group, "record", start)  # type: ignore[arg-type]
    made = attached(broker.driver, request)
    assert isinstance(made, KafkaConsumer)
    return made


def test_a_group_is_created_once_and_continues_from_there(broker: Connection, make_topic: MakeTopic) -> None:
    topic, group = make_topic(), group_name()
    publish(broker, topic, b"0", b"1", b"2")
    with pytest.raises(NotFound, match=rf'create_subscription\({topic!r}, {group!r}, start="earliest"\)'):
        driver_consumer(broker, topic, group)
    for start in (AtOffset(1), AtOffset(0), None):
        consumer = driver_consumer(broker, topic, group, start)
        assert consumer.fetch(10, 60).columns.value == [b"1", b"2"]
        consumer.close(5)


def test_a_group_begins_where_it_was_created(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic(2)
    publish(broker, topic, *(OutboundMessage(b"%d" % n, key=b"%d" % n) for n in range(20)))
    ends = {bounds.partition: bounds.end for bounds in broker.inspector().bounds(topic)}
    for start, expected in (("earliest", dict.fromkeys(ends, 0)), ("latest", ends), ("+1h", ends)):
        group = group_name()
        broker.create_subscription(topic, group, start=start)
        assert position(broker, topic, group) == expected
        with pytest.raises(AlreadyExists):
            broker.create_subscription(topic, group, start=start)
        assert position(broker, topic, group) == expected


def test_without_start_a_missing_group_is_not_created(broker: Connection, make_topic: MakeTopic) -> None:
    topic, group = make_topic(), group_name()
    with record_consumer(broker, topic, group) as consumer, pytest.raises(NotFound, match="start="):
        consumer.next_record(60)
    assert position(broker, topic, group) == {}


def test_a_group_is_created_beside_its_other_topics(broker: Connection, make_topic: MakeTopic) -> None:
    first, second, group = make_topic(), make_topic(), group_name()
    publish(broker, first, b"1")
    publish(broker, second, b"2")
    with record_consumer(broker, first, group, start="earliest") as one:
        assert next_record(one).value == b"1"
    broker.create_subscription(second, group, start="earliest")
    with record_consumer(broker, second, group) as two:
        assert next_record(two).value == b"2"


def test_a_partition_that_is_new_is_read_from_its_first_record(
    broker: Connection, make_topic: MakeTopic
) -> None:
    from confluent_kafka.admin import NewPartitions

    topic, group = make_topic(1), group_name()
    broker.create_subscription(topic, group, start="latest")
    broker.native.create_partitions([NewPartitions(topic, 3)])[topic].result(60)
    eventually(lambda: len(broker.inspector().bounds(topic)) == 3, "it has three partitions", within=60)
    sent = [b"%d" % n for n in range(60)]
    publish(broker, topic, *(OutboundMessage(value, key=value) for value in sent))
    with record_consumer(broker, topic, group) as consumer:
        records = consumer.next_batch(60, 60)
    assert sorted(int(r.value or b"") for r in records) == list(range(60))
    assert {r.partition for r in records} == {0, 1, 2}


def test_acknowledging_after_another_member_took_the_partition_is_stale(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic, group = make_topic(2), group_name()
    publish(broker, topic, *(OutboundMessage(b"%d" % n, key=b"%d" % n) for n in range(40)))
    with record_consumer(broker, topic, group, start="earliest") as first:
        mine = {record.partition: record for record in first.next_batch(40, 60)}
        assert mine.keys() == {0, 1}
        with record_consumer(broker, topic, group) as second:
            theirs = next_record(second)
            eventually(
                lambda: all(r.delivery is not None and r.delivery.settled for r in mine.values()),
                "all of them are taken away",
                within=60,
            )
            with pytest.raises(StaleAck):
                mine[theirs.partition].ack()
            assert position(broker, topic, group)[theirs.partition] == 0
            theirs.ack()
            assert position(broker, topic, group)[theirs.partition] == 1


def test_a_member_that_waits_for_its_partitions_does_not_say_that_nothing_is_left(
    broker: Connection, make_topic: MakeTopic
) -> None:
    """What is asked while the group gives out its partitions again has an answer only afterwards."""
    topic, group = make_topic(2), group_name()
    publish(broker, topic, *(OutboundMessage(b"%d" % n, key=b"%d" % n) for n in range(40)))
    first = driver_consumer(broker, topic, group, Earliest())
    mark = first.backlog(None).mark  # type: ignore[union-attr]  # Kafka always says
    assert mark.keys() == {0, 1}
    asked: list[str] = []

    def ask(_: object) -> None:
        for known in (None, mark):
            with pytest.raises(Unavailable, match="giving out the partitions") as raised:
                first.backlog(known)
            assert raised.value.retryable
            asked.append("in between")

    first.on_lost = ask
    with record_consumer(broker, topic, group) as second:
        joining = threading.Thread(target=second.attach)
        joining.start()

        def shared() -> bool:
            first.fetch(10, 0.1)
            return bool(asked) and len(first._assigned) == 1

        eventually(shared, "each has one partition", within=60)
        joining.join()
        (other,) = {0, 1} - first._assigned
        # a partition that it did not have before counts from when it has it
        found = first.backlog({other: mark[other]})
        assert found is not None
        assert found.mark == mark
    assert asked
    first.on_lost = lambda _: None
    first.close(5)


def test_a_commit_of_a_partition_that_is_not_assigned_is_stale(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic, group = make_topic(1), group_name()
    publish(broker, topic, b"0")
    consumer = driver_consumer(broker, topic, group, Earliest())
    results = consumer.commit({(topic, 7): 1, (topic, 0): 1})
    assert isinstance(results[topic, 7], StaleAck)
    assert results[topic, 0] is None
    consumer.close(5)
    assert position(broker, topic, group) == {0: 1}


def test_a_consumer_that_idles_stays_in_the_group_and_loses_nothing(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic, group = make_topic(1), group_name()
    sent = [b"%04d" % n for n in range(3000)]
    publish(broker, topic, *sent)
    consumer = driver_consumer(broker, topic, group, Earliest())
    found = [consumer.fetch(500, 60).columns.value]
    for _ in range(12):
        consumer.idle()
    # what idling took in comes first, and the rest follows in order
    while sum(map(len, found)) < len(sent):
        batch = consumer.fetch(500, 60).columns
        assert batch.length, "no more came"
        found.append(batch.value)
    assert [value for batch in found for value in batch] == sent
    consumer.close(5)


def test_seeking_back_while_idle_reads_the_same_again(broker: Connection, make_topic: MakeTopic) -> None:
    topic, group = make_topic(1), group_name()
    publish(broker, topic, *(b"%d" % n for n in range(2000)))
    consumer = driver_consumer(broker, topic, group, Earliest())
    assert consumer.fetch(500, 60).columns.offset[0] == 0
    for _ in range(8):
        consumer.idle()
    consumer.seek({(topic, 0): 100})
    columns = consumer.fetch(500, 60).columns
    assert columns.offset[:3] == [100, 101, 102]
    consumer.close(5)


def test_a_member_that_slept_too_long_comes_back(kafka_server: KafkaServer, make_topic: MakeTopic) -> None:
    topic, group = make_topic(1), group_name()
    options = {"max.poll.interval.ms": 2000, "session.timeout.ms": 2000, "heartbeat.interval.ms": 500}
    with connect(f"kafka://{kafka_server.bootstrap}", librdkafka=options) as broker:
        publish(broker, topic, b"0", b"1")
        consumer = driver_consumer(broker, topic, group, Earliest())
        lost: list[object] = []
        consumer.on_lost = lost.extend
        assert consumer.fetch(10, 60).columns.offset == [0, 1]
        # the consumer does not poll, as when the computer sleeps, until the group has thrown the member out
        eventually(lambda: _members(broker, topic, group) == 0, "the group is empty", within=60)
        offsets: list[int] = []
        deadline = time.monotonic() + 60
        while not offsets and time.monotonic() < deadline:
            offsets += consumer.fetch(10, 0.2).columns.values("offset")
        assert lost == [(topic, 0)]
        assert offsets == [0, 1]
        assert consumer.commit({(topic, 0): 2}) == {(topic, 0): None}
        consumer.close(5)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            {
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": 2000,
                "heartbeat.interval.ms": 500,
            },
            marks=pytest.mark.extended,
        ),
        {"group.protocol": "consumer"},
    ],
    ids=["cooperative", "new"],
)
def test_a_member_that_lost_its_partitions_does_not_say_that_nothing_is_left(
    kafka_server: KafkaServer, make_topic: MakeTopic, options: dict[str, object]
) -> None:
    topic, group = make_topic(2), group_name()
    options = {**options, "max.poll.interval.ms": 2000}
    with connect(f"kafka://{kafka_server.bootstrap}", librdkafka=options) as broker:
        publish(broker, topic, b"0", b"1")
        consumer = driver_consumer(broker, topic, group, Earliest())
        asked: list[object] = []

        def ask(lost: object) -> None:
            asked.append(lost)
            with pytest.raises(Unavailable, match="giving out the partitions"):
                consumer.backlog(None)

        consumer.on_lost = ask
        deadline = time.monotonic() + 60
        while not asked and time.monotonic() < deadline:
            # the consumer does not poll for too long, as when the computer sleeps
            time.sleep(2.5)
            consumer.fetch(10, 0.1)
        assert asked

        def back() -> bool:
            consumer.fetch(10, 0.1)
            return consumer._assigned == {0, 1}

        eventually(back, "it has its partitions again", within=60)
        found = consumer.backlog(None)
        assert found is not None
        assert found.mark.keys() == {0, 1}
        consumer.on_lost = lambda _: None
        consumer.close(5)


@pytest.mark.extended
def test_a_member_whose_last_partition_goes_to_another_waits_until_the_group_says_so(
    kafka_server: KafkaServer, make_topic: MakeTopic
) -> None:
    topic, group = make_topic(1), group_name()
    # ranges are given to members with a name of their own first
    options = {"group.protocol": "consumer", "group.remote.assignor": "range"}
    with connect(f"kafka://{kafka_server.bootstrap}", librdkafka=options) as broker:
        publish(broker, topic, b"0")
        first = driver_consumer(broker, topic, group, Earliest())
        asked: list[object] = []

        def ask(lost: object) -> None:
            asked.append(lost)
            with pytest.raises(Unavailable, match="giving out the partitions"):
                first.backlog(None)

        first.on_lost = ask
        with record_consumer(broker, topic, group, **{"group.instance.id": "named"}) as second:
            joining = threading.Thread(target=second.attach)
            joining.start()

            def settled() -> bool:
                first.fetch(10, 0.1)
                return bool(asked) and not first._joining

            eventually(settled, "the group has said that it has none", within=60)
            joining.join()
            assert first.backlog(None) == Backlog({}, left=False)
            first.on_lost = lambda _: None
            first.close(5)


def _members(broker: Connection, topic: str, group: str) -> int:
    found = {each.name: each for each in broker.inspector().describe(topic).subscriptions}
    return found[group].members or 0


def test_records_deleted_before_the_group_read_them_end_in_a_warning(
    broker: Connection, make_topic: MakeTopic
) -> None:
    from confluent_kafka import TopicPartition

    topic, group = make_topic(1), group_name()
    publish(broker, topic, *(b"%d" % n for n in range(10)))
    broker.create_subscription(topic, group, start=2)
    broker.native.delete_records([TopicPartition(topic, 0, 6)])[TopicPartition(topic, 0, 6)].result(60)
    with pytest.warns(RetentionWarning, match="offsets 2 to 5 of partition 0"):
        consumer = driver_consumer(broker, topic, group)
    assert consumer.fetch(10, 60).columns.offset == [6, 7, 8, 9]
    consumer.close(5)


def test_records_deleted_while_reading_end_in_a_warning(
    kafka_server: KafkaServer, make_topic: MakeTopic
) -> None:
    from confluent_kafka import TopicPartition

    topic, group = make_topic(1), group_name()
    # one record at a time, so that the rest is still on the broker when it is deleted
    with connect(
        f"kafka://{kafka_server.bootstrap}",
        librdkafka={"fetch.message.max.bytes": 1000, "queued.min.messages": 1},
    ) as broker:
        for number in range(10):
            publish(broker, topic, b"%d" % number * 2000)
        consumer = driver_consumer(broker, topic, group, Earliest())
        seen = list(consumer.fetch(1, 60).columns.offset)
        consumer._pause({0})
        broker.native.delete_records([TopicPartition(topic, 0, 9)])[TopicPartition(topic, 0, 9)].result(60)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            deadline = time.monotonic() + 60
            while seen[-1:] != [9] and time.monotonic() < deadline:
                seen += consumer.fetch(1, 0.2).columns.values("offset")
        assert seen[-1] == 9
        assert seen == sorted(set(seen))
        missing = sorted(set(range(10)) - set(seen))
        assert [str(w.message).split(" of ")[0] for w in caught if w.category is RetentionWarning] == [
            f"offsets {missing[0]} to {missing[-1]}"
        ]
        consumer.close(5)


@pytest.mark.extended
@pytest.mark.parametrize(
    "options",
    [
        {"partition.assignment.strategy": "cooperative-sticky"},
        {"group.protocol": "consumer"},
    ],
    ids=["cooperative", "new"],
)
def test_the_cooperative_protocol_and_the_new_one_work_too(
    kafka_server: KafkaServer, make_topic: MakeTopic, options: dict[str, str]
) -> None:
    topic, group = make_topic(2), group_name()
    with connect(f"kafka://{kafka_server.bootstrap}", librdkafka=options) as broker:
        sent = [b"%d" % n for n in range(40)]
        publish(broker, topic, *(OutboundMessage(value, key=value) for value in sent))
        with record_consumer(broker, topic, group, start="earliest") as first:
            records = first.next_batch(40, 60)
            assert sorted(r.value or b"" for r in records) == sorted(sent)
            for record in {r.partition: r for r in records}.values():
                record.ack()
            with record_consumer(broker, topic, group) as second:
                second.attach()
                eventually(lambda: _members(broker, topic, group) == 2, "both joined", within=60)
                more = [b"more %d" % n for n in range(40)]
                publish(broker, topic, *(OutboundMessage(value, key=value) for value in more))
                came: set[bytes | None] = set()
                deadline = time.monotonic() + 60
                while not came >= set(more) and time.monotonic() < deadline:
                    came.update(r.value for r in first.next_batch(40, 0.2))
                    came.update(r.value for r in second.next_batch(40, 0.2))
                assert came == set(more)


def test_a_member_that_gets_no_partition_is_attached_and_takes_over(
    kafka_server: KafkaServer, make_topic: MakeTopic
) -> None:
    topic, group = make_topic(1), group_name()
    options = {"group.protocol": "consumer"}
    with connect(f"kafka://{kafka_server.bootstrap}", librdkafka=options) as broker:
        with record_consumer(broker, topic, group, start="earliest") as first:
            publish(broker, topic, b"1")
            record = next_record(first, 60)
            second = record_consumer(broker, topic, group)
            second.attach()
            assert second.next_record(0.5) is None
            record.ack()
        with second:
            publish(broker, topic, b"2")
            assert next_record(second, 60).value == b"2"


def test_options_of_a_consumer_are_properties_too(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, b"x")
    options = {"group.instance.id": "static-1"}
    with record_consumer(broker, topic, group_name(), start="earliest", **options) as consumer:
        assert next_record(consumer).value == b"x"


def test_only_committed_records_of_transactions_are_consumed(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    with broker.publisher(transactional_id=group_name()) as publisher:
        for payload, keep in ((b"kept 1", True), (b"dropped", False), (b"kept 2", True)):
            publisher.begin()
            assert publisher.topic(topic).publish(OutboundMessage(payload)).ok
            (publisher.commit if keep else publisher.abort)()
    with record_consumer(broker, topic, group_name(), start="earliest") as consumer:
        assert [record.value for record in consumer.next_batch(2, 60)] == [b"kept 1", b"kept 2"]
        assert consumer.next_batch(1, 0.5) == []
