"""Where the administration cannot be reached: a firewall, an emulator that has it elsewhere."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.backends.servicebus.options import read_options
from brokerkit.core import NotFound, NotSupported, PublishFailed, Unauthorized, Unavailable
from brokerkit.core.runtime.registry import address_of
from brokerkit.sandbox.process import free_ports
from brokerkit.sandbox.servicebus.server import ServiceBusServer

from .conftest import new_name


@pytest.fixture(scope="module")
def apart(servicebus_server: ServiceBusServer) -> Iterator[ServiceBusServer]:
    """An emulator whose administration has a port of its own."""
    with ServiceBusServer(admin_apart=True) as server:
        yield server


@pytest.mark.broker
def test_one_can_publish_take_and_peek_by_name(apart: ServiceBusServer) -> None:
    queue, topic = new_name(), new_name()
    apart.create_queue(queue)
    apart.create_topic(topic)
    apart.create_subscription(topic, "s")
    with bk.connect(apart.connection_string) as session:
        for place in (queue, topic):
            assert session.publish(place, {"n": 1}).ok
        for place in (queue, f"{topic}/Subscriptions/s"):
            assert session.peek(place)["value"].tolist() == ['{"n":1}']
            assert len(session.scan(place).to_pandas()) == 1
        assert len(session.pull(queue, 10, idle=0.2)) == 1
        assert len(session.pull(topic, 10, subscription="s", idle=0.2)) == 1
        with pytest.raises(PublishFailed, match="could not be found"):
            session.publish(new_name(), "x")


@pytest.mark.broker
def test_calls_that_need_the_administration_say_so(apart: ServiceBusServer) -> None:
    queue = new_name()
    apart.create_queue(queue)
    with bk.connect(apart.connection_string) as session:
        for needs in (
            session.topics,
            lambda: session.describe(queue),
            lambda: session.create_topic(new_name()),
            lambda: session.delete_topic(queue, confirm=queue),
            lambda: session.create_subscription(queue, "s"),
        ):
            with pytest.raises(NotSupported, match="needs the administration of .*admin=HOST:PORT"):
                needs()
    found = bk.doctor(apart.connection_string, topic=queue)
    assert found.ok, found
    assert "needs the administration" in repr(found)


@pytest.mark.broker
def test_the_administration_may_be_named(apart: ServiceBusServer) -> None:
    queue = new_name()
    with bk.connect(apart.connection_string, admin=f"127.0.0.1:{apart.admin_port}") as session:
        session.create_topic(queue)
        assert queue in session.topics()["topic"].tolist()
        session.publish(queue, "x")
        assert session.describe(queue).messages == 1


@pytest.mark.broker
def test_ids_of_messages_that_are_sent_again_are_renewed_there(apart: ServiceBusServer) -> None:
    queue = new_name()
    apart.create_queue(queue, RequiresDuplicateDetection=True)
    with bk.connect(apart.connection_string) as session:
        session.publish(queue, "v", attributes={"$sb.message_id": "same"})
        outcome = session.publish_frame(queue, session.peek(queue), progress=False)
        assert outcome["note"].str.contains("it is not known whether").all()
        assert session.peek(queue)["value"].tolist() == ["v", "v"]


@pytest.mark.broker
def test_a_wrong_key_is_unauthorized_there_too(apart: ServiceBusServer) -> None:
    wrong = apart.connection_string_of("RootManageSharedAccessKey", "d3Jvbmcta2V5LWZvci10ZXN0cw==")
    with pytest.raises(Unauthorized):
        bk.connect(wrong, timeout=10)
    with bk.connect(apart.connection_string_of("ListenOnly")) as limited:
        assert limited.capabilities.models == ("message",)


@pytest.mark.broker
def test_an_administration_that_does_not_answer_takes_half_of_the_time(apart: ServiceBusServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        admin = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with bk.connect(apart.connection_string, admin=admin, timeout=8) as session:
            assert 3.5 < time.monotonic() - began < 60
            with pytest.raises(NotSupported):
                session.topics()


def drip(connection: socket.socket, between: float) -> None:
    """Answer with one header after the other, and never with the last."""
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X: y\r\n")
            time.sleep(between)


@pytest.mark.broker
@pytest.mark.parametrize("between", [0.06, 0.2, 1.0])
def test_an_administration_that_answers_without_end_takes_half_of_the_time(
    apart: ServiceBusServer, between: float
) -> None:
    queue = new_name()
    apart.create_queue(queue)

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=drip, args=(connection, between), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as slow:
        threading.Thread(target=serve, args=(slow,), daemon=True).start()
        began = time.monotonic()
        with bk.connect(
            apart.connection_string, admin=f"127.0.0.1:{slow.getsockname()[1]}", timeout=8
        ) as session:
            assert 3.5 < time.monotonic() - began < 60
            assert session.publish(queue, "v").ok
            assert session.peek(queue)["value"].tolist() == ["v"]
            with pytest.raises(NotSupported, match="no whole answer"):
                session.topics()


@pytest.mark.broker
@pytest.mark.parametrize("name", ["{new}", "{topic}/Subscriptions/{new}", "{new}/$deadletterqueue"])
def test_what_does_not_exist_is_not_found(apart: ServiceBusServer, name: str) -> None:
    topic = new_name()
    apart.create_topic(topic)
    missing = name.format(new=new_name(), topic=topic)
    with bk.connect(apart.connection_string) as session:
        for look in (
            lambda: session.peek(missing),
            lambda: session.scan(missing).to_pandas(),
            lambda: session.pull(missing, 1, idle=0.2),
            lambda: session.tail(missing).close(),
        ):
            with pytest.raises(NotFound, match="no such queue, topic or subscription"):
                look()


@pytest.mark.broker
def test_where_nothing_answers_the_connection_fails_as_before() -> None:
    string = (
        f"Endpoint=sb://127.0.0.1:{free_ports(1)[0]};SharedAccessKeyName=a;SharedAccessKey=b;"
        "UseDevelopmentEmulator=true"
    )
    with pytest.raises(Unavailable) as raised:
        bk.connect(string)
    assert raised.value.retryable


@pytest.mark.parametrize(
    ("host", "admin", "expected"),
    [
        ("localhost", None, "localhost:5300"),
        ("localhost:5672", None, "localhost:5300"),
        ("127.0.0.1:15672", None, None),
        ("localhost", "localhost:9", "localhost:9"),
    ],
)
def test_the_port_of_microsofts_emulator_is_known(host: str, admin: str | None, expected: str | None) -> None:
    string = f"Endpoint=sb://{host};SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;"
    given = {} if admin is None else {"admin": admin}
    assert read_options(address_of(string, given)).admin == expected


def test_the_service_itself_has_its_administration_where_it_is() -> None:
    string = "Endpoint=sb://x.servicebus.windows.net;SharedAccessKeyName=a;SharedAccessKey=b"
    assert read_options(address_of(string, {})).admin is None
