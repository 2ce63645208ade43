"""Each part of a message is carried exactly, or refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from brokerkit.core import (
    NO_ATTRIBUTES,
    Attributes,
    ConfigError,
    NotFound,
    NotSupported,
    OutboundMessage,
)
from brokerkit.core.vocabulary.cancellation import Deadline

from ..behaviour import behaviour
from ..stage import RECEIVE_SECONDS, Stage, payload, payloads

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


class Fidelity:
    """Behaviours 3 to 8, 13, 14 and 76 to 78."""

    @behaviour(3)
    def test_conformance_03_json_bytes_are_unchanged(self, stage: Stage) -> None:
        text = b'{ "b":1.0, "a" : [1e3, 9007199254740993],\n"a":"\\u00e9\xc3\xa9" }  '
        assert payload(stage.round_trip(OutboundMessage(text))) == text

    @behaviour(4)
    def test_conformance_04_a_payload_that_is_not_utf8_is_exact(self, stage: Stage) -> None:
        every_byte = bytes(range(256)) + b"\xc3\x28\xed\xa0\x80"
        assert payload(stage.round_trip(OutboundMessage(every_byte))) == every_byte

    @behaviour(5)
    def test_conformance_05_odd_attribute_names_and_values_round_trip(self, stage: Stage) -> None:
        pairs = [(f"v{number}", text) for number, text in enumerate(ODD_TEXTS)]
        pairs += [(name, "plain") for name in ODD_NAMES]
        got = stage.round_trip(OutboundMessage(b"x", attributes=pairs))
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

    @behaviour(76, alike=True)
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

    @behaviour(77, alike=True)
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

    @behaviour(78, alike=True)
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
