"""Frames of many rows published to the real broker: the outcome of each row is that of its own message."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.frames import ATTRIBUTES
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker
ROWS = 40_000
PARTITIONS = 4
EARLIEST = 1_700_000_000_000


@pytest.fixture
def s(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as session:
        yield session


@pytest.fixture
def topic(s: Session) -> str:
    name = f"frames-{uuid.uuid4().hex[:8]}"
    s.create_topic(name, partitions=PARTITIONS, config={"retention.ms": -1})
    return name


def frame(rows: int, **columns: Any) -> pa.Table:
    """Messages with the number of their row as payload."""
    made: dict[str, Any] = {
        "key": pa.nulls(rows, pa.binary()),
        "value": pa.array([b"%d" % row for row in range(rows)], pa.binary()),
        "raw": pa.nulls(rows, pa.binary()),
        "attributes": pa.nulls(rows),
    }
    return pa.table(made | columns)


def keys(rows: int) -> pa.Array:
    return pa.array([b"k%d" % (row % 97) for row in range(rows)], pa.binary())


def stored(s: Session, topic: str, outcome: Any) -> list[dict[str, Any]]:
    """The stored message of each confirmed row, by its id."""
    read = s.scan(topic, progress=False).to_arrow()
    found = dict(zip(read["id"].to_pylist(), read.to_pylist(), strict=True))
    return [found[each] for each in outcome["id"].dropna()]


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"key": keys(ROWS)},
        {"partition": pa.array([row % PARTITIONS for row in range(ROWS)], pa.int32())},
        {
            "attributes": pa.array(
                [[{"name": "n", "value": b"%d" % row, "type": "bytes"}] for row in range(ROWS)], ATTRIBUTES
            ),
            "publish_time": pa.array([EARLIEST + row for row in range(ROWS)], pa.timestamp("ms", "UTC")),
        },
    ],
    ids=["without keys", "with keys", "with partitions", "with headers and times"],
)
def test_the_id_of_each_row_is_that_of_its_own_message(
    s: Session, topic: str, columns: dict[str, Any]
) -> None:
    outcome = s.publish_frame(topic, frame(ROWS, **columns), kind="messages", progress=False)
    assert outcome.counts == {"confirmed": ROWS, "failed": 0, "unknown": 0}
    messages = stored(s, topic, outcome)
    assert [int(each["value"]) for each in messages] == list(range(ROWS))
    if "partition" in columns:
        assert [each["partition"] for each in messages] == columns["partition"].to_pylist()
    if "publish_time" in columns:
        assert [each["publish_time"] for each in messages] == columns["publish_time"].to_pylist()
        assert [each["attributes"][0]["value"] for each in messages[-3:]] == [
            b"%d" % row for row in range(ROWS - 3, ROWS)
        ]


def test_rows_of_a_key_are_stored_in_their_order(s: Session, topic: str) -> None:
    s.publish_frame(topic, frame(ROWS, key=keys(ROWS)), kind="messages", progress=False)
    read = s.scan(topic, progress=False).to_arrow()
    latest: dict[bytes, int] = {}
    for key, value in zip(read["key"].to_pylist(), read["value"].to_pylist(), strict=True):
        assert latest.get(key, -1) < int(value)
        latest[key] = int(value)
    assert len(latest) == 97


def test_rows_that_are_too_large_fail_alone_in_a_frame_of_many(s: Session, topic: str) -> None:
    rows, large = 12_000, [0, 5_000, 11_999]
    values = [b"x" * 1_100_000 if row in large else b"%d" % row for row in range(rows)]
    outcome = s.publish_frame(
        topic, frame(rows, value=pa.array(values, pa.binary())), kind="messages", progress=False
    )
    assert outcome.failed["row"].to_list() == large
    assert outcome.counts["confirmed"] == rows - len(large)
    assert all("TooLarge" in each for each in outcome.failed["error"])
    assert {int(each["value"]) for each in stored(s, topic, outcome)} == set(range(rows)) - set(large)


def test_a_queue_smaller_than_a_frame_is_waited_for(
    kafka_server: KafkaServer, s: Session, topic: str
) -> None:
    with bk.connect(f"kafka://{kafka_server.bootstrap}?queue.buffering.max.messages=100") as narrow:
        outcome = narrow.publish_frame(topic, frame(8_000, key=keys(8_000)), kind="messages", progress=False)
    assert outcome.counts == {"confirmed": 8_000, "failed": 0, "unknown": 0}
    assert [int(each["value"]) for each in stored(s, topic, outcome)] == list(range(8_000))


def test_a_compacted_topic_refuses_the_rows_without_a_key_alone(
    s: Session, make_topic: Callable[..., str]
) -> None:
    compacted = make_topic(**{"cleanup.policy": "compact"})
    some = pa.array([b"k" if row % 2 else None for row in range(6_000)], pa.binary())
    outcome = s.publish_frame(compacted, frame(6_000, key=some), kind="messages", progress=False)
    assert outcome.counts == {"confirmed": 3_000, "failed": 3_000, "unknown": 0}
    assert {row % 2 for row in outcome.failed["row"]} == {0}
