"""Publishing and receiving: no message is lost or changed."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from brokerkit.core import (
    NO_ATTRIBUTES,
    Attributes,
    BrokerError,
    ConfigError,
    NotFound,
    NotSupported,
    OutboundMessage,
    StaleAck,
    TooLarge,
)
from brokerkit.core.vocabulary.cancellation import Deadline

from ..behaviour import behaviour
from ..stage import RECEIVE_SECONDS, Stage, acknowledge, identity, numbered, payload, payloads

ODD_TEXTS = ("", " leading and trailing ", "two\nlines", "tab\tquote\"'", "ünï✓😀", "a=b;c:d,e", "x" * 500)
ODD_NAMES = ("topic", "data", "key", "timeout", "retry", "With Space", "ünï", "a.b-c_d", "X-Upper")
TYPED: dict[str, Any] = {
    "bytes": b"\xff\x00",
    "string": "text",
    "null": None,
    "bool": True,
    "int": 2**53 + 1,
    "float": 0.1,
    "timestamp": datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC),
    "uuid": UUID(int=7),
}


def _read_as(stage: Stage, value: object) -> object:
    """Return a published value as this system returns it."""
    if isinstance(value, str) and stage.capabilities.attributes_read_as == "bytes":
        return value.encode()
    return value


def _round_trip(stage: Stage, message: OutboundMessage) -> Any:
    topic = stage.topic()
    stage.publish(topic, message)
    return stage.one(stage.reader(topic))


def _too_large(stage: Stage) -> OutboundMessage:
    limit = stage.capabilities.max_message_bytes
    return OutboundMessage(b"x" * (stage.harness.too_large if limit is None else limit + 1))


class PublishAndReceive:
    """Behaviours 1 to 21 and 76 to 78."""

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

    @behaviour(3)
    def test_conformance_03_json_bytes_are_unchanged(self, stage: Stage) -> None:
        text = b'{ "b":1.0, "a" : [1e3, 9007199254740993],\n"a":"\\u00e9\xc3\xa9" }  '
        assert payload(_round_trip(stage, OutboundMessage(text))) == text

    @behaviour(4)
    def test_conformance_04_a_payload_that_is_not_utf8_is_exact(self, stage: Stage) -> None:
        every_byte = bytes(range(256)) + b"\xc3\x28\xed\xa0\x80"
        assert payload(_round_trip(stage, OutboundMessage(every_byte))) == every_byte

    @behaviour(5)
    def test_conformance_05_odd_attribute_names_and_values_round_trip(self, stage: Stage) -> None:
        pairs = [(f"v{number}", text) for number, text in enumerate(ODD_TEXTS)]
        pairs += [(name, "plain") for name in ODD_NAMES]
        got = _round_trip(stage, OutboundMessage(b"x", attributes=pairs))
        assert list(got.attributes) == [(name, _read_as(stage, value)) for name, value in pairs]

    @behaviour(6)
    def test_conformance_06_an_attribute_is_carried_exactly_or_refused(self, stage: Stage) -> None:
        topic = stage.topic()
        carried = stage.capabilities.attribute_types
        expected = []
        with stage.connection.publisher() as publisher:
            for kind, value in TYPED.items():
                message = OutboundMessage(kind, attributes={"name": value})
                if kind in carried:
                    publisher.topic(topic).publish(message)
                    expected.append((kind.encode(), [("name", _read_as(stage, value))]))
                else:
                    with pytest.raises(TypeError, match="name"):
                        publisher.topic(topic).publish(message)
            for number, pairs in enumerate(self._nasty_pairs()):
                name = b"nasty-%d" % number
                try:
                    publisher.topic(topic).publish(OutboundMessage(name, attributes=pairs))
                except (ConfigError, NotSupported, TypeError):
                    continue
                expected.append((name, [(key, _read_as(stage, value)) for key, value in pairs]))
        got = {payload(m): list(m.attributes) for m in stage.batch(stage.reader(topic), len(expected))}
        assert got == dict(expected)

    @staticmethod
    def _nasty_pairs() -> list[list[tuple[str, Any]]]:
        """Return attributes that some systems would silently change."""
        return [
            [("twice", "1"), ("twice", "2")],
            [("name:colon", "v")],
            [("", "empty name")],
            [("line\r\nbreak", "v")],
            [("v", "line\r\nInjected: yes")],
            [("v", " spaces ")],
            [("v", "nul\0")],
        ]

    @behaviour(7)
    def test_conformance_07_a_value_of_the_wrong_type_is_never_stringified(self, stage: Stage) -> None:
        topic = stage.topic()
        wrong: Any
        for wrong in (5, 1.5, {"a": 1}, ["x"], object()):
            with pytest.raises(TypeError):
                OutboundMessage(wrong)
            with pytest.raises(TypeError):
                OutboundMessage(b"", key=wrong)
        for wrong in ({"a": 1}, ["x"], object()):
            with pytest.raises(TypeError):
                OutboundMessage(b"", attributes={"name": wrong})
        with pytest.raises(TypeError):
            OutboundMessage(b"", attributes={5: "x"})
        with stage.connection.publisher() as publisher, pytest.raises(TypeError):
            publisher.topic(topic).publish("text")  # type: ignore[arg-type]  # this is the point
        stage.nothing_more(stage.reader(topic))

    @behaviour(8)
    def test_conformance_08_no_attributes_is_one_empty_value(self, stage: Stage) -> None:
        topic = stage.topic()
        nothing: tuple[Any, ...] = (None, {}, [], Attributes())
        empties = [OutboundMessage(b"x", attributes=none) for none in nothing]
        stage.publish(topic, *empties)
        for item in stage.receive(stage.reader(topic), len(empties)):
            assert item.attributes is NO_ATTRIBUTES

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

    @behaviour(13)
    def test_conformance_13_the_key_round_trips_and_none_is_not_empty(self, stage: Stage) -> None:
        topic = stage.topic()
        keys = [b"key", "ünï".encode(), None, b""]
        if stage.capabilities.keys == "bytes":
            keys.append(b"\xff\x00\xfe")
        for number, key in enumerate(keys):
            stage.publish(topic, OutboundMessage(b"%d" % number, key=key))
        got = {payload(item): item.key for item in stage.receive(stage.reader(topic), len(keys))}
        assert [got[b"%d" % number] for number in range(len(keys))] == keys

    @behaviour(14)
    def test_conformance_14_an_empty_payload_is_not_null(self, stage: Stage) -> None:
        topic = stage.topic()
        stage.publish(topic, b"")
        reader = stage.reader(topic)
        empty = stage.one(reader)
        assert payload(empty) == b""
        empty.ack()
        if stage.capabilities.null_value:
            stage.publish(topic, OutboundMessage(None, key=b"tombstone"))
            assert payload(stage.one(reader)) is None
        else:
            with stage.connection.publisher() as publisher, pytest.raises(ConfigError):
                publisher.topic(topic).publish(OutboundMessage(None))

    @behaviour(15)
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

    @behaviour(16)
    def test_conformance_16_an_empty_batch_does_nothing(self, stage: Stage) -> None:
        topic = stage.topic()
        with stage.connection.publisher() as publisher:
            assert publisher.topic(topic).publish_batch([]) == []
        stage.nothing_more(stage.reader(topic), 0.2)

    @behaviour(17)
    def test_conformance_17_a_batch_above_the_limit_is_split(self, stage: Stage) -> None:
        topic = stage.topic()
        sent = numbered(min(stage.capabilities.max_batch or 5000, 5000) + 1)
        results = stage.publish(topic, *sent)
        assert len(results) == len(sent)
        assert Counter(stage.take(stage.reader(topic), len(sent), 40)) == Counter(sent)

    @behaviour(18)
    def test_conformance_18_a_batch_keeps_the_order_of_each_key(self, stage: Stage) -> None:
        topic = stage.topic(partitions=3)
        sent = [OutboundMessage(b"%d" % n, key=b"key-%d" % (n % 3)) for n in range(90)]
        stage.publish(topic, *sent)
        got = stage.drain(stage.reader(topic), lambda found: len(found) >= 90, within=60)
        for key in (b"key-0", b"key-1", b"key-2"):
            numbers = [int(payload(item) or b"") for item in got if item.key == key]
            assert numbers == list(range(int(key[-1:]), 90, 3))

    @behaviour(19)
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

    @behaviour(20, disturbs=True)
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
        item = _round_trip(stage, OutboundMessage(b"x"))
        after = datetime.now(UTC) + timedelta(seconds=1)
        assert item.publish_time is not None
        assert item.publish_time.utcoffset() == timedelta(0)
        assert before <= item.publish_time <= after
        if item.ingestion_time is not None:
            assert item.ingestion_time.utcoffset() == timedelta(0)
            assert item.publish_time <= item.ingestion_time <= after

    @behaviour(76)
    def test_conformance_76_a_partition_is_where_it_goes_or_is_refused(self, stage: Stage) -> None:
        topic = stage.topic(partitions=3)
        sent = [(b"%d" % number, key, number % 3) for number, key in enumerate([None, b"a", b"b"] * 4)]
        messages = [OutboundMessage(data, key, partition=place) for data, key, place in sent]
        reader = stage.reader(topic)
        if not stage.capabilities.publish_partition:
            self._refused(stage, topic, messages[0])
            stage.nothing_more(reader)
            return
        stage.publish(topic, *messages)
        with stage.connection.publisher() as publisher:
            beyond, fine = publisher.topic(topic).publish_batch(
                [OutboundMessage(b"beyond", partition=3), OutboundMessage(b"fine", partition=2)]
            )
        assert (beyond.status, fine.status) == ("failed", "confirmed")
        assert isinstance(beyond.error, NotFound)
        found = self._places(stage, reader, len(sent) + 1)
        assert sorted(found) == sorted([(data, place) for data, _, place in sent] + [(b"fine", 2)])
        for place in range(3):
            # in the order of publishing, within a partition
            assert [int(data) for data, own in found if own == place and data != b"fine"] == [
                int(data) for data, _, own in sent if own == place
            ]

    @behaviour(77)
    def test_conformance_77_a_publish_time_is_kept_or_refused(self, stage: Stage) -> None:
        topic = stage.topic()
        unit = stage.capabilities.publish_time
        now = datetime.now(UTC).replace(microsecond=123456 if unit == "microseconds" else 123000)
        moments = [now - timedelta(hours=hours) for hours in (5, 48, 1, 24)]
        messages = [OutboundMessage(b"%d" % n, publish_time=moment) for n, moment in enumerate(moments)]
        reader = stage.reader(topic)
        if unit is None:
            self._refused(stage, topic, messages[0])
            stage.nothing_more(reader)
            return
        stage.publish(topic, *messages)
        if unit == "milliseconds":
            # never rounded silently
            self._refused(stage, topic, OutboundMessage(b"", publish_time=now.replace(microsecond=123456)))
        got = stage.receive(reader, len(moments))
        assert {payload(item): item.publish_time for item in got} == {
            b"%d" % n: moment for n, moment in enumerate(moments)
        }

    @behaviour(78)
    def test_conformance_78_a_text_that_utf8_cannot_hold_fails_alone(self, stage: Stage) -> None:
        topic = stage.topic()
        reader = stage.reader(topic)
        bad = {3: {"half": "a\ud800"}, 7: {"\udfffhalf": "a"}, 11: {"fine": "b", "half": "\ud83d"}}
        sent = [OutboundMessage(b"%02d" % n, attributes=bad.get(n, {"fine": "a"})) for n in range(20)]
        with stage.connection.publisher() as publisher:
            results = publisher.topic(topic).publish_batch(sent)
        assert [row for row, result in enumerate(results) if not result.ok] == sorted(bad)
        for row in bad:
            assert results[row].status == "failed"
            assert isinstance(results[row].error, ConfigError)
            assert "half" in str(results[row].error)
        found = payloads(stage.drain(reader, lambda got: len(got) >= 17))
        assert set(found) == {message.data for row, message in enumerate(sent) if row not in bad}
        for make in (
            lambda: OutboundMessage("\ud800"),
            lambda: OutboundMessage(b"", key="\ud800"),
            lambda: stage.connection.create_topic("half-\ud800"),
            lambda: stage.connection.inspector().describe("half-\ud800"),
            lambda: stage.connection.consumer(topic, "half-\ud800", model=stage.model),
        ):
            with pytest.raises(ConfigError):
                make()

    @staticmethod
    def _refused(stage: Stage, topic: str, message: OutboundMessage) -> None:
        with stage.connection.publisher() as publisher:
            (result,) = publisher.topic(topic).publish_batch([message])
        assert result.status == "failed"
        assert isinstance(result.error, NotSupported | ConfigError)

    @staticmethod
    def _places(stage: Stage, reader: Any, count: int) -> list[tuple[bytes, int]]:
        """Return payload and partition of so many messages, in the order of receiving."""
        found: list[tuple[bytes, int]] = []
        deadline = Deadline(RECEIVE_SECONDS)
        while len(found) < count and not deadline.passed:
            for held in reader.fetch_many(count, 0.5):
                found += zip(held.columns.values("value"), held.columns.values("partition"), strict=True)
                held.ack()
        return found
