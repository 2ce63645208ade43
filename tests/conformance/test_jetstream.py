"""The conformance suite on a real NATS server."""

from __future__ import annotations

import asyncio

import nats
import pytest

from brokerkit.core import Connection, OutboundMessage
from brokerkit.sandbox.nats import NatsServer
from brokerkit.testing import Conformance, Gap, Harness

from .on_server import Impatient, ServerHarness

pytestmark = pytest.mark.broker


class JetStreamHarness(ServerHarness):
    """Each topic is a subject with a stream of its own."""

    name = "jetstream"
    ack_flush_seconds = 1.0
    gaps = {  # noqa: RUF012  # as the base class has it
        "odd attribute names and values round trip": Gap(
            "never",
            "header names are ASCII tokens, and nats-py strips values and replaces line breaks: "
            "what would not come back equal is refused before it is sent",
        ),
        "what is committed is visible and nothing else": Gap("never", "JetStream has no transactions"),
    }

    def __init__(self, server: NatsServer) -> None:
        super().__init__(server)
        self.url = server.url
        self.lock_seconds = 3.0
        self.lock_options = {"ack_wait": 3.0}
        self.ordered_options = {"max_ack_pending": 1}

    def make_gap(self, connection: Connection, topic: str) -> None:
        with connection.publisher() as publisher:
            result = publisher.topic(topic).publish(OutboundMessage(b"deleted"))
        asyncio.run(self._delete(topic, int(result.id or 0)))

    async def _delete(self, subject: str, sequence: int) -> None:
        client = await nats.connect(self.url)
        stream = client.jetstream()
        await stream.delete_msg(await stream.find_stream_name_by_subject(subject), sequence)
        await client.close()


@pytest.fixture(scope="module")
def harness(nats_server: NatsServer) -> Harness:
    return JetStreamHarness(nats_server)


class TestJetStream(Impatient, Conformance):
    """All behaviours."""

    waits = "brokerkit.backends.jetstream.consumer", "SETTLE_SECONDS"
