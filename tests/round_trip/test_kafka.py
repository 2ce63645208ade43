"""Round trips through a Kafka broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer

from .suite import Desk, Placing, RoundTrip

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def desk(kafka_server: KafkaServer) -> Iterator[Desk]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as session:
        yield Desk(session)


class TestKafka(RoundTrip, Placing):
    """All of it."""
