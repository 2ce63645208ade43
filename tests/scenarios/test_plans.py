"""Plans of a scan on real servers: what they keep, and how little of the broker they read for it."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from ..session.plan_model import check, messages
from .systems import System

MESSAGES = 900


@pytest.fixture(scope="session", params=["kafka", "nats", pytest.param("pulsar", marks=pytest.mark.extended)])
def system(request: pytest.FixtureRequest) -> System:
    """Each system that can read a range."""
    found: System = request.getfixturevalue(f"{request.param}_system")
    return found


@pytest.fixture(scope="module")
def topic(system: System) -> str:
    with system.connect() as session:
        name = system.create_topic(session, "planned")
        session.publish_batch(name, messages(MESSAGES), timeout=60)
    return name


def test_every_plan_keeps_what_the_same_steps_keep_of_a_frame(session: Session, topic: str) -> None:
    check(session.scan(topic, slice_rows=400, progress=False), 4)


def test_a_sample_is_spread_over_the_topic_and_reads_little(session: Session, topic: str) -> None:
    sample = session.scan(topic, progress=False).sample(64)
    numbers = sample.select("value.number").to_arrow()["value.number"].to_pylist()
    assert len(set(numbers)) == len(numbers)
    assert 40 <= len(numbers) <= 64
    assert sum(number < MESSAGES / 3 for number in numbers) > 10
    assert sum(number > MESSAGES * 2 / 3 for number in numbers) > 10
    assert session.scan(topic, progress=False).count() == MESSAGES


def test_what_is_read_is_what_the_plan_needs(session: Session, topic: str) -> None:
    first = session.scan(topic, progress=False).head(10)
    assert first.to_arrow().num_rows == 10
    assert first.report.read == 10
    assert first.report.stopped == "at the limit"
    small: bk.Scan = session.scan(topic, progress=False).select("id")
    assert small.to_arrow().column_names == ["id"]
    assert small.report.matched == MESSAGES


def test_engines_find_the_rows_that_arrow_has(session: Session, topic: str) -> None:
    whole = session.scan(topic, progress=False).select("id", "key", "offset", "value.number")
    expected = whole.to_arrow().to_pandas()
    expected = expected[(expected["key"] == "key-1") & (expected["value.number"] > 500)]
    query = """select id from orders where key = 'key-1' and "value.number" > 500"""
    assert [row[0] for row in bk.sql(query, orders=whole).fetchall()] == expected["id"].tolist()
    wanted = (pl.col("key") == "key-1") & (pl.col("value.number") > 500)
    assert whole.to_polars().filter(wanted).select("id").collect()["id"].to_list() == expected["id"].tolist()
    assert len(bk.sql("select * from orders limit 3", orders=whole).fetchall()) == 3


def test_an_expression_over_times_reads_from_where_the_broker_finds_them(
    system: System, session: Session
) -> None:
    name = system.create_topic(session, "timed")
    session.publish_batch(name, messages(300), timeout=60)
    whole = session.scan(name, progress=False).to_arrow().to_pandas()
    moment = whole["publish_time"].max() + pd.Timedelta(milliseconds=1)
    eventually(lambda: pd.Timestamp.now("UTC") > moment + pd.Timedelta(milliseconds=5), "the clock moves on")
    session.publish_batch(name, messages(30), timeout=60)
    time = pc.field("publish_time")
    later = session.scan(name, progress=False).where((time >= moment) & (pc.field("key") != "key-0"))
    expected = session.scan(name, progress=False).where(lambda _: True).where(time >= moment, key="key-1")
    assert later.count() == 16
    assert expected.count() == 8
    if system.name != "pulsar":
        assert later.report.read == 30
    assert session.scan(name, progress=False).where(time < moment).count() == 300
    assert session.scan(name, progress=False).where((time < moment) | time.is_null()).count() == 300
    assert session.scan(name, progress=False).where((time < moment) & (time >= moment)).count() == 0
