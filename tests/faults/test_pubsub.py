"""Broken connections to Google's Pub/Sub emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.sandbox.pubsub import EmulatorServer

from .places import Place, PubSub
from .suite import Publishing, Taking, through

__all__ = ["through"]
pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def place(pubsub_emulator: EmulatorServer) -> Iterator[Place]:
    with pubsub_emulator.proxy() as proxy:
        made = PubSub(pubsub_emulator, proxy)
        yield made
        made.close()


class TestPubSubTaking(Taking):
    """All of it."""


class TestPubSubPublishing(Publishing):
    """All of it."""
