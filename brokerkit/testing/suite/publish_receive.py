"""Publishing and receiving: no message is lost, and each outcome is told."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from brokerkit.core import (
    BrokerError,
    OutboundMessage,
    StaleAck,
    TooLarge,
)

from ..behaviour import behaviour
from ..stage import Stage, acknowledge, identity, numbered, payload, payloads


def _too_large(stage: Stage) -> OutboundMessage:
    limit = stage.capabilities.max_message_bytes
    return OutboundMessage(b"x" * (stage.harness.too_large if limit is None else limit + 1))


class PublishAndReceive:
    """Behaviours 1, 2, 9 to 12 and 15 to 21."""

    @behaviour(1)
    def test_conformance_01_everything_published_arrives_with_an_id(self, stage: Stage) -> None:
        topic, sent = stage.filled(20)
        got = stage.receive(stage.reader(topic), 20)
        assert sorted(payloads(got)) == sent
        assert all(identity(item) for item in got)
        assert len({identity(item) for item in got}) == 20

    @behaviour(2)
    def test_conformance_02_two_subscriptions_each_get_everything(self, stage: Stage) -> None:
        topic = stage.topic()
        readers = [stage.reader(topic), stage.reader(topic)]
        sent = numbered(10)
        stage.publish(topic, *sent)
        for reader in readers:
            got = stage.receive(reader, 10)
            assert set(payloads(got)) == set(sent)
            acknowledge(got)

    @behaviour(9)
    def test_conformance_09_payload_and_attributes_belong_to_their_id(self, stage: Stage) -> None:
        topic = stage.topic()
        sent = [OutboundMessage(b"%d" % n, attributes={"number": str(n)}) for n in range(100)]
        results = stage.publish(topic, *sent)
        got = {identity(item): item for item in stage.receive(stage.reader(topic), 100)}
        assert len(got) == 100
        for number, result in enumerate(results):
            if result.id is not None:
                assert payload(got[result.id]) == sent[number].data
        for item in got.values():
            assert item.attributes.text("number") == (payload(item) or b"").decode()

    @behaviour(10)
    def test_conformance_10_topics_are_isolated(self, stage: Stage) -> None:
        one, other = stage.topic(), stage.topic()
        readers = [stage.reader(one), stage.reader(other)]
        stage.publish(one, b"one")
        stage.publish(other, b"other")
        for reader, expected in zip(readers, (b"one", b"other"), strict=True):
            assert payload(stage.one(reader)) == expected
            stage.nothing_more(reader, 0.2)

    @behaviour(11)
    def test_conformance_11_twenty_topics_at_once(self, stage: Stage) -> None:
        topics = [stage.topic() for _ in range(20)]
        readers = [stage.reader(topic) for topic in topics]

        def exchange(number: int) -> list[bytes]:
            stage.publish(topics[number], b"%d" % number, b"again")
            return payloads(stage.receive(readers[number], 2, 40))

        with ThreadPoolExecutor(20) as pool:
            got = list(pool.map(exchange, range(20)))
        assert got == [[b"%d" % number, b"again"] for number in range(20)]

    @behaviour(12, disturbs=True)
    def test_conformance_12_fifty_publishers_and_consumers_lose_none_of_5000(self, stage: Stage) -> None:
        # a log gives a partition to one consumer: more consumers than partitions would get nothing
        consumers = 8 if stage.records else 50
        topic = stage.topic(partitions=8 if stage.records else 1)
        subscription = stage.subscription(topic)
        missing = set(numbered(5000))
        lock, over = threading.Lock(), threading.Event()

        def publish(number: int) -> None:
            own = numbered(100, start=100 * number)
            stage.publish(topic, *[OutboundMessage(data, key=data) for data in own])

        def consume(_: int) -> None:
            with stage.connection.consumer(topic, subscription, model=stage.model) as consumer:
                while not over.is_set():
                    held = consumer.fetch(100, 0.2)
                    if held is None:
                        continue
                    # a record whose partition moved to another member is delivered there again
                    with suppress(StaleAck):
                        held.ack()
                    with lock:
                        missing.difference_update(held.columns.values("value"))
                        if not missing:
                            over.set()

        with ThreadPoolExecutor(50 + consumers) as pool:
            work = [pool.submit(publish, n) for n in range(50)]
            work += [pool.submit(consume, n) for n in range(consumers)]
            over.wait(45)
            over.set()
            for each in work:
                each.result()
        assert len(missing) == 0

    @behaviour(15, alike=True)
    def test_conformance_15_an_oversized_message_fails_and_its_siblings_arrive(self, stage: Stage) -> None:
        topic = stage.topic()
        with stage.connection.publisher() as publisher:
            before, big, after = publisher.topic(topic).publish_batch(
                [OutboundMessage(b"before"), _too_large(stage), OutboundMessage(b"after")]
            )
        assert (before.status, big.status, after.status) == ("confirmed", "failed", "confirmed")
        assert isinstance(big.error, TooLarge)
        assert not big.error.retryable
        reader = stage.reader(topic)
        assert set(payloads(stage.receive(reader, 2))) == {b"before", b"after"}
        stage.nothing_more(reader, 0.2)

    @behaviour(16, alike=True)
    def test_conformance_16_an_empty_batch_does_nothing(self, stage: Stage) -> None:
        topic = stage.topic()
        with stage.connection.publisher() as publisher:
            assert publisher.topic(topic).publish_batch([]) == []
        stage.nothing_more(stage.reader(topic), 0.2)

    @behaviour(17, alike=True)
    def test_conformance_17_a_batch_above_the_limit_is_split(self, stage: Stage) -> None:
        topic = stage.topic()
        sent = numbered(min(stage.capabilities.max_batch or 5000, 5000) + 1)
        results = stage.publish(topic, *sent)
        assert len(results) == len(sent)
        assert Counter(stage.take(stage.reader(topic), len(sent), 40)) == Counter(sent)

    @behaviour(18, alike=True)
    def test_conformance_18_a_batch_keeps_the_order_of_each_key(self, stage: Stage) -> None:
        topic = stage.topic(partitions=3)
        sent = [OutboundMessage(b"%d" % n, key=b"key-%d" % (n % 3)) for n in range(90)]
        stage.publish(topic, *sent)
        got = stage.drain(stage.reader(topic), lambda found: len(found) >= 90, within=60)
        for key in (b"key-0", b"key-1", b"key-2"):
            numbers = [int(payload(item) or b"") for item in got if item.key == key]
            assert numbers == list(range(int(key[-1:]), 90, 3))

    @behaviour(19, alike=True)
    def test_conformance_19_a_partly_failed_batch_tells_each_outcome(self, stage: Stage) -> None:
        topic = stage.topic()
        bad = {2, 5, 9}
        batch = [_too_large(stage) if n in bad else OutboundMessage(b"%d" % n) for n in range(10)]
        with stage.connection.publisher() as publisher:
            results = publisher.topic(topic).publish_batch(batch)
        assert [r.status for r in results] == ["failed" if n in bad else "confirmed" for n in range(10)]
        assert all((r.error is not None) == (n in bad) for n, r in enumerate(results))
        got = stage.receive(stage.reader(topic), 7)
        assert set(payloads(got)) == {b"%d" % n for n in range(10) if n not in bad}

    @behaviour(20, disturbs=True, alike=True)
    def test_conformance_20_publish_returns_after_the_broker_confirmed(self, stage: Stage) -> None:
        topic = stage.topic()
        with stage.connection.publisher() as publisher:
            assert publisher.topic(topic).publish(OutboundMessage(b"there")).ok
            # another connection finds it at once
            assert sum(each.estimate for each in stage.connect().inspector().bounds(topic)) == 1
            stage.harness.pause()
            try:
                with pytest.raises(BrokerError) as raised:
                    publisher.topic(topic).publish(OutboundMessage(b"unheard"), timeout=1.0)
            finally:
                stage.harness.resume()
        assert raised.value.retryable

    @behaviour(21)
    def test_conformance_21_times_are_in_utc_and_in_order(self, stage: Stage) -> None:
        before = datetime.now(UTC) - timedelta(seconds=1)
        item = stage.round_trip(OutboundMessage(b"x"))
        after = datetime.now(UTC) + timedelta(seconds=1)
        assert item.publish_time is not None
        assert item.publish_time.utcoffset() == timedelta(0)
        assert before <= item.publish_time <= after
        if item.ingestion_time is not None:
            assert item.ingestion_time.utcoffset() == timedelta(0)
            assert item.publish_time <= item.ingestion_time <= after
