"""The conformance suite on a real Pulsar standalone, in both models."""

from __future__ import annotations

import pytest

from brokerkit.core import Connection
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import Conformance, Harness

from .on_server import ServerHarness

pytestmark = pytest.mark.broker


class PulsarHarness(ServerHarness):
    """One server; messages on shared subscriptions, records on failover subscriptions."""

    # acknowledgements are sent after a tenth of a second, and the broker writes them to its disk later
    ack_flush_seconds = 2.0

    def __init__(self, server: PulsarServer, model: Model) -> None:
        super().__init__(server)
        self.name = f"pulsar ({model}s)"
        self.model = model
        # in chunks no message would be too large
        self.url = f"{server.url}?admin={server.admin}&nack_delay=0.1&prefetch=30&chunking=false"

    def make_topic(self, connection: Connection, partitions: int = 1) -> str:
        name = self.topic_name()
        connection.create_topic(name, partitions=partitions if partitions > 1 else None)
        return name


@pytest.fixture(scope="module", params=["message", "record"])
def harness(request: pytest.FixtureRequest, pulsar_server: PulsarServer) -> Harness:
    return PulsarHarness(pulsar_server, request.param)


class TestPulsar(Conformance):
    """All behaviours, in each model where both have them."""
