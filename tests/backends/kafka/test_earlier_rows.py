"""Producers of Kafka set the times: a group that begins at a time also delivers earlier rows behind it."""

from __future__ import annotations

import uuid
import warnings
from datetime import UTC, datetime, timedelta

import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.kafka import KafkaServer

pytestmark = pytest.mark.broker
BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=4)
HOURS = [0, 2, 1, 3, 1]


@pytest.mark.parametrize(("hour", "earlier"), [(2, 2), (1, 0), (0, 0), (3, 1)])
@pytest.mark.parametrize("way", ["pull", "batches"])
def test_rows_that_are_earlier_than_the_start_are_counted(
    kafka_server: KafkaServer, way: str, hour: int, earlier: int
) -> None:
    topic = f"earlier-{uuid.uuid4().hex[:8]}"
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as session:
        session.create_topic(topic, partitions=1)
        times = [BEGIN + timedelta(hours=hours) for hours in HOURS]
        session.publish_batch(topic, [OutboundMessage(b"x", publish_time=each) for each in times])
        start = BEGIN + timedelta(hours=hour)

        def read() -> int:
            if way == "pull":
                return len(session.pull(topic, subscription="me" + topic, start=start))
            return sum(len(batch.frame) for batch in session.batches(topic, subscription="me" + topic, start=start, idle=0.5))  # fmt: skip

        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            rows = read()
        texts = [str(each.message) for each in told if each.category is bk.EarlierRowsWarning]
        assert rows == len(HOURS) - [each >= hour for each in HOURS].index(True)
        assert [text.partition(" are ")[0] for text in texts] == (
            [f"{earlier} of these {rows} rows"] if earlier else []
        )


@pytest.mark.filterwarnings("ignore::brokerkit.UnsettledWarning")
@pytest.mark.parametrize("url", ["kafka_server", "nats_server", "pulsar_server", "inmem"])
@pytest.mark.parametrize("one_by_one", [True, False])
def test_a_consumer_counts_what_is_earlier_than_its_start(
    url: str, one_by_one: bool, request: pytest.FixtureRequest
) -> None:
    topic = f"earlier-{uuid.uuid4().hex[:8]}"
    address = "inmem://" if url == "inmem" else request.getfixturevalue(url).address
    with bk.connect(address) as session:
        session.create_topic(topic, **({"partitions": 1} if session.capabilities.partitions else {}))
        own = session.capabilities.publish_time is not None
        times = [BEGIN + timedelta(hours=hours) if own else None for hours in HOURS]
        session.publish_batch(topic, [OutboundMessage(b"x", publish_time=each) for each in times])
        start = BEGIN + timedelta(hours=2)
        with session.consumer(topic, "me" + topic, start=start) as consumer:
            assert consumer.earlier == 0
            found = (
                [consumer.next_batch(1, 10)[0] for _ in range(4)]
                if one_by_one
                else consumer.next_batch(4, 10)
            )
            at = [each.publish_time for each in found]
            assert (
                consumer.earlier == sum(each is not None and each < start for each in at) == (2 if own else 0)
            )
        with session.consumer(topic, "all" + topic, start="earliest") as consumer:
            consumer.next_batch(5, 10)
            assert consumer.earlier == 0
