"""Connecting, logging in, losing the connection, and leaving."""

from __future__ import annotations

import logging
import os
import time
import warnings

import pytest

from brokerkit.backends import jetstream
from brokerkit.core.runtime.connection import connect
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import (
    AbandonedWarning,
    BrokerError,
    Closed,
    NotSupported,
    Unauthorized,
    Unavailable,
)
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.process import free_ports
from brokerkit.testing import eventually

pytestmark = pytest.mark.broker


def test_a_server_that_is_not_there_is_unavailable_at_once_and_named() -> None:
    host = f"127.0.0.1:{free_ports(1)[0]}"
    began = time.monotonic()
    with pytest.raises(Unavailable, match=host):
        jetstream.open(Address.parse(f"nats://{host}"), 90)
    assert time.monotonic() - began < 60


def test_a_server_that_does_not_greet_is_unavailable_at_the_timeout() -> None:
    with NatsServer() as server:
        server.pause()
        began = time.monotonic()
        with pytest.raises(Unavailable, match=server.host):
            jetstream.open(Address.parse(server.url), 1.0)
        assert time.monotonic() - began < 60
        server.resume()


def test_one_of_several_hosts_is_enough(nats_server: NatsServer) -> None:
    dead = f"127.0.0.1:{free_ports(1)[0]}"
    driver = jetstream.open(Address.parse(f"nats://{dead},{nats_server.host}"), 10)
    driver.ping(5)
    driver.close(2)


def test_wrong_credentials_are_unauthorized_and_never_shown() -> None:
    with NatsServer(user="ann", password="hunter2") as server:
        driver = jetstream.open(Address.parse(server.url), 60)
        driver.ping(5)
        driver.close(2)
        for url in (
            f"nats://{server.host}",
            f"nats://ann:wrongpass@{server.host}",
            f"nats://tok@{server.host}",
        ):
            with pytest.raises(Unauthorized) as refused:
                connect(url, timeout=60)
            assert server.host in str(refused.value)
            assert "wrongpass" not in str(refused.value)


def test_a_token_logs_in() -> None:
    with NatsServer(settings='authorization { token: "s3cret" }') as server:
        jetstream.open(Address.parse(f"nats://s3cret@{server.host}"), 5).close(2)
        jetstream.open(Address.parse(f"nats://{server.host}", {"token": "s3cret"}), 5).close(2)
        with pytest.raises(Unauthorized):
            jetstream.open(Address.parse(server.url), 60)


def test_a_missing_permission_is_unauthorized() -> None:
    settings = """
    authorization { users = [ { user: "ann", password: "p", permissions: {
      publish: { deny: ["secret", "$JS.API.STREAM.LIST"] } } } ] }
    """
    with NatsServer(settings=settings) as server:
        driver = jetstream.open(Address.parse(f"nats://ann:p@{server.host}"), 5)
        with pytest.raises(BrokerError) as refused:
            driver.inspector().topics(1.0)
        assert isinstance(refused.value, Unauthorized)
        driver.close(2)


def test_a_server_without_jetstream_says_so() -> None:
    settings = """
    accounts { PLAIN { users = [ { user: "ann", password: "p" } ] } }
    """
    with NatsServer(settings=settings) as server, pytest.raises(NotSupported, match="JetStream"):
        jetstream.open(Address.parse(f"nats://ann:p@{server.host}"), 5)


def test_losing_and_regaining_the_connection_is_logged_and_not_printed(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with NatsServer() as server:
        driver = jetstream.open(Address.parse(server.url), 60)
        with caplog.at_level(logging.INFO, logger="brokerkit.jetstream"):
            server.kill()
            eventually(lambda: "disconnected" in caplog.text, "the lost connection is logged")
            with pytest.raises(Unavailable):
                driver.ping(0.5)
            server.start()
            eventually(lambda: "reconnected" in caplog.text, "the new connection is logged")
        driver.ping(5)
        driver.close(2)
    assert capfd.readouterr() == ("", "")


def test_closing_with_the_server_gone_keeps_its_timeout() -> None:
    with NatsServer() as server:
        connection = connect(server.url)
        connection.create_topic("orders")
        consumer = connection.consumer("orders", "me", start="earliest")
        assert consumer.next_batch(1, 0.1) == []
        server.pause()
        began = time.monotonic()
        with warnings.catch_warnings(action="ignore", category=AbandonedWarning):
            connection.close(2)
        assert time.monotonic() - began < 60
        server.resume()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_gets_an_error_and_may_connect_again(nats_server: NatsServer) -> None:
    with connect(nats_server.url) as connection:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                connection.ping(timeout=2)
            except Closed:
                with connect(nats_server.url) as own:
                    own.ping(timeout=60)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        connection.ping(timeout=60)


def test_publish_and_consume_through_the_portable_half(nats_server: NatsServer) -> None:
    with connect(nats_server.url) as connection:
        connection.create_topic("portable")
        connection.create_subscription("portable", "me", start="earliest", ack_wait=2)
        topic = connection.publisher().topic("portable")
        sent = [OutboundMessage(b"%d" % number, key=b"k") for number in range(100)]
        assert all(each.ok for each in topic.publish_batch(sent))
        with connection.consumer("portable", "me") as consumer:
            got = consumer.next_batch(100, 10)
            assert [message.data for message in got] == [message.data for message in sent]
            for message in got:
                message.ack(require_confirmed=True)
        (info,) = connection.inspector().describe("portable").subscriptions
        assert (info.lag, info.in_flight) == (0, 0)
        connection.delete_topic("portable")
