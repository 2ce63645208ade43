"""Errors of real servers: in time, of the right kind, naming what to do, without secrets."""

from __future__ import annotations

import re
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.core.vocabulary.errors import NotFound, TooLarge, Unauthorized, Unavailable
from brokerkit.core.vocabulary.results import PublishFailed
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.process import free_ports
from brokerkit.testing import eventually
from brokerkit.workbench import Session

from .systems import Kafka, System

SCHEMES = ["kafka", "nats"]
SOON = 45.0
SECRET = "wrong-and-secret-77"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_closed_port_is_unavailable_and_named(scheme: str) -> None:
    host = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(Unavailable, match=host), within(SOON):
        bk.connect(f"{scheme}://{host}", timeout=2)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_host_that_says_nothing_is_unavailable_and_named(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match=host), within(SOON):
            bk.connect(f"{scheme}://{host}", timeout=2)


def test_a_wrong_kafka_password_is_unauthorized(kafka_system: Kafka) -> None:
    server = kafka_system.server
    with pytest.raises(Unauthorized) as caught, within(SOON):
        bk.connect(f"kafka://{server.user}:{SECRET}@{server.sasl_bootstrap}", timeout=SOON)
    assert SECRET not in _all_that_is_shown(caught.value)


def test_a_wrong_nats_password_is_unauthorized() -> None:
    with NatsServer(user="alice", password="right") as server:
        with pytest.raises(Unauthorized) as caught, within(SOON):
            bk.connect(f"nats://alice:{SECRET}@{server.host}", timeout=SOON)
        assert SECRET not in _all_that_is_shown(caught.value)
        with bk.connect(server.url) as session:
            assert "right" not in repr(session)


MISSING: dict[str, Callable[[Session, str], object]] = {
    "peek": lambda s, topic: s.peek(topic),
    "pull": lambda s, topic: s.pull(topic, subscription="me", start="earliest"),
    "batches": lambda s, topic: next(s.batches(topic, subscription="me", start="earliest")),
    "describe": lambda s, topic: s.describe(topic),
    "scan": lambda s, topic: s.scan(topic).to_pandas(),
    "delete": lambda s, topic: s.delete_topic(topic, confirm=topic),
    "subscribe": lambda s, topic: s.create_subscription(topic, "me"),
}


@pytest.mark.parametrize("what", MISSING)
def test_a_missing_topic_is_not_found_and_not_created(system: System, session: Session, what: str) -> None:
    before = system.facts()
    with pytest.raises(NotFound, match="nowhere"), within(SOON):
        MISSING[what](session, "nowhere")
    eventually(lambda: system.facts() == before, "nothing was created")


def test_publishing_to_a_missing_topic_fails_and_creates_none(system: System, session: Session) -> None:
    before = system.facts()
    with pytest.raises(PublishFailed, match="nowhere") as caught, within(SOON):
        session.publish("nowhere", "lost")
    assert [type(result.error) for result in caught.value.results] == [NotFound]
    with within(SOON):
        outcome = session.publish_frame("nowhere", pd.DataFrame({"a": [1, 2]}), progress=False)
    assert isinstance(outcome, OutcomeFrame)
    assert outcome.counts == {"confirmed": 0, "failed": 2, "unknown": 0}
    eventually(lambda: system.facts() == before, "nothing was created")


def test_a_missing_subscription_is_not_found_with_the_line_that_creates_it(
    system: System, session: Session
) -> None:
    topic = system.create_topic(session)
    session.publish(topic, "one")
    with pytest.raises(NotFound) as caught, within(SOON):
        session.pull(topic, subscription="newcomer")
    (line,) = re.findall(r"create_subscription\(.*?\)", str(caught.value))
    eval(f"session.{line}", {"session": session})
    assert list(session.pull(topic, subscription="newcomer")["value"]) == ["one"]


def test_a_message_that_is_too_large_fails_alone(system: System, session: Session) -> None:
    topic = system.create_topic(session)
    huge = OutboundMessage(b"x" * 10_000_000, "k")
    with pytest.raises(PublishFailed) as caught, within(SOON):
        session.publish_batch(topic, [OutboundMessage("first", "k"), huge, OutboundMessage("last", "k")])
    assert [result.status for result in caught.value.results] == ["confirmed", "failed", "confirmed"]
    assert isinstance(caught.value.results[1].error, TooLarge)
    assert list(session.peek(topic)["value"]) == ["first", "last"]


def _all_that_is_shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is inside takes no longer, also when it raises."""
    begin = time.monotonic()
    try:
        yield
    finally:
        took = time.monotonic() - begin
        assert took < seconds, f"took {took:.1f} s"
