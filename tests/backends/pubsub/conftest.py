"""Both servers, a connection to one of them, and topics of each test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from brokerkit.core import Connection, OutboundMessage, PublishResult, connect
from brokerkit.sandbox.pubsub import EmulatorServer, PubSubServer

PROJECT = "backend-tests"


def url_of(server: PubSubServer) -> str:
    return f"pubsub://{PROJECT}?emulator={server.host}"


@pytest.fixture(params=["emulator", "pstest"])
def server(request: pytest.FixtureRequest) -> PubSubServer:
    """Each of the two servers."""
    name = {"emulator": "pubsub_emulator", "pstest": "pstest_server"}[request.param]
    found = request.getfixturevalue(name)
    assert isinstance(found, PubSubServer)
    return found


@pytest.fixture
def broker(server: PubSubServer) -> Iterator[Connection]:
    """A connection to each of the two servers."""
    with connect(url_of(server)) as connection:
        yield connection


@pytest.fixture
def emulator(pubsub_emulator: EmulatorServer) -> Iterator[Connection]:
    """A connection to the emulator, for what only that one does."""
    with connect(url_of(pubsub_emulator)) as connection:
        yield connection


def new_name() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


Make = Callable[..., tuple[str, str]]


@pytest.fixture
def make() -> Make:
    """Create a topic with one subscription, with these options of the subscription."""

    def made(connection: Connection, **options: Any) -> tuple[str, str]:
        topic, subscription = new_name(), new_name()
        connection.create_topic(topic)
        connection.create_subscription(topic, subscription, **options)
        return topic, subscription

    return made


def publish(connection: Connection, topic: str, *messages: bytes | OutboundMessage) -> list[PublishResult]:
    """Publish all, every one confirmed."""
    with connection.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(
            [each if isinstance(each, OutboundMessage) else OutboundMessage(each) for each in messages]
        )
    assert [result.error for result in results if not result.ok] == []
    return results
