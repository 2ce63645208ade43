"""Round trips through a Pulsar standalone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.sandbox.pulsar import PulsarServer

from .suite import Desk, RoundTrip

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def desk(pulsar_server: PulsarServer) -> Iterator[Desk]:
    with bk.connect(f"{pulsar_server.url}?admin={pulsar_server.admin}") as session:
        yield Desk(session)


class TestPulsar(RoundTrip):
    """All of it."""
