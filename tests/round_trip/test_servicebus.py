"""Round trips through the Service Bus emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.sandbox.servicebus.server import ServiceBusServer

from .suite import Desk, RoundTrip

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def desk(servicebus_server: ServiceBusServer) -> Iterator[Desk]:
    with bk.connect(servicebus_server.connection_string) as session:
        yield Desk(session)


class TestServicebus(RoundTrip):
    """All of it."""
