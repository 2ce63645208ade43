"""The order of messages within a key: across pulls, batches, giving back, and consumers that leave early."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.workbench import Session
from tests.order import Order, numbers, until_done

pytestmark = pytest.mark.broker


@dataclass(frozen=True)
class Kind:
    """A kind of subscription that keeps the order of a key, with one consumer at a time.

    server: a fixture. options: of what reads. messages: how many it is tried with.
    """

    name: str
    server: str
    topic: dict[str, Any] = field(default_factory=dict)
    subscription: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    messages: int = 120


KINDS = [
    Kind("a stream, one in flight", "nats_server", subscription={"max_ack_pending": 1}, messages=45),
    Kind("a stream", "nats_server"),
    Kind("a group", "kafka_server", topic={"partitions": 2}),
    Kind(
        "a share group",
        "kafka_server",
        topic={"partitions": 2},
        subscription={"share": True},
        options={"share": True},
    ),
    Kind(
        "failover",
        "pulsar_server",
        subscription={"subscription_type": "failover"},
        options={"subscription_type": "failover"},
    ),
    Kind(
        "key_shared",
        "pulsar_server",
        subscription={"subscription_type": "key_shared"},
        options={"subscription_type": "key_shared"},
    ),
    Kind("records", "pulsar_server", subscription={"model": "record"}, options={"model": "record"}),
    Kind("sessions", "servicebus_server", topic={"sessions": True}),
]
TAKES_LONG = {"a stream, one in flight", "a share group", "key_shared", "records"}


def address_of(server: Any) -> tuple[str, dict[str, Any]]:
    return server.address, {"admin": server.admin} if hasattr(server, "admin") else {}


@dataclass
class Backlog:
    """A topic full of numbers, spread over keys, and its subscription."""

    session: Session
    kind: Kind
    topic: str
    subscription: str | None

    def pull(self, most: int, **options: Any) -> list[str]:
        frame = self.session.pull(
            self.topic, most, subscription=self.subscription, idle=0.5, **options, **self.kind.options
        )
        return list(frame["value"])


@pytest.fixture(
    params=[
        pytest.param(each, marks=pytest.mark.extended if each.name in TAKES_LONG else (), id=each.name)
        for each in KINDS
    ]
)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def session(kind: Kind, request: pytest.FixtureRequest) -> Iterator[Session]:
    url, options = address_of(request.getfixturevalue(kind.server))
    with bk.connect(url, **options) as opened:
        yield opened


@pytest.fixture
def backlog(kind: Kind, session: Session) -> Backlog:
    topic, subscription = (f"order-{uuid.uuid4().hex[:8]}" for _ in range(2))
    session.create_topic(topic, **kind.topic)
    if kind.server == "servicebus_server":
        subscription = None
    else:
        session.create_subscription(topic, subscription, start="earliest", **kind.subscription)
    session.publish_batch(topic, numbers(kind.messages, 3))
    return Backlog(session, kind, topic, subscription)


@pytest.mark.parametrize("most", [5_000, pytest.param(17, marks=pytest.mark.extended)])
def test_repeated_pulls_bring_each_key_in_order(backlog: Backlog, kind: Kind, most: int) -> None:
    order = Order(kind.messages, 3)
    until_done(order, lambda _: order.take(backlog.pull(most)))


def test_returned_messages_are_redelivered_before_later_ones(backlog: Backlog, kind: Kind) -> None:
    order = Order(kind.messages, 3)
    seen: list[str] = []

    def pull(number: int) -> None:
        keep = number % 2 == 1
        values = backlog.pull(40, ack=keep, side_effects=None if keep else "give back")
        (order.take if keep else seen.extend)(values)

    until_done(order, pull)
    assert seen


def test_batches_of_which_some_fail_and_loops_that_are_left_early_keep_the_order(
    backlog: Backlog, kind: Kind
) -> None:
    order = Order(kind.messages, 3)

    def some(number: int) -> None:
        batches = backlog.session.batches(
            backlog.topic, subscription=backlog.subscription, size=40, window=0.2, idle=3.0, **kind.options
        )
        for taken, batch in enumerate(batches):
            if (number + taken) % 3 == 2:
                batch.nack()
                break
            order.take(batch.frame["value"])
            batch.ack()
            if taken == 2 or order.done:
                break

    until_done(order, some)


def test_a_consumer_that_leaves_with_messages_unread_keeps_the_order(backlog: Backlog, kind: Kind) -> None:
    order = Order(kind.messages, 3)

    def some(number: int) -> None:
        with backlog.session.consumer(backlog.topic, backlog.subscription, **kind.options) as consumer:
            held = consumer.fetch(1 + 7 * number % 60, 3.0)
            if held is not None:
                order.take((value or b"").decode() for value in held.columns.values("value"))
                held.ack()

    until_done(order, some)
