"""Every message has a position of its own: in batches of any size, and where a message is in several chunks."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.workbench import Session

from .conftest import Make, publish, publish_as_one_batch

pytestmark = pytest.mark.broker

BLOB = 12_000_000
"""Bytes of a message in three chunks."""


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with bk.connect(url) as opened:
        yield opened


@pytest.fixture(params=["with the REST endpoint", "without"])
def either(request: pytest.FixtureRequest, url: str, pulsar_server: PulsarServer) -> Iterator[Session]:
    """A session that knows the REST endpoint, and one that does not."""
    with bk.connect(url if request.param != "without" else pulsar_server.url) as opened:
        yield opened


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def short(frame: pd.DataFrame) -> list[Any]:
    """The payloads; of a long one its size."""
    return [
        value if isinstance(value, str) else len(raw)
        for value, raw in zip(frame["value"], frame["raw"], strict=True)
    ]


def chunking(session: Session, topic: str) -> Any:
    return session.connection.native.create_producer(topic, chunking_enabled=True, batching_enabled=False)


@pytest.mark.parametrize(
    "size", [2_048, *(pytest.param(each, marks=pytest.mark.extended) for each in (2_047, 3_000, 10_000))]
)
def test_no_message_of_a_batch_is_lost_however_large_it_is(
    session: Session, make: Make, tmp_path: Path, size: int
) -> None:
    topic, target = make(), make()
    publish_as_one_batch(session.connection, topic, *(b"%d" % number for number in range(size)))
    frame = session.scan(topic).to_pandas()
    assert list(frame["value"]) == numbers(size)
    assert frame["offset"].isna().all()
    assert frame["id"].is_unique
    for count in (1, 5, size - 1, size):
        assert list(session.peek(topic, count)["value"]) == numbers(size)[size - count :]
    ids = list(frame["id"])
    inside = session.scan(topic, start=ids[7], end=ids[size - 3])
    assert list(inside.to_pandas()["value"]) == numbers(size)[7 : size - 3]
    assert list(session.peek(topic, 2, start=ids[size - 2])["value"]) == numbers(size)[size - 2 :]
    assert list(session.peek(topic, 3, end=ids[size - 2])["value"]) == numbers(size)[size - 5 : size - 2]
    some = frame.iloc[::-97]
    assert list(session.reread(some)["value"]) == list(some["value"])
    inside.to_parquet(tmp_path / "inside")
    assert sum(pq.read_table(each).num_rows for each in (tmp_path / "inside").glob("*.parquet")) == size - 10
    copied = session.copy(topic, session, target)
    assert (copied["status"] == "confirmed").all()
    assert list(session.scan(target).to_pandas()["value"]) == numbers(size)
    assert list(session.pull(topic, size, subscription="all", start="earliest")["value"]) == numbers(size)


def test_batches_follow_each_other_without_a_gap(session: Session, make: Make) -> None:
    topic = make()
    for begin in range(0, 9_000, 3_000):
        payloads = (b"%d" % number for number in range(begin, begin + 3_000))
        publish_as_one_batch(session.connection, topic, *payloads)
    publish(session.connection, topic, b"9000")
    for rows in (1, 2, 1_000, 5_000):
        assert list(session.scan(topic, slice_rows=rows).to_pandas()["value"]) == numbers(9_001)
    assert list(session.peek(topic, 3_002)["value"]) == numbers(9_001)[-3_002:]


def test_a_read_that_stopped_inside_a_batch_continues_there(session: Session, make: Make) -> None:
    topic = make()
    for begin in (0, 3_000):
        payloads = (b"%d" % number for number in range(begin, begin + 3_000))
        publish_as_one_batch(session.connection, topic, *payloads)
    browser = session.inspector
    (slice_,) = browser.plan(topic)
    for cut in (0, 2_046, 2_047, 2_999, 3_000, 5_998, 5_999):
        ids = list(session.scan(topic, limit=cut + 1).to_pandas()["id"])
        rest = pickle.loads(pickle.dumps(slice_.after(browser.at_id(ids[-1])[1])))
        found = [value for columns in browser.read(rest) for value in columns.values("value")]
        assert [each.decode() for each in found] == numbers(6_000)[cut + 1 :]
        plain = type(rest).from_plain(rest.plain)
        assert plain == rest


def test_attrs_of_frames_and_outcomes_are_json_that_no_reader_rounds(session: Session, make: Make) -> None:
    topic, target = make(), make()
    publish(session.connection, topic, b"a", b"b")
    frame = session.scan(topic).to_pandas()
    outcome = session.copy(topic, session, target)
    for content in (frame.attrs["brokerkit"], outcome.attrs["brokerkit"]):
        for _, _, start, end, *_ in content["slices"]:
            assert isinstance(start, str)
            assert isinstance(end, str)
    again = session.copy(topic, session, target, resume=outcome)
    assert (again["status"] == "confirmed").all()
    assert len(session.scan(target).to_pandas()) == 2


def test_a_negative_position_counts_messages_and_not_batches(either: Session, session: Session) -> None:
    name = f"persistent://public/default/counted-{os.urandom(6).hex()}"
    session.create_topic(name)
    for begin in (0, 100, 200):
        publish_as_one_batch(session.connection, name, *(b"%d" % n for n in range(begin, begin + 100)))
    publish(session.connection, name, b"300")
    assert either.peek(name, 10, start=-5)["value"].tolist() == numbers(301)[-5:]
    assert either.scan(name, start=-150).to_pandas()["value"].tolist() == numbers(301)[-150:]
    assert either.scan(name, start=-150, end=-101).to_pandas()["value"].tolist() == numbers(301)[151:200]
    assert either.scan(name, start=-1_000).to_pandas()["value"].tolist() == numbers(301)
    assert either.scan(name, end=-300).to_pandas()["value"].tolist() == ["0"]
    assert either.peek(name, 10, end=-296)["value"].tolist() == numbers(5)
    browser = either.inspector
    for limit in (1, 99, 100, 101):
        pieces = browser.plan(name, -250, limit=limit)
        found = [
            value for slice_ in pieces for part in browser.read(slice_) for value in part.values("value")
        ]
        assert [each.decode() for each in found] == numbers(301)[51 : 51 + limit]


def test_a_negative_position_counts_in_each_partition(session: Session, make: Make) -> None:
    topic = make(2)
    for partition in (0, 1):
        part = f"{topic}-partition-{partition}"
        publish_as_one_batch(session.connection, part, *(b"%d" % (100 * partition + n) for n in range(50)))
    found = session.scan(topic, start=-3).to_pandas()
    assert sorted(found["value"]) == ["147", "148", "149", "47", "48", "49"]


def test_an_invalid_position_is_refused_with_the_valid_ones(session: Session, make: Make) -> None:
    topic, target = make(), make()
    publish(session.connection, topic, *(b"%d" % number for number in range(10)))
    said = 'on Pulsar a position is the id of a message .*"earliest", "latest", or a negative number'
    for call in (
        lambda: session.scan(topic, start=5),
        lambda: session.scan(topic, end=20_000),
        lambda: session.scan(topic, start=5, end=10),
        lambda: session.peek(topic, 5, start=0),
        lambda: session.copy(topic, session, target, end=3),
        lambda: session.pull(topic, 5, subscription="me", start=2),
        lambda: session.create_subscription(topic, "me", start=2),
        lambda: session.inspector.plan(topic, 5),
    ):
        with pytest.raises(ConfigError, match=said):
            call()
    assert session.scan(target).to_pandas().empty
    assert not len(session.describe(topic).subscriptions)


@pytest.mark.parametrize(
    "either", ["with the REST endpoint", pytest.param("without", marks=pytest.mark.extended)], indirect=True
)
def test_a_message_in_chunks_is_read_wherever_a_slice_begins_and_ends(either: Session, make: Make) -> None:
    topic = make()
    producer = chunking(either, topic)
    for payload in (b"m0", b"m1", os.urandom(BLOB), b"m3", os.urandom(BLOB // 2), b"m5"):
        producer.send(payload)
    right = ["m0", "m1", BLOB, "m3", BLOB // 2, "m5"]
    frame = either.scan(topic).to_pandas()
    assert short(frame) == right
    for rows in (1, 2, 3, 4):
        assert short(either.scan(topic, slice_rows=rows).to_pandas()) == right
    for count in range(1, 7):
        assert short(either.peek(topic, count)) == right[-count:]
        assert short(either.peek(topic, 1, start=frame["id"].iloc[count - 1])) == right[count - 1 : count]
    ids = list(frame["id"])
    for begin in range(6):
        for end in range(begin, 6):
            found = either.scan(topic, start=ids[begin], end=ids[end]).to_pandas()
            assert short(found) == right[begin:end]
    assert short(either.reread(frame.iloc[::-1])) == right[::-1]
    assert short(either.peek(topic, 10, start=-2)) == right[-2:]


@pytest.mark.parametrize(
    "either", ["with the REST endpoint", pytest.param("without", marks=pytest.mark.extended)], indirect=True
)
def test_a_message_in_chunks_that_is_the_last_is_read_at_once(either: Session, make: Make) -> None:
    topic = make()
    producer = chunking(either, topic)
    producer.send(b"m0")
    producer.send(os.urandom(BLOB))
    for call in (
        lambda: either.scan(topic).to_pandas(),
        lambda: either.scan(topic, slice_rows=1).to_pandas(),
        lambda: either.peek(topic, 2),
        lambda: either.peek(topic, 5, start=-2),
    ):
        assert short(call()) == ["m0", BLOB]
    assert short(either.peek(topic, 1)) == [BLOB]


def test_a_message_in_chunks_of_a_partition_is_read(session: Session, make: Make) -> None:
    topic = make(2)
    producer = chunking(session, topic)
    for number in range(4):
        producer.send(os.urandom(BLOB), partition_key=str(number))
        producer.send(b"m%d" % number, partition_key=str(number))
    for rows in (1, 2, 3):
        found = short(session.scan(topic, slice_rows=rows).to_pandas())
        assert sorted(found, key=str) == [BLOB] * 4 + ["m0", "m1", "m2", "m3"]
    frame = session.peek(topic, 8)
    assert short(session.reread(frame)) == short(frame)


def test_a_subscription_that_begins_with_a_message_in_chunks_gets_it(session: Session, make: Make) -> None:
    topic = make()
    producer = chunking(session, topic)
    for payload in (b"m0", os.urandom(BLOB), b"m2"):
        producer.send(payload)
    name = session.scan(topic).to_pandas()["id"].iloc[1]
    session.create_subscription(topic, "from-the-blob", start=name)
    assert short(session.pull(topic, 2, subscription="from-the-blob")) == [BLOB, "m2"]


def test_an_id_after_the_last_one_says_so(either: Session, make: Make) -> None:
    topic = make()
    either.publish_batch(topic, ["a", "b"])
    last = either.peek(topic, 1)["id"].iloc[0]
    ledger, entry = last.split(":")[:2]
    later = [
        f"{int(ledger) + 1}:0:-1:-1",
        f"{int(ledger) + 1_000}:5:-1:-1",
        f"{ledger}:{int(entry) + 100}:-1:-1",
    ]
    for start in later:
        with pytest.warns(bk.AfterTheEndWarning, match=f"the start {start} lies after the end"):
            assert len(either.peek(topic, start=start)) == 0
        with pytest.warns(bk.AfterTheEndWarning):
            assert len(either.scan(topic, start=start, progress=False).to_pandas()) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error", bk.AfterTheEndWarning)
        assert either.peek(topic, start=last)["value"].tolist() == ["b"]


def test_a_subscription_that_begins_after_the_last_message_says_so(url: str, make: Make) -> None:
    topic = make()
    with bk.connect(url) as session:
        session.publish_batch(topic, ["a", "b"])
        last = session.peek(topic, 1)["id"].iloc[0]
        ledger, entry = last.split(":")[:2]
        for number, start in enumerate(
            [f"{int(ledger) + 1_000}:5:-1:-1", f"{ledger}:{int(entry) + 100}:-1:-1"]
        ):
            with pytest.warns(bk.AfterTheEndWarning, match=f"the start {start} lies after the end"):
                session.create_subscription(topic, f"made-{number}", start=start)
            with pytest.warns(bk.AfterTheEndWarning, match=f"the start {start} lies after the end"):
                assert len(session.pull(topic, subscription=f"late-{number}", start=start, timeout=0.3)) == 0
        with warnings.catch_warnings():
            warnings.simplefilter("error", bk.AfterTheEndWarning)
            assert session.pull(topic, subscription="last", start=last)["value"].tolist() == ["b"]
