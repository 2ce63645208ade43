"""A tail of large messages stays in bounded memory, however many there are to begin with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer

ROOT = Path(__file__).parents[2]
COUNT = 300
MOST = 260.0
"""Megabytes; without a bound it is three times what the topic holds, 800 and more."""


def check(url: str) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "tests.widgets.big_tail_child", url, str(COUNT)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    found = json.loads(child.stdout.splitlines()[-1])
    # the newest rows that fit into the bytes of the ring, in their order
    assert found["seen"] == [f"{n:06d}" for n in range(COUNT - len(found["seen"]), COUNT)]
    assert found["seen"]
    assert found["grown"] < MOST


@pytest.mark.soak
@pytest.mark.timeout(180)
def test_a_tail_of_large_messages_is_bounded_in_bytes() -> None:
    check("inmem://")


@pytest.mark.extended
@pytest.mark.broker
@pytest.mark.timeout(180)
def test_a_tail_of_large_messages_of_kafka_is_bounded_in_bytes(kafka_server: KafkaServer) -> None:
    check(f"kafka://{kafka_server.bootstrap}")


@pytest.mark.soak
@pytest.mark.broker
@pytest.mark.timeout(180)
def test_a_tail_of_large_messages_of_nats_is_bounded_in_bytes(nats_server: NatsServer) -> None:
    check(nats_server.url)
