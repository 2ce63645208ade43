"""The Service Bus emulator at the limits of its types, and with requests that no client should send."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage as Message
from azure.servicebus import exceptions

from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.testing import eventually
from tests.brokers.conftest import WAIT, Bus, receive
from tests.brokers.test_servicebus_administration import client_of

pytestmark = pytest.mark.broker

MOST_TTL = datetime.timedelta(milliseconds=2**32 - 1)
"""The longest time to live that the header of a message has room for: 49.7 days."""


@pytest.mark.parametrize("lifetime", ["P50D", "P60D", "P3650D", "P10675198D"])
def test_a_queue_may_keep_messages_for_longer_than_a_header_can_say(bus: Bus, lifetime: str) -> None:
    """Messages of such a queue can be peeked and taken; they say the longest time there is a number for."""
    queue = bus.queue(DefaultMessageTimeToLive=lifetime)
    bus.send(queue, "x")
    (seen,) = bus.receiver(queue).peek_messages(5)
    assert (str(seen), seen.time_to_live) == ("x", MOST_TTL)
    assert [str(each) for each in bus.take(queue)] == ["x"]


def test_a_queue_that_was_updated_as_it_was_read_gives_its_messages(
    bus: Bus, servicebus_server: ServiceBusServer
) -> None:
    """update_queue(get_queue(q)) writes the longest duration in microseconds: there is still no end."""
    queue = bus.queue()
    with client_of(servicebus_server.connection_string) as admin:
        admin.update_queue(admin.get_queue(queue))
    bus.send(queue, "x")
    (seen,) = bus.receiver(queue).peek_messages(5)
    assert (str(seen), seen.time_to_live) == ("x", None)


def test_a_time_to_live_of_a_message_may_be_the_longest(bus: Bus) -> None:
    """2^32 - 1 ms, whatever the default of the queue."""
    for settings in ({"DefaultMessageTimeToLive": "P100D"}, {}):
        queue = bus.queue(**settings)
        bus.send(queue, Message("x", time_to_live=MOST_TTL))
        (seen,) = bus.receiver(queue).peek_messages(5)
        # the client sends whole seconds
        assert seen.time_to_live == datetime.timedelta(seconds=(2**32 - 1) // 1000)


def test_a_message_scheduled_for_a_time_that_does_not_exist_is_refused(bus: Bus) -> None:
    """x-opt-scheduled-enqueue-time up to the year 9999; the connection goes on."""
    queue = bus.queue()
    sender = bus.sender(queue)
    message = Message("x")
    message._set_message_annotations(b"x-opt-scheduled-enqueue-time", {"TYPE": "TIMESTAMP", "VALUE": 2**62})
    with pytest.raises(exceptions.ServiceBusError, match="9999"):
        sender.send_messages(message)
    late = Message("late", scheduled_enqueue_time_utc=datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC))
    sender.send_messages(late)
    assert [str(each) for each in bus.receiver(queue).peek_messages(5)] == ["late"]


def test_a_scheduled_message_is_not_a_duplicate_of_itself(bus: Bus) -> None:
    """Its id is noted when it is sent; when it is due it comes."""
    queue = bus.queue(RequiresDuplicateDetection=True)
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    bus.send(queue, Message("later", message_id="1", scheduled_enqueue_time_utc=at))
    bus.send(queue, Message("again", message_id="1"))
    receiver = bus.receiver(queue)
    eventually(
        lambda: [each.state.name for each in receiver.peek_messages(5, sequence_number=1)] == ["ACTIVE"],
        "it is due",
        within=WAIT,
    )
    assert [str(each) for each in bus.take(queue)] == ["later"]


HOSTILE: dict[str, tuple[str, Any]] = {
    "bytes for names": ("peek-message", {b"from-sequence-number": 1, b"message-count": 1}),
    "bytes beside text": ("peek-message", {"from-sequence-number": 1, "message-count": 1, b"x": 1}),
    "text for a number": ("peek-message", {"from-sequence-number": "1", "message-count": "many"}),
    "a number beyond 64 bits with a sign": (
        "peek-message",
        {"from-sequence-number": {"TYPE": "ULONG", "VALUE": 2**64 - 1}, "message-count": 1},
    ),
    "a negative count": ("peek-message", {"from-sequence-number": 1, "message-count": -5}),
    "text for tokens": ("renew-lock", {"lock-tokens": "abc"}),
    "numbers for tokens": ("update-disposition", {"disposition-status": "completed", "lock-tokens": [1, 2]}),
    "a number for a list": ("cancel-scheduled-message", {"sequence-numbers": 7}),
    "bytes that are no message": ("schedule-message", {"messages": [{"message": b"\x00\x53\x70\x01"}]}),
    "a list for a session": ("get-session-state", {"session-id": ["a"]}),
    "text for a rule": ("add-rule", {"rule-name": "r", "rule-description": "none"}),
    "a negative page": ("get-message-sessions", {"last-updated-time": "never", "skip": -1, "top": -1}),
}


REFUSED = "argument-error|decode-error|not-allowed|lock-lost"


@pytest.mark.parametrize("case", HOSTILE)
def test_a_request_with_values_of_wrong_types_is_refused_by_a_status(bus: Bus, case: str) -> None:
    """An answer with a status, as of the service, and not the end of the connection."""
    operation, body = HOSTILE[case]
    queue = bus.queue()
    bus.send(queue, "x")
    with pytest.raises(exceptions.ServiceBusError, match=REFUSED):
        bus.request(queue, operation, body)
    assert [str(each) for each in bus.take(queue)] == ["x"]


def test_properties_with_names_that_are_no_text_are_refused(bus: Bus) -> None:
    """properties-to-modify: the message stays as it was, and locked."""
    queue = bus.queue()
    bus.send(queue, Message("x", application_properties={"kept": 1}))
    receiver = bus.receiver(queue)
    (held,) = receive(receiver)
    token = {"TYPE": "UUID", "VALUE": uuid.UUID(bytes_le=held._delivery_tag)}
    body = {
        "disposition-status": "abandoned",
        "lock-tokens": {"TYPE": "ARRAY", "VALUE": [token]},
        "properties-to-modify": {b"tried": "yes"},
    }
    with pytest.raises(exceptions.ServiceBusError, match=REFUSED):
        bus.request(queue, "update-disposition", body)
    receiver.complete_message(held)
