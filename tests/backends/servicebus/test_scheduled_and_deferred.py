"""Messages that are not to be delivered yet, and those that were put aside."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brokerkit.core import ConfigError, Connection, NotFound, OutboundMessage

from .conftest import new_queue, publish
from .test_consumer import consumer_of, one

pytestmark = pytest.mark.broker


def states(broker: Connection, queue: str) -> dict[bytes | None, Any]:
    """The state of each message that can be looked at, by its payload."""
    browser = broker.inspector()
    return {
        value: dict(pairs or ()).get("$sb.state")
        for slice_ in browser.plan(queue)
        for part in browser.read(slice_)
        for value, pairs in zip(part.values("value"), part.values("attributes"), strict=True)
    }


@pytest.mark.parametrize("written", ["datetime", "text"])
def test_a_scheduled_message_comes_when_it_is_time(broker: Connection, written: str) -> None:
    queue = new_queue(broker)
    due = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0) + timedelta(seconds=1)
    given = due if written == "datetime" else due.isoformat()
    publish(
        broker, queue, OutboundMessage(b"later", attributes={"$sb.scheduled_enqueue_time": given}), b"now"
    )
    assert states(broker, queue) == {b"later": "scheduled", b"now": None}
    details = broker.inspector().describe(queue).details
    assert (details["active"], details["scheduled"]) == (1, 1)
    with consumer_of(broker, queue) as consumer:
        first = one(consumer)
        assert first.data == b"now"
        first.ack()
        second = one(consumer)
        assert second.data == b"later"
        assert datetime.now(UTC) >= due
        assert second.attributes.get("$sb.scheduled_enqueue_time") == due
        second.ack()


def test_a_scheduled_message_is_cancelled_through_the_native_client(broker: Connection) -> None:
    queue = new_queue(broker)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    publish(broker, queue, OutboundMessage(b"x", attributes={"$sb.scheduled_enqueue_time": tomorrow}))
    (slice_,) = broker.inspector().plan(queue)
    with broker.native.client.get_queue_sender(queue) as sender:
        sender.cancel_scheduled_messages(slice_.start)
    assert states(broker, queue) == {}


def test_deferred_messages_are_seen_and_taken_by_number_only(broker: Connection, client: Any) -> None:
    queue = new_queue(broker)
    publish(broker, queue, b"0", b"1", b"2")
    with client.get_queue_receiver(queue) as receiver:
        numbers = [message.sequence_number for message in deferred(receiver, 3)]
    assert states(broker, queue) == dict.fromkeys([b"0", b"1", b"2"], "deferred")
    assert broker.inspector().describe(queue).details["deferred"] == 3
    with consumer_of(broker, queue) as consumer:
        assert consumer.next_message(0.5) is None
    with consumer_of(broker, queue, deferred=[numbers[1]]) as consumer:
        message = one(consumer)
        assert (message.data, message.id) == (b"1", str(numbers[1]))
        assert consumer.next_message(0.5) is None
        message.ack()
    assert states(broker, queue) == dict.fromkeys([b"0", b"2"], "deferred")


def deferred(receiver: Any, count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        messages = receiver.receive_messages(count - len(found), max_wait_time=10)
        for message in messages:
            receiver.defer_message(message)
        found.extend(messages)
    return found


def test_all_deferred_messages_are_taken_held_and_settled(broker: Connection, client: Any) -> None:
    queue = new_queue(broker, lock_seconds=5)
    publish(broker, queue, *[b"%d" % number for number in range(5)])
    with client.get_queue_receiver(queue) as receiver:
        deferred(receiver, 5)
    with consumer_of(broker, queue, deferred=True) as consumer:
        held = consumer.fetch(10, 60)
        assert held is not None
        assert len(held) == 5
        time.sleep(7)  # longer than the lock lasts
        messages = held.messages()
        messages[0].nack()
        messages[1].reject(reason="bad")
        for message in messages[2:]:
            message.ack()
    # given back, it is deferred as it was
    assert states(broker, queue) == {b"0": "deferred"}
    assert broker.inspector().describe(queue).details["dead_letter"] == 1


def test_a_number_that_is_not_deferred_is_not_found_and_the_others_come(
    broker: Connection, client: Any
) -> None:
    queue = new_queue(broker)
    publish(broker, queue, b"0", b"1")
    with client.get_queue_receiver(queue) as receiver:
        numbers = [message.sequence_number for message in deferred(receiver, 2)]
    with consumer_of(broker, queue, deferred=[numbers[0], 999, numbers[1]]) as consumer:
        got = []
        with pytest.raises(NotFound, match="999"):
            while True:
                message = one(consumer)
                got.append(message.data)
                message.ack()
        message = one(consumer)
        got.append(message.data)
        message.ack()
    assert got == [b"0", b"1"]


@pytest.mark.parametrize("wrong", [[], ["1"], [0], "12", 1.5])
def test_numbers_that_are_none_are_refused(broker: Connection, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="deferred"):
        broker.consumer("queue", deferred=wrong)


def test_a_message_that_lived_too_long_is_dead_lettered(broker: Connection) -> None:
    queue = new_queue(broker, dead_letter_on_expiry=True)
    publish(broker, queue, OutboundMessage(b"x", attributes={"$sb.time_to_live": 1}))
    time.sleep(1.5)  # longer than the message lives
    with consumer_of(broker, queue) as consumer:
        assert consumer.next_message(0.5) is None
    with consumer_of(broker, f"{queue}/$deadletterqueue") as dead:
        message = one(dead)
        assert message.attributes.get("DeadLetterReason") == "TTLExpiredException"
        message.ack()
