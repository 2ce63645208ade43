"""A frame published with an outcome per row, beside what the clients themselves do, on the real brokers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import nats
import pandas as pd
import pulsar
import pyarrow as pa
from confluent_kafka import Producer

import brokerkit as bk
from brokerkit.frames import ATTRIBUTES
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer

from .messages import payloads
from .report import Line, medians

KEYS = 5_000
PARTITIONS = 8
PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": 2,
    "partitioner": "murmur2_random",
    "queue.buffering.max.messages": 200_000,
    "batch.size": 1_000_000,
}
"""The settings with which brokerkit publishes, for the client by hand."""


class Rows:
    """Payloads and keys as lists that are ready, and as a frame of messages."""

    def __init__(self, count: int) -> None:
        self.values = payloads(count)
        self.keys = [b"customer-%05d" % (number % KEYS) for number in range(count)]
        self.headers = [[("trace", b"%016x" % number)] for number in range(count)]

    def frame(self, *, headers: bool = False, keys: bool = True) -> pa.Table:
        count = len(self.values)
        attributes = pa.nulls(count)
        if headers:
            made = [
                [{"name": name, "value": value, "type": "bytes"} for name, value in each]
                for each in self.headers
            ]
            attributes = pa.array(made, ATTRIBUTES)
        return pa.table(
            {
                "key": pa.array(self.keys, pa.binary()) if keys else pa.nulls(count, pa.binary()),
                "value": pa.array(self.values, pa.binary()),
                "raw": pa.nulls(count, pa.binary()),
                "attributes": attributes,
            }
        )


def run(count: int, rounds: int) -> list[Line]:
    rows = Rows(count)
    return [*to_kafka(rows, rounds), *to_jetstream(Rows(count // 10), rounds)]


def ours(session: Any, topic: str, frame: pa.Table) -> Callable[[], int]:
    def publish() -> int:
        outcome: pd.DataFrame = session.publish_frame(topic, frame, progress=False)
        assert outcome.counts["confirmed"] == len(frame)
        return len(frame)

    return publish


def to_kafka(rows: Rows, rounds: int) -> list[Line]:
    with KafkaServer() as server, bk.connect(f"kafka://{server.bootstrap}") as session:
        topic = f"orders-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic, partitions=PARTITIONS)
        producer = Producer({"bootstrap.servers": server.bootstrap, **PRODUCER})
        plain, with_headers = rows.frame(), rows.frame(headers=True)
        found = medians(
            {
                "each": lambda: produce_each(producer, topic, rows),
                "batch": lambda: produce_batch(producer, topic, rows),
                "frame": ours(session, topic, plain),
                "headers": ours(session, topic, with_headers),
            },
            rounds,
        )
    what = f"Kafka: {len(rows.values):,} rows of 200 B"
    return [
        Line(f"{what}, against a callback each", found["each"], found["frame"], 2.0),
        Line(f"{what}, against produce_batch", found["batch"], found["frame"], 0.6),
        Line(f"{what} with headers, a callback each", found["each"], found["headers"], 1.0),
    ]


def produce_each(producer: Producer, topic: str, rows: Rows) -> int:
    """What a person writes by hand to know the outcome of each row."""
    outcomes: dict[int, tuple[Any, int, int]] = {}
    for row, (value, key) in enumerate(zip(rows.values, rows.keys, strict=True)):

        def delivered(error: Any, message: Any, row: int = row) -> None:
            outcomes[row] = (error, message.partition(), message.offset())

        while True:
            try:
                producer.produce(topic, value, key, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.05)
        producer.poll(0)
    producer.flush()
    assert len(outcomes) == len(rows.values)
    return len(outcomes)


def produce_batch(producer: Producer, topic: str, rows: Rows, size: int = 10_000) -> int:
    """The client's own batches, with one callback that does not say which row it is about."""
    delivered: list[int] = []

    def count(error: Any, message: Any) -> None:
        delivered.append(message.offset())

    for begin in range(0, len(rows.values), size):
        part = slice(begin, begin + size)
        batch = [
            {"value": value, "key": key}
            for value, key in zip(rows.values[part], rows.keys[part], strict=True)
        ]
        while batch:
            producer.produce_batch(topic, batch, on_delivery=count)
            batch = [each for each in batch if each.pop("_error", None) is not None]
            producer.poll(0.05 if batch else 0)
    producer.flush()
    assert len(delivered) == len(rows.values)
    return len(delivered)


def to_jetstream(rows: Rows, rounds: int) -> list[Line]:
    with NatsServer() as server, bk.connect(server.url) as session:
        session.create_topic("orders.new")
        frame = rows.frame(keys=False)
        found = medians(
            {
                "by hand": lambda: asyncio.run(publish_async(server.url, "orders.new", rows)),
                "frame": ours(session, "orders.new", frame),
            },
            rounds,
        )
    what = f"JetStream: {len(rows.values):,} rows of 200 B, against publish_async"
    return [Line(what, found["by hand"], found["frame"], 0.9)]


async def publish_async(url: str, subject: str, rows: Rows, pending: int = 4_000) -> int:
    """The client's own fastest way that says what became of each message."""
    client = await nats.connect(url)
    try:
        stream = client.jetstream(publish_async_max_pending=pending)
        acks = [await stream.publish_async(subject, value) for value in rows.values]
        await stream.publish_async_completed()
        return len([ack.result().seq for ack in acks])
    finally:
        await client.close()


def to_pulsar(rows: Rows, rounds: int, url: str, session: Any, topic: str) -> list[Line]:
    """Publish to a running broker, whose start takes long."""
    client = pulsar.Client(url)
    producer = client.create_producer(
        topic, block_if_queue_full=True, max_pending_messages=10_000, batching_enabled=True,
        batching_max_messages=1_000, batching_max_publish_delay_ms=2,
    )  # fmt: skip
    try:
        found = medians(
            {"by hand": lambda: send_async(producer, rows), "frame": ours(session, topic, rows.frame())},
            rounds,
        )
    finally:
        client.close()
    what = f"Pulsar: {len(rows.values):,} rows of 200 B, against send_async"
    return [Line(what, found["by hand"], found["frame"], 0.9)]


def send_async(producer: Any, rows: Rows) -> int:
    """The client's own fastest way that says what became of each message."""
    outcomes: dict[int, tuple[Any, Any]] = {}
    for row, (value, key) in enumerate(zip(rows.values, rows.keys, strict=True)):

        def sent(result: Any, identity: Any, row: int = row) -> None:
            outcomes[row] = (result, identity)

        producer.send_async(value, sent, partition_key=key.decode())
    producer.flush()
    assert len(outcomes) == len(rows.values)
    return len(outcomes)
