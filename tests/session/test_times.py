"""Times of messages that have none, and of those before 1970, on the real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest
from confluent_kafka import Producer

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.workbench import Session

NONE = -1


@pytest.fixture(scope="module")
def kafka(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as session:
        yield session


def produce(server: KafkaServer, topic: str, *stamps: int) -> None:
    producer = Producer({"bootstrap.servers": server.bootstrap, "enable.idempotence": True})
    for stamp in stamps:
        producer.produce(topic, b"%d" % stamp, timestamp=stamp)
    assert producer.flush(20) == 0


def times(frame: pd.DataFrame) -> dict[str, pd.Timestamp]:
    return dict(zip(frame["value"], frame["publish_time"], strict=True))


def test_a_record_without_a_time_has_none_and_its_neighbours_keep_theirs(
    kafka: Session, kafka_server: KafkaServer
) -> None:
    kafka.create_topic("stampless", partitions=1, config={"retention.ms": "-1"})
    produce(kafka_server, "stampless", NONE, 1_700_000_000_123, NONE, -2, -315_619_200_000)
    for frame in (kafka.peek("stampless"), kafka.scan("stampless").to_pandas()):
        found = times(frame)
        assert pd.isna(found["-1"])
        assert found["1700000000123"] == pd.Timestamp("2023-11-14 22:13:20.123", tz="UTC")
        assert found["-2"] == pd.Timestamp("1969-12-31 23:59:59.998", tz="UTC")
        assert found["-315619200000"] == pd.Timestamp("1960-01-01", tz="UTC")
        assert frame["publish_time"].isna().sum() == 2
        assert frame["ingestion_time"].isna().all()
    pulled = kafka.pull("stampless", 5, subscription="stampless", start="earliest")
    assert pulled["publish_time"].isna().sum() == 2


def test_where_the_broker_stamps_a_record_without_a_time_has_the_brokers(
    kafka: Session, kafka_server: KafkaServer
) -> None:
    kafka.create_topic("stamped", partitions=1, config={"message.timestamp.type": "LogAppendTime"})
    produce(kafka_server, "stamped", NONE, 1_700_000_000_123)
    frame = kafka.peek("stamped")
    assert frame["publish_time"].notna().all()
    assert (frame["ingestion_time"] == frame["publish_time"]).all()


def test_a_copy_does_not_carry_a_time_that_was_none(kafka: Session, kafka_server: KafkaServer) -> None:
    kafka.create_topic("stampless-source", partitions=1, config={"retention.ms": "-1"})
    produce(kafka_server, "stampless-source", NONE)
    with bk.connect("inmem://") as target:
        target.create_topic("copied")
        kafka.copy("stampless-source", target, "copied").raise_for_failures()
        [attributes] = target.peek("copied")["attributes"]
    assert [pair["name"] for pair in attributes if "time" in pair["name"]] == []


def test_a_message_iterated_over_has_no_time_either(kafka: Session, kafka_server: KafkaServer) -> None:
    kafka.create_topic("stampless-records", partitions=1, config={"retention.ms": "-1"})
    produce(kafka_server, "stampless-records", NONE)
    with kafka.consumer("stampless-records", "records", start="earliest") as consumer:
        record = consumer.next_record(20)
        assert record is not None
        assert record.publish_time is None
