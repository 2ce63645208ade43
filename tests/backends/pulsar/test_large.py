"""Messages above the broker's limit are published in chunks, and stay in their place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.backends.pulsar.lookahead import LARGE_BYTES
from brokerkit.backends.pulsar.prefetching import HELD_BYTES, LEAST, MOST, fitting
from brokerkit.backends.pulsar.reader import BATCH_BYTES
from brokerkit.backends.pulsar.rest import RestEndpoint
from brokerkit.core import Connection, OutboundMessage, TooLarge, Unavailable
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually
from brokerkit.workbench import Session

from .conftest import Make, messages_of, publish, settled, take

pytestmark = pytest.mark.broker
SETTLED = 20
"""After so many equal answers in a row the broker has most likely stopped sending."""

BLOB = os.urandom(12_000_000)
MIXED = [b"m0", b"m1", BLOB, b"m3", BLOB[:200_000], b"m5", BLOB[:6_000_000], BLOB[1:], b"m8"]


@pytest.fixture(params=["", "&batching=true"], ids=["alone", "batches"])
def session(request: pytest.FixtureRequest, url: str) -> Iterator[Session]:
    with bk.connect(url + request.param) as opened:
        yield opened


def payloads(frame: pd.DataFrame) -> list[bytes]:
    return [
        value.encode() if isinstance(value, str) else raw
        for value, raw in zip(frame["value"], frame["raw"], strict=True)
    ]


def test_a_large_message_is_published_and_its_id_finds_it(session: Session, make: Make) -> None:
    topic = make()
    result = session.publish(topic, BLOB, key="k", attributes={"a": "1"})
    assert result.ok
    frame = session.peek(topic, 1, start=result.id)
    assert payloads(frame) == [BLOB]
    assert (frame["key"].iloc[0], frame["id"].iloc[0]) == ("k", result.id)


def test_large_and_small_messages_keep_their_order(session: Session, make: Make) -> None:
    topic = make()
    results = session.publish_batch(topic, [*MIXED, *MIXED])
    assert all(result.ok for result in results)
    frame = session.scan(topic).to_pandas()
    assert payloads(frame) == [*MIXED, *MIXED]
    assert list(frame["id"]) == [result.id for result in results]


def test_the_order_of_a_key_is_kept_in_partitions(session: Session, make: Make) -> None:
    topic = make(3)
    messages = [OutboundMessage(each, key=key) for each in MIXED for key in ("a", "b", "c", "d")]
    with session.connection.publisher() as publisher:
        assert all(result.ok for result in publisher.topic(topic).publish_batch(messages))
    frame = session.scan(topic).to_pandas()
    for _, rows in frame.groupby("key"):
        assert payloads(rows) == MIXED


def test_a_copy_of_messages_in_chunks_is_equal(session: Session, make: Make) -> None:
    topic, target = make(), make()
    producer = session.connection.native.create_producer(topic, chunking_enabled=True, batching_enabled=False)
    for row, payload in enumerate(MIXED):
        producer.send(payload, partition_key=f"k{row}", properties={"row": str(row)}, event_timestamp=row + 1)
    outcome = session.copy(topic, session, target)
    assert (outcome["status"] == "confirmed").all()
    first, second = (session.scan(each).to_pandas() for each in (topic, target))
    assert payloads(second) == payloads(first) == MIXED
    assert list(second["key"]) == list(first["key"])
    for row, attributes in enumerate(second["attributes"]):
        found = {pair["name"]: pair["value"].decode() for pair in attributes}
        assert (found["row"], found["$pulsar.event_time"]) == (str(row), str(row + 1))


def test_large_messages_come_to_a_topic_that_deduplicates(
    session: Session, make: Make, pulsar_server: PulsarServer
) -> None:
    topic = make()
    path = f"{pulsar_server.admin}/admin/v2/persistent/public/default/{topic.rpartition('/')[2]}"
    httpx.post(f"{path}/deduplicationEnabled", json=True, trust_env=False).raise_for_status()

    def enabled() -> bool:
        return bool(httpx.get(f"{path}/stats", trust_env=False).json()["deduplicationStatus"] == "Enabled")

    eventually(enabled, "the topic is deduplicated")
    assert all(result.ok for result in session.publish_batch(topic, MIXED))
    assert payloads(session.scan(topic).to_pandas()) == MIXED


def test_attributes_above_the_limit_fail_alone(session: Session, make: Make) -> None:
    topic = make()
    with session.connection.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(
            [
                OutboundMessage(b"1"),
                OutboundMessage(b"2", attributes={"a": "x" * 6_000_000}),
                OutboundMessage(b"3"),
            ]
        )
    assert [result.status for result in results] == ["confirmed", "failed", "confirmed"]
    assert isinstance(results[1].error, TooLarge)


@pytest.mark.extended
@pytest.mark.parametrize(("count", "size"), [(210, 1_000_000), (100, 2_000_000), (80, 4_500_000)])
def test_a_reader_that_waits_holds_few_large_messages_ready(
    broker: Connection, make: Make, pulsar_server: PulsarServer, count: int, size: int
) -> None:
    topic = make()
    for first in range(0, count, 10):
        publish(broker, topic, *(b"%06d" % number + bytes(size) for number in range(first, first + 10)))
    inspector = broker.inspector()
    (slice_,) = inspector.plan(topic)
    url = f"{pulsar_server.admin}/admin/v2/{topic.replace('persistent://', 'persistent/')}/stats"
    sent: list[int] = []

    def still() -> bool:
        readers = httpx.get(url).json()["subscriptions"].values()
        sent.append(max((each["bytesOutCounter"] for each in readers), default=0))
        return len(sent) > SETTLED and len(set(sent[-SETTLED:])) == 1

    rows = inspector.read(slice_)
    first_rows = next(rows)
    until = Deadline(10)
    while not until.passed and not still():
        pass
    seen = [int(bytes(value or b"")[:6]) for value in first_rows.values("value")]
    for columns in rows:
        seen += [int(bytes(value or b"")[:6]) for value in columns.values("value")]
    assert seen == list(range(count))
    # a batch with the caller, one that is read ahead, and what the library holds ready
    assert max(sent) <= 2 * BATCH_BYTES + LARGE_BYTES + 3 * size


@pytest.mark.extended
@pytest.mark.parametrize("partitions", [None, 3])
def test_a_consumer_that_waits_holds_few_large_messages_ready(
    broker: Connection, make: Make, pulsar_server: PulsarServer, partitions: int | None
) -> None:
    topic, size = make(partitions), 2_000_000
    for first in range(0, 60, 10):
        publish(broker, topic, *(b"%06d" % number + bytes(size) for number in range(first, first + 10)))
    path = topic.replace("persistent://", "persistent/")
    kind = "stats" if partitions is None else "partitioned-stats"
    sent: list[int] = []

    def still() -> bool:
        stats = httpx.get(f"{pulsar_server.admin}/admin/v2/{path}/{kind}").json()
        sent.append(stats["subscriptions"]["me"]["bytesOutCounter"])
        return len(sent) > SETTLED and len(set(sent[-SETTLED:])) == 1

    with messages_of(broker, topic) as consumer:
        (first_one,) = consumer.next_batch(1, 30)
        until = Deadline(10)
        while not until.passed and not still():
            pass
        assert sent[-1] <= HELD_BYTES + 2 * (partitions or 1) * size
        got = [first_one, *consumer.next_batch(59, 60)]
        assert sorted(int(bytes(each.data or b"")[:6]) for each in got) == list(range(60))
        for each in got:
            each.ack()


@pytest.mark.parametrize(("size", "count"), [(10, 200), (1_000_000, 32), (4_500_000, 7)])
def test_the_queue_of_a_consumer_is_long_for_small_messages(
    broker: Connection, make: Make, pulsar_server: PulsarServer, url: str, size: int, count: int
) -> None:
    topic = make()
    with bk.connect(url) as session:
        session.publish(topic, bytes(size))
    path = topic.replace("persistent://", "persistent/")
    with messages_of(broker, topic) as consumer:
        assert len(settled(take(consumer, 1))) == 1
        stats = httpx.get(f"{pulsar_server.admin}/admin/v2/{path}/stats").json()
        (found,) = stats["subscriptions"]["me"]["consumers"]
        assert count // 2 <= found["availablePermits"] <= count


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_a_consumer_opens_if_some_partitions_say_how_large_their_messages_are(
    broker: Connection, make: Make, monkeypatch: pytest.MonkeyPatch, answers: int
) -> None:
    topic = make(3)
    topics = broker.inspector()._driver._topics  # type: ignore[attr-defined]  # Pulsar's
    calls, ask = count(1), RestEndpoint.internal_stats

    def ask_or_fail(rest: RestEndpoint, *arguments: Any) -> Any:
        if next(calls) > answers:
            raise Unavailable("no answer came")
        return ask(rest, *arguments)

    monkeypatch.setattr(RestEndpoint, "internal_stats", ask_or_fail)
    if answers:
        assert LEAST <= fitting(topics, topic, 15.0) <= MOST
    else:
        with pytest.raises(Unavailable):
            fitting(topics, topic, 15.0)
