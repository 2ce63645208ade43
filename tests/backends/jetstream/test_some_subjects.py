"""Conditions on the subject: the server leaves out the other subjects, and the rows are the same."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import nats
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.sandbox.nats import NatsServer

pytestmark = pytest.mark.broker

TOPIC = pc.field("topic")
COUNTS = {"eu.de": 40, "eu.at": 30, "us": 20}
_numbers = count(1)


@pytest.fixture
def s(nats_server: NatsServer) -> Iterator[bk.Session]:
    with bk.connect(nats_server.url) as session:
        yield session


@pytest.fixture
def unique() -> str:
    """Return the beginning of subjects that no other test uses."""
    return f"some{next(_numbers)}"


@pytest.fixture
def mixed(s: bk.Session, unique: str) -> str:
    """Return a wildcard of three subjects whose messages alternate; 90 messages."""
    prefix = unique
    s.create_topic(f"{prefix}.>")
    left = {name: list(range(number)) for name, number in COUNTS.items()}
    while any(left.values()):
        for name, numbers in left.items():
            if numbers:
                s.publish(f"{prefix}.{name}", {"n": numbers.pop(0)}, key=name)
    return f"{prefix}.>"


def conditions(prefix: str) -> dict[str, tuple[pc.Expression, int]]:
    """Return expressions, and how many messages are looked at for each."""
    eu, at, us = (f"{prefix}.{name}" for name in ("eu.de", "eu.at", "us"))
    return {
        "one": (eu == TOPIC, 40),
        "two": (TOPIC.isin([eu, us]), 60),
        "either": ((at == TOPIC) | (us == TOPIC), 50),
        "not": (eu != TOPIC, 50),
        "prefix": (pc.starts_with(TOPIC, f"{prefix}.eu."), 70),
        "and more": ((us == TOPIC) & (pc.field("key") == "us"), 20),
        "or more": ((us == TOPIC) | (pc.field("key") == "eu.at"), 90),
        "from an offset on": ((us == TOPIC) & (pc.field("offset") > 40), 7),
        "none": (f"{prefix}.nothing" == TOPIC, 0),
        "unknown": (pc.field("key") == "us", 90),
    }


@pytest.mark.parametrize("name", conditions(""))
def test_rows_are_those_of_a_filter_over_all_and_no_other_subjects_are_read(
    s: bk.Session, mixed: str, name: str
) -> None:
    condition, looked_at = conditions(mixed.removesuffix(".>"))[name]
    whole = s.scan(mixed, progress=False).to_arrow()
    expected = whole.filter(condition)
    scan = s.scan(mixed, progress=False).where(condition)
    assert scan.to_arrow().equals(expected)
    assert scan.report.read == looked_at
    assert scan.report.stopped == "at the end"
    assert scan.count() == s.scan(mixed, where=condition, progress=False).count() == expected.num_rows
    newest = s.peek(mixed, 5, where=condition)
    assert newest["offset"].to_list() == expected.column("offset").to_pylist()[-5:]
    first = s.peek(mixed, 5, start="earliest", where=condition)
    assert first["offset"].to_list() == expected.column("offset").to_pylist()[:5]


def test_a_sample_a_head_and_several_conditions_keep_to_their_subjects(s: bk.Session, mixed: str) -> None:
    us = mixed.replace(">", "us")
    scan = s.scan(mixed, progress=False, slice_rows=30)
    assert scan.where(us == TOPIC).sample(6).to_arrow().equals(scan.where(key="us").sample(6).to_arrow())
    assert scan.where(us == TOPIC).head(3).to_pandas()["value"].tolist() == [
        '{"n":0}', '{"n":1}', '{"n":2}'
    ]  # fmt: skip
    # what is counted before is not narrowed
    assert len(scan.head(9).where(us == TOPIC).to_pandas()) == 3
    eu = scan.where(us != TOPIC).where(mixed.replace(">", "eu.at") != TOPIC)
    assert len(eu.to_pandas()) == eu.report.read == 40
    assert eu.between(end=11).to_pandas()["offset"].tolist() == [1, 4, 7, 10]


def test_files_and_other_processes_are_told(s: bk.Session, mixed: str, tmp_path: Path) -> None:
    scan = s.scan(mixed, progress=False).where(mixed.replace(">", "us") == TOPIC)
    (slice_,) = scan._plan.slices
    assert Slice.from_plain(json.loads(json.dumps(slice_.plain))) == slice_
    assert Slice.from_plain(json.loads(json.dumps(slice_.plain))).only == slice_.only
    assert scan.to_parquet(tmp_path / "us").rows == 20
    assert len(scan.to_dask().compute(scheduler="synchronous")) == 20
    lazy = s.scan(mixed, progress=False).to_polars().filter(pl.col("topic") == mixed.replace(">", "us"))
    assert lazy.select(pl.len()).collect().item() == 20
    assert s.last_read.read == 20


def test_the_slices_of_a_condition_are_ranges_of_everything(
    s: bk.Session, mixed: str, tmp_path: Path
) -> None:
    scan = s.scan(mixed, progress=False)
    one = scan.where(mixed.replace(">", "us") == TOPIC).slices
    other = scan.where(mixed.replace(">", "eu.at") == TOPIC).slices
    assert one == other
    assert s.scan(one, progress=False).count() == 90
    assert s.scan(one, progress=False).to_parquet(tmp_path / "one").rows == 90
    assert s.scan(other, progress=False).to_parquet(tmp_path / "one").rows == 90
    assert pq.read_table(tmp_path / "one").num_rows == 90
    with pytest.raises(bk.ConfigError, match="a slice twice"):
        s.scan([*one, *other], progress=False).to_parquet(tmp_path / "both")


@pytest.mark.parametrize("odd", ["*a", "**", "*", "x" * 3_990])
def test_a_subject_that_cannot_be_a_filter_is_found_like_any_other(
    s: bk.Session, nats_server: NatsServer, unique: str, odd: str
) -> None:
    s.create_topic(f"{unique}.>")
    subjects = [f"{unique}.{name}" for name in (odd, "a", "b")]

    async def publish() -> None:
        client = await nats.connect(nats_server.url)
        for each in subjects:
            await client.jetstream().publish(each, b"1")
        await client.close()

    asyncio.run(publish())
    for condition, found in ((f"{unique}.b" != TOPIC, subjects[:2]), (subjects[0] == TOPIC, subjects[:1])):
        assert s.peek(f"{unique}.>", where=condition)["topic"].tolist() == found
        assert s.scan(f"{unique}.>", progress=False).where(condition).to_pandas()["topic"].tolist() == found


def test_a_browser_keeps_its_range_where_no_subject_can_match(s: bk.Session, mixed: str) -> None:
    for where in (TOPIC == "none", pc.field("offset") > 1000):
        browser = s.browse(mixed, where=where)
        assert browser.wait(60)
        assert "start=1, end=91" in browser.fixed_call


def test_a_work_queue_and_a_whole_stream_are_narrowed_too(s: bk.Session, unique: str) -> None:
    for options in ({"retention": "workqueue"}, {}):
        name = f"{unique}{len(options)}"
        s.create_topic(f"{name}.*", **options)
        for number in range(12):
            s.publish(f"{name}.{'ab'[number % 3 == 0]}", str(number))
        stream = f"stream:{name.upper()}"
        one = s.scan(stream, progress=False).where(f"{name}.b" == TOPIC)
        assert one.to_pandas()["value"].tolist() == ["0", "3", "6", "9"]
        assert one.report.read == 4


def test_messages_that_were_deleted_are_no_gap(s: bk.Session, mixed: str) -> None:
    scan = s.scan(mixed, progress=False).where(mixed.replace(">", "us") == TOPIC)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(scan.to_pandas()) == 20
    s.purge(mixed.replace(">", "us"), confirm=mixed.replace(">", "us"))
    assert len(scan.to_pandas()) == 0
    assert scan.report.stopped == "at the end"


def test_a_subject_that_looks_like_a_wildcard_is_not_taken_for_one(s: bk.Session, unique: str) -> None:
    s.create_topic(f"{unique}.>")
    for name in ("a", "b"):
        s.publish(f"{unique}.{name}", name)
    found = s.scan(f"{unique}.>", progress=False).where(f"{unique}.*" == TOPIC).to_arrow()
    assert found.num_rows == 0
    assert found.schema.field("topic").type == pa.string()


def test_a_long_subject_is_read_by_its_name_and_one_too_long_ends_no_connection(
    s: bk.Session, unique: str
) -> None:
    s.create_topic(f"{unique}.>")
    longest = f"{unique}.".ljust(3_800, "x")
    s.publish_batch(longest, ["1", "2"])
    s.publish(f"{unique}.other", "3")
    assert s.peek(longest)["value"].tolist() == ["1", "2"]
    assert len(s.scan(longest, progress=False).to_pandas()) == 2
    s.create_subscription(longest, "me", start="earliest")
    assert len(s.pull(longest, subscription="me")) == 2
    longer = longest + "x"
    for call in (s.peek, s.describe, s.create_topic, lambda topic: s.publish(topic, "4")):
        with pytest.raises((bk.ConfigError, bk.PublishFailed), match="3,801 bytes"):
            call(longer)  # type: ignore[operator]
    assert len(s.peek(f"{unique}.>")) == 3
