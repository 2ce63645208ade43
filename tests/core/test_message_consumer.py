"""What a user may rely on when messages are settled one by one."""

from __future__ import annotations

import gc
import signal
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest

from brokerkit.backends.inmem.consumer import InmemConsumer
from brokerkit.backends.inmem.store import Store
from brokerkit.core import (
    AckFailed,
    Cancellation,
    Cancelled,
    Closed,
    ConfigError,
    LockLost,
    Message,
    MessageConsumer,
    NotFound,
    ReceivedBatch,
    Unavailable,
    UnsettledWarning,
)
from brokerkit.core.contract.consumer import Backlog, ConsumerRequest, Fetched, Outcome
from brokerkit.core.runtime.subscribing import Subscribing
from brokerkit.testing.waiting import eventually

from .conftest import Desk

pytestmark = pytest.mark.timeout(120)
IDLE = 0.1
HANDING = 0.3


def test_acknowledged_messages_are_never_redelivered(desk: Desk) -> None:
    desk.topic(count=5)
    with desk.messages() as consumer:
        for message in consumer.next_batch(5, 5):
            message.ack()
    with desk.messages() as consumer:
        assert consumer.next_message(0.1) is None


def test_acknowledging_twice_is_fine_and_a_nack_after_it_does_nothing(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.messages()
    message = consumer.next_message(5)
    assert message is not None
    message.ack()
    message.ack()
    message.nack()
    assert consumer.next_message(0.1) is None


def test_returned_messages_are_redelivered_with_a_higher_count(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.messages()
    first = consumer.next_message(5)
    assert first is not None
    first.nack()
    again = consumer.next_message(5)
    assert again is not None
    assert (first.delivery_count, again.delivery_count) == (1, 2)
    with pytest.raises(AckFailed, match="returned"):
        first.ack()
    again.ack()


def test_a_rejected_message_is_not_redelivered_and_cannot_be_acknowledged(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.messages()
    message = consumer.next_message(5)
    assert message is not None
    message.reject(reason="bad")
    with pytest.raises(AckFailed, match="rejected"):
        message.ack()
    assert consumer.next_message(0.1) is None


@pytest.mark.extended
def test_a_nack_with_a_delay_waits_that_long(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.messages()
    message = consumer.next_message(5)
    assert message is not None
    began = time.monotonic()
    message.nack(delay=0.3)
    again = consumer.next_message(5)
    assert again is not None
    assert time.monotonic() - began >= 0.29
    again.ack()


def test_an_invalid_delay_is_refused_before_anything_happens(desk: Desk) -> None:
    desk.topic(count=1)
    message = desk.messages().next_message(5)
    assert message is not None
    with pytest.raises(ConfigError, match="delay"):
        message.nack(delay="soon")  # type: ignore[arg-type]  # on purpose
    message.ack()


def test_an_acknowledgement_that_the_broker_refused_raises_and_can_be_repeated(desk: Desk) -> None:
    desk.topic(count=1)
    message = desk.messages().next_message(5)
    assert message is not None
    desk.faults.drop_acks(1)
    with pytest.raises(AckFailed, match="was not confirmed") as caught:
        message.ack()
    assert caught.value.retryable
    message.ack()
    assert desk.leases() == 0


def test_an_acknowledgement_that_finds_no_broker_is_an_ack_failure(desk: Desk) -> None:
    desk.topic(count=1)
    message = desk.messages().next_message(5)
    assert message is not None
    desk.faults.stop()
    with pytest.raises(AckFailed) as caught:
        message.ack()
    assert isinstance(caught.value.__cause__, Unavailable)
    desk.faults.start()
    with pytest.raises(LockLost):
        message.ack()


def test_failures_of_a_batch_are_named_by_the_row_of_the_batch(desk: Desk) -> None:
    desk.topic(count=4)
    consumer = desk.messages()
    held = consumer.fetch(4, 5)
    assert held is not None
    first, rest = held.split(2)
    desk.faults.drop_acks(1)
    with pytest.raises(AckFailed, match="1 of 2") as caught:
        rest.ack()
    assert list(caught.value.failures) == [0]
    rest.ack()
    first.ack()
    assert desk.leases() == 0


@pytest.mark.extended
@pytest.mark.parametrize("settle", [Message.ack, Message.reject], ids=["ack", "reject"])
def test_a_message_held_too_long_is_lost_and_the_late_settling_says_so(
    desk: Desk, settle: Callable[[Message], None]
) -> None:
    desk.topic(count=1)
    consumer = desk.messages(ack_deadline=1.0, hold=0.1)
    message = consumer.next_message(5)
    assert message is not None
    eventually(lambda: desk.leases() == 0 or message.delivery.settled, "the lock lapses", within=60)  # type: ignore[union-attr]  # it has one
    with pytest.raises(LockLost, match="hold="):
        settle(message)
    # it is delivered again, as it would be without this
    message.nack()
    again = consumer.next_message(5)
    assert again is not None
    assert again.delivery_count == 2
    again.ack()


@pytest.mark.extended
def test_locks_are_extended_for_as_long_as_messages_are_held(desk: Desk) -> None:
    desk.topic(count=3)
    consumer = desk.messages(ack_deadline=1.5)
    held = consumer.next_batch(3, 5)
    other = desk.messages()
    assert other.next_message(2.5) is None
    for message in held:
        message.ack()


@pytest.mark.extended
def test_the_locks_of_many_fetches_are_extended_in_time_where_the_broker_is_slow(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    extend = InmemConsumer.extend

    def slow(self: InmemConsumer, receipts: Sequence[Any]) -> list[BaseException | None]:
        time.sleep(0.1)
        return extend(self, receipts)

    monkeypatch.setattr(InmemConsumer, "extend", slow)
    desk.topic(count=30)
    consumer = desk.messages(ack_deadline=1.0)
    held = [consumer.next_message(5) for _ in range(30)]
    other = desk.messages()
    assert other.next_message(2.5) is None
    for message in held:
        assert message is not None
        message.ack()


@pytest.mark.extended
def test_locks_are_extended_again_after_the_broker_was_away_for_a_moment(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.messages(ack_deadline=5.0)
    message = consumer.next_message(5)
    assert message is not None
    subscription = desk.store.subscriptions["orders", "me"]
    (lease,) = subscription.leases.values()
    with desk.store.changed:
        desk.faults.stopped = True
    eventually(lambda: consumer._trouble is not None, "extending fails", within=60)
    with desk.store.changed:
        desk.faults.stopped = False
    before = lease.deadline
    eventually(lambda: lease.deadline > before, "the lock is extended", within=60)
    message.ack()


def subscribed(desk: Desk) -> tuple[Store, ConsumerRequest]:
    """What a driver needs to consume a new subscription from its beginning."""
    desk.connection.create_subscription("orders", "me", start="earliest", ack_deadline=300.0)
    return desk.store, ConsumerRequest("orders", "me", "message")


def consumer_of(desk: Desk, driver: InmemConsumer, **options: Any) -> MessageConsumer:
    """A consumer over a driver of a test."""
    request = ConsumerRequest("orders", "me", "message")
    return MessageConsumer(
        driver,
        subscribing=Subscribing(driver, request, "message", desk.connection.translate),
        name="orders",
        capabilities=desk.connection.capabilities,
        translate=desk.connection.translate,
        **options,
    )


class Refusing(InmemConsumer):
    """Fails to give messages back a few times, with an outcome for each."""

    left: list[int]

    def settle(self, receipts: Sequence[Any], outcome: Outcome, **options: Any) -> list[BaseException | None]:
        if outcome is Outcome.NACK and self.left:
            self.left.pop()
            return [Unavailable("not now") for _ in receipts]
        return super().settle(receipts, outcome, **options)


class Slow(InmemConsumer):
    """Fetches one message at a time, and takes `HANDING` seconds to hand it over."""

    tells = True

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        fetched = super().fetch(1, wait)
        if fetched.receipts:
            time.sleep(HANDING)
        return fetched

    def backlog(self, mark: Any) -> Backlog | None:
        return super().backlog(mark) if self.tells else None


@pytest.mark.extended
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("thorough", [False, True])
def test_idle_does_not_end_a_wait_for_messages_that_are_being_handed_over(
    desk: Desk, thorough: bool, tells: bool
) -> None:
    desk.topic(count=2)
    driver = Slow(*subscribed(desk))
    driver.tells = tells
    with consumer_of(desk, driver) as consumer:
        got = consumer.fetch_many(9, IDLE if thorough else 10.0, window=10.0, idle=IDLE, thorough=thorough)
        assert sum(map(len, got)) == 2
        for each in got:
            each.ack()


@pytest.mark.extended
def test_undelivered_messages_are_returned_although_the_broker_was_away_when_due(
    desk: Desk,
) -> None:
    desk.topic(count=5)
    consumer = desk.messages(ack_deadline=300.0, hold=0.3)
    consumer._put_back([found for found in [consumer.fetch(5, 5)] if found is not None])
    with desk.store.changed:
        desk.faults.stopped = True
    eventually(lambda: consumer._trouble is not None and not consumer._buffer, "returning fails", within=60)
    assert desk.leases() == 5
    with desk.store.changed:
        desk.faults.stopped = False
    eventually(lambda: desk.leases() == 0, "all are returned long before their lock ends", within=60)
    again = desk.messages().next_batch(5, 5)
    assert len(again) == 5
    for message in again:
        message.ack()


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.extended)])
def test_undelivered_messages_are_returned_although_the_broker_refused_them_at_first(
    desk: Desk, times: int
) -> None:
    desk.topic(count=5)
    driver = Refusing(*subscribed(desk))
    driver.left = [0] * times
    with consumer_of(desk, driver, hold=0.3) as consumer:
        consumer._put_back([found for found in [consumer.fetch(5, 5)] if found is not None])
        eventually(lambda: desk.leases() == 0, "all are returned long before their lock ends", within=60)


def test_messages_held_too_long_are_returned_where_the_broker_has_no_locks(desk: Desk) -> None:
    desk.topic(count=2)
    desk.connection.create_subscription("orders", "me", start="earliest")

    class Lockless(InmemConsumer):
        lock_seconds = None

        def __setattr__(self, name: str, value: object) -> None:
            if name != "lock_seconds":
                super().__setattr__(name, value)

    request = ConsumerRequest("orders", "me", "message")
    driver = Lockless(desk.store, request)
    consumer = MessageConsumer(
        driver,
        subscribing=Subscribing(driver, request, "message", desk.connection.translate),
        name="orders",
        capabilities=desk.connection.capabilities,
        translate=desk.connection.translate,
        hold=0.1,
    )
    with consumer:
        message = consumer.next_message(5)
        assert message is not None
        eventually(lambda: desk.leases() == 0, "both are given back", within=60)
        with pytest.raises(LockLost):
            message.ack()


def test_messages_beyond_the_number_asked_for_are_handed_over_by_the_next_call(desk: Desk) -> None:
    desk.topic(count=10)
    consumer = desk.messages()
    found = [consumer.fetch(10, 5)]
    assert found[0] is not None
    consumer._put_back(found)  # type: ignore[arg-type]  # not None
    data = [consumer.next_batch(3, 5), consumer.next_batch(3, 0), consumer.next_batch(10, 0)]
    assert [m.data for batch in data for m in batch] == [b"%d" % n for n in range(10)]
    for message in (m for batch in data for m in batch):
        message.ack()


def test_a_timeout_of_zero_still_finds_what_is_there(desk: Desk) -> None:
    desk.topic(count=20)
    consumer = desk.messages()
    consumer.attach()
    for number in range(20):
        message = consumer.next_message(0)
        assert message is not None, number
        message.ack()
    assert consumer.next_message(0) is None


def test_nothing_is_fetched_before_a_caller_asks(desk: Desk) -> None:
    desk.topic(count=3)
    consumer = desk.messages()
    consumer.attach()
    consumer._driver_thread.call(lambda: None)
    assert desk.leases() == 0


@pytest.mark.extended
def test_an_idle_wait_ends_at_its_timeout_with_nothing(desk: Desk) -> None:
    desk.topic()
    consumer = desk.messages()
    began = time.monotonic()
    assert consumer.next_message(0.3) is None
    assert consumer.next_batch(5, 0.3) == []
    assert 0.6 <= time.monotonic() - began < 60


@pytest.mark.extended
def test_a_batch_is_full_or_what_came_by_the_timeout(desk: Desk) -> None:
    desk.topic(count=3)
    consumer = desk.messages()
    batch = consumer.next_batch(5, 0.3)
    assert len(batch) == 3
    for message in batch:
        message.ack()


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "3", None])
def test_a_count_must_be_a_positive_integer(desk: Desk, wrong: object) -> None:
    desk.topic()
    with pytest.raises(ConfigError, match="positive integer"):
        desk.messages().next_batch(wrong, 1)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("wrong", [-1, float("nan"), True, "3"])
def test_a_timeout_must_be_seconds(desk: Desk, wrong: object) -> None:
    desk.topic()
    with pytest.raises(ConfigError, match="seconds"):
        desk.messages().next_message(wrong)  # type: ignore[arg-type]  # on purpose


def test_cancelling_raises_at_once_and_loses_nothing(desk: Desk) -> None:
    desk.topic(count=2)
    consumer = desk.messages()
    cancellation = Cancellation()
    timer = threading.Timer(0.2, cancellation.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        consumer.next_batch(10, 90, cancellation=cancellation)
    assert time.monotonic() - began < 60
    batch = consumer.next_batch(2, 5)
    assert [(m.data, m.delivery_count) for m in batch] == [(b"0", 1), (b"1", 1)]
    for message in batch:
        message.ack()


class Struck(Exception):
    """Raised by the signal handler, wherever the main thread is."""


# what a signal raises inside a callback of a weak reference, Python reports and does not raise
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_signals_at_any_moment_lose_no_message_and_break_nothing(desk: Desk) -> None:
    total = 300
    desk.topic(count=total)
    consumer = desk.messages()
    consumer.attach()
    pieces: list[ReceivedBatch] = []
    rounds = struck = 0

    def strike(number: int, frame: FrameType | None) -> None:
        raise Struck

    before = signal.signal(signal.SIGALRM, strike)
    deadline = time.monotonic() + 15
    try:
        while sum(map(len, pieces)) < total and time.monotonic() < deadline:
            rounds += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + rounds * 37 % 101 * 0.000004)
                held = consumer.fetch(1, 0.05)
                if held is not None:
                    pieces.append(held)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Struck:
                struck += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    data = [value for held in pieces for value in held.columns.to_list("value")]
    assert data == [b"%d" % number for number in range(total)]
    assert struck > 10
    for held in pieces:
        held.ack()


@pytest.mark.extended
def test_two_threads_share_a_consumer_without_losing_or_doubling(desk: Desk) -> None:
    total = 200
    desk.topic(count=total)
    consumer = desk.messages()
    seen: list[bytes | None] = []

    def work() -> None:
        while True:
            message = consumer.next_message(0.3)
            if message is None:
                return
            message.ack()
            seen.append(message.data)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    assert sorted(seen, key=lambda value: int(value or b"")) == [b"%d" % number for number in range(total)]


def test_a_thread_that_gives_up_does_not_stop_the_fetching_of_another(desk: Desk) -> None:
    desk.topic()
    consumer = desk.messages()
    consumer.attach()
    arrived: list[float] = []

    def wait() -> None:
        message = consumer.next_message(90)
        arrived.append(time.monotonic())
        assert message is not None
        message.ack()

    thread = threading.Thread(target=wait)
    thread.start()
    for _ in range(10):
        assert consumer.next_message(0.0) is None
    began = time.monotonic()
    desk.publish("orders", 1)
    thread.join(90)
    assert arrived[0] - began < 60


def test_closing_ends_the_wait_of_another_thread(desk: Desk) -> None:
    desk.topic()
    consumer = desk.messages()
    consumer.attach()
    raised: list[BaseException] = []

    def wait() -> None:
        try:
            consumer.next_message(None)
        except Closed as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    eventually(lambda: consumer._waiters, "the thread waits")
    consumer.close()
    thread.join(60)
    assert len(raised) == 1


def test_closing_returns_unsettled_messages(desk: Desk) -> None:
    desk.topic(count=5)
    consumer = desk.messages()
    batch = consumer.next_batch(3, 5)
    batch[0].ack()
    consumer.close()
    assert desk.leases() == 0
    with pytest.raises(Closed, match="returned"):
        batch[1].ack()
    with desk.messages() as other:
        rest = other.next_batch(4, 5)
        assert [m.data for m in rest] == [b"1", b"2", b"3", b"4"]
        assert other.next_message(0) is None
        for message in rest:
            message.ack()


class Recording(InmemConsumer):
    """Records the offsets that it returns."""

    returned: list[int]

    def settle(self, receipts: Sequence[Any], outcome: Outcome, **options: Any) -> list[BaseException | None]:
        if outcome is Outcome.NACK:
            self.returned += [receipt.offset for receipt in receipts]
        return super().settle(receipts, outcome, **options)


@pytest.mark.parametrize("size", [1, 3, 40])
def test_closing_returns_messages_of_many_fetches_in_the_order_in_which_they_came(
    desk: Desk, size: int
) -> None:
    desk.topic(count=40)
    driver = Recording(*subscribed(desk))
    driver.returned = []
    consumer = consumer_of(desk, driver)
    held = [consumer.fetch(size, 5) for _ in range(40 // size)]
    consumer.close()
    assert driver.returned == list(range(len(held) * size))


def test_dropping_a_consumer_gives_back_and_ends_its_thread(desk: Desk) -> None:
    desk.topic(count=3)
    consumer = desk.messages()
    held = consumer.fetch(3, 5)
    assert desk.leases() == 3
    thread = consumer._driver_thread._thread
    del consumer, held
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()
    assert desk.leases() == 0


def test_an_unsettled_message_causes_a_warning(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.messages()
    message = consumer.next_message(5)
    assert message is not None
    messages = [message]
    del message
    with pytest.warns(UnsettledWarning, match="0-0"):
        messages.clear()
    consumer.close()


def test_a_settled_message_is_dropped_in_silence(desk: Desk) -> None:
    desk.topic(count=2)
    consumer = desk.messages()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for message in consumer.next_batch(2, 5):
            message.ack()
        del message
        gc.collect()


def test_a_missing_subscription_is_not_found_with_the_line_that_creates_it(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.connection.consumer("orders", "missing")
    assert isinstance(consumer, MessageConsumer)
    with pytest.raises(NotFound, match="create_subscription"):
        consumer.next_message(5)
    desk.connection.create_subscription("orders", "missing", start="earliest")
    message = consumer.next_message(5)
    assert message is not None
    message.ack()


def test_start_creates_the_subscription_where_there_is_none(desk: Desk) -> None:
    desk.topic(count=4)
    with desk.connection.consumer("orders", "new", start=-2) as consumer:
        assert isinstance(consumer, MessageConsumer)
        batch = consumer.next_batch(2, 5)
        assert [m.data for m in batch] == [b"2", b"3"]
        assert consumer.next_message(0) is None
        for message in batch:
            message.ack()


@pytest.mark.extended
def test_a_broker_that_went_away_is_an_error_and_not_silence(desk: Desk) -> None:
    desk.topic()
    consumer = desk.messages()
    consumer.attach()
    desk.faults.stop()
    with pytest.raises(Unavailable):
        consumer.next_message(0.6)
    desk.faults.start()
    assert consumer.next_message(0.1) is None


def test_a_deleted_topic_is_an_error_that_every_call_meets(desk: Desk) -> None:
    desk.topic()
    consumer = desk.messages()
    consumer.attach()
    desk.connection.delete_topic("orders")
    for _ in range(2):
        with pytest.raises(NotFound):
            consumer.next_message(1)


@pytest.mark.extended
def test_attaching_gives_up_after_its_timeout_and_may_be_tried_again(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.messages(connect_timeout=0.4)
    desk.faults.stop()
    began = time.monotonic()
    with pytest.raises(Unavailable, match="connect_timeout"):
        consumer.next_message(90)
    assert time.monotonic() - began < 60
    desk.faults.start()
    message = consumer.next_message(5)
    assert message is not None
    message.ack()


@pytest.mark.extended
def test_the_time_of_an_interrupted_attach_does_not_count_for_the_next(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.messages(connect_timeout=0.8)
    desk.faults.stop()
    cancellation = Cancellation()
    threading.Timer(0.2, cancellation.cancel).start()
    with pytest.raises(Cancelled):
        consumer.next_message(10, cancellation=cancellation)
    eventually(lambda: consumer._attach_deadline is None, "attaching rests", within=60)
    desk.faults.start()
    message = consumer.next_message(5)
    assert message is not None
    message.ack()


def test_a_publish_time_that_no_calendar_has_does_not_block_what_follows(desk: Desk) -> None:
    desk.topic(count=2)
    entries = desk.store.topics["orders"].partitions[0]._entries
    object.__setattr__(entries[0], "time", 2**62)
    consumer = desk.messages()
    batch = consumer.next_batch(2, 5)
    assert [m.publish_time is None for m in batch] == [True, False]
    for message in batch:
        message.ack()


def test_single_messages_of_a_large_batch_come_quickly(desk: Desk) -> None:
    desk.topic(count=5_000)
    consumer = desk.messages()
    held = consumer.fetch(5_000, 5)
    assert held is not None
    consumer._put_back([held])
    began = time.process_time()
    singles = [consumer.fetch(1, 5) for _ in range(5_000)]
    assert time.process_time() - began < 2.5
    for single in singles:
        assert single is not None
    held.ack()
    assert desk.leases() == 0
