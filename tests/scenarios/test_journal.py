"""Publishing with a journal, in a process that is killed again and again."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from brokerkit.testing.processes import Child
from brokerkit.workbench import Session

from .conftest import ON_ONE_SYSTEM
from .messages import publish_numbered, stored_numbers
from .systems import System

ROWS = 60_000


@pytest.mark.extended
@ON_ONE_SYSTEM
@pytest.mark.timeout(240)
@pytest.mark.parametrize("what", ["frame", "copy"])
def test_a_killed_process_continues_and_what_may_be_there_twice_is_named(
    system: System, session: Session, tmp_path: Path, what: str
) -> None:
    topic = system.create_topic(session)
    order: dict[str, Any] = {"topic": topic, "rows": ROWS, "path": str(tmp_path / "journal")}
    if what == "copy":
        order["source"] = system.create_topic(session)
        publish_numbered(session, order["source"], range(ROWS))
    begun = 0
    for seed in range(5):
        with _child(system, order) as child:
            child.hear("working")
            time.sleep(random.Random(seed).uniform(0.05, 1.0))  # the moment is what is varied
            child.signal(signal.SIGKILL)
            child._process.wait(60)
        begun += (tmp_path / "journal").exists()
    assert begun
    with _child(system, order) as child:
        child.hear("working")
        done = child.hear("done", 100)
    if what == "copy":
        ids = session.scan(order["source"], progress=False).to_pandas()
        number_of = dict(zip(ids["id"], map(int, ids["value"]), strict=True))
        unknown = {number_of[each] for each in done["unknown"]}
    else:
        unknown = set(done["unknown"])
    stored = stored_numbers(session, topic)
    assert sum(done["counts"].values()) == ROWS
    assert set(range(ROWS)) - set(stored) <= unknown
    assert {number for number, times in stored.items() if times > 1} <= unknown
    if session.capabilities.dedup_ids:
        assert not unknown
    assert len(unknown) < ROWS / 2


def _child(system: System, order: dict[str, Any]) -> Child:
    return Child("publish journal", {"url": system.fast_url, **order}, module="tests.scenarios.program")
