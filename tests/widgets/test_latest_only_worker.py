"""Jobs besides the notebook: the newest is done, and each learns of its end."""

from __future__ import annotations

import threading

import pytest

from brokerkit.core import Cancelled
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.latest_only_worker import LatestOnlyWorker


class Jobs:
    """Jobs that run until they are cancelled, and note what became of them."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.begun = threading.Event()

    def job(self, name: str, *, until_cancelled: bool = False):
        def run(cancellation: Cancellation) -> None:
            self.seen.append(f"{name} begins{' cancelled' if cancellation.cancelled else ''}")
            self.begun.set()
            if until_cancelled:
                cancellation.wait(20)
            cancellation.raise_if_cancelled()
            self.seen.append(f"{name} ends")

        return run


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


def test_a_job_runs_and_its_thread_ends_with_it(jobs: Jobs) -> None:
    lane = LatestOnlyWorker("a lane of its own")
    lane.run(jobs.job("one"))
    assert lane.wait(60)
    assert jobs.seen == ["one begins", "one ends"]
    eventually(
        lambda: not [each for each in threading.enumerate() if each.name == "a lane of its own"], "it ended"
    )


def test_a_new_job_cancels_the_one_before(jobs: Jobs) -> None:
    lane = LatestOnlyWorker("lane")
    lane.run(jobs.job("one", until_cancelled=True))
    assert jobs.begun.wait(60)
    lane.run(jobs.job("two"))
    assert lane.wait(60)
    assert jobs.seen == ["one begins", "two begins", "two ends"]


def test_a_job_that_is_stopped_while_it_waits_learns_of_it(jobs: Jobs) -> None:
    lane, gate = LatestOnlyWorker("lane"), threading.Event()

    def deaf(cancellation: Cancellation) -> None:
        jobs.begun.set()
        gate.wait(20)

    lane.run(deaf)
    assert jobs.begun.wait(60)
    lane.run(jobs.job("two"))
    lane.stop()
    gate.set()
    assert lane.wait(60)
    assert jobs.seen == ["two begins cancelled"]


def test_a_job_that_fails_or_is_cancelled_leaves_the_lane_usable(jobs: Jobs) -> None:
    lane = LatestOnlyWorker("lane")

    def cancelled(cancellation: Cancellation) -> None:
        raise Cancelled("by itself")

    lane.run(cancelled)
    assert lane.wait(60)
    lane.run(jobs.job("after"))
    assert lane.wait(60)
    assert jobs.seen == ["after begins", "after ends"]
