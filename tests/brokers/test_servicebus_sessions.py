"""Message sessions, by what Microsoft documents of them."""

from __future__ import annotations

import datetime
import time

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, exceptions
from azure.servicebus import ServiceBusMessage as Message

from brokerkit.testing import eventually
from tests.brokers.conftest import WAIT, Bus, receive

NEXT = NEXT_AVAILABLE_SESSION

pytestmark = pytest.mark.broker


def in_session(session: str, *bodies: str) -> list[object]:
    return [Message(each, session_id=session) for each in bodies]


def test_a_session_gives_its_messages_in_order_and_no_others(bus: Bus) -> None:
    """A session is an exclusive, ordered sequence of the messages with its id."""
    queue = bus.queue(RequiresSession=True)
    bus.send(queue, *in_session("a", "1"), *in_session("b", "x"), *in_session("a", "2", "3"))
    got = receive(bus.receiver(queue, session_id="a"), 3)
    assert [(str(each), each.session_id) for each in got] == [("1", "a"), ("2", "a"), ("3", "a")]


def test_a_message_without_a_session_is_refused(bus: Bus) -> None:
    """Session-enabled entities take only messages with a session id."""
    queue = bus.queue(RequiresSession=True)
    with pytest.raises(exceptions.ServiceBusError, match="SessionId was not set"):
        bus.send(queue, *in_session("a", "1"), "none")
    assert bus.receiver(queue, session_id="a").peek_messages() == [], "a batch is taken whole or not"


def test_receivers_must_ask_for_a_session_where_there_are_sessions_and_only_there(bus: Bus) -> None:
    """A session-enabled entity can be received from only by accepting sessions, and no other can."""
    with_sessions, without = bus.queue(RequiresSession=True), bus.queue()
    with pytest.raises(exceptions.ServiceBusError, match="amqp:not-allowed"):
        bus.receiver(with_sessions)
    with pytest.raises(exceptions.ServiceBusError, match="amqp:not-allowed"):
        bus.receiver(without, session_id="a")


def test_a_session_that_another_holds_is_refused(bus: Bus) -> None:
    """com.microsoft:session-cannot-be-locked; once the holder closes, it can be had."""
    queue = bus.queue(RequiresSession=True)
    bus.send(queue, *in_session("a", "1"))
    holder = bus.receiver(queue, session_id="a")
    receive(holder)
    with pytest.raises(exceptions.SessionCannotBeLockedError):
        bus.receiver(queue, session_id="a")
    holder.close()
    (again,) = receive(bus.receiver(queue, session_id="a"))
    assert again.delivery_count == 0, "closing a session with unsettled messages does not count as delivery"


def test_a_session_without_messages_can_be_accepted_by_name(bus: Bus) -> None:
    """A session comes into being when it is first used, by a message or by a receiver."""
    queue = bus.queue(RequiresSession=True)
    receiver = bus.receiver(queue, session_id="new")
    bus.send(queue, *in_session("new", "1"))
    assert [str(each) for each in receive(receiver)] == ["1"]


def test_the_next_session_is_a_free_one_with_messages(bus: Bus) -> None:
    """Accepting the next available session: a null value for the session filter."""
    queue = bus.queue(RequiresSession=True)
    bus.send(queue, *in_session("a", "1"), *in_session("b", "2"))
    got = [bus.receiver(queue, session_id=NEXT, max_wait_time=5).session.session_id for _ in range(2)]
    assert got == ["a", "b"]
    started = time.monotonic()
    with pytest.raises(exceptions.OperationTimeoutError):
        bus.receiver(queue, session_id=NEXT, max_wait_time=1)
    assert time.monotonic() - started > 0.8, "the property com.microsoft:timeout says how long to wait"


def test_a_receiver_waits_for_the_next_session(bus: Bus) -> None:
    """The attach is answered as soon as there is a session with messages."""
    queue = bus.queue(RequiresSession=True)
    due = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    bus.send(queue, Message("1", session_id="late", scheduled_enqueue_time_utc=due))
    receiver = bus.receiver(queue, session_id=NEXT, max_wait_time=15)
    assert receiver.session.session_id == "late"


def test_a_session_lock_can_be_renewed_and_is_lost_otherwise(bus: Bus) -> None:
    """Session Renew Lock; com.microsoft:session-lock-lost ends the link of a lock that is over."""
    queue = bus.queue(RequiresSession=True, LockDuration="PT2S")
    bus.send(queue, *in_session("a", "1", "2"))
    receiver = bus.receiver(queue, session_id="a")
    (first,) = receive(receiver)
    end = receiver.session.locked_until_utc
    while datetime.datetime.now(datetime.UTC) < end + datetime.timedelta(seconds=0.5):
        receiver.session.renew_lock()
        time.sleep(0.1)  # how often it is renewed; the clock of the lock ends it
    receiver.complete_message(first)
    (second,) = receive(receiver)
    eventually(lambda: receiver.session._lock_expired, "the session's lock is over", within=WAIT)
    with pytest.raises(exceptions.ServiceBusError):
        receiver.complete_message(second)
        receiver.receive_messages(1, max_wait_time=5)
    (again,) = receive(
        eventually(lambda: bus.receiver(queue, session_id="a"), "the session can be taken", within=WAIT)
    )
    assert (str(again), again.delivery_count) == ("2", 1), "an expired session lock counts as delivery"


def test_the_state_of_a_session_is_kept_after_it_is_released(bus: Bus) -> None:
    """Set and Get Session State: opaque binary data that stays until it is set to null."""
    queue = bus.queue(RequiresSession=True)
    receiver = bus.receiver(queue, session_id="a")
    assert receiver.session.get_state() is None
    receiver.session.set_state(b"\x00state")
    receiver.close()
    receiver = bus.receiver(queue, session_id="a")
    assert receiver.session.get_state() == b"\x00state"
    receiver.session.set_state(None)
    assert receiver.session.get_state() is None


def test_sessions_are_listed(bus: Bus) -> None:
    """Enumerate Sessions: those with active messages or a state."""
    queue = bus.queue(RequiresSession=True)
    assert list(bus.client.list_queue_sessions(queue)) == []
    bus.send(queue, *in_session("with message", "1"))
    bus.receiver(queue, session_id="with state").session.set_state(b"x")
    assert sorted(bus.client.list_queue_sessions(queue)) == ["with message", "with state"]
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    assert list(bus.client.list_queue_sessions(queue, state_updated_after=long_ago)) == ["with state"]


def test_deferred_messages_belong_to_their_session(bus: Bus) -> None:
    """Receive by sequence number with a session-id: only what is of the session is had."""
    queue = bus.queue(RequiresSession=True)
    bus.send(queue, *in_session("a", "1"), *in_session("b", "2"))
    first, second = bus.receiver(queue, session_id="a"), bus.receiver(queue, session_id="b")
    (message,) = receive(first)
    first.defer_message(message)
    with pytest.raises(exceptions.MessageNotFoundError):
        second.receive_deferred_messages([message.sequence_number])
    (got,) = first.receive_deferred_messages([message.sequence_number])
    first.complete_message(got)


def test_peeking_in_a_session_shows_only_that_one(bus: Bus) -> None:
    """Peek Session Message: the request names the session."""
    queue = bus.queue(RequiresSession=True)
    bus.send(queue, *in_session("a", "1"), *in_session("b", "2"), *in_session("a", "3"))
    seen = bus.receiver(queue, session_id="a").peek_messages(10)
    assert [str(each) for each in seen] == ["1", "3"]


def test_dead_letters_of_a_session_queue_are_received_without_a_session(bus: Bus) -> None:
    """Dead-letter queues do not support sessions; the messages keep their session id."""
    queue = bus.queue(RequiresSession=True)
    bus.send(queue, *in_session("a", "1"))
    receiver = bus.receiver(queue, session_id="a")
    receiver.dead_letter_message(receive(receiver)[0], reason="why")
    (dead,) = bus.take(queue, sub_queue="deadletter")
    assert (str(dead), dead.session_id, dead.dead_letter_reason) == ("1", "a", "why")
