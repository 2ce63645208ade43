"""Run the benchmarks and print the table."""

from __future__ import annotations

import sys

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer

from . import (
    avro_columns,
    json_frame,
    kafka_frame,
    kafka_reading,
    nats_frame,
    process,
    protobuf_columns,
    publishing,
    pulsar_reading,
)
from .messages import payloads
from .report import Line, table

ROWS = 1_000_000
NATS_ROWS = 300_000
PULSAR_ROWS = 100_000
PROTOBUF_ROWS = 100_000
AVRO_ROWS = 200_000
PUBLISHED_ROWS = 300_000
PUBLISHING_ROUNDS = 5


def export_line() -> str:
    with KafkaServer() as server, bk.connect(f"kafka://{server.bootstrap}") as session:
        session.create_topic("orders", partitions=4)
        for _ in range(0, ROWS, 50_000):
            session.publish_batch("orders", payloads(50_000), timeout=120)
        grown = process.export_megabytes(f"kafka://{server.bootstrap}", "orders", ROWS)
    return (
        f"export of {ROWS:,} messages to Parquet: peak {grown:.0f} MB above its start (wanted: at most 200)"
    )


def main(chosen: set[str]) -> None:
    lines: list[Line] = []
    notes: list[str] = []
    if "json" in chosen:
        lines += json_frame.run(ROWS)
    if "avro" in chosen:
        lines += avro_columns.run(AVRO_ROWS)
    if "protobuf" in chosen:
        lines += protobuf_columns.run(PROTOBUF_ROWS)
    if "nats" in chosen:
        notes += nats_frame.run(NATS_ROWS)
    if "kafka" in chosen:
        lines += kafka_frame.run(ROWS)
    if "kafka-reading" in chosen:
        notes += kafka_reading.run(ROWS)
    if "pulsar" in chosen:
        notes += pulsar_reading.run(PULSAR_ROWS)
    if "publishing" in chosen:
        lines += publishing.run(PUBLISHED_ROWS, PUBLISHING_ROUNDS)
    if "export" in chosen:
        notes.append(export_line())
    if "import" in chosen:
        took = process.import_milliseconds()
        notes.append(f"import brokerkit: {took:.0f} ms (wanted: below 150)")
    if lines:
        print(table(lines))
    for note in notes:
        print(note)


if __name__ == "__main__":
    main(
        set(sys.argv[1:])
        or {
            "json",
            "avro",
            "protobuf",
            "nats",
            "kafka",
            "kafka-reading",
            "pulsar",
            "publishing",
            "export",
            "import",
        }
    )
