"""A stream of its own for each test, on the one server of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from brokerkit.backends import jetstream
from brokerkit.core.contract.consumer import SubscriptionRequest
from brokerkit.core.contract.driver import Driver
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.runtime.connection import Connection, connect
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.positions import Earliest
from brokerkit.sandbox.nats import NatsServer

_numbers = count(1)


@pytest.fixture
def driver(nats_server: NatsServer) -> Iterator[Driver]:
    opened = jetstream.open(Address.parse(nats_server.url), 60)
    yield opened
    opened.close(2)


@pytest.fixture
def broker(nats_server: NatsServer) -> Iterator[Connection]:
    with connect(nats_server.url) as connection:
        yield connection


@pytest.fixture
def subject(driver: Driver) -> str:
    """A subject whose stream also stores its sub-subjects."""
    name = f"t{next(_numbers)}"
    driver.create_topic(name, options={"subjects": [f"{name}.>"], "storage": "memory"}, timeout=60)
    return name


@pytest.fixture
def publish(driver: Driver) -> Iterator[Callable[..., list[str]]]:
    """Publish payloads, all confirmed; their ids."""
    publisher: PublisherDriver = driver.publisher()

    def send(topic: str, *payloads: bytes | OutboundMessage) -> list[str]:
        messages = [each if isinstance(each, OutboundMessage) else OutboundMessage(each) for each in payloads]
        results = publisher.send([(topic, message) for message in messages], 10)
        assert [result.error for result in results] == [None] * len(results)
        return [str(result.id) for result in results]

    yield send
    publisher.close(1)


def asked(topic: str, name: str, **options: Any) -> SubscriptionRequest:
    """A durable consumer from the beginning."""
    return SubscriptionRequest(topic, name, "message", Earliest(), options)
