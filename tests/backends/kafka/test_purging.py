"""Removing records on the real broker, with the state asked of confluent-kafka's own consumer and admin client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

import brokerkit as bk
from brokerkit.core import Connection
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.workbench import Session

from .conftest import publish

pytestmark = pytest.mark.broker
FIRST = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)


@pytest.fixture
def s(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as session:
        yield session


@pytest.fixture
def filled(broker: Connection, make_topic: Callable[..., str]) -> str:
    """A topic with 10 records in each of its two partitions, the times of which are a minute apart."""
    topic = make_topic(partitions=2)
    messages = [
        bk.core.OutboundMessage(b"%d" % n, partition=n % 2, publish_time=FIRST + timedelta(minutes=n // 2))
        for n in range(20)
    ]
    publish(broker, topic, *messages)
    return topic


def watermarks(server: KafkaServer, topic: str) -> list[tuple[int, int]]:
    """First offset and end of both partitions, as the client library says."""
    consumer = Consumer({"bootstrap.servers": server.bootstrap, "group.id": "watermarks"})
    try:
        return [consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=10) for n in (0, 1)]
    finally:
        consumer.close()


@pytest.mark.parametrize(
    ("how", "starts"),
    [
        ({}, [10, 10]),
        ({"before": {1: 4}}, [0, 4]),
        ({"before": FIRST + timedelta(minutes=3)}, [3, 3]),
        ({"keep": 2}, [8, 8]),
        ({"before": "latest"}, [10, 10]),
    ],
)
def test_what_lies_before_a_position_is_removed(
    s: Session, kafka_server: KafkaServer, filled: str, how: dict[str, Any], starts: list[int]
) -> None:
    plan = s.purge(filled, **how, dry_run=True)
    wanted = dict(enumerate(starts)) if how != {"before": {1: 4}} else {1: 4}
    assert dict(zip(plan["partition"], plan["before"], strict=True)) == wanted
    assert dict(zip(plan["partition"], plan["messages"], strict=True)) == wanted
    assert watermarks(kafka_server, filled) == [(0, 10), (0, 10)]
    done = s.purge(filled, **how, confirm=filled)
    assert set(done["status"]) == {"done"}
    assert dict(zip(done["partition"], done["found"], strict=True)) == wanted
    assert watermarks(kafka_server, filled) == [(start, 10) for start in starts]
    assert len(s.peek(filled)) == 20 - sum(starts)
    again = s.purge(filled, **how, confirm=filled)
    assert set(again["status"]) == {"done"}


def test_groups_that_have_not_read_what_is_removed_are_named(s: Session, filled: str) -> None:
    s.create_subscription(filled, "billing", start="earliest")
    s.create_subscription(filled, "done", start="latest")
    notes = s.purge(filled, before={0: 3}, dry_run=True).attrs["brokerkit"]["notes"]
    assert notes[0] == "not settled yet by billing: these never get what is removed"
    assert "auto.offset.reset" in notes[1]


def test_a_compacted_topic_is_refused_before_anything_is_removed(
    s: Session, kafka_server: KafkaServer, make_topic: Callable[..., str]
) -> None:
    compacted, both = (
        make_topic(partitions=2, **{"cleanup.policy": policy}) for policy in ("compact", "compact,delete")
    )
    for topic in (compacted, both):
        s.publish(topic, "x", key="k", partition=0)
    with pytest.raises(bk.NotSupported, match="publishing null with a key"):
        s.purge(compacted, confirm=compacted)
    assert watermarks(kafka_server, compacted)[0] == (0, 1)
    assert list(s.purge(both, confirm=both)["found"]) == [1, 0]


def test_single_records_and_places_after_the_end_are_refused(
    s: Session, kafka_server: KafkaServer, filled: str
) -> None:
    with pytest.raises(bk.NotSupported, match=r"removes no single records: purge\(TOPIC, before="):
        s.purge(filled, where="1", confirm=filled)
    with pytest.raises(bk.ConfigError, match="11 lies after 10, the end of partition 0"):
        s.purge(filled, before={0: 11}, confirm=filled)
    with pytest.raises(bk.NotSupported, match=r"reset\('.*', 'billing', to="):
        s.purge(filled, subscription="billing", confirm="billing")
    with pytest.raises(bk.NotFound, match="no partition 7"):
        s.purge(filled, before={7: 1}, confirm=filled)
    assert watermarks(kafka_server, filled) == [(0, 10), (0, 10)]
