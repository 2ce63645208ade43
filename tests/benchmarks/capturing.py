"""A topic of Kafka captured into a data set, read from there, and restored."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

import brokerkit as bk

from .kafka_place import KafkaPlace
from .results import Found
from .ways import Way, compared


def run(place: KafkaPlace, rows: int, rounds: int) -> list[Found]:
    session = place.session
    with (
        place.filled("orders", rows) as topic,
        place.topic("restored") as restored,
        tempfile.TemporaryDirectory() as folder,
    ):
        data = Path(folder, "kept")
        session.capture(topic, data, progress=False)
        with bk.connect(f"parquet://{data}") as offline:
            name = offline.topics()["topic"].iloc[0]

            def capture() -> int:
                return session.capture(topic, Path(folder, uuid.uuid4().hex), progress=False).rows

            def restore() -> int:
                outcome = session.restore(data, restored, progress=False)
                return int((outcome["status"] == "confirmed").sum())

            ways = [
                Way(
                    "scan().to_arrow() from Kafka",
                    lambda: session.scan(topic, progress=False).to_arrow().num_rows,
                ),
                Way("capture()", capture),
                Way("capture(), nothing new", lambda: session.capture(topic, data, progress=False).total),
                Way(
                    "scan().to_arrow() from parquet://",
                    lambda: offline.scan(name, progress=False).to_arrow().num_rows,
                ),
                Way("restore() to Kafka", restore),
            ]
            return [compared("Kafka, captured and restored", ways, rows, rounds)]
