"""A Kafka topic to a frame, on the real broker."""

from __future__ import annotations

import uuid

import pandas as pd

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer

from .kafka_reading import PARTITIONS, dicts
from .messages import payloads
from .report import Line, rate


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
