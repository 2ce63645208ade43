"""Round trips through Google's Pub/Sub emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.sandbox.pubsub import EmulatorServer

from .suite import Desk, RoundTrip

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def desk(pubsub_emulator: EmulatorServer) -> Iterator[Desk]:
    with bk.connect(f"pubsub://round-trip?emulator={pubsub_emulator.host}") as session:
        yield Desk(session)


class TestPubsub(RoundTrip):
    """All of it."""
