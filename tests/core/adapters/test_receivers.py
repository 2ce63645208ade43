from __future__ import annotations

import os
import signal
import threading
import time
import warnings

import pytest

from brokerkit.core.adapters import batched_receiver, fan_in, receiver
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import AbandonedWarning, Cancelled, Closed, Unavailable
from brokerkit.core.vocabulary.messages import Message
from brokerkit.testing import eventually

from .sources import ALL_SOURCES, SOON, Box, IteratorSource, ReceiverSource, ids, outcome, within

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("kind", ALL_SOURCES)
def test_cancelling_returns_the_messages_that_no_handler_got(kind: type[Box]) -> None:
    source = kind(300)
    cancellation = Cancellation()

    def handle(message: Message) -> None:
        message.ack()
        if int(message.id) == 9:
            cancellation.cancel()
            eventually(lambda: len(source.received) > 12, "more than twelve were received")

    with within(SOON):
        receiver(source, prefetch=20).receive(handle, cancellation=cancellation)
    outcomes = [outcome(each) for each in source.received]
    assert outcomes[:10] == ["ack"] * 10
    assert set(outcomes) == {"ack", "nack"}


@pytest.mark.parametrize("kind", ALL_SOURCES)
def test_cancelling_an_idle_receive_is_prompt(kind: type[Box]) -> None:
    cancellation = Cancellation()
    threading.Timer(0.05, cancellation.cancel).start()
    with within(SOON):
        receiver(kind()).receive(print, cancellation=cancellation)


def test_workers_are_threads_that_run_at_the_same_time() -> None:
    meeting = threading.Barrier(4)
    cancellation = Cancellation()

    def handle(message: Message) -> None:
        meeting.wait(50.0)
        message.ack()
        cancellation.cancel()

    receiver(IteratorSource(4)).receive(handle, workers=4, cancellation=cancellation)


def test_a_handler_that_raises_gives_its_message_back_stops_the_others_and_raises() -> None:
    source = IteratorSource(100)

    def handle(message: Message) -> None:
        if int(message.id) == 5:
            raise ValueError("bad payload")
        message.ack()

    with within(SOON), pytest.raises(ValueError, match="bad payload"):
        receiver(source).receive(handle, workers=3)
    assert outcome(source.received[5]) == "nack"
    assert None not in [outcome(each) for each in source.received]


def test_a_handler_that_raises_after_settling_changes_nothing() -> None:
    source = IteratorSource(1)

    def handle(message: Message) -> None:
        message.ack()
        raise Closed("the handler's own thing is closed")

    with pytest.raises(Closed, match="own thing"):
        receiver(source).receive(handle)
    assert outcome(source.received[0]) == "ack"


def test_a_batch_handler_that_raises_returns_unsettled_messages() -> None:
    source = IteratorSource(3)

    def handle(batch: list[Message]) -> None:
        batch[0].ack()
        raise ValueError("bad payload")

    with pytest.raises(ValueError, match="bad payload"):
        batched_receiver(source, max_messages=3).receive_batch(handle)
    assert [outcome(each) for each in source.received] == ["ack", "nack", "nack"]


def test_a_handler_that_raises_cancelled_leaves_its_message_as_it_is() -> None:
    source = IteratorSource(1)
    cancellation = Cancellation()

    def handle(message: Message) -> None:
        cancellation.cancel()
        raise Cancelled("stopped")

    receiver(source).receive(handle, cancellation=cancellation)
    assert outcome(source.received[0]) is None


def test_a_second_failure_is_noted_on_the_first() -> None:
    meeting = threading.Barrier(2)

    def handle(message: Message) -> None:
        meeting.wait(50.0)
        raise ValueError(f"bad payload {message.id}")

    with pytest.raises(ValueError, match="bad payload") as caught:
        receiver(IteratorSource(2)).receive(handle, workers=2)
    assert "bad payload" in caught.value.__notes__[0]


@pytest.mark.extended
@pytest.mark.parametrize("stuck", [False, True])
def test_ctrl_c_ends_it_soon_and_gives_back_the_rest(stuck: bool) -> None:
    source = IteratorSource(50)
    released = threading.Event()
    began = []

    def handle(message: Message) -> None:
        if not began:
            began.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)
        if stuck:
            released.wait(60.0)
        message.ack()

    wait = pytest.warns(AbandonedWarning) if stuck else warnings.catch_warnings()
    try:
        with wait, pytest.raises(KeyboardInterrupt):
            receiver(source, prefetch=10).receive(handle)
        assert time.monotonic() - began[0] < 30
    finally:
        released.set()
    eventually(lambda: outcome(source.received[0]) == "ack", "the first is acknowledged")
    assert None not in [outcome(each) for each in source.received]


def test_fan_in_hands_over_the_messages_of_all_with_one_handler_at_a_time() -> None:
    sources = [ReceiverSource(40), ReceiverSource(40), ReceiverSource(40)]
    cancellation = Cancellation()
    running = threading.Lock()
    got: list[int] = []

    def handle(message: Message) -> None:
        assert running.acquire(blocking=False)
        got.extend(ids([message]))
        message.ack()
        running.release()
        if len(got) == 120:
            cancellation.cancel()

    fan_in(*sources).receive(handle, cancellation=cancellation)
    assert sorted(got) == sorted([*range(40)] * 3)


def test_fan_in_raises_the_error_of_one_receiver_and_returns_the_messages_of_the_others() -> None:
    bad, good = ReceiverSource(1), ReceiverSource(200)
    bad.fail(Unavailable("gone"))
    with within(SOON), pytest.raises(Unavailable):
        fan_in(bad, good, prefetch=5).receive(lambda message: message.ack())
    assert None not in [outcome(each) for each in bad.received + good.received]


def test_a_consumer_like_source_that_has_every_protocol_is_pulled_from() -> None:
    class Everything(IteratorSource):
        def receive(self, handler, *, workers=1, cancellation=None) -> None:
            receiver(self).receive(handler, workers=workers, cancellation=cancellation)

        def stream(self, *, cancellation=None):
            raise AssertionError("would recurse for ever")

    source = Everything(3)
    source.fail(Unavailable("gone"))
    with pytest.raises(Unavailable):
        source.receive(lambda message: message.ack())
    assert [outcome(each) for each in source.received] == ["ack"] * 3
