"""What a user may rely on when connecting and closing, and what never shows."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerkit.backends import inmem
from brokerkit.backends.inmem.driver import InmemDriver
from brokerkit.backends.inmem.store import Store
from brokerkit.core import (
    AbandonedWarning,
    AlreadyExists,
    BrokerError,
    Closed,
    ConfigError,
    Connection,
    NotFound,
    OutboundMessage,
    Unavailable,
    connect,
)
from brokerkit.core.contract.driver import Driver
from brokerkit.core.runtime import registry
from brokerkit.core.vocabulary.secrets import Secret

from .conftest import Desk

pytestmark = pytest.mark.timeout(120)

PASSWORD = "p@ss/w%rd 'x'"
TOKEN = "t0ken-value"
QUOTED = "p%40ss%2Fw%25rd%20%27x%27"


class Backend:
    """An in-memory broker whose opening or answers fail with what a client library would say."""

    def __init__(self, failure: Callable[[], BaseException], *, at_open: bool = False) -> None:
        self.capabilities = inmem.capabilities
        self.failure = failure
        self.at_open = at_open

    def open(self, address: Any, timeout: float) -> Driver:
        if self.at_open:
            raise self.failure()
        failing = self

        class Leaking(InmemDriver):
            def create_topic(self, topic: str, **options: Any) -> None:
                raise failing.failure()

            def translate(self, error: BaseException) -> BrokerError:
                return BrokerError(f"the client said: {error}")

        return Leaking(Store(), self.capabilities)


def serve(monkeypatch: pytest.MonkeyPatch, backend: Any) -> None:
    monkeypatch.setattr(registry, "backend", lambda scheme: backend)


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)


def assert_hidden(text: str) -> None:
    for secret in (PASSWORD, QUOTED, QUOTED.lower(), repr(PASSWORD)[1:-1], TOKEN):
        assert secret not in text


def test_an_unknown_scheme_names_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match=r"unknown scheme 'ftp'.*inmem"):
        connect("ftp://host")


def test_an_option_that_the_backend_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="colour"):
        connect("inmem://", colour="red")
    with connect("inmem://") as connection, pytest.raises(ConfigError, match="partitions"):
        connection.create_topic("t", colour="red")


@pytest.mark.extended
def test_a_broker_that_does_not_answer_is_unavailable_within_the_timeout() -> None:
    store = inmem.shared_store("asleep")
    store.faults.pause()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        connect("inmem://asleep", timeout=0.3)
    assert time.monotonic() - began < 60
    store.faults.resume()
    connect("inmem://asleep").close()


@pytest.mark.parametrize("at_open", [True, False])
@pytest.mark.parametrize("spelling", [PASSWORD, QUOTED, repr(PASSWORD), TOKEN])
def test_errors_of_a_client_library_show_no_secret(
    monkeypatch: pytest.MonkeyPatch, at_open: bool, spelling: str
) -> None:
    class ClientError(Exception):
        pass

    def failure() -> BaseException:
        error = ClientError({"code": 1}, f"refused {spelling} by host")
        error.__cause__ = OSError(1, f"socket said {spelling}")
        return error

    serve(monkeypatch, Backend(failure, at_open=at_open))
    with pytest.raises(BrokerError) as caught:
        connect(f"any://me:{QUOTED}@host", access_token=TOKEN).create_topic("t")
    assert_hidden(shown(caught.value))
    assert "by host" in shown(caught.value)


def test_outcomes_of_publishing_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, Backend(RuntimeError))
    with connect(f"any://me:{QUOTED}@host") as connection:
        connection.native.create_topic("t", {})
        connection.native.faults.fail_publishes(1, BrokerError(f"refused {PASSWORD}"))
        (result,) = connection.publisher().topic("t").publish_batch([OutboundMessage(b"")])
    assert result.error is not None
    assert_hidden(shown(result.error))


def test_nothing_of_a_connection_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, Backend(RuntimeError))
    with connect(f"any://me:{QUOTED}@host/path", token=TOKEN) as connection:
        connection.native.create_topic("t", {})
        things = [connection, connection.address, connection.inspector(), connection.publisher()]
        things.append(connection.consumer("t", "me"))
        for thing in things:
            assert_hidden(repr(thing) + str(thing))
        assert repr(connection.address) == "Address('any://me:***@host/path')"


def test_a_translation_that_fails_still_ends_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def failure() -> BaseException:
        return KeyError("strange")

    backend = Backend(failure)
    serve(monkeypatch, backend)
    connection = connect("any://host")
    monkeypatch.setattr(type(connection.driver), "translate", lambda self, error: 1 / 0)
    with pytest.raises(BrokerError, match="KeyError: 'strange'"):
        connection.create_topic("t")
    connection.close()


def test_a_shared_name_is_one_broker_and_no_name_a_private_one() -> None:
    with connect("inmem://shared-by-two") as one, connect("inmem://shared-by-two") as two:
        one.create_topic("t")
        with pytest.raises(AlreadyExists):
            two.create_topic("t")
    with connect("inmem://") as one, connect("inmem://") as two:
        one.create_topic("t")
        with pytest.raises(NotFound):
            two.delete_topic("t")


@pytest.mark.parametrize("wrong", ["", "  ", None, 3])
def test_names_must_be_texts(desk: Desk, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="name must be a non-empty string"):
        desk.connection.create_topic(wrong)


def test_closing_closes_everything_that_was_made(desk: Desk) -> None:
    desk.topic(count=2)
    consumer, publisher, browser = desk.messages(), desk.connection.publisher(), desk.connection.inspector()
    batch = consumer.next_batch(2, 5)
    desk.connection.close()
    desk.connection.close()
    assert desk.leases() == 0
    assert consumer.closed
    assert publisher.closed
    assert browser.closed
    for call in (desk.connection.ping, desk.connection.publisher, desk.connection.inspector, batch[0].ack):
        with pytest.raises(Closed):
            call()


MANY = 30
"""Consumers: one after the other they would need as many times the timeout."""


@pytest.mark.extended
def test_closing_keeps_its_timeout_while_the_broker_hangs(desk: Desk) -> None:
    desk.topic(count=2)
    consumers = [desk.messages(name=f"reader-{number}") for number in range(MANY)]
    held = [consumer.fetch(1, 60) for consumer in consumers]
    desk.faults.pause()
    began = time.monotonic()
    with pytest.warns(AbandonedWarning) as told:
        desk.connection.close(0.6)
    assert time.monotonic() - began < MANY * 0.6 / 2
    said = " ".join(str(each.message) for each in told)
    assert all(f"reader-{number}" in said for number in range(MANY))
    assert len(held) == MANY


def run(program: str, seconds: float = 15, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_process_that_closes_nothing_gives_back_and_ends_quietly() -> None:
    done = run(
        """
        import atexit
        from brokerkit.backends import inmem
        from brokerkit.core import connect, OutboundMessage
        connection = connect("inmem://x")
        atexit.register(lambda: None)
        connection.create_topic("t")
        publisher = connection.publisher()
        publisher.topic("t").publish(OutboundMessage(b"1"))
        consumer = connection.consumer("t", "me", start="earliest")
        message = consumer.next_message(5)
        browser = connection.inspector()
        list(browser.read(browser.plan("t")[0]))
        store = inmem.shared_store("x")
        from brokerkit.core.contract import at_exit
        atexit.unregister(at_exit._close_all)
        atexit.register(lambda: print("leases", len(store.subscriptions["t", "me"].leases)))
        atexit.register(at_exit._close_all)
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "leases 0\n", "")


@pytest.mark.extended
def test_a_process_ends_in_time_while_the_broker_hangs() -> None:
    done = run(
        """
        import time
        from brokerkit.core import connect, OutboundMessage
        connection = connect("inmem://")
        connection.create_topic("t")
        consumers = [connection.consumer("t", f"me-{n}", start="earliest") for n in range(3)]
        connection.publisher().topic("t").publish(OutboundMessage(b"1"))
        held = [consumer.fetch(1, 5) for consumer in consumers]
        connection.native.faults.pause()
        print(time.time())
        """
    )
    assert done.returncode == 0
    assert time.time() - float(done.stdout) < 8


@pytest.mark.extended
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_told_so_and_touches_nothing() -> None:
    done = run(
        """
        import gc, os, sys
        from brokerkit.core import Closed, connect, OutboundMessage
        connection = connect("inmem://")
        connection.create_topic("t")
        publisher, browser = connection.publisher(), connection.inspector()
        publisher.topic("t").publish(OutboundMessage(b"1"))
        consumer = connection.consumer("t", "me", start="earliest")
        message = consumer.next_message(5)
        child = os.fork()
        if child == 0:
            calls = [
                connection.ping, connection.close, browser.topics, browser.close, publisher.close,
                consumer.close, message.ack, lambda: consumer.next_message(0),
                lambda: publisher.topic("t").publish(OutboundMessage(b"2")),
                lambda: connection.publisher(),
            ]
            for call in calls:
                try:
                    call()
                except Closed as error:
                    assert "forked" in str(error), error
                else:
                    os._exit(3)
            message.delivery = None
            del message, consumer, publisher, browser, connection, calls, call
            gc.collect()
            sys.exit(0)
        print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        message.ack()
        print("acknowledged")
        connection.close()
        """
    )
    assert (done.stdout, done.stderr) == ("child 0\nacknowledged\n", "")


def test_saved_connections_take_their_secrets_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "connections.toml"
    path.write_text(
        '[mine]\nurl = "any://host"\nsasl.password = {env = "MY_SECRET"}\nsasl.mechanism = "PLAIN"\n'
    )
    monkeypatch.setenv("BROKERKIT_CONFIG", str(path))
    serve(monkeypatch, Backend(RuntimeError))
    with pytest.raises(ConfigError, match="MY_SECRET"):
        connect("mine")
    monkeypatch.setenv("MY_SECRET", PASSWORD)
    with connect("mine") as connection:
        assert isinstance(connection, Connection)
        assert connection.address.options == {"sasl.password": Secret(PASSWORD), "sasl.mechanism": "PLAIN"}
        assert_hidden(repr(connection) + connection.address.public_url)
    with pytest.raises(ConfigError, match="saved there: mine"):
        connect("yours")
