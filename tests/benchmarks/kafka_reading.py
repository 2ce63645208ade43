"""Reading a Kafka topic on the real broker, beside what the client can do at best."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pandas as pd
import pyarrow.compute as pc
from confluent_kafka import Consumer, TopicPartition

import brokerkit as bk
from brokerkit import OutboundMessage
from brokerkit.sandbox.kafka import KafkaServer

from .messages import payloads
from .pairs import FreshWay, Way, compared

PARTITIONS = 8
NEWEST = 10
FRESH_SCAN = """
import time, brokerkit as bk, pandas, confluent_kafka
wall, cpu = time.perf_counter(), time.process_time()
with bk.connect("{url}") as session:
    rows = session.scan("{topic}", progress=False).to_arrow().num_rows
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(rows, wall, cpu)
"""
FRESH_DISCARD = """
import time, confluent_kafka
from tests.benchmarks.kafka_reading import discarded
wall, cpu = time.perf_counter(), time.process_time()
rows = discarded("{bootstrap}", "{topic}", {rows})
print(rows, time.perf_counter() - wall, time.process_time() - cpu)
"""


def run(rows: int) -> list[str]:
    with KafkaServer() as server, bk.connect(f"kafka://{server.bootstrap}") as session:
        topic = f"orders-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic, partitions=PARTITIONS)
        values = payloads(rows)
        messages = [
            OutboundMessage(value, key=f"key-{number}".encode()) for number, value in enumerate(values)
        ]
        for at in range(0, rows, 50_000):
            session.publish_batch(topic, messages[at : at + 50_000], timeout=120)
        del values, messages
        return [*_reading(session, server.bootstrap, topic, rows), *_searching(session, topic, rows)]


def _reading(session: bk.Session, bootstrap: str, topic: str, rows: int) -> list[str]:
    def ours() -> int:
        return session.scan(topic, progress=False).to_arrow().num_rows

    def bare() -> int:
        return session.scan(topic, progress=False, attributes=False, decode="raw").to_arrow().num_rows

    def by_hand() -> int:
        return len(pd.DataFrame(list(dicts(bootstrap, topic, rows))))

    def discard() -> int:
        return discarded(bootstrap, topic, rows)

    warm = [
        Way("consume(500), thrown away", discard),
        Way("scan().to_arrow()", ours, 0.6),
        Way("the same, raw, without headers", bare),
        Way("a dict per message, DataFrame", by_hand),
    ]
    places = {"url": f"kafka://{bootstrap}", "bootstrap": bootstrap, "topic": topic, "rows": rows}
    fresh = [
        FreshWay("consume(500), thrown away", discard, script=FRESH_DISCARD.format(**places)),
        FreshWay("scan().to_arrow()", ours, script=FRESH_SCAN.format(**places)),
    ]
    return [
        compared("Kafka, warm process", warm, rows),
        compared("Kafka, fresh process, after its imports", fresh, rows),
        f"  time to the first batch: {_first_batch(session, topic):.3f} s (wanted: below 0.3)",
    ]


def _first_batch(session: bk.Session, topic: str) -> float:
    began = time.perf_counter()
    next(iter(session.scan(topic, progress=False).batches()))
    return time.perf_counter() - began


def _searching(session: bk.Session, topic: str, rows: int) -> list[str]:
    def scan(**wanted: object) -> Callable[[], int]:
        def work() -> int:
            made = session.scan(topic, progress=False, **wanted)
            made.to_arrow()
            return made.report.read

        return work

    def newest() -> int:
        frame = session.peek(topic, NEWEST, where="Kyoto")
        assert len(frame) == NEWEST
        return NEWEST

    ways = [
        Way("scan().to_arrow()", scan()),
        Way('where="customer-04999"', scan(where="customer-04999"), 0.8),
        Way('key="key-77777"', scan(key="key-77777"), 0.8),
        Way("header=", scan(header="absent"), 0.8),
        Way("where=field(offset) < 100", scan(where=pc.field("offset") < 100)),
    ]
    found = [Way(f"peek of the {NEWEST} newest with a text", newest)]
    return [compared("Kafka, searching", ways, rows), compared("Kafka, the newest", found, NEWEST)]


def discarded(bootstrap: str, topic: str, rows: int) -> int:
    """Read with the fastest call of the client, and keep nothing."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "discard",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    seen = 0
    while seen < rows:
        messages = consumer.consume(min(500, rows - seen), 0)
        if not messages:
            one = consumer.poll(1.0)
            messages = [] if one is None else [one]
        seen += len(messages)
    consumer.close()
    return seen


def dicts(bootstrap: str, topic: str, rows: int) -> Iterator[dict[str, object]]:
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
