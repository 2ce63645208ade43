"""The order of messages within a key: across pulls, batches, giving back, and consumers that leave early."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.pubsub import EmulatorServer, PubSubServer
from brokerkit.testing import eventually
from brokerkit.workbench import Session
from tests.order import Order, numbers, until_done

from .conftest import new_name, url_of

pytestmark = pytest.mark.broker


@pytest.fixture
def session(server: PubSubServer) -> Iterator[Session]:
    with bk.connect(url_of(server)) as opened:
        yield opened


@pytest.fixture
def messages(server: PubSubServer) -> int:
    """How many there are: pstest gives one message of a key at a time."""
    return 1_200 if isinstance(server, EmulatorServer) else 15


def filled(session: Session, messages: int, keys: int) -> tuple[str, str]:
    """A topic and its subscription, with numbers spread over keys."""
    topic, subscription = new_name(), new_name()
    session.create_topic(topic)
    session.create_subscription(topic, subscription, ordering=True)
    session.publish_batch(topic, numbers(messages, keys))
    return topic, subscription


@pytest.mark.parametrize(
    ("keys", "most"),
    [
        (3, 5_000),
        (3, 70),
        *(pytest.param(keys, 5_000, marks=pytest.mark.extended) for keys in (1, 10)),
    ],
)
def test_repeated_pulls_bring_each_key_in_order(
    session: Session, messages: int, keys: int, most: int
) -> None:
    messages = messages // 3 if most == 5_000 else messages // 6
    topic, subscription = filled(session, messages, keys)
    order = Order(messages, keys)
    until_done(
        order,
        lambda _: order.take(list(session.pull(topic, most, subscription=subscription, idle=0.2)["value"])),
    )


def test_pulls_of_several_sessions_in_turn_bring_each_key_in_order(
    server: PubSubServer, session: Session, messages: int
) -> None:
    """A request that one session left open is of no use to the other: what it brings is given back."""
    messages //= 3
    topic, subscription = filled(session, messages, 3)
    order = Order(messages, 3)
    with bk.connect(url_of(server)) as other:

        def pull(number: int) -> None:
            whose = (session, other)[number % 2]
            order.take(list(whose.pull(topic, 5_000, subscription=subscription, idle=0.2)["value"]))

        until_done(order, pull)


def test_returned_messages_are_redelivered_before_later_ones(session: Session, messages: int) -> None:
    messages //= 3
    topic, subscription = filled(session, messages, 3)
    order = Order(messages, 3)
    seen: list[str] = []

    def pull(number: int) -> None:
        frame = session.pull(
            topic, 5_000, subscription=subscription, idle=0.2, ack=number % 3 != 0, side_effects="give back"
        )
        (order.take if number % 3 else seen.extend)(list(frame["value"]))

    until_done(order, pull)
    assert seen


def test_batches_of_which_some_fail_and_loops_that_are_left_early_keep_the_order(
    session: Session, messages: int
) -> None:
    messages //= 10 if messages > 100 else 3
    topic, subscription = filled(session, messages, 3)
    order = Order(messages, 3)

    def some(number: int) -> None:
        for taken, batch in enumerate(
            session.batches(topic, subscription=subscription, size=40, window=0.2, idle=3.0)
        ):
            if (number + taken) % 3 == 2:
                batch.nack()
                break
            order.take(list(batch.frame["value"]))
            batch.ack()
            if taken == 2 or order.done:
                break

    until_done(order, some)


def test_a_consumer_that_leaves_with_messages_unread_keeps_the_order(session: Session, messages: int) -> None:
    """As after an interrupt: some were handed over and acknowledged, the rest goes back."""
    messages //= 3
    topic, subscription = filled(session, messages, 3)
    order = Order(messages, 3)

    def some(number: int) -> None:
        with session.consumer(topic, subscription) as consumer:
            held = consumer.fetch(1 + number % 60, 3.0)
            if held is not None:
                order.take([(value or b"").decode() for value in held.columns.values("value")])
                held.ack()

    until_done(order, some)


def test_repeated_pulls_do_not_raise_the_delivery_count(pubsub_emulator: EmulatorServer) -> None:
    """What the request of a pull that has ended brings goes to the next pull, and not back."""
    with bk.connect(url_of(pubsub_emulator)) as session:
        topic, graveyard, subscription = new_name(), new_name(), new_name()
        session.create_topic(topic)
        session.create_topic(graveyard)
        session.create_subscription(topic, subscription, dead_letter_topic=graveyard, max_delivery_attempts=5)
        session.publish_batch(topic, [OutboundMessage(str(number), "k") for number in range(500)])
        frames: list[pd.DataFrame] = []

        def all_came() -> bool:
            frames.append(session.pull(topic, 5_000, subscription=subscription, idle=0.2))
            return sum(map(len, frames)) >= 500 and len(frames) >= 5

        eventually(all_came, "all come", within=60)
        counts = {attempt for frame in frames for attempt in frame["delivery_count"].dropna()}
        assert sum(map(len, frames)) == 500
        assert counts <= {1}
