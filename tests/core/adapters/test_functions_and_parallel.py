from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from brokerkit.core.adapters import (
    batched_iterator,
    batched_iterator_from_function,
    batched_record_iterator,
    iterator_from_function,
    message_iterator,
    message_stream,
    publish_in_parallel,
    publisher_from_function,
    record_iterator_from_function,
    topic_from_function,
)
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import Cancelled, ConfigError, TooLarge, Unavailable
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.protocols import (
    BatchedMessageIterator,
    BatchedRecordIterator,
    MessageIterator,
    Publisher,
    RecordIterator,
    Topic,
)
from brokerkit.core.vocabulary.results import PublishResult

from .sources import SOON, BatchIteratorSource, IteratorSource, ids, make, make_record, within

pytestmark = pytest.mark.timeout(120)


def test_a_function_is_an_iterator_that_waits_while_there_is_nothing() -> None:
    answers = [None, None, make(1)]
    source = iterator_from_function(lambda: answers.pop(0) if answers else None, pause=0.005)
    assert isinstance(source, MessageIterator)
    assert source.next_message(1.0).id == "1"
    with within(SOON):
        assert source.next_message(0.05) is None


def test_a_function_of_several_keeps_the_surplus_for_the_next_call() -> None:
    answers = [[make(0), make(1), make(2)], [make(3)]]
    source = batched_iterator_from_function(lambda: answers.pop(0) if answers else [], pause=0.005)
    assert isinstance(source, BatchedMessageIterator)
    assert ids(source.next_batch(2, 0.1)) == [0, 1]
    assert ids(source.next_batch(5, 0.02)) == [2, 3]
    assert source.next_batch(5, 0.02) == []


def test_a_function_of_records_is_an_iterator_in_ones_and_in_batches() -> None:
    answers = [make_record("a", 0, offset) for offset in range(3)]
    source = record_iterator_from_function(lambda: answers.pop(0) if answers else None, pause=0.005)
    assert isinstance(source, RecordIterator)
    batches = batched_record_iterator(source)
    assert isinstance(batches, BatchedRecordIterator)
    assert [each.offset for each in batches.next_batch(10, 0.02)] == [0, 1, 2]


def test_waiting_for_a_function_can_be_cancelled() -> None:
    cancellation = Cancellation()
    threading.Timer(0.05, cancellation.cancel).start()
    with within(SOON), pytest.raises(Cancelled):
        iterator_from_function(lambda: None, pause=30).next_message(cancellation=cancellation)


def test_a_function_can_be_streamed() -> None:
    numbers = iter(range(3))
    with message_stream(iterator_from_function(lambda: make(next(numbers)))).stream() as messages:
        assert ids([next(messages) for _ in range(3)]) == [0, 1, 2]
        with pytest.raises(RuntimeError, match="StopIteration"):  # an error, not the end
            next(messages)


def test_singles_and_batches_convert_both_ways() -> None:
    assert message_iterator(BatchIteratorSource(2)).next_message(0.1).id == "0"
    assert message_iterator(BatchIteratorSource()).next_message(0.01) is None
    assert ids(batched_iterator(IteratorSource(5)).next_batch(3, 0.1)) == [0, 1, 2]
    assert batched_iterator(IteratorSource()).next_batch(3, 0) == []


def test_an_error_in_mid_batch_comes_after_the_part_before_it() -> None:
    source = IteratorSource(2)
    source.fail(Unavailable("gone"))
    batches = batched_iterator(source)
    assert ids(batches.next_batch(5)) == [0, 1]
    with pytest.raises(Unavailable):
        batches.next_batch(5)


def test_a_function_is_a_topic_and_a_publisher() -> None:
    sent = []
    publisher = publisher_from_function(lambda name, message: sent.append((name, message.data)))
    topic = publisher.topic("orders")
    assert isinstance(publisher, Publisher)
    assert isinstance(topic, Topic)
    assert topic.publish(OutboundMessage("1")).ok
    assert sent == [("orders", b"1")]


def test_a_batch_to_a_function_reports_each_outcome() -> None:
    def publish(message: OutboundMessage) -> str:
        if message.data == b"large":
            raise TooLarge("too large")
        if message.data == b"odd":
            raise OSError("cut")
        return "id"

    topic = topic_from_function(publish)
    results = topic.publish_batch([OutboundMessage(data) for data in ("ok", "large", "odd")])
    assert [result.status for result in results] == ["confirmed", "failed", "unknown"]
    assert isinstance(results[2].error.__cause__, OSError)
    with pytest.raises(TooLarge):
        topic.publish(OutboundMessage("large"))


def test_after_a_failure_the_later_messages_of_its_key_are_not_sent() -> None:
    sent = []

    def publish(message: OutboundMessage) -> PublishResult | None:
        sent.append(message.data)
        if message.data == b"1":
            return PublishResult("unknown", error=Unavailable("no answer"))
        return None

    messages = [OutboundMessage(str(number), key="a" if number % 2 else "b") for number in range(6)]
    results = publish_in_parallel(topic_from_function(publish), messages)
    assert [result.status for result in results] == [
        "confirmed", "unknown", "confirmed", "failed", "confirmed", "failed",
    ]  # fmt: skip
    assert "message 1 of the batch" in str(results[3].error)
    assert results[3].error.retryable
    assert sorted(sent) == [b"0", b"1", b"2", b"4"]


def test_unkeyed_messages_are_published_at_the_same_time() -> None:
    meeting = threading.Barrier(4)
    topic = topic_from_function(lambda message: str(meeting.wait(50.0)))
    assert all(result.ok for result in publish_in_parallel(topic, [OutboundMessage("")] * 4, workers=4))


@pytest.mark.extended
def test_messages_that_the_timeout_left_no_time_for_are_failed() -> None:
    begun: list[OutboundMessage] = []

    def publish(message: OutboundMessage) -> None:
        begun.append(message)
        if len(begun) == 2:
            time.sleep(1.1)  # longer than the timeout

    topic = topic_from_function(publish)
    results = publish_in_parallel(topic, [OutboundMessage("")] * 4, workers=1, timeout=1.0)
    assert [result.status for result in results] == ["confirmed", "confirmed", "failed", "failed"]


def test_no_messages_do_nothing_and_no_workers_are_refused() -> None:
    topic = topic_from_function(lambda message: None)
    assert publish_in_parallel(topic, []) == []
    with pytest.raises(ConfigError):
        publish_in_parallel(topic, [], workers=0)


def test_ctrl_c_stops_publishing_and_says_what_was_confirmed() -> None:
    sent = []

    def publish(message: OutboundMessage) -> None:
        sent.append(message)
        if len(sent) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.02)  # all of them take a hundred seconds

    with within(SOON), pytest.raises(KeyboardInterrupt) as caught:
        publish_in_parallel(topic_from_function(publish), [OutboundMessage("")] * 5_000, workers=1)
    assert f"{len(sent)} of 5000 messages were confirmed" in caught.value.__notes__[0]
