"""Records of a log: one committed position per partition, which never moves back."""

from __future__ import annotations

import pytest

from brokerkit.core import OutboundMessage, Record, StaleAck

from ..behaviour import behaviour
from ..stage import AnyConsumer, Stage, payloads
from ..waiting import eventually


def _records(stage: Stage, consumer: AnyConsumer, count: int) -> list[Record]:
    items = [item for item in stage.receive(consumer, count) if isinstance(item, Record)]
    assert len(items) == count
    return items


class Records:
    """Behaviours 39 to 44."""

    @behaviour(39, model="record")
    def test_conformance_39_acknowledging_k_resumes_at_the_next(self, stage: Stage) -> None:
        topic, sent = stage.filled(10)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        _records(stage, reader, 10)[4].ack()
        reader.close()
        assert payloads(stage.receive(stage.consumer(topic, subscription), 5)) == sent[5:]

    @behaviour(40, model="record")
    def test_conformance_40_an_older_ack_does_not_rewind(self, stage: Stage) -> None:
        topic, sent = stage.filled(12)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        got = _records(stage, reader, 12)
        got[9].ack()
        got[2].ack()
        reader.close()
        assert payloads(stage.receive(stage.consumer(topic, subscription), 2)) == sent[10:]

    @behaviour(41, model="record")
    def test_conformance_41_the_first_record_alone_commits(self, stage: Stage) -> None:
        topic, sent = stage.filled(2)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        first = _records(stage, reader, 2)[0]
        first.ack()
        reader.close()
        reopened = stage.consumer(topic, subscription)
        assert payloads(stage.receive(reopened, 1)) == sent[1:]
        stage.nothing_more(reopened, 0.2)

    @behaviour(42, model="record")
    def test_conformance_42_positions_are_kept_by_topic_and_partition(self, stage: Stage) -> None:
        subscription = "shared-group"
        topics = [stage.topic(partitions=2), stage.topic(partitions=2)]
        for topic in topics:
            stage.connection.create_subscription(topic, subscription, start="earliest", model="record")
            stage.publish(topic, *[OutboundMessage(b"x", key=b"%d" % n) for n in range(40)])
        left = {}
        for topic, keep in zip(topics, (3, 1), strict=True):
            reader = stage.consumer(topic, subscription)
            by_partition: dict[int, list[Record]] = {0: [], 1: []}
            for record in _records(stage, reader, 40):
                by_partition[record.partition].append(record)
            assert all(len(records) > 3 for records in by_partition.values())
            for records in by_partition.values():
                records[-1 - keep].ack()
            reader.close()
            left[topic] = {
                (number, record.id) for number, records in by_partition.items() for record in records[-keep:]
            }
        for topic, expected in left.items():
            reader = stage.consumer(topic, subscription)
            again = _records(stage, reader, len(expected))
            assert {(record.partition, record.id) for record in again} == expected
            stage.nothing_more(reader, 0.2)
            reader.close()

    @behaviour(43, model="record")
    def test_conformance_43_an_ack_after_the_partition_was_taken_is_stale(self, stage: Stage) -> None:
        topic = stage.topic(partitions=2)
        stage.publish(topic, *[OutboundMessage(b"%d" % n, key=b"%d" % n) for n in range(40)])
        subscription = stage.subscription(topic)
        first = stage.consumer(topic, subscription)
        held: dict[int, list[Record]] = {0: [], 1: []}
        for record in _records(stage, first, 40):
            held[record.partition].append(record)
        other = stage.consumer(topic, subscription)
        got: list[Record] = []

        def taken() -> bool:
            # the first member must poll to learn that it lost a partition
            stage.batch(first, 1, 0.05)
            got.extend(item for item in stage.batch(other, 40, 0.2) if isinstance(item, Record))
            return bool(got)

        eventually(taken, "the second member gets a partition", within=30)
        number = got[0].partition
        mine = [record for record in got if record.partition == number]
        mine[-1].ack()
        with pytest.raises(StaleAck):
            held[number][0].ack()
        first.close()
        other.close()
        settled = [record.id for record in held[number]].index(mine[-1].id) + 1
        expected = {
            (record.partition, record.id)
            for partition, records in held.items()
            for record in records[settled if partition == number else 0 :]
        }
        last = stage.consumer(topic, subscription)
        again = _records(stage, last, len(expected))
        assert {(record.partition, record.id) for record in again} == expected
        stage.nothing_more(last, 0.2)

    @behaviour(44)
    def test_conformance_44_close_commits_nothing_that_was_not_acked(self, stage: Stage) -> None:
        topic, sent = stage.filled(6)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        items = stage.receive(reader, 6)
        for item in items[:2]:
            item.ack()
        reader.close()
        again = stage.receive(stage.consumer(topic, subscription), 4)
        assert sorted(payloads(again)) == sent[2:]
