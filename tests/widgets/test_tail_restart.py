"""A tail over a real restart of the broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.tail import Tail

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]


@pytest.fixture
def server(nats_server: NatsServer) -> Iterator[NatsServer]:
    """A server of its own to kill; `nats_server` skips where there is none."""
    with NatsServer() as own:
        yield own


@pytest.mark.extended
def test_a_tail_continues_after_the_server_was_killed_misses_nothing_and_notes_the_gap(
    server: NatsServer,
) -> None:
    with bk.connect(server.url) as s:
        s.create_topic("orders")
        tail = Tail(s, "orders", interval=0.1)
        s.publish_batch("orders", [{"id": number} for number in range(50)])
        eventually(lambda: tail.read == 50, "the first fifty are read", within=60)
        server.kill()
        eventually(lambda: tail.status == "waiting", "the tail sees that the server is gone", within=60)
        server.start()
        s.publish_batch("orders", [{"id": number} for number in range(50, 100)], timeout=30)
        eventually(lambda: tail.read == 100, "the other fifty are read", within=60)
        eventually(lambda: tail.status == "following", "the tail follows again", within=60)
        assert tail.frame["value"].tolist() == [f'{{"id":{number}}}' for number in range(100)]
        assert [note for note in tail.notes if "could not be reached" in note]
        assert tail.running
