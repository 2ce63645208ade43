"""Sessions: one receiver at a time, in order, and what happens when they are held, lost or many."""

from __future__ import annotations

import time
from typing import Any

import pytest

from brokerkit.core import ConfigError, Connection, LockLost, NotSupported, OutboundMessage, Unavailable
from brokerkit.testing.waiting import eventually

from .conftest import new_queue, new_topic, publish
from .test_consumer import consumer_of, one

pytestmark = pytest.mark.broker


def filled(broker: Connection, *keys: str, each: int = 2, **options: Any) -> str:
    """A queue with sessions, so many messages in each."""
    queue = new_queue(broker, sessions=True, **options)
    publish(
        broker,
        queue,
        *[OutboundMessage(f"{key}{number}", key=key) for number in range(each) for key in keys],
    )
    return queue


def test_a_named_session_gives_its_own_messages_in_order(broker: Connection) -> None:
    queue = filled(broker, "a", "b", each=3)
    with consumer_of(broker, queue, session="b") as consumer:
        held = consumer.fetch(10, 60)
        assert held is not None
        assert list(held.columns.values("value")) == [b"b0", b"b1", b"b2"]
        assert set(held.columns.values("key")) == {b"b"}
        held.ack()
        assert consumer.fetch(1, 0.3) is None


@pytest.mark.parametrize("options", [{}, {"session": True}])
def test_without_a_name_all_sessions_are_taken_one_after_the_other(
    broker: Connection, options: dict[str, Any]
) -> None:
    keys = [f"k{number}" for number in range(12)]
    queue = filled(broker, *keys)
    got: dict[bytes | None, list[bytes | None]] = {}
    with consumer_of(broker, queue, **options) as consumer:
        while sum(map(len, got.values())) < 24:
            held = consumer.fetch(100, 60)
            assert held is not None
            for key, value in zip(held.columns.values("key"), held.columns.values("value"), strict=True):
                got.setdefault(key, []).append(value)
            held.ack()
    assert got == {key.encode(): [f"{key}0".encode(), f"{key}1".encode()] for key in keys}


def test_one_batch_may_hold_several_sessions(broker: Connection) -> None:
    queue = filled(broker, "a", "b", "c")
    with consumer_of(broker, queue) as consumer:
        pieces = consumer.fetch_many(6, 20)
        assert sum(map(len, pieces)) == 6
        for held in pieces:
            held.ack()
        assert consumer.fetch(1, 0.3) is None


def test_the_next_of_a_session_waits_for_what_was_handed_over(broker: Connection) -> None:
    queue = filled(broker, "a", each=3)
    with consumer_of(broker, queue, session="a") as consumer:
        first = one(consumer)
        assert first.data == b"a0"
        assert consumer.next_message(0.5) is None
        first.nack()
        again = one(consumer)
        assert again.data == b"a0"
        again.ack()
        second = one(consumer)
        assert second.data == b"a1"
        second.ack()


def test_a_session_that_another_receiver_holds_is_said_to_be_held(broker: Connection) -> None:
    queue = filled(broker, "a")
    with consumer_of(broker, queue, session="a") as holder:
        message = one(holder)
        began = time.monotonic()
        with (
            consumer_of(broker, queue, session="a", connect_timeout=2.0) as other,
            pytest.raises(Unavailable, match="held by another receiver"),
        ):
            other.next_message(1.0)
        assert time.monotonic() - began < 60
        message.ack()
        second = one(holder)
        second.ack()


def test_a_session_is_free_again_once_its_consumer_is_closed(broker: Connection) -> None:
    queue = filled(broker, "a")
    with consumer_of(broker, queue, session="a") as holder:
        one(holder).ack()
    with consumer_of(broker, queue, session="a") as next_one:
        message = one(next_one)
        assert message.data == b"a1"
        message.ack()


def test_two_consumers_share_the_sessions_and_never_one(broker: Connection) -> None:
    queue = filled(broker, "a", "b")
    with consumer_of(broker, queue) as left, consumer_of(broker, queue) as right:
        first, other = one(left), one(right)
        assert first.key != other.key
        first.ack()
        other.ack()


def test_the_lock_of_a_session_is_kept_while_its_messages_are_held(broker: Connection) -> None:
    queue = filled(broker, "a", lock_seconds=5)
    with consumer_of(broker, queue, session="a") as consumer:
        held = consumer.fetch(2, 60)
        assert held is not None
        time.sleep(7)  # longer than the lock lasts
        held.ack()


def test_messages_of_a_session_are_redelivered_after_its_lock_is_lost(broker: Connection) -> None:
    queue = filled(broker, "a", lock_seconds=5)
    with consumer_of(broker, queue, session="a", hold=0.2) as consumer:
        held = consumer.fetch(2, 60)
        assert held is not None
        with consumer_of(broker, queue, session="a") as other:
            again = other.fetch(2, 60)
            assert again is not None
            assert list(again.columns.values("value")) == [b"a0", b"a1"]
            again.ack()
            with pytest.raises(LockLost):
                held.ack()


def test_an_idle_consumer_keeps_no_session_from_others(broker: Connection) -> None:
    queue = new_queue(broker, sessions=True)
    with consumer_of(broker, queue) as idle, consumer_of(broker, queue) as other:
        assert idle.next_message(0.3) is None
        time.sleep(1)  # it has asked for a session, and rests now
        publish(broker, queue, OutboundMessage(b"x", key="k"))
        message = one(other, 60)
        message.ack()


def test_sessions_of_a_subscription_and_their_dead_letters(broker: Connection) -> None:
    topic = new_topic(broker, "me", sessions=True)
    publish(broker, topic, OutboundMessage(b"x", key="k"))
    with consumer_of(broker, topic, "me", session="k") as consumer:
        one(consumer).reject(reason="bad")
    # a sub-queue has no sessions, and keeps the key
    with consumer_of(broker, f"{topic}/$deadletterqueue", "me") as dead:
        message = one(dead)
        assert (message.key, message.attributes.get("DeadLetterReason")) == (b"k", "bad")
        message.ack()


def test_a_message_without_a_key_is_refused_by_a_queue_with_sessions(broker: Connection) -> None:
    queue = new_queue(broker, sessions=True)
    with broker.publisher() as publisher:
        good, bad, other = publisher.topic(queue).publish_batch(
            [OutboundMessage(b"1", key="k"), OutboundMessage(b"2"), OutboundMessage(b"3", key="k")]
        )
    assert (good.status, bad.status, other.status) == ("confirmed", "failed", "confirmed")
    assert isinstance(bad.error, ConfigError)


def test_session_options_that_make_no_sense_are_refused(broker: Connection) -> None:
    queue = new_queue(broker)
    with consumer_of(broker, queue, session="a") as consumer, pytest.raises(ConfigError, match="no sessions"):
        consumer.next_message(60)
    for wrong in (5, "", b"a"):
        with pytest.raises(ConfigError, match="session"):
            broker.consumer(queue, session=wrong)
    with pytest.raises(ConfigError, match="leave session= out"):
        broker.consumer(queue, session="a", deferred=[1])
    with (
        consumer_of(broker, new_queue(broker, sessions=True), deferred=True) as consumer,
        pytest.raises(NotSupported, match="native"),
    ):
        consumer.next_message(60)


def test_a_queue_with_sessions_is_looked_at_without_taking_any(broker: Connection) -> None:
    queue = filled(broker, "a", "b")
    with consumer_of(broker, queue, session="a") as holder:
        message = one(holder)
        browser = broker.inspector()
        rows = [
            value
            for slice_ in browser.plan(queue)
            for part in browser.read(slice_)
            for value in part.values("value")
        ]
        assert sorted(rows) == [b"a0", b"a1", b"b0", b"b1"]
        message.ack()
    eventually(lambda: browser.describe(queue).details["active"] == 3, "it is acknowledged", within=60)
