"""Broken connections to a Kafka broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.sandbox.kafka import KafkaServer

from .places import Kafka, Place
from .suite import Publishing, Reading, Taking, through

__all__ = ["through"]
pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def place(kafka_server: KafkaServer) -> Iterator[Place]:
    with kafka_server.proxy() as proxy:
        made = Kafka(kafka_server, proxy)
        yield made
        made.close()


class TestKafkaReading(Reading):
    """All of it."""


class TestKafkaTaking(Taking):
    """All of it."""


class TestKafkaPublishing(Publishing):
    """All of it."""
