"""Reading a Pulsar topic on the real broker, beside the client's own loop that keeps nothing."""

from __future__ import annotations

import uuid

import pulsar

import brokerkit as bk
from brokerkit.sandbox import catalogue

from .messages import payloads
from .pairs import Way, compared

QUEUE = 10_000


def run(rows: int) -> list[str]:
    with catalogue.start("pulsar") as server, bk.connect(server.url, admin=server.admin) as session:
        topic = f"orders-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic)
        values = payloads(rows)
        for at in range(0, rows, 20_000):
            session.publish_batch(topic, values[at : at + 20_000], timeout=120)
        del values
        ways = [
            Way("read_next(), thrown away", lambda: discarded(server.url, topic, rows)),
            Way("scan().to_arrow()", lambda: session.scan(topic, progress=False).to_arrow().num_rows, 0.9),
        ]
        return [compared("Pulsar, warm process", ways, rows)]


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
