"""One message among thousands for which only the server knows a reason fails alone."""

from __future__ import annotations

import uuid

import pytest

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.pubsub import PubSubServer

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]
ROWS = 3_000
BAD = [{0}, {1_500}, {ROWS - 1}, {1, 700, 701, 2_998}]


def batch_of(bad: set[int], wrong: bytes, *, keys: bool) -> list[bk.OutboundMessage]:
    return [
        bk.OutboundMessage(wrong if n in bad else b"%d" % n, b"k%d" % (n % 9) if keys else None)
        for n in range(ROWS)
    ]


@pytest.mark.parametrize("keys", [True, False], ids=["keys", "no keys"])
@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_stream_stores_all_but_what_is_above_its_own_limit(
    nats_server: NatsServer, bad: set[int], keys: bool
) -> None:
    topic = f"refused-{uuid.uuid4().hex[:8]}"
    with bk.connect(nats_server.url) as session:
        session.create_topic(topic, max_msg_size=500)
        batch = batch_of(bad, b"x" * 1_000, keys=keys)
        results = session.shared_publisher().topic(topic).publish_batch(batch)
        assert {row for row, result in enumerate(results) if result.status == "failed"} == bad
        assert all(isinstance(results[row].error, bk.TooLarge) for row in bad)
        stored = session.scan(topic, progress=False).to_pandas().sort_values("offset")
        assert stored["value"].astype(int).tolist() == [n for n in range(ROWS) if n not in bad]
        session.delete_topic(topic, confirm=topic)


@pytest.mark.parametrize("keys", [True, False], ids=["keys", "no keys"])
@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_service_that_stores_all_of_a_request_or_none_stores_all_but_what_it_refuses(
    pstest_server: PubSubServer, bad: set[int], keys: bool
) -> None:
    """The server takes 4 MiB where the service takes 10 MB, which is what is checked before."""
    topic = f"refused-{uuid.uuid4().hex[:8]}"
    with bk.connect(f"pubsub://refused?emulator={pstest_server.host}") as session:
        session.create_topic(topic)
        session.create_subscription(topic, f"{topic}-reader", ordering=False)
        batch = batch_of(bad, b"x" * 5_000_000, keys=keys)
        results = session.shared_publisher().topic(topic).publish_batch(batch)
        assert {row for row, result in enumerate(results) if result.status == "failed"} == bad
        assert all(isinstance(results[row].error, bk.TooLarge) for row in bad)
        stored = session.pull(topic, ROWS - len(bad), subscription=f"{topic}-reader", timeout=60, idle=20)
        numbers = stored["value"].astype(int)
        assert sorted(numbers) == [n for n in range(ROWS) if n not in bad]
        if keys:
            # a message of the service is stored under an id that grows
            order = numbers[stored["id"].str.extract(r"(\d+)$")[0].astype(int).sort_values().index]
            for place in range(9):
                assert order[order % 9 == place].is_monotonic_increasing
