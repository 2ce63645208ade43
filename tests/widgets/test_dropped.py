"""What is dropped without being closed: its memory, its threads and its connections are given back."""

from __future__ import annotations

import gc
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

END_SECONDS = 15.0
TOPIC = "dropped"


def _taken(s: Session) -> Any:
    batches = s.batches(TOPIC, subscription="batches", start="earliest", size=2)
    next(batches)
    return batches


def _attached(s: Session) -> Any:
    consumer = s.consumer(TOPIC, "consumer", start="earliest")
    consumer.attach()
    return consumer


def _scanned(s: Session) -> Any:
    scan = s.scan(TOPIC)
    assert "scan of dropped" in repr(scan)
    assert len(scan.to_pandas()) == 20
    return scan


MADE: dict[str, Callable[[Session], Any]] = {
    "session": lambda s: s,
    "tail": lambda s: s.tail(TOPIC),
    "paused tail": lambda s: s.tail(TOPIC, start="earliest", paused=True),
    "rarely looking tail": lambda s: s.tail(TOPIC, interval=3600),
    "browser": lambda s: s.browse(),
    "browser of a topic": lambda s: s.browse(TOPIC),
    "composer": lambda s: s.compose(TOPIC),
    "consumer": _attached,
    "batches": _taken,
    "scan": _scanned,
}


REAL = [pytest.param(name, marks=pytest.mark.broker) for name in ("nats", "kafka")]


@pytest.fixture(params=["inmem", *REAL])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A broker with a topic of twenty messages, kept by nothing but its own connections."""
    if request.param == "inmem":
        address = "inmem://dropped"
    elif request.param == "nats":
        server: NatsServer = request.getfixturevalue("nats_server")
        address = server.url
    else:
        kafka: KafkaServer = request.getfixturevalue("kafka_server")
        address = f"kafka://{kafka.bootstrap}"
    with bk.connect(address) as s:
        s.create_topic(TOPIC)
        s.publish_batch(TOPIC, [f"message {number}" for number in range(20)])
        s.peek(TOPIC)
        if request.param == "inmem":
            # it is kept by its connections
            yield address
            return
    # the clients of an open session connect once more whenever they like, and their sockets would be counted
    yield address
    with bk.connect(address) as s:
        s.delete_topic(TOPIC, confirm=TOPIC)


def _threads() -> int:
    return threading.active_count()


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


@pytest.mark.extended
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("small_heap")
def test_dropped_objects_are_gone_with_their_threads_and_descriptors(url: str) -> None:
    for name, make in MADE.items():
        gc.collect()
        before = _threads(), _descriptors()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = make(bk.connect(url))
        gone = weakref.ref(made)
        del made

        def given_back(gone: weakref.ref[Any] = gone, before: tuple[int, int] = before) -> bool:
            gc.collect()
            return gone() is None and _threads() <= before[0] and _descriptors() <= before[1]

        eventually(given_back, f"{name} is gone", within=END_SECONDS)


@pytest.mark.usefixtures("small_heap")
def test_a_tail_that_is_kept_continues_when_its_variable_in_a_function_is_gone() -> None:
    with bk.connect("inmem://") as s:
        s.create_topic(TOPIC)
        kept = [s.tail(TOPIC, interval=0.05)]
        gc.collect()
        s.publish(TOPIC, "later")
        eventually(lambda: len(kept[0].frame) == 1, "the kept tail reads on")
        widget = kept[0].widget
        gone = weakref.ref(kept.pop()._model)
        gc.collect()
        assert gone() is not None, "what is shown keeps its tail"
        widget.close()
