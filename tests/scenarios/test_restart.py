"""The server is killed and comes back in the middle of the work."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import Future

import pandas as pd
import pytest

from brokerkit.core.vocabulary.errors import AckFailed
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .messages import numbers_of, publish_numbered, stored_numbers
from .systems import System

MESSAGES = 6_000
ROWS = 60_000
PATIENCE_SECONDS = 2.0
DOWN_SECONDS = 3 * PATIENCE_SECONDS
"""Longer than what is published meanwhile waits for the server."""


@pytest.mark.timeout(120)
def test_a_loop_over_batches_survives_a_restart_and_loses_nothing(system: System, session: Session) -> None:
    topic = system.create_topic(session)
    system.subscribe(session, topic, "me")
    publish_numbered(session, topic, range(MESSAGES))
    acknowledged: Counter[int] = Counter()
    doubtful: set[int] = set()
    restart: Future[object] | None = None
    batches = session.batches(topic, subscription="me", size=250, idle=20.0, window=0.2)
    for number, batch in enumerate(batches):
        if number == 5:
            restart = system.background.submit(system.server.restart)
        try:
            batch.ack()
        except AckFailed:
            # the commit may have taken effect before its answer was lost; if not, these are redelivered
            doubtful.update(numbers_of(batch.frame))
            continue
        acknowledged.update(numbers_of(batch.frame))
        if len(acknowledged.keys() | doubtful) == MESSAGES:
            break
        if number >= 5:
            time.sleep(0.05)  # so that the restart falls into the loop
    batches.close()

    assert restart is not None
    restart.result(100)
    assert acknowledged.keys() | doubtful == set(range(MESSAGES))


@pytest.mark.timeout(120)
def test_a_frame_published_over_a_restart_is_stored_exactly_once(system: System, session: Session) -> None:
    topic = system.create_topic(session)
    frame = _frame()
    with _Killer(system, topic, down=0.0) as killer:
        outcome = session.publish_frame(topic, frame, key="key", timeout=60, progress=False)

    assert killer.stored_then < ROWS, "the server was killed too late to matter"
    assert isinstance(outcome, OutcomeFrame)
    assert outcome.counts == {"confirmed": ROWS, "failed": 0, "unknown": 0}
    assert stored_rows(session, topic) == Counter(range(ROWS))


@pytest.mark.extended
@pytest.mark.timeout(120)
def test_an_outcome_is_true_and_resuming_completes_it(system: System, session: Session) -> None:
    topic = system.create_topic(session)
    frame = _frame()
    with _Killer(system, topic, down=DOWN_SECONDS):
        first = session.publish_frame(topic, frame, key="key", timeout=PATIENCE_SECONDS, progress=False)
    assert isinstance(first, OutcomeFrame)
    assert first.counts["confirmed"] < ROWS, "nothing was lost by the restart"
    stored = stored_rows(session, topic)
    for status, least, most in (("confirmed", 1, 1), ("failed", 0, 0), ("unknown", 0, 1)):
        times = {stored[int(row)] for row in first["row"][first["status"] == status]}
        assert times <= set(range(least, most + 1)), f"{status} rows are stored {times} times"

    second = session.publish_frame(topic, frame, key="key", resume=first, timeout=60, progress=False)

    assert isinstance(second, OutcomeFrame)
    assert len(second) == ROWS
    assert second.counts["failed"] == 0
    stored = stored_rows(session, topic)
    if session.capabilities.dedup_ids:
        assert second.counts["confirmed"] == ROWS
        assert stored == Counter(range(ROWS))
    else:
        # what may be there is not sent a second time
        doubtful = {int(row) for row in second.unknown["row"]}
        assert doubtful == {int(row) for row in first.unknown["row"]}
        assert set(range(ROWS)) - set(stored) <= doubtful
        assert max(stored.values()) == 1


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"row": range(ROWS), "key": [f"key-{row % 13}" for row in range(ROWS)]})


def stored_rows(session: Session, topic: str) -> Counter[int]:
    """How often each row of a published frame is in a topic."""
    texts = session.scan(topic, attributes=False, progress=False).to_pandas()["value"]
    return Counter(int(text.partition(":")[2].partition(",")[0]) for text in texts)


class _Killer:
    """Kills the server once a topic has some messages, and starts it again after a while."""

    def __init__(self, system: System, topic: str, *, down: float) -> None:
        self._system = system
        self._topic = topic
        self._down = down
        self.stored_then = ROWS
        self._done: Future[None] | None = None

    def _run(self) -> None:
        self.stored_then = eventually(lambda: self._system.stored(self._topic), "some are stored", within=60)
        self._system.server.kill()
        time.sleep(self._down)  # how long it is down is what is tested
        self._system.server.restart()

    def __enter__(self) -> _Killer:
        self._done = self._system.background.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._done is not None
        self._done.result(100)


@pytest.mark.extended
def test_a_session_works_again_after_a_restart(system: System, session: Session) -> None:
    topic = system.create_topic(session)
    publish_numbered(session, topic, range(10))
    system.server.restart()
    publish_numbered(session, topic, range(10, 20))
    assert stored_numbers(session, topic) == Counter(range(20))
