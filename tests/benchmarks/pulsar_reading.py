"""Reading and filling a Pulsar topic on the real broker, beside the client's own loops."""

from __future__ import annotations

import uuid

import pulsar

import brokerkit as bk
from brokerkit.sandbox import catalogue

from .messages import payloads
from .publishing import to_pulsar
from .results import Found, Goal
from .ways import Way, compared

QUEUE = 10_000


def run(rows: int, rounds: int) -> list[Found]:
    with catalogue.start("pulsar") as server, bk.connect(server.url, admin=server.admin) as session:
        topic = f"orders-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic)
        values = payloads(rows)
        for at in range(0, rows, 20_000):
            session.publish_batch(topic, values[at : at + 20_000], timeout=120)
        del values
        by_hand, arrow = "read_next(), thrown away", "scan().to_arrow()"
        ways = [
            Way(by_hand, lambda: discarded(server.url, topic, rows)),
            Way("read_next() and the fields of a row", lambda: taken(server.url, topic, rows)),
            Way(arrow, lambda: session.scan(topic, progress=False).to_arrow().num_rows),
        ]
        goals = [
            Goal("Pulsar to Arrow: 0.9 of the client's loop that throws away", arrow, by_hand, speed=0.9)
        ]
        read = compared("Pulsar to Arrow", ways, rows, rounds, goals)
        published = f"published-{uuid.uuid4().hex[:8]}"
        session.create_topic(published)
        return [read, *to_pulsar(server.url, server.admin, published, rows, rounds)]


def discarded(url: str, topic: str, rows: int) -> int:
    """Read with a reader of the client whose queue is long, and keep nothing."""
    client = pulsar.Client(url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    try:
        reader = client.create_reader(topic, pulsar.MessageId.earliest, receiver_queue_size=QUEUE)
        for _ in range(rows):
            reader.read_next()
    finally:
        client.close()
    return rows


def taken(url: str, topic: str, rows: int) -> int:
    """Read in the same way, and ask each message for what a row of a frame has: the least that a frame costs."""
    client = pulsar.Client(url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    found = []
    try:
        reader = client.create_reader(topic, pulsar.MessageId.earliest, receiver_queue_size=QUEUE)
        for _ in range(rows):
            message = reader.read_next()
            place = message.message_id()
            found.append(
                (
                    (place.ledger_id(), place.entry_id(), place.partition(), place.batch_index()),
                    message.data(), message.has_null_value(), message.partition_key(), message.properties(),
                    message.publish_timestamp(), message.event_timestamp(), message.ordering_key(),
                    message.schema_version(),
                )
            )  # fmt: skip
    finally:
        client.close()
    return len(found)
