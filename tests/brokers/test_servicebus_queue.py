"""Queues, by what Microsoft documents of them: locks, settlement, dead letters, lifetimes."""

from __future__ import annotations

import datetime

import pytest
from azure.servicebus import ServiceBusMessage as Message
from azure.servicebus import ServiceBusMessageState, exceptions

from brokerkit.testing import eventually
from tests.brokers.conftest import WAIT, Bus, nothing, receive

pytestmark = pytest.mark.broker


def body(message: object) -> bytes:
    return b"".join(message.body)  # type: ignore[attr-defined]


def test_a_message_comes_as_it_was_sent(bus: Bus) -> None:
    """Messages, payloads, and serialization: the broker does not change what the sender set."""
    queue = bus.queue()
    given = {"text": "ä", "number": -7, "big": 2**30, "share": 0.5, "yes": True, "none": None}
    bus.send(
        queue,
        Message(
            b"\x00\xff",
            application_properties=dict(given),
            message_id="id",
            correlation_id="c",
            subject="s",
            content_type="t/x",
            reply_to="r",
            to="recipient",
            time_to_live=datetime.timedelta(minutes=5),
        ),
    )
    (got,) = bus.take(queue)
    assert body(got) == b"\x00\xff"
    assert {key.decode(): value.decode() if isinstance(value, bytes) else value
            for key, value in got.application_properties.items()} == given  # fmt: skip
    assert (got.message_id, got.correlation_id, got.subject, got.content_type) == ("id", "c", "s", "t/x")
    assert (got.reply_to, got.to, got.time_to_live) == ("r", "recipient", datetime.timedelta(minutes=5))


def test_the_messages_of_a_queue_are_numbered_from_one_without_gaps(bus: Bus) -> None:
    """Message sequencing: the sequence number is unique, increases by one and is given by the broker."""
    queue = bus.queue()
    bus.send(queue, *(str(number) for number in range(50)))
    assert [(str(got), got.sequence_number) for got in bus.take(queue, 50)] == [
        (str(number), number + 1) for number in range(50)
    ]


def test_only_a_batch_is_taken_apart(bus: Bus) -> None:
    """A transfer is a batch by its message format 0x80013700, and not by what its body looks like."""
    queue = bus.queue()
    encoded = b"\x00\x53\x75\xa0\x03abc"
    sender = bus.sender(queue)
    sender.send_messages(Message(encoded))
    sender.send_messages([Message(encoded), Message(b"")])
    assert [body(got) for got in bus.take(queue, 3)] == [encoded, encoded, b""]


def test_a_locked_message_is_hidden_from_others_until_it_is_abandoned(bus: Bus) -> None:
    """Peek-Lock; the delivery count is raised by abandoning."""
    queue = bus.queue()
    bus.send(queue, "one")
    first = bus.receiver(queue)
    second = bus.receiver(queue)
    (held,) = receive(first)
    assert held.delivery_count == 0
    assert nothing(second)
    first.abandon_message(held)
    (again,) = receive(second)
    assert (str(again), again.delivery_count) == ("one", 1)
    second.complete_message(again)
    assert nothing(first)


def test_a_message_is_removed_as_it_is_delivered_in_receive_and_delete(bus: Bus) -> None:
    """Receive-and-Delete: the transfer is settled by the broker and the message is consumed."""
    queue = bus.queue()
    bus.send(queue, "one")
    bus.take(queue)
    receiver = bus.receiver(queue)
    assert receiver.peek_messages() == []


def test_a_message_is_redelivered_after_its_lock_expires(bus: Bus) -> None:
    """LockDuration: once it is over the message is available again, and the delivery count is raised."""
    queue = bus.queue(LockDuration="PT1S")
    bus.send(queue, "one")
    first = bus.receiver(queue)
    second = bus.receiver(queue)
    (held,) = receive(first)
    (again,) = receive(second)
    assert again.delivery_count == 1
    assert again.lock_token != held.lock_token
    with pytest.raises(exceptions.MessageLockLostError):
        first.complete_message(held)
    second.complete_message(again)


def test_settling_with_a_lost_lock_is_refused_by_the_broker(bus: Bus) -> None:
    """com.microsoft:message-lock-lost is the outcome, also where a client asks without looking."""
    queue = bus.queue(LockDuration="PT1S")
    bus.send(queue, "one")
    receiver = bus.receiver(queue)
    (held,) = receive(receiver)
    eventually(lambda: held._lock_expired, "its lock is over", within=WAIT)
    held._raw_amqp_message.annotations.pop(b"x-opt-locked-until")
    held._expiry = None
    with pytest.raises(exceptions.MessageLockLostError):
        receiver.complete_message(held)


def test_a_renewed_lock_lasts(bus: Bus) -> None:
    """Message Renew Lock: it extends the lock by the time in the entity description."""
    queue = bus.queue(LockDuration="PT2S")
    bus.send(queue, "one")
    receiver = bus.receiver(queue)
    other = bus.receiver(queue)
    (held,) = receive(receiver)
    first_end = held.locked_until_utc
    while datetime.datetime.now(datetime.UTC) < first_end + datetime.timedelta(seconds=0.5):
        receiver.renew_message_lock(held)
        assert nothing(other)
    assert held.locked_until_utc > first_end
    receiver.complete_message(held)


def test_a_message_that_fails_too_often_is_dead_lettered(bus: Bus) -> None:
    """MaxDeliveryCount: the reason in the dead-letter queue is MaxDeliveryCountExceeded."""
    queue = bus.queue(MaxDeliveryCount=2)
    bus.send(queue, "poison")
    receiver = bus.receiver(queue)
    for attempt in range(2):
        (got,) = receive(receiver)
        assert got.delivery_count == attempt
        receiver.abandon_message(got)
    assert nothing(receiver)
    (dead,) = bus.take(queue, sub_queue="deadletter")
    assert (str(dead), dead.dead_letter_reason) == ("poison", "MaxDeliveryCountExceeded")
    assert dead.dead_letter_source == queue


def test_a_message_is_dead_lettered_with_a_reason_and_a_description(bus: Bus) -> None:
    """Dead-lettering by the application, and DeadLetterReason as a property of the message."""
    queue = bus.queue()
    bus.send(queue, "good", Message("bad", application_properties={"kept": 1}))
    receiver = bus.receiver(queue)
    good, got = receive(receiver, 2)
    receiver.complete_message(good)
    receiver.dead_letter_message(got, reason="why", error_description="because")
    assert nothing(receiver)
    (dead,) = bus.take(queue, sub_queue="deadletter")
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("why", "because")
    assert dead.sequence_number == got.sequence_number, "only what was scheduled gets another number"
    assert dead.application_properties[b"kept"] == 1
    assert dead.application_properties[b"DeadLetterReason"] == b"why"


def test_an_abandoned_dead_letter_stays_where_it_is(bus: Bus) -> None:
    """Messages stay in the dead-letter queue until they are taken out: no count, no lifetime ends that."""
    queue = bus.queue(MaxDeliveryCount=1, DefaultMessageTimeToLive="PT2S")
    receiver = bus.receiver(queue)
    bus.send(queue, "bad")
    receiver.dead_letter_message(receive(receiver)[0])
    receiver = bus.receiver(queue, sub_queue="deadletter")
    for _ in range(3):
        receiver.abandon_message(receive(receiver)[0])
    (dead,) = receive(receiver)
    assert dead.delivery_count == 3
    eventually(
        lambda: (
            datetime.datetime.now(datetime.UTC) > dead.enqueued_time_utc + datetime.timedelta(seconds=2.2)
        ),
        "its lifetime is over",
        within=WAIT,
    )
    receiver.complete_message(dead)


def test_a_deferred_message_is_received_by_its_number_only(bus: Bus) -> None:
    """Message deferral: it stays in the queue, and is received with its sequence number."""
    queue = bus.queue()
    bus.send(queue, "later", "now")
    receiver = bus.receiver(queue)
    later, at_once = receive(receiver, 2)
    receiver.defer_message(later)
    receiver.complete_message(at_once)
    assert nothing(receiver)
    (seen,) = receiver.peek_messages(sequence_number=1)
    assert seen.state == ServiceBusMessageState.DEFERRED
    (got,) = receiver.receive_deferred_messages([later.sequence_number])
    assert str(got) == "later"
    with pytest.raises(exceptions.MessageNotFoundError):
        receiver.receive_deferred_messages([later.sequence_number])
    receiver.complete_message(got)
    with pytest.raises(exceptions.MessageNotFoundError):
        receiver.receive_deferred_messages([later.sequence_number])


def test_deferred_messages_are_settled_by_their_lock_tokens(bus: Bus) -> None:
    """Update disposition status: completed, abandoned, defered and suspended."""
    queue = bus.queue()
    bus.send(queue, "a", "b", "c")
    receiver = bus.receiver(queue)
    for message in receive(receiver, 3):
        receiver.defer_message(message)
    first, second, third = receiver.receive_deferred_messages([1, 2, 3])
    receiver.abandon_message(first)
    receiver.defer_message(second)
    receiver.dead_letter_message(third, reason="why")
    first, second = receiver.receive_deferred_messages([1, 2])
    assert (first.delivery_count, second.delivery_count) == (1, 0)
    receiver.complete_message(first)
    receiver.complete_message(second)
    assert receiver.peek_messages(sequence_number=1) == []
    assert bus.take(queue, sub_queue="deadletter")[0].dead_letter_reason == "why"


def test_peeking_shows_every_state_and_changes_nothing(bus: Bus) -> None:
    """Message browsing: locked, deferred and scheduled messages too; no lock, no delivery count."""
    queue = bus.queue()
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    bus.send(queue, "deferred", "locked", "active", Message("scheduled", scheduled_enqueue_time_utc=soon))
    receiver = bus.receiver(queue)
    deferred, locked = receive(receiver, 2)
    receiver.defer_message(deferred)
    for _ in range(2):
        seen = receiver.peek_messages(10, sequence_number=1)
        assert [(str(each), each.state.name) for each in seen] == [
            ("deferred", "DEFERRED"), ("locked", "ACTIVE"), ("active", "ACTIVE"), ("scheduled", "SCHEDULED"),
        ]  # fmt: skip
    assert [str(each) for each in receiver.peek_messages(1, sequence_number=3)] == ["active"]
    assert receive(receiver)[0].delivery_count == 0
    receiver.complete_message(locked)


@pytest.mark.parametrize("kept", [False, True])
def test_a_message_whose_time_is_over_is_not_delivered(bus: Bus, kept: bool) -> None:
    """Message expiration: it is dropped, or dead-lettered where the queue says so."""
    queue = bus.queue(DeadLetteringOnMessageExpiration=kept)
    bus.send(queue, Message("short", time_to_live=datetime.timedelta(milliseconds=300)), "long")
    receiver = bus.receiver(queue)
    eventually(
        lambda: [str(each) for each in receiver.peek_messages(5, sequence_number=1)] == ["long"],
        "the short one is gone",
    )
    receiver = bus.receiver(queue, sub_queue="deadletter")
    dead = receiver.peek_messages(5)
    assert [(str(each), each.dead_letter_reason) for each in dead] == (
        [("short", "TTLExpiredException")] if kept else []
    )


def test_the_default_lifetime_is_the_longest(bus: Bus) -> None:
    """DefaultMessageTimeToLive: a longer one of a message is silently cut down to it."""
    queue = bus.queue(DefaultMessageTimeToLive="PT2S")
    receiver = bus.receiver(queue)
    bus.send(queue, Message("x", time_to_live=datetime.timedelta(hours=1)))
    (seen,) = receiver.peek_messages()
    assert seen.time_to_live == datetime.timedelta(seconds=2)
    eventually(lambda: not receiver.peek_messages(sequence_number=1), "it is gone", within=WAIT)


def test_a_message_over_the_limit_is_refused(bus: Bus) -> None:
    """The link's max-message-size, and amqp:link:message-size-exceeded beyond it."""
    queue = bus.queue(MaxMessageSizeInKilobytes=100)
    sender = bus.sender(queue)
    sender.send_messages(Message(b"x" * 99_000))
    with pytest.raises(exceptions.MessageSizeExceededError):
        sender.send_messages(Message(b"x" * 103_000))
    with pytest.raises(exceptions.MessageSizeExceededError):
        batch = sender.create_message_batch()
        for _ in range(3):
            batch.add_message(Message(b"x" * 50_000))


def test_the_same_message_id_is_enqueued_once(bus: Bus) -> None:
    """Duplicate detection: a repeated message within the window is accepted and dropped."""
    queue = bus.queue(RequiresDuplicateDetection=True)
    bus.send(queue, Message("a", message_id="1"), Message("b", message_id="2"))
    bus.send(queue, Message("a again", message_id="1"))
    receiver = bus.receiver(queue)
    assert [str(each) for each in receiver.peek_messages(5)] == ["a", "b"]


def test_messages_are_forwarded_to_another_queue(bus: Bus) -> None:
    """Auto-forwarding; a message that cannot be forwarded goes to the transfer dead-letter queue."""
    target = bus.queue()
    source, lost = bus.queue(ForwardTo=target), bus.queue(ForwardTo="no-such-queue")
    bus.send(source, "moved")
    assert [str(each) for each in bus.take(target)] == ["moved"]
    bus.send(lost, "stays")
    (dead,) = bus.take(lost, sub_queue="transferdeadletter")
    assert (str(dead), dead.dead_letter_source) == ("stays", lost)


def test_dead_letters_are_forwarded_to_another_queue(bus: Bus) -> None:
    """ForwardDeadLetteredMessagesTo, by name or address; EnqueuedSequenceNumber tells the first number."""
    target = bus.queue()
    source = bus.queue(ForwardDeadLetteredMessagesTo=f"sb://{bus.server.host}/{target}")
    bus.send(source, "good", "bad")
    receiver = bus.receiver(source)
    _, bad = receive(receiver, 2)
    receiver.dead_letter_message(bad, reason="why")
    (got,) = bus.take(target)
    assert (str(got), got.dead_letter_reason, got.dead_letter_source) == ("bad", "why", source)
    assert (got.sequence_number, got.enqueued_sequence_number) == (1, 2)


def test_sends_can_be_made_to_fail(bus: Bus) -> None:
    """com.microsoft:server-busy as the service says it when throttled, at a test's wish."""
    queue = bus.queue()
    bus.server.refuse_sends(1)
    sender = bus.sender(queue)
    with pytest.raises(exceptions.ServiceBusServerBusyError):
        sender.send_messages(Message("refused"))
    sender.send_messages(Message("accepted"))
    assert [str(each) for each in bus.take(queue)] == ["accepted"]
