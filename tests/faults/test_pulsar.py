"""Broken connections to a Pulsar standalone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.sandbox.pulsar import PulsarServer

from .places import Place, Pulsar
from .suite import Publishing, Reading, Taking, through

__all__ = ["through"]
pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def place(pulsar_server: PulsarServer) -> Iterator[Place]:
    with pulsar_server.proxy() as proxy:
        made = Pulsar(pulsar_server, proxy)
        yield made
        made.close()


class TestPulsarReading(Reading):
    """All of it."""


class TestPulsarTaking(Taking):
    """All of it."""


class TestPulsarPublishing(Publishing):
    """All of it."""
