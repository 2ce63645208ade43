"""Connecting, being refused, losing the server, and leaving."""

from __future__ import annotations

import gc
import threading
import time
import warnings
from contextlib import suppress

import psutil
import pytest

import brokerkit as bk
from brokerkit.backends import servicebus
from brokerkit.core import (
    AbandonedWarning,
    AckFailed,
    Closed,
    ConfigError,
    LockLost,
    Message,
    NotFound,
    OutboundMessage,
    Unauthorized,
    Unavailable,
    connect,
)
from brokerkit.core.contract.consumer import ConsumerRequest
from brokerkit.core.runtime.registry import address_of
from brokerkit.sandbox.process import free_ports
from brokerkit.sandbox.servicebus.server import KEY, ServiceBusServer
from brokerkit.testing.waiting import eventually

from .conftest import new_name, new_queue, publish
from .test_consumer import consumer_of, one

pytestmark = pytest.mark.broker

WRONG = "d3Jvbmcta2V5LWZvci10ZXN0cw=="


def string(host: str, key: str = KEY) -> str:
    return (
        f"Endpoint=sb://{host};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey={key};"
        "UseDevelopmentEmulator=true"
    )


def everything_said(error: BaseException | None) -> str:
    """The texts of an error and of all its causes."""
    said = ""
    while error is not None:
        said += f"{error} {error!r}\n"
        error = error.__cause__ or error.__context__
    return said


def test_a_host_that_is_not_there_is_unavailable_at_once() -> None:
    port = free_ports(1)[0]
    began = time.monotonic()
    with pytest.raises(Unavailable, match=str(port)) as raised:
        connect(string(f"127.0.0.1:{port}"), timeout=90)
    assert time.monotonic() - began < 60
    assert raised.value.retryable
    assert raised.value.__cause__ is not None
    assert KEY not in everything_said(raised.value)


def test_an_unknown_host_name_is_unavailable() -> None:
    with pytest.raises(Unavailable) as raised:
        connect(string("nowhere.invalid"), timeout=5)
    assert raised.value.retryable


def test_a_server_that_does_not_answer_is_unavailable_at_the_timeout(
    servicebus_server: ServiceBusServer,
) -> None:
    servicebus_server.pause()
    try:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            connect(servicebus_server.connection_string, timeout=1.0)
        assert time.monotonic() - began < 60
    finally:
        servicebus_server.resume()


def test_a_wrong_key_is_unauthorized_and_shown_nowhere(servicebus_server: ServiceBusServer) -> None:
    with pytest.raises(Unauthorized) as raised:
        connect(string(servicebus_server.host, WRONG), timeout=5)
    assert not raised.value.retryable
    assert WRONG not in everything_said(raised.value)
    found = bk.doctor(string(servicebus_server.host, WRONG))
    assert found.failed is not None
    assert found.failed.name == "connect"
    assert WRONG not in repr(found) + found._repr_html_()


def test_the_doctor_finds_nothing_wrong_and_reads_without_side_effects(
    servicebus_server: ServiceBusServer,
) -> None:
    with connect(servicebus_server.connection_string) as broker:
        queue = new_queue(broker)
        publish(broker, queue, b"x")
    found = bk.doctor(servicebus_server.connection_string, topic=queue)
    assert found.ok, found
    assert found.steps[-1].detail == "one message, without side effects"
    assert any("azure-servicebus" in step.detail for step in found.steps)
    assert KEY not in repr(found) + found._repr_html_()


def test_a_connection_shows_its_host_and_no_key(servicebus_server: ServiceBusServer) -> None:
    with bk.connect(servicebus_server.connection_string) as session:
        assert servicebus_server.host in repr(session)
        queue = new_queue(session)
        session.publish(queue, "x")
        frame = session.peek(queue)
        shown = repr(session) + repr(session.connection) + repr(frame.attrs) + session.target
        shown += repr(session.describe(queue)) + repr(session.connection.address)
        assert KEY not in shown
        with pytest.raises(NotFound) as raised:
            session.peek(new_name())
        assert KEY not in everything_said(raised.value)


@pytest.mark.parametrize("right", ["Send", "Listen"])
def test_a_right_that_is_missing_is_unauthorized(servicebus_server: ServiceBusServer, right: str) -> None:
    with connect(servicebus_server.connection_string) as broker:
        queue = new_queue(broker)
        publish(broker, queue, b"x")
    policy = {"Send": "ListenOnly", "Listen": "SendOnly"}[right]
    with connect(servicebus_server.connection_string_of(policy)) as limited:
        with pytest.raises(Unauthorized) as raised:
            if right == "Send":
                with limited.publisher() as publisher:
                    publisher.topic(queue).publish(OutboundMessage(b"x"), timeout=10)
            else:
                with consumer_of(limited, queue, connect_timeout=5) as consumer:
                    consumer.next_message(60)
        assert not raised.value.retryable


def test_a_connection_string_for_one_entity_opens_no_other(servicebus_server: ServiceBusServer) -> None:
    with connect(servicebus_server.connection_string) as broker:
        mine, other = new_queue(broker), new_queue(broker)
    with connect(f"{servicebus_server.connection_string.rstrip(';')};EntityPath={mine}") as limited:
        publish(limited, mine, b"x")
        with limited.publisher() as publisher, pytest.raises(ConfigError, match="EntityPath"):
            publisher.topic(other).publish(OutboundMessage(b"x"))


def test_consumers_that_are_closed_while_they_open_leave_no_connection_behind() -> None:
    with ServiceBusServer(admin_apart=True) as server:
        options = {"admin": f"127.0.0.1:{server.admin_port}"}
        driver = servicebus.open(address_of(server.connection_string, options), 10)
        queues = {"plain": {}, "with sessions": {"sessions": True}}
        for name, settings in queues.items():
            driver.create_topic(name, options=settings, timeout=10)
        for consumed in ({}, {"deferred": True}, {"session": "a"}):
            topic = "with sessions" if "session" in consumed else "plain"
            consumer = driver.consumer(ConsumerRequest(topic, None, "message", options=consumed))
            assert not consumer.attach(0.0)
            consumer.close(1)
        eventually(lambda: not opening(), "the consumers have been opened", within=60)
        eventually(lambda: not connections(server.port), "their connections are closed", within=60)
        driver.close(1)


def opening() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("brokerkit servicebus consumer of")]


def connections(port: int) -> list[object]:
    found = psutil.Process().net_connections()
    return [each for each in found if each.raddr and each.raddr.port == port and each.status == "ESTABLISHED"]


def test_a_killed_server_in_the_middle_of_a_pull_loses_nothing() -> None:
    with ServiceBusServer() as server, connect(server.connection_string) as broker:
        queue = new_queue(broker, lock_seconds=5)
        sent = [b"%05d" % number for number in range(2000)]
        publish(broker, queue, *sent)
        got: set[bytes | None] = set()
        consumer = consumer_of(broker, queue)
        first = consumer.fetch(500, 60)
        assert first is not None
        got.update(first.columns.values("value"))
        first.ack()
        held = consumer.fetch(500, 60)
        assert held is not None
        server.kill()
        began = time.monotonic()
        with pytest.raises(AckFailed) as raised:
            held.ack()
        assert raised.value.retryable
        with pytest.raises(Unavailable) as down:
            while True:
                consumer.fetch(500, 1.0)
        assert down.value.retryable
        assert time.monotonic() - began < 60
        server.restart()
        deadline = time.monotonic() + 60
        while len(got) < len(sent):
            assert time.monotonic() < deadline, f"{len(got)} of {len(sent)} came"
            # locks taken before the crash expire, and the connection is restored
            with suppress(AckFailed, Unavailable):
                more = consumer.fetch(500, 1.0)
                if more is not None:
                    more.ack()
                    got.update(more.columns.values("value"))
        consumer.close()
    assert got == set(sent)


def test_a_pull_that_meets_a_killed_server_fails_within_its_time_and_may_be_tried_again() -> None:
    with ServiceBusServer() as server, bk.connect(server.connection_string) as session:
        queue = new_queue(session)
        session.publish_batch(queue, ["a", "b"])
        server.kill()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            session.pull(queue, 10, timeout=2, connect_timeout=2)
        assert time.monotonic() - began < 60
        server.restart()
        frame = session.pull(queue, 2, timeout=60, idle=20)
        assert list(frame["value"]) == ["a", "b"]


def test_a_publisher_continues_after_a_restart() -> None:
    with ServiceBusServer() as server, connect(server.connection_string) as broker:
        queue = new_queue(broker)
        with broker.publisher() as publisher:
            topic = publisher.topic(queue)
            assert topic.publish(OutboundMessage(b"1")).ok
            server.restart()
            # the service closed the link while no message was being sent: that is not a failure
            assert topic.publish(OutboundMessage(b"2"), timeout=20).ok
        with consumer_of(broker, queue) as consumer:
            messages = consumer.next_batch(2, 60)
            assert [message.data for message in messages] == [b"1", b"2"]
            for message in messages:
                message.ack()


def test_a_browser_looks_again_after_a_restart() -> None:
    with ServiceBusServer() as server, connect(server.connection_string) as broker:
        queue = new_queue(broker)
        publish(broker, queue, b"1", b"2")
        browser = broker.inspector()
        for _ in range(2):
            (bounds,) = browser.bounds(queue)
            assert (bounds.start, bounds.end) == (1, 3)
            (slice_,) = browser.plan(queue)
            assert [v for part in browser.read(slice_) for v in part.values("value")] == [b"1", b"2"]
            server.restart()


def test_an_idle_consumer_survives_a_restart() -> None:
    with ServiceBusServer() as server, connect(server.connection_string) as broker:
        queue = new_queue(broker)
        with consumer_of(broker, queue) as consumer:
            assert consumer.next_message(0.2) is None
            server.restart()
            time.sleep(3)  # an idle consumer has time to see that its link is gone
            publish(broker, queue, b"x")
            message = one(consumer, 60)
            message.ack()


def test_a_message_is_acknowledged_over_a_new_link_when_its_own_was_lost(
    servicebus_server: ServiceBusServer,
) -> None:
    with connect(servicebus_server.connection_string) as broker:
        queue = new_queue(broker)
        publish(broker, queue, b"x", b"y")
        consumer = consumer_of(broker, queue)
        messages = consumer.next_batch(2, 60)
        assert len(messages) == 2
        driver = consumer._driver
        # as when a connection is cut on the way
        driver._source._receiver._handler._connection._transport.sock.close()  # type: ignore[attr-defined]
        eventually(lambda: _acknowledged(messages[0]), "the lock is still ours", within=60)
        messages[1].ack()
        consumer.close()
        assert broker.inspector().describe(queue).details["active"] == 0


def _acknowledged(message: Message) -> bool:
    try:
        message.ack()
    except LockLost:
        raise
    except AckFailed:
        return False
    return True


def test_closing_keeps_its_timeout_while_the_server_hangs(servicebus_server: ServiceBusServer) -> None:
    connection = connect(servicebus_server.connection_string)
    queue = new_queue(connection)
    publish(connection, queue, b"x", b"y")
    consumer = consumer_of(connection, queue)
    assert consumer.fetch(2, 60) is not None
    servicebus_server.pause()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AbandonedWarning)
            began = time.monotonic()
            connection.close(timeout=1.0)
            assert time.monotonic() - began < 60
    finally:
        servicebus_server.resume()
    with pytest.raises(Closed):
        connection.ping()


def test_closing_leaves_no_thread_and_no_connection(servicebus_server: ServiceBusServer) -> None:
    before = {thread.ident for thread in threading.enumerate()}
    with connect(servicebus_server.connection_string) as broker:
        queue = new_queue(broker)
        publish(broker, queue, b"x")
        with consumer_of(broker, queue) as consumer:
            one(consumer).ack()
        for slice_ in broker.inspector().plan(queue):
            list(broker.inspector().read(slice_))
    gc.collect()

    def left() -> list[str]:
        return [each.name for each in threading.enumerate() if each.ident not in before]

    eventually(lambda: left() == [], "all threads end", within=60)
