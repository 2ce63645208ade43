from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from brokerkit.core.adapters import batched_message_stream, message_stream
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import (
    AbandonedWarning,
    AckFailed,
    Cancelled,
    Closed,
    ConfigError,
    Unavailable,
)
from brokerkit.core.vocabulary.messages import Message
from brokerkit.testing import eventually

from .sources import (
    ALL_SOURCES,
    SINGLE_SOURCES,
    SOON,
    BatchIteratorSource,
    Box,
    IteratorSource,
    ids,
    outcome,
    within,
)

pytestmark = pytest.mark.timeout(120)

INTERRUPTS = 100


@pytest.mark.parametrize("kind", ALL_SOURCES)
def test_every_message_comes_once_and_in_order(kind: type[Box]) -> None:
    source = kind(500)
    with message_stream(source, prefetch=7).stream() as messages:
        assert ids([next(messages) for _ in range(500)]) == list(range(500))


@pytest.mark.parametrize("kind", SINGLE_SOURCES)
def test_full_batches_come_at_once(kind: type[Box]) -> None:
    source = kind(100)
    with within(SOON), batched_message_stream(source, max_messages=25, window=30).batch_stream() as batches:
        assert [ids(next(batches)) for _ in range(4)] == [list(range(n, n + 25)) for n in (0, 25, 50, 75)]


@pytest.mark.parametrize("kind", ALL_SOURCES)
def test_leaving_early_returns_undelivered_messages(kind: type[Box]) -> None:
    source = kind(50)
    with within(SOON), message_stream(source, prefetch=10).stream() as messages:
        for message in messages:
            message.ack()
            eventually(lambda: len(source.received) >= 8, "8 were received")
            break
    assert outcome(source.received[0]) == "ack"
    assert [outcome(each) for each in source.received[1:]] == ["nack"] * (len(source.received) - 1)


@pytest.mark.parametrize("kind", SINGLE_SOURCES)
def test_leaving_a_batched_stream_early_returns_undelivered_messages(kind: type[Box]) -> None:
    source = kind(60)
    with within(SOON), batched_message_stream(source, max_messages=10, window=30).batch_stream() as batches:
        first = next(batches)
        eventually(lambda: len(source.received) >= 20, "20 were received")
    assert [outcome(each) for each in first] == [None] * 10
    assert [outcome(each) for each in source.received[10:]] == ["nack"] * (len(source.received) - 10)


@pytest.mark.parametrize("kind", ALL_SOURCES)
def test_the_source_waits_while_the_loop_is_slow(kind: type[Box]) -> None:
    source = kind(1000)
    with message_stream(source, prefetch=5).stream() as messages:
        next(messages)
        eventually(lambda: len(source.received) >= 6, "6 were received")
        time.sleep(0.1)  # time in which a source that does not wait would run away
        assert len(source.received) <= 7


@pytest.mark.parametrize("kind", ALL_SOURCES)
def test_cancelling_wakes_a_waiting_loop(kind: type[Box]) -> None:
    cancellation = Cancellation()
    with message_stream(kind()).stream(cancellation=cancellation) as messages:
        threading.Timer(0.05, cancellation.cancel).start()
        with within(SOON), pytest.raises(Cancelled):
            next(messages)


def test_an_error_is_raised_once_and_the_stream_is_over_then() -> None:
    source = IteratorSource(1)
    source.fail(Unavailable("gone"))
    with message_stream(source).stream() as messages:
        next(messages)
        with pytest.raises(Unavailable):
            next(messages)
        assert list(messages) == []


def test_the_error_of_the_block_wins_and_names_that_of_the_source() -> None:
    source = IteratorSource()
    source.fail(Unavailable("gone"))
    stream = message_stream(source).stream()

    def leave() -> None:
        with stream:
            eventually(lambda: stream.handoff.room(0) == 0, "there is no room")
            raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        leave()
    assert "Unavailable: gone" in caught.value.__notes__[0]


def test_a_stream_that_was_left_is_closed() -> None:
    with message_stream(IteratorSource(3)).stream() as messages:
        next(messages)
    with pytest.raises(Closed):
        next(messages)


class EndingStream:
    def __init__(self, count: int) -> None:
        self.box = IteratorSource(count)

    @contextmanager
    def stream(self, *, cancellation: Cancellation | None = None) -> Iterator[Iterator[Message]]:
        yield iter([message for _ in range(5) if (message := self.box.take(0, None))])


def test_the_last_batch_of_a_stream_that_ends_is_handed_over() -> None:
    with batched_message_stream(EndingStream(5), max_messages=3, window=30).batch_stream() as batches:
        assert [len(batch) for batch in batches] == [3, 2]


def test_a_refused_nack_is_reported_and_the_others_are_still_given_back() -> None:
    source = IteratorSource(4)
    source.waiting[1].delivery.refuse = Unavailable("no")

    def leave() -> None:
        with message_stream(source).stream() as messages:
            next(messages)
            eventually(lambda: len(source.received) == 4, "4 were received")

    with pytest.raises(AckFailed, match="1 of 3"):
        leave()
    assert [outcome(each) for each in source.received] == [None, None, "nack", "nack"]


class Deaf(IteratorSource):
    """Does not look at its cancellation."""

    def next_message(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Message | None:
        return self.take(timeout, None)


def test_messages_of_an_abandoned_source_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokerkit.core.adapters.pump.LEAVE_SECONDS", 0.1)
    source = Deaf()
    with pytest.warns(AbandonedWarning), within(SOON), message_stream(source).stream():
        pass
    source.add(1)
    eventually(lambda: source.received and outcome(source.received[0]) == "nack", "the first is given back")


def test_no_interrupt_loses_or_doubles_a_message() -> None:
    source = BatchIteratorSource()
    got: dict[int, Message] = {}
    taken = interrupts = added = 0
    total: int | None = None
    armed = False
    over = threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        nonlocal added, total
        while interrupts < INTERRUPTS and not over.wait(0.0005):
            source.add(20)
            added += 20
            signal.pthread_kill(main, signal.SIGUSR1)
        over.set()
        total = added + 1
        source.add(1)

    def raise_it(*_: object) -> None:
        nonlocal armed, interrupts
        # a second one, while the first is handled, would leave the loop
        if armed and not over.is_set():
            armed = False
            interrupts += 1
            raise KeyboardInterrupt

    thread = threading.Thread(target=interrupt)
    with message_stream(source, prefetch=3).stream() as messages:
        before = signal.signal(signal.SIGUSR1, raise_it)
        try:
            thread.start()
            while taken != total:
                with contextlib.suppress(KeyboardInterrupt):
                    armed = True
                    for message in messages:
                        got[taken] = message
                        taken += 1
                        if taken == total:
                            break
        finally:
            over.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)
    assert interrupts >= INTERRUPTS
    assert [int(each.id) for each in got.values()] == list(range(added + 1))


@pytest.mark.parametrize(
    "make",
    [
        lambda: message_stream(IteratorSource(), prefetch=0),
        lambda: batched_message_stream(IteratorSource(), max_messages=0),
        lambda: batched_message_stream(IteratorSource(), window=-1),
        lambda: batched_message_stream(IteratorSource(), window=None),
    ],
)
def test_sizes_and_windows_that_make_no_sense_are_refused(make) -> None:
    with pytest.raises(ConfigError):
        make()


def test_an_invalid_source_is_refused_with_the_protocols_named() -> None:
    with pytest.raises(TypeError, match="next_message"):
        message_stream(object())
