"""Copies keep what the source says of each message: partition, order and time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from confluent_kafka import Producer

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.session.publish.placement import PlacingWarning
from brokerkit.workbench import Session

from .systems import Kafka

MESSAGES = 100_000
COLUMNS = ["partition", "key", "raw_key", "value", "raw", "attributes", "publish_time"]
NOW = datetime.now(UTC).replace(microsecond=0)


def millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@pytest.fixture
def make_topic(kafka_session: Session, kafka_system: Kafka) -> Any:
    def make(partitions: int = 3, **config: object) -> str:
        name = kafka_system.new_name("placed")
        kafka_session.create_topic(name, partitions=partitions, config=config)
        return name

    return make


@pytest.fixture
def producer(kafka_system: Kafka) -> Iterator[Producer]:
    """A plain producer with librdkafka's own partitioner, which is not that of the Java client."""
    made = Producer(
        {
            "bootstrap.servers": kafka_system.server.bootstrap,
            "enable.idempotence": True,
            "linger.ms": 20,
            "log_level": 0,
        }
    )
    yield made
    made.flush(30)


def rows(session: Session, topic: str) -> pd.DataFrame:
    """What a topic holds, by partition and offset."""
    frame = session.scan(topic, progress=False).to_pandas()
    return frame.sort_values(["partition", "offset"])[COLUMNS].reset_index(drop=True)


@pytest.mark.timeout(300)
def test_a_hundred_thousand_messages_are_equal_per_partition_offset_by_offset(
    kafka_session: Session, make_topic: Any, producer: Producer
) -> None:
    source, target = make_topic(4), make_topic(4)
    base = millis(NOW) - 3_600_000
    for n in range(MESSAGES):
        # times out of order, keys placed by another partitioner or pinned, none, and null payloads
        place = {"partition": n % 7 % 4} if n % 3 == 0 else {}
        producer.produce(
            source,
            None if n % 101 == 0 else b"%d" % n,
            None if n % 5 == 0 else b"key-%d" % (n % 977),
            timestamp=base + n * 7919 % 3_000_000,
            headers=[("h", b"\xff%d" % (n % 3)), ("h", None), ("n", b"%d" % n)] if n % 4 == 0 else None,
            **place,
        )
        if n % 5_000 == 0:
            producer.poll(0)
    producer.flush(60)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PlacingWarning)
        outcome = kafka_session.copy(source, kafka_session, target, progress=False)
    assert outcome.counts == {"confirmed": MESSAGES, "failed": 0, "unknown": 0}
    assert outcome.attrs["brokerkit"]["placing"] == {"partitions": "same", "times": "keep", "notes": []}
    # the id where it came from is the id where it went: partition and offset
    assert (outcome["source"] == outcome["id"]).all()
    pd.testing.assert_frame_equal(rows(kafka_session, source), rows(kafka_session, target))


def test_a_sparse_source_is_copied_in_order(kafka_session: Session, make_topic: Any) -> None:
    """Markers and aborted records take offsets: the numbers differ, the order does not."""
    source, target = make_topic(2), make_topic(2)
    with kafka_session.publisher(transactional_id="sparse") as publisher:
        for n in range(12):
            publisher.begin()
            publisher.topic(source).publish_batch(
                [
                    bk.OutboundMessage(f"{n}-{m}", partition=m % 2, publish_time=NOW - timedelta(minutes=n))
                    for m in range(5)
                ]
            )
            publisher.abort() if n % 3 == 0 else publisher.commit()
    kafka_session.publish(source, "last", partition=0)
    kafka_session.publish(source, "last", partition=1)
    outcome = kafka_session.copy(source, kafka_session, target, progress=False)
    assert outcome.counts["confirmed"] == 8 * 5 + 2
    assert (outcome["source"] != outcome["id"]).any()
    pd.testing.assert_frame_equal(rows(kafka_session, source), rows(kafka_session, target))


@pytest.mark.parametrize("counts", [(3, 2), (2, 3), (1, 4)])
def test_other_counts_of_partitions_go_by_key_and_say_so(
    kafka_session: Session, make_topic: Any, counts: tuple[int, int]
) -> None:
    source, target, same = make_topic(counts[0]), make_topic(counts[1]), make_topic(counts[1])
    kafka_session.publish_batch(
        source,
        [bk.OutboundMessage(f"{n}", f"k{n % 9}", publish_time=NOW - timedelta(minutes=n)) for n in range(90)],
    )
    with pytest.warns(PlacingWarning, match=f"come from {counts[0]} partition.* has {counts[1]} partition"):
        outcome = kafka_session.copy(source, kafka_session, target, progress=False)
    assert outcome.attrs["brokerkit"]["placing"]["partitions"] == "key"
    got = rows(kafka_session, target)
    place = kafka_session.inspector.terms(target).place
    assert place is not None
    assert [place(key.encode()) for key in got["key"]] == got["partition"].tolist()
    for key, part in got.groupby("key"):
        numbers = part["value"].astype(int).tolist()
        assert numbers == sorted(numbers), key
    assert set(got["publish_time"]) == {NOW - timedelta(minutes=n) for n in range(90)}
    if counts[0] > counts[1]:
        with pytest.raises(ConfigError, match=f"has {counts[1]}"):
            kafka_session.copy(source, kafka_session, same, partitions="same", progress=False)
        assert rows(kafka_session, same).empty
    else:
        kafka_session.copy(source, kafka_session, same, partitions="same", progress=False)
        pd.testing.assert_frame_equal(rows(kafka_session, source), rows(kafka_session, same))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"retention.ms": 7 * 86_400_000}, "deletes messages older than 7 days .* 30 days ago"),
        (
            {"retention.ms": -1, "message.timestamp.before.max.ms": 86_400_000},
            "takes no messages older than 1 day.* 30 days ago",
        ),
    ],
)
def test_a_time_that_the_target_would_delete_or_refuse_travels_in_an_attribute(
    kafka_session: Session, make_topic: Any, config: dict[str, object], said: str
) -> None:
    source, target, back = (
        make_topic(1, **{"retention.ms": -1}),
        make_topic(1, **config),
        make_topic(1, **{"retention.ms": -1}),
    )
    ages = [timedelta(days=30), timedelta(hours=1), timedelta(days=29), timedelta(minutes=1)]
    kafka_session.publish_batch(
        source,
        [bk.OutboundMessage(f"{n}", "k", {"a": "b"}, publish_time=NOW - age) for n, age in enumerate(ages)],
    )
    before = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.warns(PlacingWarning, match=said):
        outcome = kafka_session.copy(source, kafka_session, target, progress=False)
    assert outcome.counts["confirmed"] == 4
    got = rows(kafka_session, target)
    told = bk.attr(got, "bk-publish-time")
    assert got["publish_time"][[1, 3]].tolist() == [NOW - ages[1], NOW - ages[3]]
    assert told.isna().tolist() == [False, True, False, True]
    assert (got["publish_time"][[0, 2]] > before).all()
    assert [datetime.fromisoformat(text) for text in told.dropna()] == [NOW - ages[0], NOW - ages[2]]
    # where the time can be kept it comes back, and the attribute goes
    kafka_session.copy(target, kafka_session, back, progress=False)
    pd.testing.assert_frame_equal(rows(kafka_session, source), rows(kafka_session, back))


def test_a_topic_that_stamps_by_itself_is_said_and_the_time_told(
    kafka_session: Session, make_topic: Any
) -> None:
    source, target = make_topic(1), make_topic(1, **{"message.timestamp.type": "LogAppendTime"})
    moment = NOW - timedelta(hours=3)
    kafka_session.publish(source, "x", publish_time=moment)
    with pytest.warns(PlacingWarning, match="stamps its messages itself"):
        outcome = kafka_session.copy(source, kafka_session, target, progress=False)
    assert outcome.counts["confirmed"] == 1
    told = bk.attr(rows(kafka_session, target), "bk-publish-time")
    assert datetime.fromisoformat(told[0]) == moment


def test_microseconds_are_not_lost_on_the_way_over_kafka(kafka_session: Session, make_topic: Any) -> None:
    target = make_topic(3)
    moments = [NOW - timedelta(hours=1, microseconds=n) for n in (1, 1000, 1001, 0)]
    with bk.connect("inmem://") as memory:
        for name in ("here", "back"):
            memory.create_topic(name, partitions=3)
        memory.publish_batch(
            "here",
            [
                bk.OutboundMessage(f"{n}", partition=n % 3, publish_time=moment)
                for n, moment in enumerate(moments)
            ],
        )
        memory.copy("here", kafka_session, target, progress=False)
        assert bk.attr(rows(kafka_session, target), "bk-publish-time").notna().sum() == 2
        kafka_session.copy(target, memory, "back", progress=False)
        pd.testing.assert_frame_equal(rows(memory, "here"), rows(memory, "back"))


def test_a_copy_may_ask_for_the_present_time_and_the_keys_own_place(
    kafka_session: Session, make_topic: Any
) -> None:
    source, target = make_topic(3), make_topic(3)
    moment = NOW - timedelta(hours=3)
    kafka_session.publish_batch(
        source, [bk.OutboundMessage("x", f"k{n}", partition=2, publish_time=moment) for n in range(20)]
    )
    kafka_session.copy(source, kafka_session, target, partitions="key", times="now", progress=False)
    got = rows(kafka_session, target)
    assert got["partition"].nunique() > 1
    assert (got["publish_time"] > moment + timedelta(hours=2)).all()
    assert bk.attr(got, "bk-publish-time").notna().all()
    for wrong in ({"partitions": "Same"}, {"times": "old"}, {"partitions": 3}):
        with pytest.raises(ConfigError):
            kafka_session.copy(source, kafka_session, target, progress=False, **wrong)  # type: ignore[arg-type]  # the mistake


def test_an_interrupted_copy_continues_in_order(
    kafka_session: Session, make_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off between two parts, as by Ctrl-C: what is resumed continues each partition."""
    source, target = make_topic(2), make_topic(2)
    kafka_session.publish_batch(source, [bk.OutboundMessage(f"{n}", partition=n % 2) for n in range(9_000)])
    publisher = kafka_session.shared_publisher()
    send, calls = publisher.send, []

    def broken(batch: Any, **options: Any) -> Any:
        calls.append(len(batch))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return send(batch, **options)

    monkeypatch.setattr(publisher, "send", broken)
    with pytest.raises(KeyboardInterrupt):
        kafka_session.copy(source, kafka_session, target, progress=False)
    monkeypatch.undo()
    interrupted = kafka_session.last_interrupted
    assert interrupted is not None
    frame = interrupted.frame
    # the part that was on its way is unknown here, and was not sent: say so to send it again
    frame.loc[frame["status"] == "unknown", "status"] = "failed"
    again = kafka_session.copy(source, kafka_session, target, resume=frame, progress=False)
    assert again.counts["confirmed"] == 9_000
    pd.testing.assert_frame_equal(rows(kafka_session, source), rows(kafka_session, target))


@pytest.mark.parametrize("server", ["nats_server", "pubsub_emulator"])
@pytest.mark.parametrize("partitions", [1, 2, 5])
def test_a_target_without_partitions_is_said_where_the_source_has_several(
    kafka_session: Session, make_topic: Any, request: pytest.FixtureRequest, server: str, partitions: int
) -> None:
    source = make_topic(partitions)
    kafka_session.publish(source, "1", key="a")
    with bk.connect(request.getfixturevalue(server).address) as session:
        session.create_topic(source)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PlacingWarning)
            outcome = kafka_session.copy(source, session, source)
    assert list(outcome["status"]) == ["confirmed"]
    said = [str(each.message) for each in caught if each.category is PlacingWarning]
    lost = [text for text in said if f"{partitions} partitions" in text and "has none" in text]
    assert len(lost) == (partitions > 1)
