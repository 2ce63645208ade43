"""Reading without side effects."""

from __future__ import annotations

import pickle
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from brokerkit.core import Columns, Connection, OutboundMessage, Slice
from brokerkit.core.vocabulary.positions import AtPlace

from ..behaviour import behaviour
from ..child import digest
from ..processes import Child
from ..stage import Stage, acknowledge, numbered, payloads
from ..waiting import eventually


def _read(connection: Connection, plan: list[Slice]) -> list[Columns]:
    browser = connection.inspector()
    return [columns for slice_ in plan for columns in browser.read(slice_)]


def _offsets(parts: list[Columns]) -> list[int]:
    return [position for columns in parts for position in columns.positions()]


def _values(parts: list[Columns]) -> list[bytes | None]:
    return [value for columns in parts for value in columns.values("value")]


class Browsing:
    """Behaviours 69 to 75."""

    @behaviour(69, alike=True)
    def test_conformance_69_reading_twice_gives_the_same_bytes(self, stage: Stage) -> None:
        topic = stage.topic(partitions=2)
        stage.publish(
            topic,
            *[OutboundMessage(b"\xff%d" % n, key=b"%d" % n, attributes={"n": str(n)}) for n in range(100)],
        )
        plan = stage.connection.inspector().plan(topic)
        first = _read(stage.connection, plan)
        assert sum(columns.length for columns in first) == 100
        assert digest(_read(stage.connection, plan)) == digest(first)
        assert digest(_read(stage.connect(), plan)) == digest(first)

    @behaviour(70)
    def test_conformance_70_reading_changes_no_position_and_no_backlog(self, stage: Stage) -> None:
        topic, sent = stage.filled(10)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        acknowledge(stage.receive(reader, 4))
        reader.close()
        browser = stage.connection.inspector()

        def position() -> list[tuple[object, ...]]:
            return [
                (each.name, each.lag, each.in_flight, dict(each.position))
                for each in browser.describe(topic).subscriptions
            ]

        eventually(lambda: any(lag == 6 for _, lag, _, _ in position()), "the backlog is known", within=10)
        before = position()
        assert _values(_read(stage.connection, browser.plan(topic))) == sent
        browser.topics()
        browser.bounds(topic)
        assert position() == before
        reopened = stage.consumer(topic, subscription)
        assert payloads(stage.receive(reopened, 6)) == sent[4:]
        stage.nothing_more(reopened, 0.2)

    @behaviour(71, alike=True)
    def test_conformance_71_a_slice_is_read_alike_by_another_process(self, stage: Stage) -> None:
        topic, _ = stage.filled(50)
        browser = stage.connection.inspector()
        offsets = _offsets(_read(stage.connection, browser.plan(topic)))
        (slice_,) = browser.plan(topic, AtPlace(offsets[5]), AtPlace(offsets[45]))
        assert pickle.loads(pickle.dumps(slice_)) == slice_
        order = {
            "url": stage.harness.url,
            "options": dict(stage.harness.options),
            "slice": b64encode(pickle.dumps(slice_)).decode(),
        }
        with Child("read", order) as child:
            assert child.hear("read")["digest"] == digest(_read(stage.connection, [slice_]))

    @behaviour(72)
    def test_conformance_72_gaps_neither_hang_nor_misnumber(self, stage: Stage) -> None:
        topic = stage.topic()
        stage.publish(topic, b"before", b"before too")
        stage.harness.make_gap(stage.connection, topic)
        stage.publish(topic, b"after")
        stage.harness.make_gap(stage.connection, topic)
        browser = stage.connection.inspector()
        (bounds,) = browser.bounds(topic)
        assert bounds.end - bounds.start > 3, "make_gap() left no gap"
        parts = _read(stage.connection, browser.plan(topic))
        rows = [
            (offset, value)
            for columns in parts
            for offset, value in zip(columns.positions(), columns.values("value"), strict=True)
        ]
        offsets = [offset for offset, _ in rows]
        assert _values(parts) == [b"before", b"before too", b"after"]
        assert offsets == sorted(set(offsets))
        # each row can be found by its own offset, and a slice may end or lie in a gap
        for offset, value in rows:
            one = browser.plan(topic, AtPlace(offset), AtPlace(offset + 1))
            assert _values(_read(stage.connection, one)) == [value]
        in_gaps = sorted(set(range(bounds.start, bounds.end)) - set(offsets))
        for offset in in_gaps:
            none = browser.plan(topic, AtPlace(offset), AtPlace(offset + 1))
            assert _values(_read(stage.connection, none)) == []
        got = stage.receive(stage.reader(topic), 3)
        assert payloads(got) == [b"before", b"before too", b"after"]

    @behaviour(73, alike=True)
    def test_conformance_73_start_and_end_by_position_and_by_time(self, stage: Stage) -> None:
        topic = stage.topic()
        stage.publish(topic, *numbered(10))
        browser = stage.connection.inspector()
        middle = self._after_all_so_far(stage, topic)
        stage.publish(topic, *numbered(10, start=10))
        offsets, sent = _offsets(_read(stage.connection, browser.plan(topic))), numbered(20)

        def read(start: Any, end: Any = "latest", limit: int | None = None) -> list[bytes | None]:
            return _values(_read(stage.connection, browser.plan(topic, start, end, limit)))

        assert read("earliest") == sent
        assert read("latest") == []
        assert read(AtPlace(offsets[5])) == sent[5:]
        assert read(AtPlace(offsets[5]), AtPlace(offsets[8])) == sent[5:8]
        assert read(-3) == sent[-3:]
        assert read(-8, -3) == sent[-8:-3]
        assert read("earliest", limit=4) == sent[:4]
        assert read("-1h") == sent
        assert read("earliest", "-1h") == []
        assert read(middle) == sent[10:]
        assert read("earliest", middle) == sent[:10]
        assert read(middle.isoformat()) == sent[10:]
        assert read("2000-01-01", "2000-01-02") == []

    @staticmethod
    def _after_all_so_far(stage: Stage, topic: str) -> datetime:
        """Return a moment after every message in the topic, by the clock that stamps them."""
        parts = _read(stage.connection, stage.connection.inspector().plan(topic))
        newest = max(time for columns in parts for time in columns.values("publish_time"))
        # systems keep times in milliseconds: the next message must fall into a later one
        after = newest // 1000 * 1000 + 2000
        eventually(lambda: datetime.now(UTC).timestamp() * 1e6 > after, "the clock goes on")
        return datetime.fromtimestamp(after // 1000 / 1000, UTC)

    @behaviour(74, alike=True)
    def test_conformance_74_the_end_of_a_plan_holds_while_the_topic_grows(self, stage: Stage) -> None:
        topic, sent = stage.filled(10)
        browser = stage.connection.inspector()
        plan = browser.plan(topic)
        stage.publish(topic, b"later")
        reading = iter(browser.read(plan[0]))
        first = next(reading)
        stage.publish(topic, b"later still")
        assert _values([first, *reading]) == sent

    @behaviour(75)
    def test_conformance_75_columns_and_items_agree_field_by_field(self, stage: Stage) -> None:
        topic = stage.topic()
        key = "key" if stage.capabilities.keys == "text" else b"\xff\x00"
        stage.publish(
            topic,
            OutboundMessage(b"one", key=key, attributes={"a": "1", "b": "2"}),
            OutboundMessage(b"two"),
        )
        held = stage.reader(topic).fetch(2, 20)
        assert held is not None
        items: list[Any] = [*(held.records() if stage.records else held.messages())]
        stage.keep(*items)
        columns = held.columns
        made = columns.as_lists().to_records() if stage.records else columns.as_lists().to_messages()
        assert made == items
        again = Columns.from_records(items) if stage.records else Columns.from_messages(items)
        for name in ("topic", "id", "key", "value", "publish_time", "ingestion_time", "delivery_count"):
            if stage.records and name == "delivery_count":
                continue
            assert list(again.values(name)) == list(columns.values(name)), name
        scanned = _read(stage.connection, stage.connection.inspector().plan(topic))
        assert _values(scanned)[: len(items)] == list(columns.values("value"))
        for name in ("topic", "id", "offset", "partition", "key", "publish_time", "ingestion_time"):
            seen = [value for part in scanned for value in part.values(name)][: len(items)]
            assert seen == list(columns.values(name)), name
        pairs = [tuple(p or ()) for part in scanned for p in part.values("attributes")][: len(items)]
        assert pairs == [tuple(item.attributes) for item in items]
