"""Consuming: leases, giving back, exactly-once, and subscriptions that cannot be consumed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from grpc import StatusCode, insecure_channel

from brokerkit.backends.pubsub import returning
from brokerkit.backends.pubsub.connection import Call, PubSubConnection
from brokerkit.backends.pubsub.consumer import PubSubConsumer
from brokerkit.backends.pubsub.driver import PubSubDriver
from brokerkit.backends.pubsub.methods import MODIFY_ACK_DEADLINE, Method
from brokerkit.core import (
    AlreadyExists,
    ConfigError,
    Connection,
    LockLost,
    Message,
    NotFound,
    NotSupported,
    OutboundMessage,
)
from brokerkit.core.contract.consumer import ConsumerRequest, Outcome
from brokerkit.testing import eventually

from .conftest import Make, new_name, publish
from .refusing import RefusingServer

pytestmark = pytest.mark.broker


def _driver(broker: Connection, topic: str, subscription: str) -> PubSubConsumer:
    made = broker.driver.consumer(ConsumerRequest(topic, subscription, "message"))
    assert isinstance(made, PubSubConsumer)
    assert made.attach(5)
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    "server", ["emulator", pytest.param("pstest", marks=pytest.mark.extended)], indirect=True
)
def test_a_message_held_longer_than_its_deadline_stays_ours(broker: Connection, make: Make) -> None:
    topic, subscription = make(broker, ack_deadline=10)
    publish(broker, topic, b"slow")
    holder, other = (broker.consumer(topic, subscription) for _ in range(2))
    message = holder.next_message(60)
    assert other.next_message(13.0) is None
    message.ack()
    assert other.next_message(1.0) is None


def test_close_returns_unsettled_messages_at_once(broker: Connection, make: Make) -> None:
    topic, subscription = make(broker, ack_deadline=600)
    publish(broker, topic, b"1", b"2", b"3")
    with broker.consumer(topic, subscription) as first:
        held: list[Message] = []
        while len(held) < 3:
            held.extend(first.next_batch(3 - len(held), 1.0))
    again: list[bytes | None] = []
    second = broker.consumer(topic, subscription)
    began = time.monotonic()
    while len(again) < 3 and time.monotonic() - began < 10:
        batch = second.next_batch(3 - len(again), 1.0)
        again.extend(message.data for message in batch)
        for message in batch:
            message.ack()
    assert sorted(again) == [b"1", b"2", b"3"]


def test_a_consumer_that_stopped_waiting_takes_no_message_from_others(broker: Connection, make: Make) -> None:
    topic, subscription = make(broker, ack_deadline=600)
    waited, other = (broker.consumer(topic, subscription) for _ in range(2))
    assert waited.next_message(0.3) is None
    publish(broker, topic, b"for the other")
    message = other.next_message(60)
    assert message is not None
    message.ack()


@contextmanager
def returns_refused(
    broker: Connection, times: int, after: threading.Event | None = None
) -> Iterator[list[Call]]:
    """Send the first requests of a connection that return messages to a server that is not available.

    The list has all requests that returned messages.
    """
    assert isinstance(broker.driver, PubSubDriver)
    submit, made = PubSubConnection.submit, broker.driver.connection
    tries: list[Call] = []

    def elsewhere(self: PubSubConnection, method: Method, timeout: float, **fields: Any) -> Call:
        # on the emulator, what is returned in order waits for a second
        if self is not made or method is not MODIFY_ACK_DEADLINE or fields["ack_deadline_seconds"] > 1:
            return submit(self, method, timeout, **fields)
        call = submit(other if len(tries) < times else self, method, timeout, **fields)
        tries.append(call)
        return call

    with (
        RefusingServer(StatusCode.UNAVAILABLE, "try again", after=after) as server,
        insecure_channel(f"127.0.0.1:{server.port}") as channel,
        pytest.MonkeyPatch.context() as patch,
    ):
        other = PubSubConnection("refused-project", "", channel, channel, emulator=True)
        patch.setattr(PubSubConnection, "submit", elsewhere)
        yield tries


def test_a_message_that_a_slow_service_did_not_take_back_is_returned_with_the_next_try(
    broker: Connection, make: Make
) -> None:
    topic, subscription = make(broker, ack_deadline=600)
    waited, other = (broker.consumer(topic, subscription) for _ in range(2))
    assert waited.next_message(0.3) is None
    with returns_refused(broker, 2) as tries:
        publish(broker, topic, b"for the other")
        eventually(lambda: len(tries) == 3, "it was refused twice", within=60)
        message = other.next_message(60)
        assert message is not None
        message.ack()


def test_a_message_that_was_not_taken_back_comes_to_a_caller_who_waits(
    broker: Connection, make: Make
) -> None:
    topic, subscription = make(broker, ack_deadline=600)
    consumer = broker.consumer(topic, subscription)
    assert consumer.next_message(0.3) is None
    with returns_refused(broker, 1) as tries:
        publish(broker, topic, b"x")
        eventually(lambda: bool(tries), "it was tried once", within=60)
        # a consumer whose caller waits is never idle
        message = consumer.next_message(60)
        assert message is not None
        message.ack()


def test_a_service_that_takes_no_message_back_holds_up_nothing_else(
    broker: Connection, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, subscription = make(broker, ack_deadline=600)
    consumer = broker.consumer(topic, subscription)
    assert consumer.next_message(0.3) is None
    monkeypatch.setattr(returning, "GIVE_BACK_SECONDS", 600.0)
    answered = threading.Event()
    with returns_refused(broker, 1, answered) as tries:
        try:
            publish(broker, topic, b"not taken back")
            eventually(lambda: bool(tries), "its return has begun", within=60)
            publish(broker, topic, b"x")
            message = consumer.next_message(60)
            assert message is not None
            assert message.data == b"x"
            message.ack()
            assert not tries[0].done()
        finally:
            answered.set()
        again = consumer.next_message(60)
        assert again is not None
        assert again.data == b"not taken back"
        again.ack()


def test_a_consumer_that_was_closed_while_it_waited_takes_no_message_from_others(
    broker: Connection, make: Make
) -> None:
    topic, subscription = make(broker, ack_deadline=600)
    for _ in range(5):
        with broker.consumer(topic, subscription) as waited:
            assert waited.next_message(0.2) is None
        publish(broker, topic, b"for the other")
        with broker.consumer(topic, subscription) as other:
            message = other.next_message(60)
            assert message is not None
            message.ack()


def test_a_delayed_nack_is_redelivered_after_the_delay(broker: Connection, make: Make) -> None:
    topic, subscription = make(broker, ack_deadline=60)
    publish(broker, topic, b"x")
    consumer = broker.consumer(topic, subscription)
    message = consumer.next_message(60)
    began = time.monotonic()
    message.nack(delay=2.0)
    again = consumer.next_message(40)
    assert again.id == message.id
    assert time.monotonic() - began > 1.5
    again.ack()


def test_a_look_without_waiting_finds_what_is_there(broker: Connection, make: Make) -> None:
    topic, subscription = make(broker)
    publish(broker, topic, b"x")
    consumer = broker.consumer(topic, subscription)
    # the answer to a look may be late, and the next look has it then
    eventually(lambda: consumer.next_message(0.0), "it was found").ack()


def test_a_late_acknowledgement_of_an_exactly_once_subscription_is_lock_lost(
    emulator: Connection, make: Make
) -> None:
    topic, subscription = make(emulator, exactly_once=True)
    publish(emulator, topic, b"x")
    driver = _driver(emulator, topic, subscription)
    fetched = driver.fetch(1, 60)
    assert driver.ack == "confirmed"
    (stale,) = fetched.receipts
    assert driver.settle([stale], Outcome.NACK, delay=None, reason=None) == [None]
    (again,) = driver.fetch(1, 60).receipts
    late, fine = driver.settle([stale, again], Outcome.ACK, delay=None, reason=None)
    assert isinstance(late, LockLost)
    assert late.__cause__ is not None
    assert fine is None
    driver.close(1)
    with emulator.consumer(topic, subscription) as consumer:
        assert consumer.next_message(1.0) is None


def test_a_subscription_without_exactly_once_only_sends(broker: Connection, make: Make) -> None:
    topic, subscription = make(broker)
    publish(broker, topic, b"x")
    driver = _driver(broker, topic, subscription)
    assert driver.ack == "sent"
    driver.close(1)
    message = broker.consumer(topic, subscription).next_message(60)
    with pytest.raises(NotSupported, match="only sends"):
        message.ack(require_confirmed=True)
    message.ack()


def test_deliveries_are_counted_with_a_dead_letter_policy(emulator: Connection, make: Make) -> None:
    graveyard, dead = make(emulator)
    topic, subscription = make(emulator, dead_letter_topic=graveyard, max_delivery_attempts=5, ordering=False)
    publish(emulator, topic, OutboundMessage(b"poison", attributes={"a": "b"}))
    consumer = emulator.consumer(topic, subscription)
    for expected in range(1, 6):
        message = consumer.next_message(60)
        assert message.delivery_count == expected
        message.nack()
    assert consumer.next_message(1.0) is None
    buried = emulator.consumer(graveyard, dead).next_message(60)
    assert buried.data == b"poison"
    assert buried.attributes.get("a") == "b"
    buried.ack()


def test_a_missing_subscription_is_not_found_with_the_line_that_creates_it(
    broker: Connection, make: Make
) -> None:
    topic, _ = make(broker)
    missing = new_name()
    with pytest.raises(NotFound, match=f"create_subscription\\('{topic}', '{missing}'"):
        broker.consumer(topic, missing).next_message(60)
    with pytest.raises(NotFound, match="no topic"):
        broker.consumer(new_name(), missing, start="earliest").next_message(60)


def test_a_subscription_of_another_topic_is_refused(broker: Connection, make: Make) -> None:
    topic, _ = make(broker)
    other, subscription = make(broker)
    with pytest.raises(ConfigError, match=other):
        broker.consumer(topic, subscription).next_message(60)


def test_start_creates_a_missing_subscription_and_leaves_an_existing_one(
    broker: Connection, make: Make
) -> None:
    topic, _ = make(broker)
    name = new_name()
    with broker.consumer(topic, name, start="latest") as consumer:
        consumer.attach()
        publish(broker, topic, b"x")
        consumer.next_message(60).nack()
    with broker.consumer(topic, name, start="latest") as again:
        again.next_message(60).ack()
    with pytest.raises(AlreadyExists):
        broker.create_subscription(topic, name)


def test_a_subscription_begins_as_early_as_the_topic_retains(emulator: Connection) -> None:
    topic = new_name()
    emulator.create_topic(topic, retention=3600)
    publish(emulator, topic, b"before")
    # the emulator seeks only where there is no ordering
    for start in ("earliest", "-1min"):
        name = new_name()
        with emulator.consumer(topic, name, start=start, ordering=False) as consumer:
            message = consumer.next_message(60)
            assert message.data == b"before"
            message.ack()


def test_a_subscription_that_cannot_begin_where_it_should_is_not_left_behind(emulator: Connection) -> None:
    topic, name = new_name(), new_name()
    emulator.create_topic(topic, retention=3600)
    with pytest.raises(NotSupported):
        emulator.create_subscription(topic, name, start="earliest", ordering=True)
    assert emulator.inspector().describe(topic).subscriptions == ()


def test_positions_that_the_topic_cannot_give_are_refused(broker: Connection, make: Make) -> None:
    topic, _ = make(broker)
    with pytest.raises(NotSupported, match="no offsets"):
        broker.create_subscription(topic, new_name(), start=5)
    with pytest.raises(NotSupported, match="retains no messages"):
        broker.create_subscription(topic, new_name(), start="-1h")
    with pytest.raises(ConfigError, match="future"):
        broker.create_subscription(topic, new_name(), start="+1h")
