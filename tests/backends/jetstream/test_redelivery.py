"""In which order JetStream redelivers what was returned, on the real server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.nats import NatsServer
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker


@pytest.fixture
def session(nats_server: NatsServer) -> Iterator[Session]:
    with bk.connect(nats_server.address) as opened:
        yield opened


def filled(session: Session, messages: int, size: int = 1, **options: object) -> str:
    """A topic with a subscription of the same name."""
    topic = f"redelivered-{uuid.uuid4().hex[:8]}"
    session.create_topic(topic)
    session.create_subscription(topic, topic, start="earliest", **options)
    session.publish_batch(topic, [OutboundMessage(str(number).ljust(size)) for number in range(messages)])
    return topic


def redelivered(session: Session, topic: str, messages: int) -> list[tuple[int, int]]:
    """The number and the delivery count of each message that comes."""
    frame = session.pull(topic, messages, subscription=topic, timeout=25, idle=20)
    return list(zip(frame["value"].str.strip().astype(int), frame["delivery_count"], strict=True))


@pytest.mark.parametrize(("messages", "most"), [(10, 40), (30, 40), (1, 5_000), (700, 5_000)])
def test_a_pull_that_asked_for_more_than_there_was_gives_back_in_order_and_counts_once(
    session: Session, messages: int, most: int
) -> None:
    topic = filled(session, messages)
    given_back = session.pull(topic, most, subscription=topic, idle=0.3, ack=False, side_effects="give back")
    assert len(given_back) == messages
    assert redelivered(session, topic, messages) == [(number, 2) for number in range(messages)]


def test_more_bytes_than_one_request_may_bring_are_redelivered_in_order(session: Session) -> None:
    topic = filled(session, 40, size=900_000)
    assert (
        len(session.pull(topic, 40, subscription=topic, ack=False, side_effects="give back", timeout=60))
        == 40
    )
    assert redelivered(session, topic, 40) == [(number, 2) for number in range(40)]


@pytest.mark.parametrize("returned", [1, 7, 12])
def test_a_consumer_that_returns_some_and_leaves_gives_back_all_in_order(
    session: Session, returned: int
) -> None:
    topic = filled(session, 12)
    with session.consumer(topic, topic) as consumer:
        held = [each for batch in consumer.fetch_many(20, 60, idle=0.5) for each in batch.messages()]
        assert len(held) == 12
        for message in held[:returned]:
            message.nack()
    assert [number for number, _ in redelivered(session, topic, 12)] == list(range(12))


def test_a_batch_that_is_returned_is_redelivered_before_what_was_published_later(session: Session) -> None:
    topic = filled(session, 30)
    batches = session.batches(topic, subscription=topic, size=40, window=2.0, idle=2.0)
    first = next(batches)
    assert len(first) == 30
    first.nack()
    session.publish_batch(topic, [OutboundMessage(str(number)) for number in range(30, 40)])
    came: list[int] = []
    for batch in batches:
        came += map(int, batch.frame["value"])
        batch.ack()
    assert came == list(range(40))


@pytest.mark.parametrize("limit", [1, 5])
def test_a_limit_of_unsettled_messages_keeps_the_order_of_what_is_returned(
    session: Session, limit: int
) -> None:
    topic = filled(session, 8, max_ack_pending=limit)
    came: list[int] = []
    turn = 0
    while len(came) < 8:
        frame = session.pull(
            topic, 4, subscription=topic, idle=0.3, timeout=10, ack=bool(turn % 2), side_effects="give back"
        )
        came += map(int, frame["value"]) if turn % 2 else []
        turn += 1
    assert came == list(range(8))
