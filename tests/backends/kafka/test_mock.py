"""What works needs only pip to be shown: on librdkafka's mock cluster."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from brokerkit.backends.kafka import consumer as kafka_consumer
from brokerkit.backends.kafka import options
from brokerkit.backends.kafka.clients import Consumer as KafkaConsumer
from brokerkit.backends.kafka.codec import PartitionColumns
from brokerkit.backends.kafka.native.consumer import NativeConsumer
from brokerkit.backends.kafka.reader import KafkaReader, described_reader
from brokerkit.core import (
    AlreadyExists,
    ConfigError,
    Connection,
    NotFound,
    OutboundMessage,
    Unavailable,
    connect,
)
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.testing import eventually
from tests.brokers.kafka_mock import Api, MockCluster

from .conftest import publish, record_consumer


@pytest.mark.extended
def test_key_value_and_headers_come_back_as_they_went_in(mock: Connection, mock_topic: str) -> None:
    sent = [
        OutboundMessage(None, key=None),
        OutboundMessage(b"", key=b""),
        OutboundMessage(
            b"\xff\x00", key=b"\xfe", attributes=[("a", b"1"), ("a", None), ("", b""), ("é", "ü")]
        ),
    ]
    publish(mock, mock_topic, *sent)
    with record_consumer(mock, mock_topic, "bytes", start="earliest") as consumer:
        records = consumer.next_batch(3, 60)
    found = {(r.key, r.value, tuple(r.attributes)) for r in records}
    assert found == {
        (None, None, ()),
        (b"", b"", ()),
        (b"\xfe", b"\xff\x00", (("a", b"1"), ("a", None), ("", b""), ("é", "ü".encode()))),
    }


@pytest.mark.extended
def test_a_record_has_its_place_and_a_publish_time_but_no_ingestion_time(
    mock: Connection, mock_topic: str
) -> None:
    before = time.time()
    (result,) = publish(mock, mock_topic, OutboundMessage(b"x", key=b"k"))
    with record_consumer(mock, mock_topic, "times", start="earliest") as consumer:
        record = consumer.next_record(60)
    assert record is not None
    assert f"{record.partition}-{record.offset}" == result.id
    assert record.publish_time is not None
    assert before - 1 <= record.publish_time.timestamp() <= time.time() + 1
    assert record.ingestion_time is None


@pytest.mark.extended
def test_a_group_without_a_position_is_missing_until_it_is_created(mock: Connection, mock_topic: str) -> None:
    publish(mock, mock_topic, OutboundMessage(b"1", key=b"k"))
    with (
        record_consumer(mock, mock_topic, "later") as consumer,
        pytest.raises(NotFound, match="create_subscription"),
    ):
        consumer.next_record(60)
    mock.create_subscription(mock_topic, "later", start="earliest")
    with record_consumer(mock, mock_topic, "later") as consumer:
        record = consumer.next_record(60)
    assert record is not None
    assert record.value == b"1"


@pytest.mark.extended
def test_an_acknowledgement_commits_the_next_offset(
    mock: Connection, mock_cluster: MockCluster, mock_topic: str
) -> None:
    publish(mock, mock_topic, *(OutboundMessage(b"%d" % n, key=b"k") for n in range(5)))
    with record_consumer(mock, mock_topic, "acks", start="earliest") as consumer:
        records = consumer.next_batch(5, 60)
        records[2].ack()
        records[1].ack()
    asking = Consumer({"bootstrap.servers": mock_cluster.bootstrap, "group.id": "acks"})
    (position,) = asking.committed([TopicPartition(mock_topic, records[0].partition)], timeout=10)
    asking.close()
    assert position.offset == 3


@pytest.mark.extended
def test_a_slice_can_be_read_again_and_affects_no_other_reader(mock: Connection, mock_topic: str) -> None:
    publish(mock, mock_topic, *(OutboundMessage(b"%d" % n, key=b"k") for n in range(50)))
    browser = mock.inspector()
    (slice_,) = browser.plan(mock_topic, start=10, end=40)
    first, second = ([value for columns in browser.read(slice_) for value in columns.value] for _ in range(2))
    assert first == second == [b"%d" % n for n in range(10, 40)]


@pytest.mark.extended
def test_a_slice_whose_rows_were_deleted_continues_with_what_is_left(
    mock: Connection, mock_cluster: MockCluster, mock_topic: str
) -> None:
    publish(mock, mock_topic, *(OutboundMessage(b"%d" % n, key=b"k") for n in range(20)))
    browser = mock.inspector()
    (slice_,) = browser.plan(mock_topic)
    mock_cluster.delete_records(mock_topic, slice_.partition or 0, 15)
    with pytest.warns(UserWarning, match="offsets 0 to 14"):
        offsets = [offset for columns in browser.read(slice_) for offset in columns.offset]
    assert offsets == [15, 16, 17, 18, 19]


@pytest.mark.extended
@pytest.mark.parametrize("step", ["looking at the end", "taking more", "converting"])
def test_rows_are_read_again_or_returned_when_a_step_behind_them_fails(
    mock: Connection, mock_topic: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    (result, *_) = publish(mock, mock_topic, *(OutboundMessage(b"%d" % n, key=b"k") for n in range(20)))
    calls = count(1)
    owner, name = {
        "looking at the end": (KafkaReader, "_range"),
        "taking more": (KafkaConsumer, "consume"),
        "converting": (PartitionColumns, "columns"),
    }[step]
    if described_reader({}, options.DEFAULT_READER) == "native" and step != "looking at the end":
        # it takes and converts in one step
        owner, name = NativeConsumer, "_taken"
    act = getattr(owner, name)

    def act_or_fail(*arguments: Any) -> Any:
        if next(calls) == 1:
            raise Unavailable("no answer came")
        return act(*arguments)

    monkeypatch.setattr(owner, name, act_or_fail)
    # as if more rows were to come, so that the reader looks at the end of the partition
    slice_ = Slice(mock_topic, int(str(result.id).partition("-")[0]), 0, 21)
    rows = [offset for columns in mock.inspector().read(slice_) for offset in columns.offset]
    assert rows == list(range(20))
    assert next(calls) > 2


@pytest.mark.extended
def test_a_group_misses_no_record_when_another_partition_cannot_be_restarted(
    mock: Connection, mock_topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mock, mock_topic, *(OutboundMessage(b"%d" % n, key=b"k") for n in range(20)))
    split, calls = kafka_consumer.split_errors, count(1)

    def split_and_fall_out_of_range(messages: Any) -> Any:
        if messages and next(calls) == 1:
            driver._out_of_range = {99}
        return split(messages)

    def fail(driver: Any) -> None:
        driver._out_of_range = set()
        raise Unavailable("no answer came")

    monkeypatch.setattr(kafka_consumer, "split_errors", split_and_fall_out_of_range)
    monkeypatch.setattr(kafka_consumer.KafkaConsumer, "_restart_out_of_range", fail)
    with record_consumer(mock, mock_topic, "restarts", start="earliest") as consumer:
        driver: Any = consumer._driver
        seen: list[bytes | None] = []

        def complete() -> bool:
            seen.extend(record.value for record in consumer.next_batch(20, 0.5))
            return len(seen) >= 20

        eventually(complete, "every record came")
    assert seen == [b"%d" % n for n in range(20)]
    assert next(calls) > 1


@pytest.mark.parametrize("name", ["a\0b", "\0"])
def test_an_attribute_name_that_the_client_would_cut_is_refused(
    mock: Connection, mock_topic: str, name: str
) -> None:
    with mock.publisher() as publisher, pytest.raises(ConfigError, match="NUL"):
        publisher.topic(mock_topic).publish(OutboundMessage(b"x", attributes={name: "v"}))


def test_a_missing_topic_is_not_found_at_once_on_either_side(mock: Connection) -> None:
    began = time.monotonic()
    with mock.publisher() as publisher, pytest.raises(NotFound, match="create_topic"):
        publisher.topic("missing").publish(OutboundMessage(b"x"))
    with record_consumer(mock, "missing", "g", start="earliest") as consumer, pytest.raises(NotFound):
        consumer.next_record(60)
    with pytest.raises(NotFound):
        mock.inspector().bounds("missing")
    assert time.monotonic() - began < 30
    assert "missing" not in {info.name for info in mock.inspector().topics()}


@pytest.mark.extended
def test_a_refused_produce_that_may_succeed_later_is_tried_again(
    mock: Connection, mock_cluster: MockCluster, mock_topic: str
) -> None:
    mock_cluster.fail_next(Api.PRODUCE, [KafkaError.NOT_LEADER_FOR_PARTITION] * 2)
    publish(mock, mock_topic, *(OutboundMessage(b"%d" % n, key=b"k") for n in range(10)))
    (bounds,) = (b for b in mock.inspector().bounds(mock_topic) if b.end)
    assert bounds.end == 10


@pytest.mark.extended
def test_a_coordinator_that_is_still_starting_is_waited_for(
    mock: Connection, mock_cluster: MockCluster, mock_topic: str
) -> None:
    publish(mock, mock_topic, b"x")
    for code in (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR):
        mock_cluster.fail_next(Api.OFFSET_FETCH, [code])
        group = f"patient-{code}"
        mock.create_subscription(mock_topic, group, start="earliest")
        with pytest.raises(AlreadyExists):
            mock.create_subscription(mock_topic, group, start="earliest")


@pytest.mark.extended
def test_a_publish_without_an_answer_is_unknown_and_later_ones_arrive(
    mock: Connection, mock_cluster: MockCluster, mock_topic: str
) -> None:
    with mock.publisher() as publisher:
        topic = publisher.topic(mock_topic)
        topic.publish(OutboundMessage(b"before"))
        mock_cluster.round_trip(5)
        try:
            # with the answer, which comes later, it would be confirmed
            (result,) = topic.publish_batch([OutboundMessage(b"lost?")], timeout=1)
        finally:
            mock_cluster.round_trip(0)
        assert result.status == "unknown"
        assert isinstance(result.error, Unavailable)
        assert topic.publish(OutboundMessage(b"after"), timeout=60).ok


@pytest.mark.extended
def test_an_unreachable_broker_is_unavailable_with_its_address(mock_cluster: MockCluster) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1.*refused") as caught:
        connect("kafka://127.0.0.1:1", timeout=1)
    assert caught.value.retryable
    assert time.monotonic() - began < 60


@pytest.mark.extended
def test_a_consumer_survives_a_broker_that_was_away(mock_topic: str) -> None:
    with MockCluster() as cluster, connect(f"kafka://{cluster.bootstrap}") as connection:
        cluster.create_topic("away")
        publish(connection, "away", b"1")
        with record_consumer(connection, "away", "g", start="earliest") as consumer:
            first = consumer.next_record(60)
            assert first is not None
            cluster.broker_down()
            assert consumer.next_record(0.5) is None
            cluster.broker_up()
            publish(connection, "away", b"2")
            second = consumer.next_record(60)
            assert second is not None
            assert second.value == b"2"
            eventually(lambda: _acknowledged(second), "the acknowledgement takes effect", within=60)


def _acknowledged(record: object) -> bool:
    """Whether the acknowledgement took effect; the coordinator may still be looked for."""
    from brokerkit.core import AckFailed, Record

    assert isinstance(record, Record)
    try:
        record.ack()
    except AckFailed as error:
        if not error.retryable:
            raise
        return False
    return True


@pytest.mark.extended
def test_late_reports_of_a_publish_that_failed_confirm_nothing_of_the_next(
    mock: Connection, mock_cluster: MockCluster, mock_topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise MemoryError

    with mock.publisher() as publisher:
        topic = publisher.topic(mock_topic)
        topic.publish(OutboundMessage(b"before", partition=0))
        driver: Any = publisher._driver
        mock_cluster.round_trip(0.5)
        with monkeypatch.context() as patched:
            patched.setattr(driver._watch, "raise_if_refused", fail)
            early = topic.publish_batch([OutboundMessage(b"%d" % n, partition=0) for n in range(2)])
        mock_cluster.round_trip(0)
        assert [each.status for each in early] == ["unknown"] * 2
        eventually(lambda: mock.inspector().bounds(mock_topic)[0].end == 3, "they are stored", within=60)
        mock_cluster.round_trip(5)
        try:
            late = topic.publish_batch([OutboundMessage(b"lost?", partition=0)] * 2, timeout=1)
        finally:
            mock_cluster.round_trip(0)
        assert [each.status for each in late] == ["unknown"] * 2


def test_messages_that_the_broker_has_already_are_confirmed_without_a_place(
    mock: Connection, mock_cluster: MockCluster, mock_topic: str
) -> None:
    with mock.publisher() as publisher:
        topic = publisher.topic(mock_topic)
        topic.publish(OutboundMessage(b"before", partition=0))
        mock_cluster.fail_next(Api.PRODUCE, [KafkaError.DUPLICATE_SEQUENCE_NUMBER])
        results = topic.publish_batch([OutboundMessage(b"again", partition=0)])
    assert [(each.status, each.id) for each in results] == [("confirmed", None)]
