"""Ctrl-C gives control back within a second and loses nothing, in a real process with a real signal."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from brokerkit.testing.processes import Child
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .conftest import ON_ONE_SYSTEM
from .flights import Flights
from .messages import publish_numbered
from .systems import System

BACK_SECONDS = 10.0
TAIL_TIMES = 4
TAIL_MESSAGES = 60


@pytest.mark.timeout(120)
@pytest.mark.parametrize("task", ["pull", "batches"])
def test_messages_received_before_an_interrupt_are_there_for_the_next_call(
    system: System, session: Session, task: str
) -> None:
    topic = system.create_topic(session)
    system.subscribe(session, topic, "me")
    publish_numbered(session, topic, range(200))
    with _child(task, system, topic=topic, subscription="me", count=200) as child:
        child.hear("working")
        _wait_until_taken(system, topic)
        _interrupt(child)
        found = child.hear("found")
    assert sorted(found["numbers"]) == list(range(200))


@ON_ONE_SYSTEM
@pytest.mark.timeout(120)
def test_an_interrupted_peek_gives_control_back(system: System, flights: Flights) -> None:
    with _child("peek", system, topic=flights.topic) as child:
        child.hear("working")
        time.sleep(0.2)  # the moment is arbitrary; it only must be while it reads
        _interrupt(child)
        child.hear("found")


@ON_ONE_SYSTEM
@pytest.mark.timeout(120)
def test_an_interrupted_scan_keeps_what_was_read_and_reads_on(system: System, flights: Flights) -> None:
    with _child("scan", system, topic=flights.topic) as child:
        child.hear("working")
        time.sleep(0.4)  # the moment is arbitrary; it only must be while it reads
        _interrupt(child)
        found = child.hear("found")
    assert found["first"] + found["rest"] == found["different"] == len(flights.source)


@pytest.mark.timeout(120)
def test_an_endless_loop_interrupted_anywhere_loses_nothing(system: System, session: Session) -> None:
    topic = system.create_topic(session)
    system.subscribe(session, topic, "me")
    order = {"topic": topic, "subscription": "me", "times": TAIL_TIMES, "count": TAIL_MESSAGES, "idle": 15.0}
    with _child("tail", system, **order) as child, _Trickle(session, topic) as trickle:
        for _ in range(TAIL_TIMES):
            child.hear("working")
            published = trickle.count
            eventually(lambda least=published + 3: trickle.count >= least, "some more were published")
            _interrupt(child)
        trickle.finish()
        found = child.hear("found")
    assert set(found["numbers"]) == set(range(TAIL_MESSAGES))


def _child(task: str, system: System, **order: Any) -> Child:
    return Child(task, {"url": system.fast_url, **order}, module="tests.scenarios.program")


def _interrupt(child: Child) -> None:
    """Send the signal; control must be back in time, by the clock that both processes share."""
    begin = time.monotonic()
    child.signal(signal.SIGINT)
    took = child.hear("interrupted")["at"] - begin
    assert took < BACK_SECONDS


def _wait_until_taken(system: System, topic: str) -> None:
    """Until the child is waiting for more, with all that there is in its hands."""
    eventually(lambda: system.taken(topic, "me"), "the child has received something", within=60)


class _Trickle:
    """Publishes one message every 50 ms, in a thread of its own; the second half more slowly, so that
    there are some left for the last interrupt on a slow machine."""

    def __init__(self, session: Session, topic: str) -> None:
        self._session = session
        self._topic = topic
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def _run(self) -> None:
        for number in range(TAIL_MESSAGES):
            self._session.publish(self._topic, str(number))
            self.count = number + 1
            self._hurry.wait(0.05 if self.count < TAIL_MESSAGES / 2 else 1.0)

    def finish(self) -> None:
        """Publish the rest without waiting."""
        self._hurry.set()
        self._thread.join()

    def __enter__(self) -> _Trickle:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()
