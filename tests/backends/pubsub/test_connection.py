"""Connecting, being refused, losing the server, and leaving."""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core import exceptions as api_errors
from google.auth import exceptions as auth_errors

from brokerkit.backends.pubsub.errors import translate
from brokerkit.core import (
    AbandonedWarning,
    BrokerError,
    Closed,
    Connection,
    NotFound,
    OutboundMessage,
    Unauthorized,
    Unavailable,
    connect,
)
from brokerkit.sandbox.process import free_ports
from brokerkit.sandbox.pubsub import PubSubServer
from brokerkit.testing.waiting import eventually

from .conftest import Make, new_name, publish, url_of
from .refusing import RefusingServer

pytestmark = pytest.mark.broker


def test_a_server_that_is_not_there_is_unavailable_at_once() -> None:
    port = free_ports(1)[0]
    began = time.monotonic()
    with pytest.raises(Unavailable, match=str(port)) as raised:
        connect(f"pubsub://p-1?emulator=127.0.0.1:{port}", timeout=90)
    assert time.monotonic() - began < 60
    assert raised.value.retryable
    assert isinstance(raised.value.__cause__, grpc.RpcError)


def test_a_server_that_does_not_answer_is_unavailable_at_the_timeout(server: PubSubServer) -> None:
    server.pause()
    try:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            connect(url_of(server), timeout=1.0)
        assert time.monotonic() - began < 60
    finally:
        server.resume()


def test_refused_credentials_are_unauthorized() -> None:
    with (
        RefusingServer(grpc.StatusCode.UNAUTHENTICATED, "invalid authentication credentials") as server,
        pytest.raises(Unauthorized, match="gcloud auth application-default login") as raised,
    ):
        connect(server.url, timeout=60)
    assert not raised.value.retryable
    assert isinstance(raised.value.__cause__, grpc.RpcError)


def test_an_account_that_may_not_list_topics_can_connect() -> None:
    text = "User not authorized to perform this action."
    with (
        RefusingServer(grpc.StatusCode.PERMISSION_DENIED, text, "IAM_PERMISSION_DENIED") as server,
        connect(server.url, timeout=60) as connection,
    ):
        with pytest.raises(Unauthorized, match="permit"):
            connection.inspector().topics()
        with connection.publisher() as publisher:
            (result,) = publisher.topic("orders").publish_batch([OutboundMessage(b"x")])
        assert result.status == "failed"
        assert isinstance(result.error, Unauthorized)


def test_a_service_that_is_switched_off_is_said_at_connecting() -> None:
    with (
        RefusingServer(grpc.StatusCode.PERMISSION_DENIED, "API is off", "SERVICE_DISABLED") as server,
        pytest.raises(Unauthorized, match="API is off"),
    ):
        connect(server.url, timeout=60)


def test_without_credentials_the_error_says_how_to_get_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    # no server answers as the metadata server of Google's machines
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{free_ports(1)[0]}")
    began = time.monotonic()
    with pytest.raises(Unauthorized, match="gcloud auth application-default login"):
        connect("pubsub://p-1", timeout=10)
    assert time.monotonic() - began < 60


def test_a_service_account_connects_to_the_endpoint_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "key.json"
    account = {
        "type": "service_account",
        "project_id": "p-1",
        "private_key_id": "k1",
        "private_key": pem.decode(),
        "client_email": "reader@p-1.iam.gserviceaccount.com",
        "token_uri": f"http://127.0.0.1:{free_ports(1)[0]}/token",
    }
    file.write_text(json.dumps(account), "utf-8")
    port = free_ports(1)[0]
    began = time.monotonic()
    with pytest.raises(Unavailable, match=str(port)) as raised:
        connect(f"pubsub://?credentials={file}&endpoint=127.0.0.1:{port}", timeout=5)
    assert time.monotonic() - began < 60
    assert pem.decode().splitlines()[1] not in f"{raised.value} {raised.value.__cause__!r}"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (auth_errors.RefreshError("invalid_grant"), Unauthorized),
        (auth_errors.TransportError("no route to the token server"), Unavailable),
        (api_errors.NotFound("gone"), NotFound),
        (api_errors.ServiceUnavailable("later"), Unavailable),
        (ValueError("Cannot invoke RPC on closed channel!"), Closed),
        (ZeroDivisionError("unexpected"), BrokerError),
    ],
)
def test_other_errors_of_googles_libraries_are_of_our_tree(
    error: Exception, expected: type[BrokerError]
) -> None:
    assert type(translate(error)) is expected


def test_a_topic_that_is_not_there_is_not_found_with_the_line_that_creates_it(broker: Connection) -> None:
    missing = new_name()
    with pytest.raises(NotFound, match=f"create_topic\\('{missing}'\\)"):
        broker.inspector().describe(missing)
    with broker.publisher() as publisher, pytest.raises(NotFound, match="create_topic") as raised:
        publisher.topic(missing).publish(OutboundMessage(b"x"))
    assert isinstance(raised.value.__cause__, grpc.RpcError)


def test_an_interactive_publish_takes_less_than_50_ms(broker: Connection, make: Make) -> None:
    topic, _ = make(broker)
    with broker.publisher() as publisher:
        publisher.topic(topic).publish(OutboundMessage(b"warm"))
        took = []
        for _ in range(20):
            began = time.perf_counter()
            publisher.topic(topic).publish(OutboundMessage(b"x"))
            took.append(time.perf_counter() - began)
    # the fastest: the others say what else the machine does
    assert min(took) < 0.05


def test_an_acknowledgement_of_a_killed_server_raises_and_the_connection_recovers(
    server: PubSubServer, make: Make
) -> None:
    with connect(url_of(server)) as connection:
        topic, subscription = make(connection)
        publish(connection, topic, b"x")
        message = connection.consumer(topic, subscription).next_message(60)
        server.kill()
        try:
            began = time.monotonic()
            with pytest.raises(BrokerError) as raised:
                message.ack()
            assert time.monotonic() - began < 60
            assert raised.value.retryable
        finally:
            server.restart()

        def works() -> bool:
            try:
                connection.ping(2)
            except Unavailable:
                return False
            return True

        eventually(works, "the connection works again", within=60)
        connection.create_topic(topic)


def test_a_server_killed_while_one_waits_for_messages_is_said_within_the_timeout(
    server: PubSubServer, make: Make
) -> None:
    with connect(url_of(server)) as connection:
        topic, subscription = make(connection)
        consumer = connection.consumer(topic, subscription)
        consumer.attach()
        server.kill()
        try:
            began = time.monotonic()
            with pytest.raises(Unavailable) as raised:
                consumer.next_message(2.0)
            assert time.monotonic() - began < 60
            assert raised.value.retryable
        finally:
            server.restart()


def test_close_with_a_hanging_server_keeps_its_timeout(server: PubSubServer, make: Make) -> None:
    connection = connect(url_of(server))
    topic, subscription = make(connection)
    publish(connection, topic, b"x")
    message = connection.consumer(topic, subscription).next_message(60)
    server.pause()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AbandonedWarning)
            began = time.monotonic()
            connection.close(timeout=1.0)
        assert time.monotonic() - began < 60
    finally:
        server.resume()
    with pytest.raises(Closed):
        message.ack()


def test_close_leaves_no_thread_behind(server: PubSubServer, make: Make) -> None:
    def ours() -> set[threading.Thread]:
        return {each for each in threading.enumerate() if each.name.startswith("brokerkit")}

    def of_grpc() -> int:
        return sum("channel_spin" in each.name for each in threading.enumerate())

    before, before_grpc = ours(), of_grpc()
    connection = connect(url_of(server))
    topic, subscription = make(connection)
    publish(connection, topic, b"x")
    consumer = connection.consumer(topic, subscription)
    consumer.next_message(60).ack()
    assert consumer.next_message(0.2) is None
    connection.close()
    eventually(lambda: ours() <= before, "its own threads have ended")
    eventually(lambda: of_grpc() <= before_grpc, "those of gRPC have ended")


def test_a_forked_child_is_told_and_touches_nothing(broker: Connection) -> None:
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            broker.ping()
            said = b"answered"
        except Closed:
            said = b"closed"
        os.write(write, said)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"closed"
    os.waitpid(child, 0)
    broker.ping()
