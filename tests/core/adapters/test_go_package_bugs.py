"""What the adapters of the Go package got wrong."""

from __future__ import annotations

import threading
import time

import pytest

from brokerkit.core.adapters import (
    batched_iterator,
    batched_message_stream,
    batched_receiver,
    commit_highest,
    message_stream,
    publish_in_parallel,
    receiver,
    topic_from_function,
)
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import Cancelled, Unavailable
from brokerkit.core.vocabulary.messages import OutboundMessage

from .sources import ALL_SOURCES, SINGLE_SOURCES, SOON, Box, IteratorSource, ids, make_record, outcome, within

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("kind", ALL_SOURCES)
@pytest.mark.parametrize("adapter", ["stream", "batch_stream", "receive", "receive_batch"])
def test_a_source_that_fails_without_cancellation_ends_everything_with_its_error(
    kind: type[Box], adapter: str
) -> None:
    source = kind(3)
    source.fail(Unavailable("the broker went away"))
    got: list[int] = []

    def take(message: object) -> None:
        got.extend(ids(message if isinstance(message, list) else [message]))

    def run() -> None:
        if adapter == "stream":
            with message_stream(source).stream() as messages:
                for message in messages:
                    take(message)
        elif adapter == "batch_stream":
            with batched_message_stream(source, window=0.05).batch_stream() as batches:
                for batch in batches:
                    take(batch)
        elif adapter == "receive":
            receiver(source).receive(take)
        else:
            batched_receiver(source, window=0.05).receive_batch(take)

    with within(SOON), pytest.raises(Unavailable, match="went away"):
        run()
    assert got == [0, 1, 2]


def test_an_unread_error_blocks_no_producer_and_is_raised_on_leaving() -> None:
    source = IteratorSource(2)
    source.fail(Unavailable("the broker went away"))
    with within(SOON), pytest.raises(Unavailable), message_stream(source).stream() as messages:
        next(messages)
    assert [outcome(each) for each in source.received] == [None, "nack"]


@pytest.mark.parametrize("kind", ALL_SOURCES)
def test_an_idle_source_does_not_end_the_stream(kind: type[Box]) -> None:
    source = kind()
    with message_stream(source).stream() as messages:
        assert messages.next_message(0.15) is None
        source.add(1)
        assert ids([next(messages)]) == [0]


@pytest.mark.parametrize("kind", ALL_SOURCES)
def test_an_idle_source_makes_no_batch_and_does_not_end_the_batched_stream(kind: type[Box]) -> None:
    source = kind()
    with batched_message_stream(source, window=0.02).batch_stream() as batches:
        assert batches.next_within(0.15) is None
        source.add(1)
        assert ids(next(batches)) == [0]


def test_a_batch_that_cancelling_interrupts_is_handed_over_by_the_next_call() -> None:
    source = IteratorSource(3)
    batches = batched_iterator(source)
    cancellation = Cancellation()
    threading.Timer(0.05, cancellation.cancel).start()
    with within(SOON), pytest.raises(Cancelled):
        batches.next_batch(5, None, cancellation=cancellation)
    assert ids(batches.next_batch(5, 0.01)) == [0, 1, 2]


@pytest.mark.parametrize("kind", SINGLE_SOURCES)
def test_a_batch_that_cancelling_interrupts_is_given_back(kind: type[Box]) -> None:
    source = kind(3)
    cancellation = Cancellation()
    threading.Timer(0.1, cancellation.cancel).start()
    with within(SOON):
        batched_receiver(source, max_messages=50, window=60).receive_batch(
            lambda batch: [each.ack() for each in batch], cancellation=cancellation
        )
    assert [outcome(each) for each in source.received] == ["nack"] * len(source.received)


@pytest.mark.extended
def test_the_window_starts_at_the_first_message_and_later_ones_do_not_restart_it() -> None:
    source = IteratorSource()
    stop = threading.Event()

    def trickle() -> None:
        time.sleep(0.7)  # longer than the window: idle time before the first message does not count
        while not stop.is_set():
            source.add(1)
            stop.wait(0.05)

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        with batched_message_stream(source, max_messages=1000, window=0.6).batch_stream() as batches:
            first = next(batches)
            came = time.monotonic()
            second = next(batches)
            took = time.monotonic() - came
    finally:
        stop.set()
        thread.join()
    assert 2 <= len(first) < 1000
    assert 2 <= len(second) < 1000
    assert took < 30


def test_the_highest_offset_is_found_per_topic_and_partition_and_offset_zero_counts() -> None:
    records = [
        make_record("a", 0, 0),
        make_record("b", 0, 7),
        make_record("b", 0, 9),
        make_record("b", 0, 8),
        make_record("b", 1, 0),
    ]
    commit_highest(records)
    assert [outcome(each) for each in records] == ["ack", None, "ack", None, "ack"]


def test_a_failed_publish_cancels_no_sibling_and_every_outcome_is_known() -> None:
    def publish(message: OutboundMessage) -> str:
        if message.data == b"3":
            raise Unavailable("no answer")
        return str(message.data)

    messages = [OutboundMessage(str(number)) for number in range(20)]
    results = publish_in_parallel(topic_from_function(publish), messages, workers=4)
    assert [result.status for result in results] == ["confirmed"] * 3 + ["unknown"] + ["confirmed"] * 16


def test_messages_of_a_key_are_published_in_their_order() -> None:
    published: dict[bytes | None, list[bytes | None]] = {}

    def publish(message: OutboundMessage) -> None:
        # every second takes longer than its neighbours
        time.sleep(0.001 if message.data and message.data[-1] % 2 else 0)
        published.setdefault(message.key, []).append(message.data)

    messages = [OutboundMessage(f"{number:03}", key=f"k{number % 3}") for number in range(90)]
    results = publish_in_parallel(topic_from_function(publish), messages, workers=8)
    assert all(result.ok for result in results)
    assert all(values == sorted(values) and len(values) == 30 for values in published.values())
