"""Broken connections to the test server of Google's Go client for Pub/Sub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.sandbox.pubsub import PstestServer

from .places import Place, PubSub
from .suite import Publishing, Taking, through

__all__ = ["through"]
# it is the same backend as on Google's emulator, which CI runs
pytestmark = [pytest.mark.broker, pytest.mark.soak]


@pytest.fixture(scope="module")
def place(pstest_server: PstestServer) -> Iterator[Place]:
    with pstest_server.proxy() as proxy:
        made = PubSub(pstest_server, proxy)
        yield made
        made.close()


class TestPubSubTaking(Taking):
    """All of it."""


class TestPubSubPublishing(Publishing):
    """All of it."""
