"""A frame of messages goes back with the partition and the time that its rows say."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from confluent_kafka import Producer

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.session.publish.placement import PlacingWarning
from brokerkit.workbench import Session

from .systems import JetStream, Kafka
from .test_copying_places import rows

NOW = datetime.now(UTC).replace(microsecond=0)


def topic_of(session: Session, system: Kafka, partitions: int = 3, **config: object) -> str:
    name = system.new_name("back")
    session.create_topic(name, partitions=partitions, config=config)
    return name


def filled(session: Session, system: Kafka, count: int = 60) -> str:
    """A topic with keys where no partitioner would put them, and times out of order."""
    name = topic_of(session, system)
    session.publish_batch(
        name,
        [
            bk.OutboundMessage(
                f"{n}",
                None if n % 7 == 0 else f"k{n % 5}",
                {"n": f"{n}"},
                partition=n * 7 % 3,
                publish_time=NOW - timedelta(minutes=n * 37 % 100),
            )
            for n in range(count)
        ],
    )
    return name


def test_partition_order_and_time_are_kept_where_the_counts_agree(
    kafka_session: Session, kafka_system: Kafka
) -> None:
    source, target = filled(kafka_session, kafka_system), topic_of(kafka_session, kafka_system)
    frame = kafka_session.scan(source, progress=False).to_pandas()
    with warnings.catch_warnings():
        warnings.simplefilter("error", PlacingWarning)
        plan = kafka_session.publish_frame(target, frame, dry_run=True)
        outcome = kafka_session.publish_frame(target, frame, progress=False)
    assert plan["partition"].tolist() == frame["partition"].head(5).tolist()
    assert plan["publish_time"].tolist() == frame["publish_time"].head(5).tolist()
    assert outcome.counts["confirmed"] == 60
    assert outcome.attrs["brokerkit"]["placing"] == {"partitions": "same", "times": "keep", "notes": []}
    pd.testing.assert_frame_equal(rows(kafka_session, source), rows(kafka_session, target))
    # resent into its own topic: to the partition it was in, not to that of its key
    again = kafka_session.publish_frame(source, frame.head(10), progress=False)
    assert [int(each.split("-")[0]) for each in again["id"]] == frame["partition"].head(10).tolist()


def test_other_counts_go_by_key_and_the_plan_says_so(kafka_session: Session, kafka_system: Kafka) -> None:
    source, target = filled(kafka_session, kafka_system), topic_of(kafka_session, kafka_system, 2)
    frame = kafka_session.scan(source, progress=False).to_pandas()
    with pytest.warns(PlacingWarning, match="come from 3 partitions, and .* has 2"):
        plan = kafka_session.publish_frame(target, frame, dry_run=True)
    assert "partition" not in plan
    assert plan.attrs["brokerkit"]["placing"]["partitions"] == "key"
    with pytest.raises(ConfigError, match="has 2"):
        kafka_session.publish_frame(target, frame, partitions="same")
    assert rows(kafka_session, target).empty
    with pytest.warns(PlacingWarning):
        outcome = kafka_session.publish_frame(target, frame, progress=False)
    assert len(outcome.attrs["brokerkit"]["placing"]["notes"]) == 1
    got = rows(kafka_session, target)
    assert set(got["publish_time"]) == set(frame["publish_time"])
    assert got.dropna(subset="key").groupby("key")["partition"].nunique().max() == 1


def test_a_message_that_another_partitioner_placed_is_said_before_it_moves(
    kafka_session: Session, kafka_system: Kafka
) -> None:
    topic = topic_of(kafka_session, kafka_system)
    # librdkafka's own default, consistent_random, is not what the Java client does
    producer = Producer({"bootstrap.servers": kafka_system.server.bootstrap, "log_level": 0})
    for n in range(20):
        producer.produce(topic, f"{n}", f"key-{n}")
    producer.flush(30)
    frame = kafka_session.scan(topic, progress=False).to_pandas()
    with pytest.warns(PlacingWarning, match="another partitioner had placed them: row .* goes from"):
        plan = kafka_session.publish_frame(topic, frame, partitions="key", dry_run=True)
    assert "another partitioner" in plan.attrs["brokerkit"]["placing"]["notes"][0]
    assert len(rows(kafka_session, topic)) == 20
    kept = kafka_session.publish_frame(topic, frame, progress=False)
    assert [int(each.split("-")[0]) for each in kept["id"]] == frame["partition"].tolist()


def test_times_beyond_retention_take_the_present_with_their_own_in_an_attribute(
    kafka_session: Session, kafka_system: Kafka
) -> None:
    source = topic_of(kafka_session, kafka_system, 1, **{"retention.ms": -1})
    target = topic_of(kafka_session, kafka_system, 1, **{"retention.ms": 7 * 86_400_000})
    old = NOW - timedelta(days=30)
    kafka_session.publish_batch(source, [bk.OutboundMessage("x", publish_time=old), "y"])
    frame = kafka_session.peek(source)
    with pytest.warns(PlacingWarning, match="deletes messages older than 7 days .* 30 days ago"):
        outcome = kafka_session.publish_frame(target, frame, progress=False)
    assert outcome.counts["confirmed"] == 2
    got = rows(kafka_session, target)
    assert bk.attr(got, "bk-publish-time")[0] == f"{old:%Y-%m-%dT%H:%M:%S.000000+00:00}"
    assert got["publish_time"][0] > NOW - timedelta(minutes=5)
    assert got["publish_time"][1] == frame["publish_time"][1]


def test_the_present_time_may_be_asked_for(kafka_session: Session, kafka_system: Kafka) -> None:
    source, target = filled(kafka_session, kafka_system), topic_of(kafka_session, kafka_system)
    frame = kafka_session.scan(source, progress=False).to_pandas()
    kafka_session.publish_frame(target, frame, times="now", progress=False)
    got = rows(kafka_session, target)
    assert (got["publish_time"] > frame["publish_time"].max() - timedelta(seconds=1)).all()
    assert bk.attr(got, "bk-publish-time").isna().all()


def test_a_frame_of_another_system_brings_its_times_and_one_without_partitions_goes_by_key(
    kafka_session: Session, kafka_system: Kafka, nats_system: JetStream
) -> None:
    target = topic_of(kafka_session, kafka_system)
    with nats_system.connect() as session:
        topic = nats_system.create_topic(session)
        session.publish_batch(topic, [bk.OutboundMessage(f"{n}", "k") for n in range(20)])
        frame = session.peek(topic)
        with pytest.warns(PlacingWarning, match="rounded down to milliseconds"):
            outcome = kafka_session.publish_frame(target, frame, progress=False)
        assert outcome.counts["confirmed"] == 20
        got = rows(kafka_session, target)
        assert got["publish_time"].tolist() == frame["publish_time"].dt.floor("ms").tolist()
        # and where times and partitions are not taken, nothing changes
        back = kafka_session.peek(target)
        assert session.publish_frame(topic, back, progress=False).counts["confirmed"] == 20
        with pytest.raises(NotSupported, match="chooses partitions itself"):
            session.publish_frame(topic, back, partitions="same")


def test_a_row_with_a_partition_or_time_that_cannot_be_fails_alone(
    kafka_session: Session, kafka_system: Kafka
) -> None:
    topic = topic_of(kafka_session, kafka_system)
    frame = pd.DataFrame(
        {
            "topic": topic,
            "value": [f"{n}" for n in range(7)],
            "partition": pd.Series([0, 1, -1, 2.5, None, 9, 2], dtype=object),
            "publish_time": pd.Series([NOW] * 6 + ["yesterday"], dtype=object),
        }
    )
    outcome = kafka_session.publish_frame(topic, frame, kind="messages", progress=False)
    assert outcome.failed["row"].tolist() == [2, 3, 5, 6]
    for name, said in (
        ("row 2", "between 0 and"),
        ("row 3", "must be an integer"),
        ("row 6", "'publish_time'"),
    ):
        assert any(name in error and said in error for error in outcome.failed["error"])
    assert "no partition 9" in outcome.failed["error"].tolist()[2]
    with pytest.raises(ConfigError, match="frames of messages"):
        kafka_session.publish_frame(topic, pd.DataFrame({"a": [1]}), partitions="same")


def test_a_transaction_keeps_them_too(kafka_session: Session, kafka_system: Kafka) -> None:
    source, target = filled(kafka_session, kafka_system), topic_of(kafka_session, kafka_system)
    frame = kafka_session.scan(source, progress=False).to_pandas()
    with kafka_session.transaction() as tx:
        outcome = tx.publish_frame(target, frame, progress=False)
    assert [each.split("-")[0] for each in outcome["id"]] == [str(each) for each in frame["partition"]]
