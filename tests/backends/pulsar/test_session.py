"""The session's calls give the same frames as on other systems."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.workbench import Session

from .conftest import Make, new_name, publish, publish_as_one_batch

pytestmark = pytest.mark.broker

COLUMNS = [
    "topic",
    "partition",
    "offset",
    "id",
    "key",
    "raw_key",
    "value",
    "raw",
    "format",
    "schema",
    "attributes",
]


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with bk.connect(url) as opened:
        yield opened


def test_published_messages_are_seen_by_every_call(session: Session) -> None:
    topic = new_name()
    session.create_topic(topic, partitions=2)
    for number in range(6):
        session.publish(topic, {"id": number}, key=f"k{number}")
    full = f"persistent://public/default/{topic}"
    assert full in set(session.topics()["topic"])
    session.create_subscription(topic, "other", start="earliest")
    described = session.describe(topic)
    assert described.messages == 6
    assert list(described.subscriptions["lag"]) == [6]
    assert "other: Shared" in repr(described)
    peeked = session.peek(topic, 4)
    assert list(peeked.columns)[: len(COLUMNS)] == COLUMNS
    assert len(peeked) == 4
    assert peeked["publish_time"].is_monotonic_increasing
    scanned = session.scan(topic).to_pandas()
    assert set(scanned["topic"]) == {full}
    assert set(scanned["partition"]) <= {0, 1}
    assert sorted(scanned["value"]) == [f'{{"id":{number}}}' for number in range(6)]
    assert scanned["ingestion_time"].isna().all()
    assert scanned["delivery_count"].isna().all()
    pulled = session.pull(topic, 6, subscription="me", start="earliest")
    assert (pulled["delivery_count"] == 1).all()
    assert sorted(pulled["id"]) == sorted(scanned["id"])
    assert len(session.pull(topic, 6, subscription="me", timeout=1)) == 0
    again = session.reread(pulled[pulled["key"] == "k3"])
    assert list(again["value"]) == ['{"id":3}']


def test_a_topic_without_partitions_has_no_partition_in_its_frame(session: Session) -> None:
    topic = new_name()
    session.create_topic(topic)
    session.publish(topic, b"\xff\x00")
    session.publish(topic, None)
    frame = session.scan(topic).to_pandas()
    assert frame["partition"].isna().all()
    assert frame["key"].isna().all()
    assert frame["value"].isna().all()
    assert frame["raw"].iloc[0] == b"\xff\x00"
    assert pd.isna(frame["raw"].iloc[1])


def test_batches_are_acknowledged_when_their_block_ends_and_given_back_when_it_raises(
    session: Session,
) -> None:
    topic = new_name()
    session.create_topic(topic)
    for number in range(4):
        session.publish(topic, f"{number}")
    batches = session.batches(topic, subscription="me", start="earliest", size=4)
    with pytest.raises(ZeroDivisionError), next(batches) as first:  # raised inside
        assert len(first.frame) == 4
        raise ZeroDivisionError
    got: list[str] = []
    while len(got) < 4:
        with next(batches) as batch:
            assert (batch.frame["delivery_count"] == 2).all()
            got.extend(batch.frame["value"])
    assert sorted(got) == ["0", "1", "2", "3"]


def test_records_are_pulled_where_one_asks_for_them(session: Session) -> None:
    topic = new_name()
    session.create_topic(topic)
    for number in range(4):
        session.publish(topic, f"{number}")
    frame = session.pull(topic, 3, subscription="me", start="earliest", model="record")
    assert list(frame["value"]) == ["0", "1", "2"]
    assert list(session.pull(topic, 3, subscription="me", model="record")["value"]) == ["3"]


def test_a_frame_is_published_back_to_the_byte(session: Session) -> None:
    source, target = new_name(), new_name()
    for topic in (source, target):
        session.create_topic(topic)
    session.publish(source, b"\xff", key="k", attributes={"a": "1"})
    session.publish(source, '{"n": 1.0}')
    frame = session.scan(source).to_pandas()
    assert session.publish_frame(target, frame).failed.empty
    copied = session.scan(target).to_pandas()
    for column in ("key", "value", "raw"):
        pd.testing.assert_series_equal(copied[column], frame[column])
    assert list(map(list, copied["attributes"])) == list(map(list, frame["attributes"]))


def test_the_newest_of_a_topic_of_batches_are_exactly_as_many_as_asked(session: Session, make: Make) -> None:
    topic = make()
    for begin in range(0, 30, 10):
        publish_as_one_batch(session.connection, topic, *(b"%d" % n for n in range(begin, begin + 10)))
    publish(session.connection, topic, b"30")
    assert list(session.peek(topic, 5)["value"]) == ["26", "27", "28", "29", "30"]
    assert list(session.peek(topic, 3, start="earliest")["value"]) == ["0", "1", "2"]
    frame = session.scan(topic).to_pandas()
    middle = frame[frame["value"] == "17"]
    assert list(session.scan(topic, start=str(middle["id"].iloc[0])).to_pandas()["value"][:2]) == [
        "17",
        "18",
    ]
    assert list(session.reread(middle)["value"]) == ["17"]
    name = str(middle["id"].iloc[0])
    assert list(session.peek(topic, 2, start=name)["value"]) == ["17", "18"]
    end = str(frame[frame["value"] == "19"]["id"].iloc[0])
    assert list(session.scan(topic, start=name, end=end).to_pandas()["value"]) == ["17", "18"]
