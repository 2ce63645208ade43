"""The one thread that alone calls a driver, and what callers may rely on while they wait for it."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from brokerkit.core import Cancellation, Cancelled, Closed, Unavailable
from brokerkit.core.runtime.driver_thread import DriverThread
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.latch import Latch

pytestmark = pytest.mark.timeout(120)


def ended(owner: DriverThread, last: Callable[[], object], timeout: float) -> bool:
    """Shut the thread down, and tell whether it ended in time."""
    owner.shutdown(last)
    return owner.join(Deadline(timeout))


def test_tasks_are_done_in_order_by_one_thread() -> None:
    owner = DriverThread("test")
    done: list[tuple[int, str]] = []
    tasks = [
        owner.post(lambda number=number: done.append((number, threading.current_thread().name)))  # type: ignore[misc]  # bound now
        for number in range(50)
    ]
    for task in tasks:
        task.wait(60)
    assert done == [(number, "brokerkit test") for number in range(50)]
    assert ended(owner, lambda: None, 60)


def test_an_error_of_a_task_is_the_callers_and_the_thread_continues() -> None:
    owner = DriverThread("test")
    with pytest.raises(ZeroDivisionError):
        owner.call(lambda: 1 / 0)
    with pytest.raises(TimeoutError, match="its own"):
        owner.call(_times_out, timeout=5)
    assert owner.call(lambda: 7) == 7
    assert ended(owner, lambda: None, 60)


def _times_out() -> None:
    raise TimeoutError("its own")


def test_a_call_from_the_owner_thread_itself_is_done_at_once() -> None:
    owner = DriverThread("test")
    assert owner.call(lambda: owner.call(lambda: 3), timeout=60) == 3
    assert ended(owner, lambda: None, 60)


@pytest.mark.extended
def test_a_call_ends_at_its_timeout_or_cancellation_while_the_task_hangs() -> None:
    owner = DriverThread("test")
    go = threading.Event()
    with pytest.raises(Unavailable, match=r"0\.2 s"):
        owner.call(lambda: go.wait(90), timeout=0.2)
    cancellation = Cancellation()
    threading.Timer(0.1, cancellation.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        owner.call(lambda: None, cancellation=cancellation)
    assert time.monotonic() - began < 60
    go.set()
    assert ended(owner, lambda: None, 60)


def test_stopping_does_what_waits_first_and_the_last_thing_last() -> None:
    owner = DriverThread("test")
    done: list[str] = []
    go = threading.Event()
    owner.post(lambda: go.wait(60))
    owner.post(lambda: done.append("waiting"))
    owner.shutdown(lambda: done.append("last"))
    with pytest.raises(Closed):
        owner.post(lambda: None)
    go.set()
    assert ended(owner, lambda: done.append("never"), 60)
    assert done == ["waiting", "last"]


@pytest.mark.extended
def test_stopping_keeps_its_timeout_while_a_task_hangs_and_still_leaves_later() -> None:
    owner = DriverThread("test")
    go, left = threading.Event(), threading.Event()
    owner.post(lambda: go.wait(90))
    waiting = owner.post(lambda: None)
    began = time.monotonic()
    assert not ended(owner, left.set, 0.3)
    assert time.monotonic() - began < 60
    with pytest.raises(Closed, match="before this could be done"):
        waiting.wait(60)
    go.set()
    assert left.wait(60)
    assert ended(owner, lambda: None, 60)


class Worker:
    def __init__(self) -> None:
        self.calls = 0
        self.worked = threading.Event()
        self.owner = DriverThread("worker", self.work)

    def work(self) -> float:
        self.calls += 1
        self.worked.set()
        return float("inf")


def test_work_rests_until_it_is_woken() -> None:
    worker = Worker()
    assert worker.worked.wait(60)
    worker.worked.clear()
    worker.owner.wake()
    assert worker.worked.wait(60)
    assert ended(worker.owner, lambda: None, 60)


def test_the_thread_does_not_keep_its_object_alive() -> None:
    worker = Worker()
    owner, gone = worker.owner, weakref.ref(worker)
    assert worker.worked.wait(60)
    owner.call(lambda: None)
    del worker
    gc.collect()
    assert gone() is None
    assert ended(owner, lambda: None, 60)


def test_a_cancellation_is_tripped_once_and_seen_by_all() -> None:
    cancellation = Cancellation()
    cancellation.raise_if_cancelled()
    assert not cancellation.wait(0.01)
    seen: list[bool] = []
    threads = [threading.Thread(target=lambda: seen.append(cancellation.wait(60))) for _ in range(3)]
    for thread in threads:
        thread.start()
    cancellation.cancel()
    cancellation.cancel()
    for thread in threads:
        thread.join(60)
    assert seen == [True, True, True]
    assert cancellation.wait(float("inf"))
    assert "cancelled" in repr(cancellation)
    with pytest.raises(Cancelled):
        cancellation.raise_if_cancelled()


def test_a_deadline_never_waits_longer_than_a_slice_and_none_never_passes() -> None:
    never = Deadline(None)
    assert (never.passed, never.remaining(), never.slice()) == (False, float("inf"), 0.1)
    passed = Deadline(0)
    assert (passed.passed, passed.remaining(), passed.slice()) == (True, 0.0, 0.0)
    assert Deadline(100).restarted().remaining() > 99


def test_a_latch_stays_set() -> None:
    latch = Latch()
    assert not latch.wait(0.01)
    latch.set()
    latch.set()
    assert latch.wait()
    assert latch.wait(0)
