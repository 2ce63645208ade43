"""A connection to the real broker and to the mock cluster, and a topic of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from brokerkit.backends.kafka import options
from brokerkit.backends.kafka.native import library
from brokerkit.core import Connection, OutboundMessage, PublishResult, RecordConsumer, connect
from brokerkit.sandbox.kafka import KafkaServer
from tests.brokers import kafka_mock
from tests.brokers.kafka_mock import MockCluster

_numbers = count(1)


def publish(broker: Connection, topic: str, *messages: bytes | OutboundMessage) -> list[PublishResult]:
    """Publish all of them, every one confirmed."""
    outgoing = [m if isinstance(m, OutboundMessage) else OutboundMessage(m) for m in messages]
    with broker.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(outgoing)
    assert [result for result in results if not result.ok] == []
    return results


def record_consumer(broker: Connection, topic: str, group: str, **options: Any) -> RecordConsumer:
    """A consumer of a group, not attached yet."""
    consumer = broker.consumer(topic, group, **options)
    assert isinstance(consumer, RecordConsumer)
    return consumer


@pytest.fixture(autouse=True)
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads, where a test does not say: ``BROKERKIT_TEST_READER=native pytest tests/backends/kafka``."""
    chosen = os.environ.get("BROKERKIT_TEST_READER")
    if chosen == "native":
        # without it the client library would read, and the tests would prove nothing
        library.library()
    if chosen is not None:
        monkeypatch.setattr(options, "DEFAULT_READER", chosen)


@pytest.fixture
def broker(kafka_server: KafkaServer) -> Iterator[Connection]:
    with connect(f"kafka://{kafka_server.bootstrap}") as connection:
        yield connection


@pytest.fixture
def make_topic(broker: Connection) -> Callable[..., str]:
    """Creates a topic of the real broker, with a name of its own."""

    def make(partitions: int = 1, **config: object) -> str:
        name = f"topic-{next(_numbers)}"
        broker.create_topic(name, partitions=partitions, config=config)
        return name

    return make


@pytest.fixture(scope="session")
def mock_cluster() -> Iterator[MockCluster]:
    enable = kafka_mock.available()
    if enable is not None:
        pytest.skip(enable)
    with MockCluster() as cluster:
        yield cluster


@pytest.fixture
def mock(mock_cluster: MockCluster) -> Iterator[Connection]:
    with connect(f"kafka://{mock_cluster.bootstrap}") as connection:
        yield connection


@pytest.fixture
def mock_topic(mock_cluster: MockCluster) -> str:
    """A topic of the mock cluster with two partitions."""
    name = f"topic-{next(_numbers)}"
    mock_cluster.create_topic(name, partitions=2)
    return name
