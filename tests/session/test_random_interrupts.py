"""Ctrl-C at any moment of a call that changes the broker leaves its outcome in hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer

ROOT = Path(__file__).parents[2]


def rounds(url: str, times: int, rows: int, kinds: str) -> list[dict[str, Any]]:
    """What each round of `random_interrupts` reported."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.session.random_interrupts", url, str(times), "7", str(rows), kinds],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert child.returncode == 0, child.stderr[-3000:]
    return [json.loads(line) for line in child.stdout.splitlines() if line.startswith("{")]


def check(found: list[dict[str, Any]]) -> None:
    """Nothing is lost; nothing is doubled; what may be stored is named."""
    assert found
    for each in found:
        if each["kind"] in ("frame", "copy"):
            assert each["lost"] == each["missing"] == each["unnamed"] == each["doubled"] == 0, each
            assert each["unknown"] == 0 or not each["safe"], each
        elif each["kind"] == "batch":
            # one of which something is stored has its outcomes in hand
            assert each["stored"] == 0 or each["known"] > 0, each
        else:
            assert each["missing"] == 0, each


@pytest.mark.extended
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["pull", "frame", "copy", "batch"])
def test_an_interrupt_at_any_moment_hands_over_the_outcome(kind: str) -> None:
    check(rounds("inmem://", 5, 12_000, kind))


@pytest.mark.extended
@pytest.mark.broker
@pytest.mark.timeout(300)
def test_an_interrupt_at_any_moment_doubles_nothing_on_nats(nats_server: NatsServer) -> None:
    check(rounds(nats_server.url, 5, 12_000, "frame,copy,batch"))


@pytest.mark.soak
@pytest.mark.broker
@pytest.mark.timeout(300)
def test_an_interrupt_at_any_moment_doubles_nothing_on_kafka(kafka_server: KafkaServer) -> None:
    check(rounds(f"kafka://{kafka_server.bootstrap}", 5, 30_000, "frame,copy,batch"))
