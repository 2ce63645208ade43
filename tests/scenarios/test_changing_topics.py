"""A scan of a real server whose topic changes meanwhile, and topics of thousands of partitions and subjects."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import nats
import pytest
from confluent_kafka.admin import NewPartitions

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.nats import NatsServer
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .messages import publish_numbered
from .systems import Kafka

ROWS = 40_000
PARTITIONS = 2_000
SUBJECTS = 100_000

pytestmark = [pytest.mark.extended, pytest.mark.timeout(1800)]


def test_retention_that_passes_a_scan_is_named_with_the_exact_range(
    kafka_system: Kafka, kafka_session: Session
) -> None:
    topic = kafka_system.new_name("retained")
    kafka_session.create_topic(topic, partitions=2)
    sent = [OutboundMessage(b"%d" % number, partition=number % 2) for number in range(200)]
    kafka_session.publish_batch(topic, sent)
    scan = kafka_session.scan(topic, slice_rows=10, progress=False)
    kafka_session.purge(topic, before={0: 37}, confirm=topic)
    eventually(
        lambda: {each.partition: each.start for each in kafka_session.inspector.bounds(topic)}[0] == 37,
        "they are gone",
        within=60,
    )
    with pytest.warns(bk.RetentionWarning) as warned:
        table = scan.to_arrow()
    found = sorted(map(int, table["value"].to_pylist()))
    assert found == sorted([*range(1, 200, 2), *range(74, 200, 2)])
    told = " ".join(str(each.message) for each in warned)
    named = [f"offsets {at} to {min(at + 9, 36)} of partition 0" for at in range(0, 37, 10)]
    assert all(each in told for each in named) or "offsets 0 to 36 of partition 0" in told, told
    assert "of partition 1" not in told


def test_a_scan_over_a_restart_of_the_broker_has_every_row_once(
    kafka_system: Kafka, kafka_session: Session
) -> None:
    topic = kafka_system.create_topic(kafka_session)
    publish_numbered(kafka_session, topic, range(ROWS))
    batches = kafka_session.scan(topic, slice_rows=1_000, progress=False).batches()
    found = Counter(map(int, next(batches)["value"].to_pylist()))
    with ThreadPoolExecutor(1) as pool:
        restart = pool.submit(kafka_system.server.restart)
        for batch in batches:
            found.update(map(int, batch["value"].to_pylist()))
        restart.result(120)
    assert found == Counter(range(ROWS))


def test_partitions_that_are_added_belong_to_the_next_plan_and_not_to_the_one_before(
    kafka_system: Kafka, kafka_session: Session
) -> None:
    topic = kafka_system.new_name("growing")
    kafka_session.create_topic(topic, partitions=1)
    kafka_session.publish_batch(topic, [OutboundMessage(b"%d" % number, partition=0) for number in range(10)])
    scan = kafka_session.scan(topic, progress=False)
    [made] = kafka_system.admin.create_partitions([NewPartitions(topic, 3)]).values()
    made.result(60)
    eventually(lambda: len(kafka_session.inspector.bounds(topic)) == 3, "they are there", within=60)
    # a publisher that has used the topic before learns of new partitions within five minutes
    with bk.connect(kafka_system.url) as other:
        other.publish_batch(
            topic, [OutboundMessage(b"%d" % number, partition=number % 3) for number in range(10, 40)]
        )
    assert sorted(map(int, scan.to_arrow()["value"].to_pylist())) == [*range(10)]
    again = kafka_session.scan(topic, progress=False).to_arrow()
    assert sorted(map(int, again["value"].to_pylist())) == [*range(40)]


def partitions_of(session: Session, topic: str) -> int | None:
    """How many partitions there are; None while one of them has no leader."""
    try:
        return len(session.inspector.bounds(topic))
    except bk.Unavailable:
        return None


def test_a_topic_of_two_thousand_partitions(kafka_system: Kafka, kafka_session: Session) -> None:
    topic = kafka_system.new_name("wide")
    kafka_session.create_topic(topic, partitions=PARTITIONS)
    try:
        eventually(lambda: partitions_of(kafka_session, topic) == PARTITIONS, "all are there", within=300)
        chosen = range(0, PARTITIONS, 4)
        sent = [OutboundMessage(b"%d" % number, partition=number) for number in chosen]
        kafka_session.publish_batch(topic, sent, timeout=300)
        assert [each.end for each in kafka_session.inspector.bounds(topic)] == [
            int(number % 4 == 0) for number in range(PARTITIONS)
        ]
        table = kafka_session.scan(topic, progress=False).to_arrow()
        assert table["partition"].to_pylist() == [*chosen]
        assert table["value"].to_pylist() == [str(number) for number in chosen]
        assert kafka_session.scan(topic, progress=False).count() == len(chosen)
        assert len(kafka_session.peek(topic, 20)) == 20
        assert kafka_session.describe(topic).name == topic
    finally:
        kafka_session.delete_topic(topic, confirm=topic)


async def fill(url: str, stream: str) -> None:
    """Store one message for each subject."""
    client = await nats.connect(url)
    try:
        context = client.jetstream(publish_async_max_pending=4_000)
        await context.add_stream(name=stream, subjects=[f"{stream}.*"])
        for number in range(SUBJECTS):
            await context.publish_async(f"{stream}.{number}", b"%d" % number)
        await context.publish_async_completed()
    finally:
        await client.close()


def test_a_stream_of_a_hundred_thousand_subjects(nats_server: NatsServer) -> None:
    asyncio.run(fill(nats_server.url, "many"))
    with bk.connect(nats_server.url) as session:
        topics = session.topics()
        assert len(topics) < 1_000
        table = session.scan("many.*", progress=False).to_arrow()
        assert table["value"].to_pylist() == [str(number) for number in range(SUBJECTS)]
        assert len(set(table["topic"].to_pylist())) == SUBJECTS
        (one,) = session.peek("many.77777", 5)["value"]
        assert one == "77777"
        assert session.scan("many.*", progress=False).count() == SUBJECTS
        found = session.peek("many.*", 3)
        assert found["topic"].tolist() == [f"many.{SUBJECTS - each}" for each in (3, 2, 1)]
