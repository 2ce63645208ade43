"""A frame published with an outcome per row, beside what the clients themselves do, on the real brokers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import nats
import pandas as pd
import pulsar
import pyarrow as pa
from confluent_kafka import Producer

import brokerkit as bk
from brokerkit.frames import ATTRIBUTES
from brokerkit.sandbox import catalogue
from brokerkit.sandbox.nats import NatsServer

from .kafka_place import KafkaPlace, client_settings
from .messages import payloads
from .results import Found, Goal
from .ways import Way, compared

KEYS = 5_000
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


def ours(session: Any, topic: str, frame: pa.Table) -> Callable[[], int]:
    def publish() -> int:
        outcome: pd.DataFrame = session.publish_frame(topic, frame, progress=False)
        assert outcome.counts["confirmed"] == len(frame)
        return len(frame)

    return publish


def to_kafka(place: KafkaPlace, count: int, rounds: int) -> list[Found]:
    rows = Rows(count)
    settings = client_settings(place.url)
    each, batch = "produce, a callback each", "produce_batch, one callback"
    frame, with_headers = "publish_frame", "publish_frame with headers"
    with place.topic("published") as topic:
        producer = Producer({**settings, **PRODUCER})
        ways = [
            Way(each, lambda: produce_each(producer, topic, rows)),
            Way(batch, lambda: produce_batch(producer, topic, rows)),
            Way(frame, ours(place.session, topic, rows.frame())),
            Way(with_headers, ours(place.session, topic, rows.frame(headers=True))),
        ]
        goals = [
            Goal("publish_frame to Kafka: 2 x produce with a callback each", frame, each, speed=2.0),
            Goal("publish_frame to Kafka: 0.6 of produce_batch", frame, batch, speed=0.6),
            Goal("publish_frame to Kafka with headers: 1 x produce", with_headers, each, speed=1.0),
        ]
        return [compared("Kafka, publishing with an outcome per row", ways, count, rounds, goals)]


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


def to_jetstream(count: int, rounds: int) -> list[Found]:
    rows = Rows(count)
    with NatsServer() as server, bk.connect(server.url) as session:
        session.create_topic("orders.new")
        by_hand, frame = "publish_async", "publish_frame"
        ways = [
            Way(by_hand, lambda: asyncio.run(publish_async(server.url, "orders.new", rows))),
            Way(frame, ours(session, "orders.new", rows.frame(keys=False))),
        ]
        goals = [Goal("publish_frame to JetStream: 0.9 of publish_async", frame, by_hand, speed=0.9)]
        return [compared("JetStream, publishing with an outcome per row", ways, count, rounds, goals)]


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


def to_pulsar(url: str, admin: str, topic: str, count: int, rounds: int) -> list[Found]:
    """Publish to a running broker, whose start takes long: message by message as by default, and in batches.

    Batches are of one key each, as our sessions make them: others go to the wrong consumers of `key_shared`
    subscriptions.
    """
    rows = Rows(count)
    client = pulsar.Client(url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    try:
        return [
            _to_pulsar(client, url, admin, topic, rows, rounds, batching=batching)
            for batching in (False, True)
        ]
    finally:
        client.close()


def _to_pulsar(
    client: Any, url: str, admin: str, topic: str, rows: Rows, rounds: int, *, batching: bool
) -> Found:
    producer = client.create_producer(
        topic, block_if_queue_full=True, max_pending_messages=20_000, batching_enabled=batching,
        batching_type=pulsar.BatchingType.KeyBased, batching_max_publish_delay_ms=5,
    )  # fmt: skip
    how = "in batches" if batching else "one by one"
    by_hand, frame = "send_async, a callback each", "publish_frame"
    with bk.connect(url, admin=admin, batching=batching) as session:
        ways = [
            Way(by_hand, lambda: send_async(producer, rows)),
            Way(frame, ours(session, topic, rows.frame())),
        ]
        goals = [Goal(f"publish_frame to Pulsar {how}: 0.9 of send_async", frame, by_hand, speed=0.9)]
        title = f"Pulsar, publishing {how} with an outcome per row"
        return compared(title, ways, len(rows.values), rounds, goals)


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


def to_pubsub(count: int, rounds: int) -> list[Found]:
    from google.cloud import pubsub_v1

    rows = Rows(count)
    with catalogue.start_system("pubsub") as server, bk.connect(server.address) as session:
        session.create_topic("orders")
        publisher = pubsub_v1.PublisherClient(
            pubsub_v1.types.BatchSettings(max_messages=1_000), **emulated(server)
        )
        path = publisher.topic_path("sandbox", "orders")

        def futures() -> int:
            sent = [publisher.publish(path, value) for value in rows.values]
            return len([each.result() for each in sent])

        by_hand, frame = "publish, a future each", "publish_frame"
        ways = [Way(by_hand, futures), Way(frame, ours(session, "orders", rows.frame(keys=False)))]
        goals = [Goal("publish_frame to Pub/Sub: 0.9 of the client's futures", frame, by_hand, speed=0.9)]
        return [
            compared(
                f"Pub/Sub ({server.name}), publishing with an outcome per row", ways, count, rounds, goals
            )
        ]


def emulated(server: Any) -> dict[str, Any]:
    """Return the transport of Google's client to a local server."""
    import grpc
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

    return {"transport": PublisherGrpcTransport(channel=grpc.insecure_channel(server.host))}


def to_servicebus(count: int, rounds: int) -> list[Found]:
    from azure.servicebus import ServiceBusClient, ServiceBusMessage

    rows = Rows(count)
    with catalogue.start("servicebus") as server, bk.connect(server.address) as session:
        session.create_topic("orders")

        def batches() -> int:
            with (
                ServiceBusClient.from_connection_string(server.address) as client,
                client.get_queue_sender("orders") as sender,
            ):
                batch = sender.create_message_batch()
                for value in rows.values:
                    message = ServiceBusMessage(value)
                    try:
                        batch.add_message(message)
                    except ValueError:
                        sender.send_messages(batch)
                        batch = sender.create_message_batch()
                        batch.add_message(message)
                sender.send_messages(batch)
            return len(rows.values)

        by_hand, frame = "full batches of the client", "publish_frame"
        ways = [Way(by_hand, batches), Way(frame, ours(session, "orders", rows.frame(keys=False)))]
        goals = [Goal("publish_frame to Service Bus: 0.9 of the client", frame, by_hand, speed=0.9)]
        return [
            compared("Service Bus (emulator), publishing with an outcome per row", ways, count, rounds, goals)
        ]
