"""The AMQP 1.0 of the Service Bus emulator below what Microsoft's client shows of it."""

from __future__ import annotations

import datetime
import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, exceptions
from azure.servicebus import ServiceBusMessage as Message

from brokerkit.sandbox.process import free_ports
from brokerkit.sandbox.servicebus.server import ROOT, ServiceBusServer
from brokerkit.testing import eventually
from tests.brokers.certificates import Authority
from tests.brokers.conftest import WAIT, Bus, ShortNaps, receive

pytestmark = pytest.mark.broker


def client_of(connection_string: str) -> Any:
    return ServiceBusClient.from_connection_string(connection_string, retry_total=0)


def test_a_token_with_a_wrong_signature_is_refused(bus: Bus) -> None:
    """$cbs put-token answers with the status code 401 where a token is not valid."""
    with client_of(bus.server.connection_string_of("RootManageSharedAccessKey", "wrong")) as client:
        with pytest.raises(exceptions.ServiceBusAuthenticationError) as failed:
            client.get_queue_sender(bus.queue()).send_messages(Message("x"))
        assert "401" in str(failed.value.inner_exception or failed.value.__cause__ or failed.value.exc_value)


def test_a_policy_allows_what_its_claims_say(bus: Bus) -> None:
    """Send and Listen: amqp:unauthorized-access at attach where the token does not have the claim."""
    queue = bus.queue()
    with client_of(bus.server.connection_string_of("SendOnly")) as client:
        client.get_queue_sender(queue).send_messages(Message("x"))
        with pytest.raises(exceptions.ServiceBusAuthorizationError, match="'Listen' claim"):
            client.get_queue_receiver(queue).receive_messages(1, max_wait_time=5)
    with client_of(bus.server.connection_string_of("ListenOnly")) as client:
        assert client.get_queue_receiver(queue).receive_messages(1, max_wait_time=5)
        with pytest.raises(exceptions.ServiceBusAuthorizationError, match="'Send' claim"):
            client.get_queue_sender(queue).send_messages(Message("x"))


def test_rights_can_be_taken_away_and_given_back(bus: Bus) -> None:
    """For tests of a permission that is missing."""
    queue = bus.queue()
    with client_of(bus.server.connection_string_of("SendOnly")) as client:
        bus.server.allow("SendOnly")
        with pytest.raises(exceptions.ServiceBusAuthorizationError):
            client.get_queue_sender(queue).send_messages(Message("x"))
        bus.server.allow("SendOnly", "Send")
        client.get_queue_sender(queue).send_messages(Message("x"))


def test_an_unknown_entity_is_refused_at_attach(bus: Bus) -> None:
    """AMQP 1.0, 2.6.3: an attach without the terminus asked for, and a detach with amqp:not-found."""
    with pytest.raises(exceptions.MessagingEntityNotFoundError):
        bus.sender("no-such-queue")
    with pytest.raises(exceptions.MessagingEntityNotFoundError):
        bus.receiver("no-such-queue")
    with pytest.raises(exceptions.MessagingEntityNotFoundError):
        bus.receiver("no-such-topic/s", sub_queue="deadletter")


def test_it_can_be_had_by_tls(
    servicebus_server: ServiceBusServer, short_naps: ShortNaps, tmp_path: Path
) -> None:
    """AMQP over TLS, as with the service, whose connection strings have no UseDevelopmentEmulator."""
    authority = Authority(tmp_path)
    with ServiceBusServer(authority=authority) as server:
        server.create_queue("q")
        options = {"connection_verify": str(authority.ca), "retry_total": 0}
        with ServiceBusClient.from_connection_string(server.tls_connection_string, **options) as client:
            client.get_queue_sender("q").send_messages(Message("x"))
            assert client.get_queue_receiver("q").receive_messages(1, max_wait_time=5)
        with (
            pytest.raises(exceptions.ServiceBusConnectionError, match="certificate verify failed"),
            client_of(server.tls_connection_string) as client,
        ):
            client.get_queue_sender("q").send_messages(Message("x"))


def test_input_other_than_amqp_is_answered_with_the_protocol_header(
    servicebus_server: ServiceBusServer,
) -> None:
    """AMQP 1.0, 2.2: a header that is not supported is answered with one that is, and the end."""
    for hello in (b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 8):
        with socket.create_connection(("127.0.0.1", servicebus_server.port), timeout=WAIT) as connection:
            connection.sendall(hello)
            assert connection.recv(100) == b"AMQP\x03\x01\x00\x00"
            assert connection.recv(100) == b""


def test_bytes_that_are_no_frames_end_only_their_connection(bus: Bus) -> None:
    """A broken client does not harm the others."""
    queue = bus.queue()
    for garbage in (b"AMQP\x03\x01\x00\x00" + os.urandom(500), b"AMQP\x00\x01\x00\x00" + b"\xff" * 64):
        with socket.create_connection(("127.0.0.1", bus.server.port), timeout=WAIT) as connection:
            connection.sendall(garbage)
            while connection.recv(1000):
                pass
    bus.send(queue, "still there")
    assert [str(each) for each in bus.take(queue)] == ["still there"]


def test_the_delivery_tag_is_the_lock_token(bus: Bus) -> None:
    """Lock tokens are the delivery tags of received messages, as the bytes of a .NET GUID."""
    queue = bus.queue(LockDuration="PT5S")
    bus.send(queue, "x")
    (held,) = receive(bus.receiver(queue))
    token = uuid.UUID(bytes_le=held._delivery_tag)
    body = {"lock-tokens": {"TYPE": "ARRAY", "VALUE": [{"TYPE": "UUID", "VALUE": token}]}}
    answer = bus.request(queue, "renew-lock", body)
    assert answer[b"expirations"][0] / 1000 > held.locked_until_utc.timestamp()


def test_a_lock_can_be_settled_by_its_token_without_the_link(bus: Bus) -> None:
    """Update disposition status: also by one who has only the token; properties-to-modify are set."""
    queue = bus.queue()
    bus.send(queue, Message("x", application_properties={"kept": 1}))
    receiver = bus.receiver(queue)
    (held,) = receive(receiver)
    token = {"TYPE": "UUID", "VALUE": uuid.UUID(bytes_le=held._delivery_tag)}
    body = {
        "disposition-status": "abandoned",
        "lock-tokens": {"TYPE": "ARRAY", "VALUE": [token]},
        "properties-to-modify": {"tried": "yes"},
    }
    bus.request(queue, "update-disposition", body)
    (again,) = receive(receiver)
    assert (again.delivery_count, again.application_properties) == (1, {b"kept": 1, b"tried": b"yes"})
    with pytest.raises(exceptions.MessageLockLostError):
        bus.request(queue, "update-disposition", body)


def test_rules_are_enumerated_as_described_lists(bus: Bus) -> None:
    """Get Rules: a list of filter, action and name, in pages by skip and top."""
    topic = bus.topic("s")
    node = f"{topic}/Subscriptions/s"
    bus.rule(
        topic, "s", "a", {"sql-filter": {"expression": "1=1"}, "sql-rule-action": {"expression": "SET a = 1"}}
    )
    bus.rule(topic, "s", "b", {"correlation-filter": {"correlation-id": "c", "properties": {"p": 2}}})
    rules = bus.request(node, "enumerate-rules", {"top": 10, "skip": 0})[b"rules"]
    got = {rule[2]: rule[:2] for rule in (each[b"rule-description"] for each in rules)}
    assert got == {
        b"$Default": [[], []],
        b"a": [[b"1=1"], [b"SET a = 1"]],
        b"b": [[b"c", None, None, None, None, None, None, None, {b"p": 2}], []],
    }
    (second,) = bus.request(node, "enumerate-rules", {"top": 1, "skip": 1})[b"rules"]
    assert second[b"rule-description"][2] == b"a"


def test_requests_that_cannot_be_understood_are_answered_with_an_error(bus: Bus) -> None:
    """The status code of the answer tells, as of HTTP."""
    queue = bus.queue()
    for operation, body, said in (
        ("no-such-operation", {"a": 1}, "not-implemented"),
        ("peek-message", {"message-count": 1}, "from-sequence-number"),
        ("renew-lock", {"lock-tokens": []}, "lock-tokens"),
        ("update-disposition", {"disposition-status": "eaten", "lock-tokens": []}, "eaten"),
        ("enumerate-rules", {"top": 1, "skip": 0}, "not a subscription"),
    ):
        with pytest.raises(exceptions.ServiceBusError, match=said):
            bus.request(queue, operation, body)


def test_annotations_of_the_broker_cannot_be_forged(bus: Bus) -> None:
    """The sequence number and the times are given by the broker; other annotations are kept."""
    queue = bus.queue()
    message = Message("x", partition_key="p")
    message._set_message_annotations(b"x-opt-sequence-number", 99)
    message._set_message_annotations(b"x-opt-enqueued-time", 1)
    bus.send(queue, message)
    (got,) = bus.take(queue)
    assert (got.sequence_number, got.partition_key) == (1, "p")
    assert got.enqueued_time_utc > datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)


def test_a_closed_receiver_leaves_its_locks_until_they_end(bus: Bus) -> None:
    """A message that was taken from the receiver stays locked when its link is closed."""
    queue = bus.queue(LockDuration="PT2S")
    bus.send(queue, "x")
    first = bus.receiver(queue)
    (held,) = receive(first)
    first.close()
    second = bus.receiver(queue)
    (again,) = receive(second)
    assert again.enqueued_time_utc == held.enqueued_time_utc
    assert again.delivery_count == 1
    assert datetime.datetime.now(datetime.UTC) >= held.locked_until_utc


def test_prefetched_messages_come_whole_and_in_order(bus: Bus) -> None:
    """Link credit: the broker sends as many as it was given credit for, and not more."""
    queue = bus.queue()
    for start in range(0, 1000, 250):
        bus.send(queue, *(str(number) for number in range(start, start + 250)))
    got = bus.take(queue, 1000, prefetch_count=300)
    assert [int(str(each)) for each in got] == list(range(1000))


def test_large_messages_are_sent_in_many_frames(bus: Bus) -> None:
    """A delivery may take several transfers, each within the frame size of the connection."""
    queue = bus.queue()
    body = os.urandom(900_000)
    bus.send(queue, body)
    (got,) = bus.take(queue)
    assert b"".join(got.body) == body


def test_it_serves_trials_by_hand(servicebus_server: ServiceBusServer, short_naps: ShortNaps) -> None:
    """`python -m brokerkit.sandbox.servicebus` prints its connection string and serves until Ctrl-C."""
    command = [sys.executable, "-m", "brokerkit.sandbox.servicebus", "--port", str(free_ports(1)[0])]
    command += ["--queue", "mine", "--topic", "news:a,b"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline().strip()
            assert re.fullmatch(r"Endpoint=sb://.*;UseDevelopmentEmulator=true;", said)
            with client_of(said) as client:
                client.get_queue_sender("mine").send_messages(Message("x"))
                assert eventually(
                    lambda: client.get_queue_receiver("mine").receive_messages(1, max_wait_time=2),
                    "the message arrives",
                    within=WAIT,
                )
                client.get_topic_sender("news").send_messages(Message("y"))
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT) == 0
