"""Round trips through a NATS server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer

from .suite import Desk, RoundTrip

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def desk(nats_server: NatsServer) -> Iterator[Desk]:
    with bk.connect(nats_server.url) as session:
        yield Desk(session)


class TestNats(RoundTrip):
    """All of it."""
