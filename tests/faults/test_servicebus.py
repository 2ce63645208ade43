"""Broken connections to the Service Bus emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.sandbox.servicebus.server import ServiceBusServer

from .places import Place, ServiceBus
from .suite import Publishing, Reading, Taking, through

__all__ = ["through"]
pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def place(servicebus_server: ServiceBusServer) -> Iterator[Place]:
    with servicebus_server.proxy() as proxy:
        made = ServiceBus(servicebus_server, proxy)
        yield made
        made.close()


class TestServiceBusReading(Reading):
    """All of it."""


class TestServiceBusTaking(Taking):
    """All of it."""


class TestServiceBusPublishing(Publishing):
    """All of it."""
