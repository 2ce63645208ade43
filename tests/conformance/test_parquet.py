"""The part of the conformance suite that a captured data set can show: reading."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.core import Connection, OutboundMessage, PublishResult
from brokerkit.core.vocabulary.positions import AtPlace
from brokerkit.testing import Gap, Harness
from brokerkit.testing.stage import Stage
from brokerkit.testing.suite import Browsing

NO_CONSUMER = Gap(
    "never", "a captured data set has no subscriptions, and this behaviour compares with a consumer"
)


class ParquetHarness(Harness):
    """A folder of data sets. What a test publishes goes to a broker in memory, and is captured from there."""

    name = "parquet"
    gaps: Mapping[str, Gap] = {  # as the base class has it
        "reading changes no position and no backlog": NO_CONSUMER,
        "gaps neither hang nor misnumber": NO_CONSUMER,
        "columns and items agree field by field": NO_CONSUMER,
    }

    def __init__(self, folder: Path, source: bk.Session) -> None:
        self.url = f"parquet://{folder}"
        self._folder = folder
        self._source = source
        self.make_topic()

    def make_topic(self, connection: Connection | None = None, partitions: int = 1) -> str:
        name = self.topic_name()
        self._source.create_topic(name, partitions=partitions)
        self.capture(name)
        return name

    def capture(self, topic: str) -> None:
        self._source.capture(topic, self._folder / topic, progress=False)

    def publish(self, topic: str, *messages: bytes | OutboundMessage) -> list[PublishResult]:
        with self._source.connection.publisher() as publisher:
            outgoing = [m if isinstance(m, OutboundMessage) else OutboundMessage(m) for m in messages]
            results = publisher.topic(topic).publish_batch(outgoing)
        self.capture(topic)
        return results

    def make_gap(self, connection: Connection, topic: str) -> None:
        partition = self._source.connection.native.topic(topic).partitions[0]
        partition.delete(partition.append(None, b"compacted", None).offset)


class CapturedStage(Stage):
    """Publishes to what is captured."""

    harness: Any

    def publish(self, topic: str, *messages: bytes | OutboundMessage) -> list[PublishResult]:
        return list(self.harness.publish(topic, *messages))


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with bk.connect(f"inmem://captured-{uuid.uuid4().hex[:8]}") as source:
        yield ParquetHarness(tmp_path_factory.mktemp("captured"), source)


@pytest.fixture(autouse=True)
def _what_is_published_is_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokerkit.testing.behaviour.Stage", CapturedStage)


class TestParquet(Browsing):
    """Reading, as every backend shows it."""

    def test_gaps_neither_hang_nor_misnumber_without_a_consumer(self, harness: ParquetHarness) -> None:
        with CapturedStage(harness, "record") as stage:
            topic = stage.topic()
            stage.publish(topic, b"before", b"before too")
            harness.make_gap(stage.connection, topic)
            stage.publish(topic, b"after")
            inspector = stage.connection.inspector()
            for start, end, expected in (
                (0, 4, [(0, b"before"), (1, b"before too"), (3, b"after")]),
                (2, 3, []),
                (2, 4, [(3, b"after")]),
                (1, 3, [(1, b"before too")]),
            ):
                found = [
                    row
                    for slice_ in inspector.plan(topic, AtPlace(start), AtPlace(end))
                    for columns in inspector.read(slice_)
                    for row in zip(columns.positions(), columns.values("value"), strict=True)
                ]
                assert found == expected, (start, end)
