"""A topic of a real server is captured while its process is killed, its retention passes, and it is made again."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pytest
from confluent_kafka.admin import NewPartitions

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing.processes import Child
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .messages import publish_numbered
from .systems import Kafka, System

ROWS = 60_000
FILE_ROWS = 4_000
HEADERS = [("trace", b"\xff\x00"), ("trace", b"again"), ("none", None)]
COLUMNS = ["partition", "offset", "id", "key", "raw_key", "value", "raw", "attributes", "publish_time"]


def _child(system: System, topic: str, path: Path) -> Child:
    order = {"url": system.fast_url, "topic": topic, "path": str(path), "file_rows": FILE_ROWS}
    return Child("capture", order, module="tests.scenarios.program")


def _values(path: Path) -> Counter[int]:
    """How often each number is in the files, as any reader of the folder sees them."""
    if not path.exists():
        return Counter()
    column = pyarrow.dataset.dataset(path).to_table(columns=["value"]).column("value")
    return Counter(map(int, column.to_pylist()))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "kills",
    [pytest.param(3, marks=pytest.mark.extended), pytest.param(20, marks=pytest.mark.soak)],
)
def test_a_killed_capture_loses_and_repeats_nothing(
    kafka_system: Kafka, kafka_session: Session, tmp_path: Path, kills: int
) -> None:
    topic, path = kafka_system.create_topic(kafka_session), tmp_path / "data"
    chance = random.Random(kills)
    published = 0
    for _ in range(kills):
        count = ROWS // kills
        publish_numbered(kafka_session, topic, range(published, published + count))
        published += count
        with _child(kafka_system, topic, path) as child:
            child.hear("working")
            time.sleep(chance.uniform(0.0, 0.4))  # the moment is what is varied
            child.signal(signal.SIGKILL)
            child._process.wait(60)
        if list(path.rglob("*.parquet")):
            assert set(_values(path).values()) == {1}
    with _child(kafka_system, topic, path) as child:
        child.hear("working")
        done = child.hear("captured", 60)
    assert done["total"] == published
    assert done["grown"] < 300
    assert _values(path) == Counter(range(published))
    with bk.connect(f"parquet://{path}") as offline:
        found, wanted = (
            each.scan(topic, progress=False)
            .to_arrow()
            .sort_by([("partition", "ascending"), ("offset", "ascending")])
            for each in (offline, kafka_session)
        )
    assert found.equals(wanted)


def test_what_was_captured_comes_back_equal_and_is_restored(
    system: System, session: Session, tmp_path: Path
) -> None:
    topic, path = system.create_topic(session), tmp_path / "data"
    odd = session.capabilities.null_value
    session.publish_batch(
        topic, [OutboundMessage(b"\xff%d" % n, b"k%d" % n, HEADERS[: 3 if odd else 0]) for n in range(50)]
    )
    session.publish_batch(
        topic, [OutboundMessage(b"", b"k"), *([OutboundMessage(None, b"k")] if odd else [])]
    )
    assert session.capture(topic, path, partition_by="day").rows == 50 + 1 + odd
    session.publish(topic, {"later": 1}, key="k")
    assert session.capture(topic, path).rows == 1
    with bk.connect(f"parquet://{path}") as offline:
        found = offline.scan(topic, progress=False).to_arrow().select(COLUMNS)
        assert found.equals(session.scan(topic, progress=False).to_arrow().select(COLUMNS))
    again = system.create_topic(session)
    outcome: Any = session.restore(path, again, progress=False)
    assert outcome.counts["confirmed"] == len(outcome) == 52 + odd
    both = [session.scan(each, progress=False).to_pandas() for each in (topic, again)]
    for name in ("partition", "key", "value", "raw"):
        assert both[0][name].tolist() == both[1][name].tolist(), name


def test_positions_of_pulsar_are_kept(pulsar_server: PulsarServer, tmp_path: Path) -> None:
    path = tmp_path / "data"
    with bk.connect(f"{pulsar_server.url}?admin={pulsar_server.admin}") as session:
        session.create_topic("captured", partitions=2)
        for count in (40, 0, 30):
            session.publish_batch(
                "captured", [OutboundMessage(b"\xff%d" % n, f"k{n}", [("a", "b")]) for n in range(count)]
            )
            assert session.capture("captured", path).rows == count
        wanted = session.scan("captured", progress=False).to_arrow()
        with bk.connect(f"parquet://{path}") as offline:
            assert offline.scan("captured", progress=False).to_arrow().equals(wanted)
            newest = offline.peek("captured", 5)
            assert offline.reread(newest).equals(newest)
        session.delete_topic("captured", confirm="captured")


def test_retention_that_passes_a_capture_is_named(
    kafka_system: Kafka, kafka_session: Session, tmp_path: Path
) -> None:
    topic = kafka_system.new_name("retained")
    kafka_session.create_topic(topic, partitions=1)
    publish_numbered(kafka_session, topic, range(100))
    assert kafka_session.capture(topic, tmp_path).rows == 100
    publish_numbered(kafka_session, topic, range(100, 200))
    kafka_session.purge(topic, before=150, confirm=topic)
    eventually(lambda: kafka_session.inspector.bounds(topic)[0].start == 150, "they are gone", within=60)
    with pytest.warns(bk.RetentionWarning, match="positions 100 to 149 of partition 0"):
        found = kafka_session.capture(topic, tmp_path)
    assert (found.rows, found.gaps) == (50, ("100 to 149 of partition 0",))
    assert _values(tmp_path) == Counter([*range(100), *range(150, 200)])


def test_transactions_and_new_partitions_leave_no_gaps(
    kafka_system: Kafka, kafka_session: Session, tmp_path: Path
) -> None:
    topic = kafka_system.new_name("changing")
    kafka_session.create_topic(topic, partitions=1)
    for number in range(3):
        with kafka_session.transaction() as transaction:
            transaction.publish(topic, {"n": number})
        # the broker ends a transaction after it has said so
        eventually(
            lambda end=2 * number + 2: kafka_session.inspector.bounds(topic)[0].end == end,
            "it is ended",
            within=60,
        )
        found = kafka_session.capture(topic, tmp_path)
        assert (found.rows, found.gaps) == (1, ())
    [made] = kafka_system.admin.create_partitions([NewPartitions(topic, 4)]).values()
    made.result(20)
    eventually(lambda: len(kafka_session.inspector.bounds(topic)) == 4, "they are there", within=60)
    kafka_session.publish_batch(topic, [OutboundMessage(b"%d" % n, partition=n % 4) for n in range(40)])
    assert kafka_session.capture(topic, tmp_path).rows == 40
    with bk.connect(f"parquet://{tmp_path}") as offline:
        wanted = kafka_session.scan(topic, progress=False).to_arrow()
        assert offline.scan(topic, progress=False).to_arrow().equals(wanted)


def test_a_topic_that_was_made_again_is_recognized(system: System, session: Session, tmp_path: Path) -> None:
    topic = system.create_topic(session)
    session.publish_batch(topic, [str(number) for number in range(10)])
    session.capture(topic, tmp_path)
    session.delete_topic(topic, confirm=topic)

    def made() -> bool:
        try:
            session.create_topic(topic, **system.topic_options)
        except bk.AlreadyExists:
            return False
        return True

    eventually(made, "it is made again", within=60)
    session.publish_batch(topic, [str(number) for number in range(30)])
    with pytest.raises(bk.ConfigError, match="was deleted and made again"):
        session.capture(topic, tmp_path)
    assert sum(_values(tmp_path).values()) == 10
