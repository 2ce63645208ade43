"""Looking at topics of the real broker, and reading slices, without leaving a trace."""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import TopicPartition

import brokerkit as bk
from brokerkit.backends.kafka.options import ReaderChoice
from brokerkit.backends.kafka.reader import described_reader
from brokerkit.core import AfterTheEndWarning, Connection, NotFound, OutboundMessage, connect
from brokerkit.core.vocabulary.messages import from_microseconds
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing import eventually

from .conftest import publish, record_consumer

pytestmark = pytest.mark.broker
MakeTopic = Callable[..., str]


def read(broker: Connection, *slices: Slice, attributes: bool = True) -> list[tuple[int, bytes | None]]:
    return [
        (offset, value)
        for slice_ in slices
        for columns in broker.inspector().read(slice_, attributes=attributes)
        for offset, value in zip(columns.offset, columns.value, strict=True)
    ]


def groups(broker: Connection) -> set[str]:
    return {each.group_id for each in broker.native.list_consumer_groups().result(60).valid}


def test_topics_tell_partitions_messages_and_which_are_kafkas_own(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic(3)
    publish(broker, topic, *(OutboundMessage(b"x", key=b"%d" % n) for n in range(10)))
    broker.create_subscription(topic, f"g-{uuid.uuid4().hex}", start="earliest")
    infos = {info.name: info for info in broker.inspector().topics()}
    assert (infos[topic].partitions, infos[topic].messages, infos[topic].internal) == (3, 10, False)
    assert infos[topic].lacking == 0
    assert infos["__consumer_offsets"].internal


def test_a_topic_is_described_with_its_groups_their_lag_and_its_configuration(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic(2, **{"retention.ms": 3_600_000})
    publish(broker, topic, *(OutboundMessage(b"%d" % n, key=b"%d" % n) for n in range(20)))
    broker.create_subscription(topic, "asleep", start="latest")
    with record_consumer(broker, topic, "awake", start="earliest") as consumer:
        records = consumer.next_batch(20, 60)
        {r.partition: r for r in records}[0].ack()
        described = broker.inspector().describe(topic)
    asleep, awake = sorted(described.subscriptions, key=lambda each: each.name)
    ends = {bounds.partition: bounds.end for bounds in described.partitions}
    assert sum(ends.values()) == described.messages == 20
    assert (asleep.name, asleep.lag, asleep.members, asleep.details["state"]) == ("asleep", 0, 0, "empty")
    assert (awake.name, awake.lag, awake.members) == ("awake", ends[1], 1)
    assert awake.position == {0: ends[0], 1: 0}
    assert described.details["retention.ms"] == "3600000"
    assert described.details["cleanup.policy"] == "delete"


def test_looking_creates_neither_topics_nor_groups(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, b"x")
    before = groups(broker)
    browser = broker.inspector()
    read(broker, *browser.plan(topic))
    browser.describe(topic)
    for question in (browser.describe, browser.bounds, browser.plan):
        with pytest.raises(NotFound, match="create_topic"):
            question("no-such-topic")
    assert groups(broker) == before
    assert "no-such-topic" not in {info.name for info in browser.topics()}


@pytest.mark.slow
def test_a_broker_that_creates_topics_by_itself_is_not_made_to() -> None:
    with (
        KafkaServer(settings={"auto.create.topics.enable": "true"}) as server,
        connect(f"kafka://{server.bootstrap}") as broker,
    ):
        browser = broker.inspector()
        for question in (browser.describe, browser.bounds):
            with pytest.raises(NotFound):
                question("never-made")
        with broker.publisher() as publisher, pytest.raises(NotFound):
            publisher.topic("never-made").publish(OutboundMessage(b"x"))
        with (
            record_consumer(broker, "never-made", "g", start="earliest") as consumer,
            pytest.raises(NotFound),
        ):
            consumer.next_record(60)
        with pytest.raises(NotFound):
            read(broker, Slice("never-made", 0, 0, 5))
        time.sleep(1.5)  # what the clients refresh in the background must not create it either
        assert [info.name for info in browser.topics() if not info.internal] == []


def test_a_time_finds_the_first_message_at_or_after_it(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, b"old")
    (old,) = broker.inspector().read(Slice(topic, 0, 0, 1))
    moment = from_microseconds(old.publish_time[0])
    assert moment is not None
    eventually(lambda: datetime.now(UTC) > moment + timedelta(milliseconds=20), "the clock moved on")
    publish(broker, topic, b"new")
    browser = broker.inspector()
    at = {
        delta: browser.plan(topic, moment + timedelta(microseconds=delta)) for delta in (0, 1, 3_600_000_000)
    }
    assert [slice_.start for slice_ in at[0]] == [0]
    assert [slice_.start for slice_ in at[1]] == [1]
    assert at[3_600_000_000] == []


def test_aborted_records_and_markers_are_passed_over(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    with broker.publisher(transactional_id=f"tx-{uuid.uuid4().hex}") as publisher:
        for number, keep in enumerate((True, False, True, False)):
            publisher.begin()
            publisher.topic(topic).publish_batch([OutboundMessage(b"%d" % number)] * 3)
            (publisher.commit if keep else publisher.abort)()
    # the broker answers that a transaction ended before it has written the marker
    (slice_,) = eventually(
        lambda: [each for each in broker.inspector().plan(topic) if each.end == 16], "all markers are written"
    )
    assert slice_.start == 0
    began = time.monotonic()
    kept = [(0, b"0"), (1, b"0"), (2, b"0"), (8, b"2"), (9, b"2"), (10, b"2")]
    assert read(broker, slice_) == kept
    assert read(broker, Slice(topic, 0, 3, 8), Slice(topic, 0, 11, 16), Slice(topic, 0, 9, 12)) == kept[4:]
    assert time.monotonic() - began < 60


def test_records_of_an_open_transaction_are_not_planned(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, b"plain")
    with broker.publisher(transactional_id=f"tx-{uuid.uuid4().hex}") as publisher:
        publisher.begin()
        publisher.topic(topic).publish(OutboundMessage(b"undecided"))
        publish(broker, topic, b"behind it")
        assert read(broker, *broker.inspector().plan(topic)) == [(0, b"plain")]
        publisher.commit()
    eventually(lambda: len(read(broker, *broker.inspector().plan(topic))) == 3, "three are there", within=60)


@pytest.mark.slow
def test_compaction_leaves_gaps_that_neither_hang_nor_misnumber(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic(
        **{
            "cleanup.policy": "compact",
            "segment.ms": 100,
            "min.cleanable.dirty.ratio": 0.001,
            "max.compaction.lag.ms": 100,
        }
    )
    for number in range(30):
        publish(broker, topic, OutboundMessage(b"%d" % number, key=b"same"))
    deadline = time.monotonic() + 60
    number = 30
    while len(read(broker, Slice(topic, 0, 0, 30))) > 5:
        assert time.monotonic() < deadline, "the broker did not compact"
        # a segment is rolled, and its predecessor cleaned, only when more arrives
        publish(broker, topic, OutboundMessage(b"%d" % number, key=b"same"))
        number += 1
        time.sleep(0.3)  # in which the broker looks once for something to compact
    (slice_,) = broker.inspector().plan(topic)
    assert slice_.start == 0
    rows = read(broker, slice_)
    assert rows[-1] == (number - 1, b"%d" % (number - 1))
    assert all(value == b"%d" % offset for offset, value in rows)


def test_a_slice_of_a_topic_that_was_created_again_ends(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, *(b"old %d" % n for n in range(50)))
    (slice_,) = broker.inspector().plan(topic, start=10)
    broker.delete_topic(topic)
    broker.create_topic(topic)
    publish(broker, topic, b"new")
    assert read(broker, slice_) == []


def test_deleted_rows_are_passed_over_and_those_left_are_read(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    publish(broker, topic, *(b"%d" % n for n in range(10)))
    whole, gone = Slice(topic, 0, 0, 10), Slice(topic, 0, 1, 5)
    broker.native.delete_records([TopicPartition(topic, 0, 7)])[TopicPartition(topic, 0, 7)].result(60)
    with pytest.warns(UserWarning, match="offsets 0 to 6"):
        assert read(broker, whole) == [(7, b"7"), (8, b"8"), (9, b"9")]
    with pytest.warns(UserWarning, match="offsets 1 to 4"):
        assert read(broker, gone) == []


def test_attributes_may_be_left_out(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, OutboundMessage(b"x", attributes={"a": "b"}))
    (slice_,) = broker.inspector().plan(topic)
    (with_them,) = broker.inspector().read(slice_)
    (without,) = broker.inspector().read(slice_, attributes=False)
    assert with_them.attributes == [[("a", b"b")]]
    assert without.attributes is None


def test_the_brokers_own_clock_is_publish_and_ingestion_time(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic(**{"message.timestamp.type": "LogAppendTime"})
    publish(broker, topic, b"x")
    (columns,) = broker.inspector().read(Slice(topic, 0, 0, 1))
    assert columns.publish_time == columns.ingestion_time
    assert abs(columns.publish_time[0] / 1e6 - time.time()) < 60


def test_many_small_slices_are_read_fast(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, *(b"%d" % n for n in range(2000)))
    read(broker, Slice(topic, 0, 0, 1))
    took = []
    for start in range(0, 2000, 100):
        began = time.monotonic()
        assert [offset for offset, _ in read(broker, Slice(topic, 0, start, start + 100))] == list(
            range(start, start + 100)
        )
        took.append(time.monotonic() - began)
    # the fastest: the others say what else the machine does
    assert min(took) < 0.2


@pytest.mark.parametrize("start", [4, 10**6])
def test_a_group_that_begins_after_the_end_says_so(
    broker: Connection, make_topic: MakeTopic, start: int
) -> None:
    topic = make_topic(partitions=1)
    publish(broker, topic, b"a", b"b", b"c")
    group = f"late-{uuid.uuid4().hex[:8]}"
    with pytest.warns(AfterTheEndWarning, match=f"{topic}: the start {start:,} lies after the end, 3"):
        broker.create_subscription(topic, group, start=start)
    with warnings.catch_warnings():
        warnings.simplefilter("error", AfterTheEndWarning)
        broker.create_subscription(topic, f"{group}-at-the-end", start=3)


def test_the_first_read_of_a_topic_waits_for_no_look_around_of_the_client(
    kafka_server: KafkaServer, broker: Connection, make_topic: MakeTopic
) -> None:
    """One session reads one topic after the other, each for the first time."""
    first: list[float] = []
    again: list[float] = []
    with bk.connect(kafka_server.address) as session:
        for _ in range(5):
            topic = make_topic()
            publish(broker, topic, b"x")
            for seconds in (first, again):
                began = time.monotonic()
                assert list(session.scan(topic, progress=False).to_pandas()["value"]) == ["x"]
                seconds.append(time.monotonic() - began)
    # the client looks by itself once a second
    assert sorted(first)[2] < sorted(again)[2] + 0.35, (first, again)


@pytest.mark.parametrize("reader", ["auto", "native", "python"])
def test_a_diagnosis_says_which_reader_reads(
    kafka_server: KafkaServer, make_topic: MakeTopic, reader: ReaderChoice
) -> None:
    found = bk.doctor(f"kafka://{kafka_server.bootstrap}?reader={reader}", topic=make_topic())
    assert f"the reader: {described_reader({}, reader)}" in repr(found)
