"""Connecting: what is told of a broker that is not there, options, and where the client's log goes."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import brokerkit as bk
from brokerkit.backends.pulsar.options import read_options
from brokerkit.backends.pulsar.positions import LedgerBounds, pack, parse_id, unpack
from brokerkit.core import BrokerError, ConfigError, Connection, Unavailable, connect
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.secrets import revealed
from brokerkit.sandbox.process import free_ports
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually

from .conftest import new_name

SECRET = "eyJhbGciOiJub25lIn0.c2VjcmV0LWNsYWltcw.xyzzy"


def test_a_host_that_refuses_is_unavailable_at_once_and_shows_no_secret() -> None:
    (port,) = free_ports(1)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="refused") as caught:
        connect(f"pulsar://127.0.0.1:{port}", token=SECRET, timeout=90)
    assert time.monotonic() - began < 60
    assert caught.value.retryable
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.extended
def test_a_silent_host_is_unavailable_within_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="does not answer") as caught:
            connect(f"pulsar://127.0.0.1:{silent.getsockname()[1]}", timeout=1)
        assert time.monotonic() - began < 60
        assert caught.value.retryable


@pytest.mark.broker
def test_the_port_of_the_rest_endpoint_is_told_from_the_broker_s(pulsar_server: PulsarServer) -> None:
    with pytest.raises(Unavailable, match="REST endpoint") as caught:
        connect(pulsar_server.admin.replace("http://", "pulsar://"), timeout=60)
    assert not caught.value.retryable


@pytest.mark.broker
def test_a_rest_endpoint_that_is_not_there_fails_the_connection(pulsar_server: PulsarServer) -> None:
    (port,) = free_ports(1)
    with pytest.raises(Unavailable, match="REST endpoint"):
        connect(pulsar_server.url, admin=f"http://127.0.0.1:{port}", timeout=60)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("pulsar://", "HOST:PORT"),
        ("pulsar://host/a/b/c", "TENANT/NAMESPACE"),
        ("pulsar://host?admin=host:8080", "http://localhost:8080"),
        ("pulsar://host?admin=http://me:sesame@host", "no user and password"),
        ("pulsar://host?oauth2_issuer=http://x", "oauth2_key_file"),
        ("pulsar://host?tls_ca=/nowhere.pem", "tls_ca"),
        ("pulsar+ssl://host?tls_certificate=a.pem", "tls_key_file"),
        ("pulsar://host?batching=perhaps", "true or false"),
        ("pulsar://host?nack_delay=soon", "seconds"),
        ("pulsar://host?prefetch=0", "positive integer"),
        ("pulsar://host?receiver_queue=5", "prefetch"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_with_what_was_expected(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_options(Address.parse(url))
    assert said in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_ports_and_the_namespace_have_defaults() -> None:
    options = read_options(Address.parse("pulsar://one,two:7000"))
    assert options.service_url == "pulsar://one:6650,two:7000"
    assert (options.namespace, options.tls, options.token) == ("public/default", False, None)
    options = read_options(Address.parse("pulsar+ssl://[::1]/shop"))
    assert options.service_url == "pulsar+ssl://[::1]:6651"
    assert (options.namespace, options.whole_tenant, options.tls) == ("shop/default", True, True)


def test_options_show_no_secret() -> None:
    for url in (f"pulsar://host?token={SECRET}", f"pulsar://me:{SECRET}@host", f"pulsar://{SECRET}@host"):
        options = read_options(Address.parse(url))
        assert SECRET in (revealed(options.token), revealed(options.password))
        assert SECRET not in repr(options)


def test_no_two_ids_are_the_same_position() -> None:
    assert parse_id("12:34:-1:-1") == (None, pack(12, 34))
    assert parse_id("12:34:2:5") == (2, pack(12, 34, 5))
    most = (2**63 - 1, 2**63 - 1, 2**31 - 1)
    assert unpack(pack(*most)) == most
    assert pack(1, 2**63 - 1, 2**31 - 1) < pack(2, 0) < pack(2, 0, 0) < pack(2, 0, 1) < pack(2, 1)
    assert pack(2, 0, 2**31 - 1) < pack(2, 1)
    for wrong in ("1:2:3", "1:2:3:4:5", "a:0:0:0", "-1:0:0:0", f"{2**64}:0:0:0", f"0:0:0:{2**32}"):
        with pytest.raises(ConfigError, match="not a message id"):
            parse_id(wrong)


def test_bounds_count_entries_across_ledgers() -> None:
    bounds = LedgerBounds(None, pack(3, 0), pack(9, 5), 12, ((3, 4), (7, 3), (9, 5)))
    assert bounds.advance(bounds.start, 5) == pack(7, 1)
    assert bounds.advance(bounds.end, -5) == pack(9, 0)
    assert bounds.advance(bounds.end, -6) == pack(7, 2)
    assert bounds.advance(bounds.end, -100) == bounds.start
    assert bounds.advance(bounds.start, 100) == bounds.end
    assert bounds.between(pack(3, 2), pack(9, 1)) == 6
    assert bounds.after(pack(3, 3), 2) == pack(7, 1)


@pytest.mark.broker
def test_the_log_of_the_client_goes_to_logging(
    pulsar_server: PulsarServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.WARNING, "brokerkit.pulsar")
    with connect(pulsar_server.url) as broker, pytest.raises(BrokerError):
        broker.inspector().bounds("persistent://missing/nowhere/x")

    def told() -> bool:
        return any(each.name == "brokerkit.pulsar" and "NotFound" in each.message for each in caplog.records)

    eventually(told, "the client's own words")
    assert capfd.readouterr().err == ""


@pytest.mark.broker
def test_nothing_is_printed_where_logging_is_not_configured(pulsar_server: PulsarServer) -> None:
    program = f"""
        from brokerkit.core import BrokerError, connect
        with connect({pulsar_server.url!r}) as broker:
            try:
                broker.inspector().bounds("persistent://missing/nowhere/x")
            except BrokerError:
                print("refused")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("refused\n", "")


@pytest.mark.broker
def test_doctor_works_and_says_which_step_fails(pulsar_server: PulsarServer, url: str) -> None:
    topic = new_name()
    with connect(url) as broker:
        broker.create_topic(topic)
    found = bk.doctor(url, topic=topic)
    assert found.ok, repr(found)
    plain = bk.doctor(pulsar_server.url, topic=topic)
    assert plain.ok, repr(plain)
    assert [step.status for step in plain.steps if step.name == "list topics"] == ["not offered"]
    (port,) = free_ports(1)
    failed = bk.doctor(f"pulsar://127.0.0.1:{port}", token=SECRET).failed
    assert failed is not None
    assert failed.name == "network"
    assert SECRET not in repr(failed)


@pytest.mark.broker
@pytest.mark.parametrize("fault", ["half_open", "stall", "refuse"])
def test_a_broker_that_is_silent_for_a_while_is_not_said_to_speak_something_else(
    pulsar_server: PulsarServer, fault: str
) -> None:
    with pulsar_server.proxy() as proxy, connect(f"pulsar://127.0.0.1:{proxy.port}") as broker:
        broker.ping(timeout=60)
        getattr(proxy, fault)()
        proxy.cut()
        with pytest.raises(Unavailable) as caught:
            broker.ping(timeout=1)
        assert caught.value.retryable
        assert "TLS" not in str(caught.value)
        assert "cannot be reached" in str(caught.value)
        proxy.mend()
        eventually(lambda: _answers(broker), "the broker is reached again", within=60)


@pytest.mark.broker
def test_a_paused_broker_is_said_to_be_out_of_reach(pulsar_server: PulsarServer) -> None:
    with connect(pulsar_server.url) as broker:
        os.kill(pulsar_server.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable, match="answered there before.*cannot be reached") as caught:
                broker.ping(timeout=1)
        finally:
            os.kill(pulsar_server.process.pid, signal.SIGCONT)
        assert "TLS" not in str(caught.value)
        eventually(lambda: _answers(broker), "the broker is reached again", within=60)


def test_a_port_that_closes_without_a_word_may_be_a_broker_that_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def close_at_once() -> None:
            connection, _ = door.accept()
            connection.recv(1)
            connection.close()

        closing = threading.Thread(target=close_at_once)
        closing.start()
        with pytest.raises(Unavailable, match="without an answer: is it just starting, or .*TLS") as caught:
            connect(f"pulsar://127.0.0.1:{door.getsockname()[1]}", timeout=60)
        closing.join()
    assert caught.value.retryable


def _answers(broker: Connection) -> bool:
    try:
        broker.ping(timeout=2)
    except Unavailable:
        return False
    return True
