"""A consuming process that is killed loses nothing, and sees again only what it had not acknowledged."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from brokerkit.testing.processes import Child
from brokerkit.workbench import Session

from .messages import publish_numbered
from .systems import System

MESSAGES = 10_000
SIZE = 500


@pytest.mark.parametrize(
    "system", ["nats", pytest.param("kafka", marks=pytest.mark.extended)], indirect=True, scope="session"
)
@pytest.mark.timeout(120)
def test_killed_consumers_lose_nothing_and_repeat_at_most_the_batch_they_held(
    system: System, session: Session, tmp_path: Path
) -> None:
    topic = system.create_topic(session)
    publish_numbered(session, topic, range(MESSAGES))
    system.subscribe(session, topic, "worker")
    path = tmp_path / "processed"

    # killed at a third and at half, in the middle of a batch and at the end of one
    for stop_at in (MESSAGES // 3, MESSAGES // 2 - MESSAGES // 3):
        with _consumer(system, topic, path, stop_at) as child:
            child.hear("stopped")
            child.signal(signal.SIGKILL)
    with _consumer(system, topic, path, None) as child:
        child.hear("done")

    processed = Counter(map(int, path.read_text().split()))
    assert set(processed) == set(range(MESSAGES))
    repeated = sum(times - 1 for times in processed.values())
    assert 0 < repeated <= 2 * SIZE


def _consumer(system: System, topic: str, path: Path, stop_at: int | None) -> Child:
    order = {
        "url": system.fast_url,
        "topic": topic,
        "subscription": "worker",
        "size": SIZE,
        "idle": 4.0,
        "stop_at": stop_at,
        "path": str(path),
    }
    return Child("consume", order, module="tests.scenarios.program")
