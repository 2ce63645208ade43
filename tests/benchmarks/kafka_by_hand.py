"""What a person writes by hand with the client library to read a topic of Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from .kafka_place import PARTITIONS


def discarded(settings: dict[str, Any], topic: str, rows: int) -> int:
    """Read with the fastest call of the client, and keep nothing."""
    consumer = _consumer(settings, topic)
    seen = 0
    while seen < rows:
        messages = consumer.consume(min(500, rows - seen), 0)
        if not messages:
            one = consumer.poll(1.0)
            messages = [] if one is None else [one]
        seen += len(messages)
    consumer.close()
    return seen


def dicts(settings: dict[str, Any], topic: str, rows: int) -> Iterator[dict[str, object]]:
    """Read a dict per message."""
    consumer = _consumer(settings, topic)
    seen = 0
    while seen < rows:
        for message in consumer.consume(min(500, rows - seen), 1.0):
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


def _consumer(settings: dict[str, Any], topic: str) -> Consumer:
    consumer = Consumer(
        {
            **settings,
            "group.id": "by-hand",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    return consumer
