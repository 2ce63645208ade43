"""Broken connections to a NATS server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.sandbox.nats import NatsServer

from .places import Nats, Place
from .suite import Publishing, Reading, Taking, through

__all__ = ["through"]
pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def place(nats_server: NatsServer) -> Iterator[Place]:
    with nats_server.proxy() as proxy:
        made = Nats(nats_server, proxy)
        yield made
        made.close()


class TestNatsReading(Reading):
    """All of it."""


class TestNatsTaking(Taking):
    """All of it."""


class TestNatsPublishing(Publishing):
    """All of it."""
