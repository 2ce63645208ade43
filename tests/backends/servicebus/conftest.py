"""A connection and a session to the emulator, queues of each test's own, and Microsoft's client beside them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient

import brokerkit as bk
from brokerkit.core import Connection, OutboundMessage, PublishResult, connect
from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.workbench import Session


def new_name() -> str:
    return f"q-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def broker(servicebus_server: ServiceBusServer) -> Iterator[Connection]:
    with connect(servicebus_server.connection_string) as connection:
        yield connection


@pytest.fixture
def session(servicebus_server: ServiceBusServer) -> Iterator[Session]:
    with bk.connect(servicebus_server.connection_string) as opened:
        yield opened


@pytest.fixture
def client(servicebus_server: ServiceBusServer) -> Iterator[Any]:
    """Microsoft's own client, for what others do."""
    with ServiceBusClient.from_connection_string(
        servicebus_server.connection_string, retry_total=0
    ) as opened:
        yield opened


def new_queue(on: Connection | Session, **options: Any) -> str:
    """A new queue."""
    name = new_name()
    on.create_topic(name, **options)
    return name


def new_topic(on: Connection | Session, *subscriptions: str, **options: Any) -> str:
    """A new topic with subscriptions, which have the options."""
    name = new_name()
    on.create_topic(name, kind="topic")
    for each in subscriptions:
        on.create_subscription(name, each, **options)
    return name


def publish(connection: Connection, topic: str, *messages: bytes | OutboundMessage) -> list[PublishResult]:
    """Publish all, every one confirmed."""
    with connection.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(
            [each if isinstance(each, OutboundMessage) else OutboundMessage(each) for each in messages]
        )
    assert [result.error for result in results if not result.ok] == []
    return results
