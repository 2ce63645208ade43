"""A Service Bus emulator that is killed and started again has everything that it confirmed."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.servicebus import ServiceBusMessage as Message
from azure.servicebus import exceptions

from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.testing import eventually
from tests.brokers.conftest import WAIT, Bus, ShortNaps, nothing, receive

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def own_server(servicebus_server: ServiceBusServer) -> Iterator[ServiceBusServer]:
    """One that a test may kill; there is one where there is that of the run."""
    with ServiceBusServer() as started:
        yield started


@pytest.fixture
def server(own_server: ServiceBusServer, short_naps: ShortNaps) -> ServiceBusServer:
    return own_server


def reopened(server: ServiceBusServer) -> Bus:
    server.restart()
    return Bus(server)


def test_confirmed_messages_survive_a_crash(server: ServiceBusServer) -> None:
    """Service Bus commits a message to durable storage before it accepts it; settlements alike."""
    bus = Bus(server)
    queue, sessions, topic = bus.queue(), bus.queue(RequiresSession=True), bus.topic("s")
    bus.send(queue, "completed", "abandoned", "dead", "deferred", "left")
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    bus.sender(queue).schedule_messages(Message("scheduled"), soon)
    bus.send(topic, "copy")
    bus.rule(topic, "s", "none", {"sql-filter": {"expression": "1=0"}})
    bus.receiver(sessions, session_id="a").session.set_state(b"state")
    receiver = bus.receiver(queue)
    completed, abandoned, dead, deferred = receive(receiver, 4)
    receiver.complete_message(completed)
    receiver.defer_message(deferred)
    receiver.dead_letter_message(dead, reason="why")
    receiver.abandon_message(abandoned)

    bus = reopened(server)
    receiver = bus.receiver(queue)
    seen = receiver.peek_messages(10, sequence_number=1)
    assert [(str(each), each.state.name, each.delivery_count) for each in seen] == [
        ("abandoned", "ACTIVE", 1),
        ("deferred", "DEFERRED", 0),
        ("left", "ACTIVE", 0),
        ("scheduled", "SCHEDULED", 0),
    ]
    assert [str(each) for each in receive(receiver, 2)] == ["abandoned", "left"]
    assert bus.take(queue, sub_queue="deadletter")[0].dead_letter_reason == "why"
    assert [str(each) for each in bus.take(f"{topic}/s")] == ["copy"]
    assert bus.receiver(sessions, session_id="a").session.get_state() == b"state"
    assert (
        len(bus.request(f"{topic}/Subscriptions/s", "enumerate-rules", {"top": 10, "skip": 0})[b"rules"]) == 2
    )
    bus.send(queue, "new")
    assert receive(receiver)[0].sequence_number > seen[-1].sequence_number, "no number is given twice"
    bus.close()


def test_a_crash_under_load_loses_nothing_and_brings_nothing_back(server: ServiceBusServer) -> None:
    """An accepted message is stored, and one whose completion was confirmed is gone."""
    bus = Bus(server)
    queue = bus.queue()
    sender, receiver = bus.sender(queue), bus.receiver(queue)
    sent: list[str] = []
    completed: list[str] = []

    def send() -> None:
        with contextlib.suppress(exceptions.ServiceBusError):
            for number in itertools.count():
                sender.send_messages(Message(str(number)))
                sent.append(str(number))

    def complete() -> None:
        with contextlib.suppress(exceptions.ServiceBusError):
            while True:
                for message in receiver.receive_messages(5, max_wait_time=5):
                    receiver.complete_message(message)
                    completed.append(str(message))

    with ThreadPoolExecutor() as threads:
        working = [threads.submit(send), threads.submit(complete)]
        eventually(lambda: len(sent) > 200 and len(completed) > 50, "both are under way", within=WAIT)
        server.kill()
        for each in working:
            each.result(WAIT)
    server.start()
    bus = Bus(server)
    left = {str(message) for message in bus.receiver(queue).peek_messages(len(sent) + 1, sequence_number=1)}
    assert set(sent) - set(completed) <= left
    assert not left & set(completed)
    bus.close()


def test_locks_end_with_the_process(server: ServiceBusServer) -> None:
    """A lock may be lost early when the service restarts; the message is delivered again."""
    bus = Bus(server)
    queue = bus.queue(LockDuration="PT5M")
    bus.send(queue, "one")
    receiver = bus.receiver(queue)
    (held,) = receive(receiver)
    bus = reopened(server)
    token = {"TYPE": "UUID", "VALUE": uuid.UUID(bytes_le=held._delivery_tag)}
    body = {"disposition-status": "completed", "lock-tokens": {"TYPE": "ARRAY", "VALUE": [token]}}
    with pytest.raises(exceptions.MessageLockLostError):
        bus.request(queue, "update-disposition", body)
    (again,) = receive(bus.receiver(queue))
    assert (again.sequence_number, again.delivery_count) == (held.sequence_number, 1)
    bus.close()


def test_a_scheduled_message_that_is_due_in_the_meantime_comes_after_the_restart(
    server: ServiceBusServer,
) -> None:
    """Scheduled messages wait for their time and not for the process."""
    bus = Bus(server)
    queue = bus.queue()
    due = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    bus.sender(queue).schedule_messages(Message("later"), due)
    bus = reopened(server)
    assert [str(each) for each in bus.take(queue)] == ["later"]
    bus.close()


def test_a_paused_server_answers_nothing_until_it_is_resumed(server: ServiceBusServer) -> None:
    """For tests of a network that is silent."""
    bus = Bus(server)
    queue = bus.queue()
    receiver = bus.receiver(queue)
    bus.sender(queue)
    server.pause()
    with pytest.raises(exceptions.OperationTimeoutError):
        bus.sender(queue).send_messages(Message("one"), timeout=0.5)
    assert nothing(receiver)
    server.resume()
    assert [str(each) for each in receive(receiver)] == ["one"], "it was on its way"
    bus.close()
