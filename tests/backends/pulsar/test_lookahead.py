"""What the client library holds ready is bounded in bytes, whatever the size of the messages."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import chain, repeat
from pathlib import Path

import pytest

from brokerkit.backends.pulsar.lookahead import EVIDENCE, LEAST, MOST, Lookahead
from brokerkit.core import Connection, connect
from brokerkit.sandbox.pulsar import PulsarServer

from .conftest import Make, publish_as_one_batch

ROOT = Path(__file__).parents[3]
LARGE = 4_500_000
HELD = 200.0
"""Megabytes: one fetch, its columns, and what the library holds ready. Without a bound it is 500 and more."""


def opened_after(*sizes: int) -> Lookahead:
    ahead = Lookahead()
    ahead.begin()
    for size in sizes:
        if ahead.unfit(size):
            ahead.learn()
            ahead.begin()
    ahead.learn()
    ahead.begin()
    return ahead


def test_the_queue_is_short_until_messages_are_known_to_be_small() -> None:
    assert opened_after().count == LEAST
    assert opened_after(*[200] * EVIDENCE).count == MOST
    assert opened_after(*[LARGE] * 3).count < LEAST


def test_a_large_message_among_many_small_ones_leaves_the_queue_long() -> None:
    assert opened_after(*[200] * 500, LARGE, *[200] * 500).count == MOST


def test_the_queue_is_short_three_messages_after_they_grow() -> None:
    ahead = opened_after(*[200] * 500)
    assert [ahead.unfit(LARGE) for _ in range(3)] == [False, False, True]
    assert ahead.begin() < LEAST


def test_messages_that_are_counted_together_are_as_many() -> None:
    together = Lookahead()
    together.begin()
    assert [together.unfit(8 * 200, 8) for _ in range(EVIDENCE // 8)] == [False] * (EVIDENCE // 8 - 1) + [
        True
    ]
    assert together.begin() == MOST


CHILD = """
import json, sys, time
from brokerkit.core import connect
from tests.memory.big_messages import peak

with connect(sys.argv[1]) as broker:
    inspector = broker.inspector()
    (slice_,) = inspector.plan(sys.argv[2])
    before, seen = peak(), []
    for columns in inspector.read(slice_):
        seen += [int(bytes(value)[:8]) for value in columns.values("value")]
        del columns
        # the caller is away, and the library may fill its queue
        time.sleep(float(sys.argv[3]))
print(json.dumps({"grown": peak() - before, "seen": seen}))
"""


@pytest.mark.broker
@pytest.mark.extended
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([(150, 1_000_000)], id="1 MB"),
        pytest.param([(70, LARGE)], id="4.5 MB"),
    ],
)
@pytest.mark.parametrize("admin", [True, False], ids=["admin", "no admin"])
def test_a_caller_who_is_away_has_few_megabytes_waiting(
    broker: Connection, make: Make, pulsar_server: PulsarServer, parts: list[tuple[int, int]], admin: bool
) -> None:
    topic = make()
    producer = broker.native.create_producer(topic, block_if_queue_full=True, max_pending_messages=4)
    sizes = chain.from_iterable(repeat(size, count) for count, size in parts)
    for number, size in enumerate(sizes):
        producer.send_async(b"%08d" % number + bytes(size - 8), lambda result, message_id: None)
    producer.flush()
    producer.close()
    url = f"{pulsar_server.url}?admin={pulsar_server.admin}" if admin else pulsar_server.url
    child = subprocess.run(
        [sys.executable, "-c", CHILD, url, topic, "0.5"], cwd=ROOT, capture_output=True, text=True
    )
    assert child.returncode == 0, child.stderr[-2000:]
    result = json.loads(child.stdout)
    assert result["seen"] == list(range(sum(count for count, _ in parts)))
    assert result["grown"] < HELD


@pytest.mark.broker
def test_messages_that_grow_are_read_without_a_stall(broker: Connection, url: str, make: Make) -> None:
    topic = make()
    publish_as_one_batch(broker, topic, *[b"%08d" % number for number in range(500)])
    producer = broker.native.create_producer(topic, block_if_queue_full=True, max_pending_messages=4)
    for number in range(500, 3_530):
        size = 8 if number < 3_500 else LARGE
        producer.send_async(b"%08d" % number + bytes(size - 8), lambda result, message_id: None)
    producer.flush()
    producer.close()
    began = time.monotonic()
    with connect(url) as other:
        inspector = other.inspector()
        (slice_,) = inspector.plan(topic)
        values = [bytes(v or b"") for columns in inspector.read(slice_) for v in columns.values("value")]
    assert [int(value[:8]) for value in values] == list(range(3_530))
    assert time.monotonic() - began < 90
