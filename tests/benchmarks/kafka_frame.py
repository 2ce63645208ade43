"""A Kafka topic to a frame, on the real broker."""

from __future__ import annotations

import uuid

import pandas as pd
from confluent_kafka import Consumer, TopicPartition

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer

from .messages import payloads
from .report import Line, rate

PARTITIONS = 8


def run(rows: int) -> list[Line]:
    with KafkaServer() as server, bk.connect(f"kafka://{server.bootstrap}") as session:
        topic = f"orders-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic, partitions=PARTITIONS)
        values = payloads(rows)
        for at in range(0, rows, 50_000):
            session.publish_batch(topic, values[at : at + 50_000], timeout=120)
        del values

        def naive() -> int:
            return len(pd.DataFrame(list(dicts(server.bootstrap, topic, rows))))

        def ours() -> int:
            return len(session.scan(topic, progress=False).to_pandas())

        assert naive() == ours() == rows
        return [Line(f"Kafka: {rows:,} messages of 200 B to a frame", rate(naive), rate(ours), 3.0)]


def dicts(bootstrap: str, topic: str, rows: int):
    """What a person writes by hand: a dict per message."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "by-hand", "enable.auto.commit": False}
    consumer = Consumer({**settings, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    seen = 0
    while seen < rows:
        for message in consumer.consume(500, 1.0):
            seen += 1
            yield {
                "topic": message.topic(),
                "partition": message.partition(),
                "offset": message.offset(),
                "key": message.key(),
                "value": message.value().decode(),
                "headers": message.headers(),
                "timestamp": message.timestamp()[1],
            }
    consumer.close()
