"""Reading large messages stays in bounded memory, however many there are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from brokerkit.sandbox.pulsar import PulsarServer

ROOT = Path(__file__).parents[2]
COUNT = 400
"""Messages of 0.9 MB: without a bound each way needs 580 MB and more."""
MOST = 450.0
"""Megabytes: the rows, their frame, and what the reader has at hand."""


def used(url: str, what: str, count: int = COUNT) -> list[int]:
    """Use large messages in a process of its own, check its memory, and return the numbers it found."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.memory.big_messages", url, "big", what, str(count)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    result = json.loads(child.stdout.splitlines()[-1])
    assert result["grown"] < MOST
    found: list[int] = result["found"]
    return found


@pytest.mark.extended
@pytest.mark.timeout(180)
def test_batches_of_large_messages_are_bounded_in_bytes() -> None:
    assert used("inmem://", "batches") == list(range(COUNT))


@pytest.mark.extended
@pytest.mark.timeout(180)
def test_a_pull_of_large_messages_is_bounded_in_bytes() -> None:
    found = used("inmem://", "pull")
    assert 100 < len(found) < 150
    assert found == list(range(len(found)))


@pytest.mark.extended
@pytest.mark.timeout(180)
def test_a_search_of_the_browser_for_large_messages_is_bounded_in_bytes() -> None:
    found = used("inmem://", "browse")
    assert 100 < len(found) < 150
    assert found == list(range(COUNT - len(found), COUNT))


@pytest.mark.soak
@pytest.mark.broker
@pytest.mark.timeout(180)
def test_a_search_of_pulsar_holds_few_large_messages_ready(pulsar_server: PulsarServer) -> None:
    assert used(pulsar_server.address, "peek_where", 900) == [7]
