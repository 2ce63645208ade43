"""The conformance suite on a real Pulsar standalone, with messages."""

from __future__ import annotations

import pytest

from brokerkit.core import Connection
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import Conformance, Gap, Harness

from .on_server import ServerHarness

pytestmark = pytest.mark.broker


class PulsarHarness(ServerHarness):
    """One server; messages on shared subscriptions, records on failover subscriptions."""

    # acknowledgements are sent after a tenth of a second, and the broker writes them to its disk later
    ack_flush_seconds = 2.0
    gaps = {  # noqa: RUF012  # as the base class has it
        "odd attribute names and values round trip": Gap(
            "never", "attributes are a map: all come back unchanged, but not in their order"
        ),
        "the key round trips and none is not empty": Gap(
            "never", "a partition key is text, and an empty one is none"
        ),
        "ordered the next of a key waits for the ack": Gap(
            "never", "the broker hands out the next message of a key before the one before is settled"
        ),
        "an ack after the partition was taken is stale": Gap(
            "never", "the client library does not tell a consumer that another one took over"
        ),
        "what is committed is visible and nothing else": Gap(
            "never", "the client library has no transactions"
        ),
        "gaps neither hang nor misnumber": Gap(
            "never", "a single message cannot be deleted: offsets that lie between messages are no gaps"
        ),
    }

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


@pytest.fixture(scope="module")
def harness(pulsar_server: PulsarServer) -> Harness:
    return PulsarHarness(pulsar_server, "message")


class TestPulsar(Conformance):
    """All behaviours, with messages where either model has them."""
