"""A scan is a plan: fixed when it is made, read as often and by whatever one likes."""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.backends.inmem import reader as inmem_reader
from brokerkit.backends.inmem.reader import InmemReader
from brokerkit.core import Columns, ConfigError, Connection, Unauthorized, Unavailable
from brokerkit.core.runtime.slice_reading import SliceReading
from brokerkit.workbench import Session


def ids(df) -> list[int]:
    return sorted(json.loads(value)["id"] for value in df["value"])


def test_a_scan_reads_nothing_before_it_is_asked_and_shows_its_plan(orders: Session) -> None:
    scan = orders.scan("orders", where="7", limit=9)
    assert scan.report.stopped == "not yet"
    assert "3 slices, 20 messages" in repr(scan)
    assert "at most 9 rows" in repr(scan)
    assert "where='7'" in repr(scan)


def test_the_end_is_fixed_when_the_scan_is_made(orders: Session) -> None:
    scan = orders.scan("orders")
    orders.publish("orders", {"id": 99})
    assert ids(scan.to_pandas()) == list(range(20))
    assert ids(scan.to_pandas()) == list(range(20))


def test_relative_times_are_shown_as_instants(orders: Session) -> None:
    shown = repr(orders.scan("orders", start="-15min"))
    assert re.search(r"from 20\d\d-\d\d-\d\dT[\d:.]+Z to latest", shown)
    assert "from 0: 5, 1: earliest to latest" in repr(orders.scan("orders", start={0: 5, 1: "earliest"}))


def test_several_topics_in_one_scan_each_once(orders: Session) -> None:
    orders.create_topic("more")
    orders.publish("more", {"id": 50})
    assert ids(orders.scan(["orders", "more", "orders"]).to_pandas()) == [*range(20), 50]


def test_slices_are_cut_by_rows_and_ordered_inside(orders: Session) -> None:
    scan = orders.scan("orders", slice_rows=np.int64(2))
    assert len(scan.slices) == 11
    assert all(type(piece.end) is int for piece in scan.slices)
    frame = scan.to_pandas()
    assert all(rows["offset"].is_monotonic_increasing for _, rows in frame.groupby("partition"))


def test_limit_stops_in_the_middle_of_a_slice(orders: Session) -> None:
    assert len(orders.scan("orders", limit=np.int32(8)).to_pandas()) == 8
    assert orders.last_read is not None
    assert (orders.last_read.read, orders.last_read.stopped) == (8, "at the limit")
    assert len(orders.scan("orders", limit=2, where=pc.field("offset") == 3).to_arrow()) == 2


def test_an_empty_topic_gives_the_columns_and_no_rows(s: Session, tmp_path) -> None:
    s.create_topic("empty", partitions=2)
    scan = s.scan("empty", expand=True)
    assert scan.to_pandas().shape == (0, 14)
    assert scan.to_arrow().num_rows == 0
    assert "nothing to read" in repr(scan)
    assert s.scan("empty").to_dask().compute().shape == (0, 14)
    assert s.scan("empty").to_parquet(tmp_path / "e").files == 0
    assert s.peek("empty").shape == (0, 14)


def test_polars_duckdb_pyarrow_and_pandas_read_a_scan_by_themselves(orders: Session) -> None:
    scan = orders.scan("orders")
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(scan).height == 20
    assert pa.table(scan).num_rows == 20
    assert pa.RecordBatchReader.from_stream(scan).read_all().num_rows == 20
    expanded = polars.DataFrame(orders.scan("orders", expand=True))
    assert sorted(expanded["value.id"]) == list(range(20))


def test_duckdb_queries_a_scan_by_its_name(orders: Session) -> None:
    duckdb = pytest.importorskip("duckdb")
    scan = orders.scan("orders")
    assert scan is not None
    assert duckdb.sql("select count(*) from scan").fetchall() == [(20,)]


def test_dask_reads_one_partition_per_slice_also_with_a_decoder_of_ones_own(orders: Session) -> None:
    pytest.importorskip("dask.dataframe")
    for _ in range(2):  # the second one gets a name of its own
        size = bk.Decoder(len, pa.int64(), "size of test_scanning")
    made = orders.scan("orders", decode=size, slice_rows=4).to_dask()
    assert made.npartitions == 6
    assert sorted(made["value"].compute()) == [8] * 10 + [9] * 10


def test_dask_refuses_columns_that_are_only_found_by_reading(orders: Session) -> None:
    pytest.importorskip("dask.dataframe")
    with pytest.raises(bk.ConfigError, match="to_dask must know the columns"):
        orders.scan("orders", expand=True).to_dask()


def test_dask_reads_a_scan_that_counts_rows_as_one_partition(orders: Session) -> None:
    pytest.importorskip("dask.dataframe")
    scan = orders.scan("orders", slice_rows=4)
    narrowed = [
        scan.head(5),
        scan.where("1").head(3).select("offset", "value.id"),
        scan.sample(8).head(3),
        scan.head(9).where("1"),
        scan.head(9).sample(3),
        scan.head(9).between(end=3),
    ]
    for each in narrowed:
        made = each.to_dask()
        assert made.npartitions == 1
        found = made.compute(scheduler="synchronous")
        expected = each.to_pandas()
        assert list(found.columns) == list(expected.columns)
        assert found["offset"].to_list() == expected["offset"].to_list()


def test_a_topic_deleted_after_the_plan_is_one_clear_error(orders: Session, tmp_path) -> None:
    scan = orders.scan("orders")
    orders.delete_topic("orders", confirm="orders")
    for read in (scan.to_pandas, scan.to_arrow, lambda: scan.to_parquet(tmp_path / "x")):
        with pytest.raises(bk.NotFound, match="no topic 'orders'"):
            read()
    with pytest.raises(Exception, match="no topic 'orders'"):
        pa.table(scan)
    assert not list((tmp_path / "x").glob("*.parquet*"))


@pytest.mark.extended
def test_the_repr_neither_fails_nor_waits_for_a_broker_that_hangs(orders: Session) -> None:
    scan = orders.scan("orders")
    orders.native.faults.pause()
    began = time.monotonic()
    assert "20 messages" in repr(scan)
    assert time.monotonic() - began < 60
    orders.native.faults.resume()
    closed = orders.scan("orders")
    orders.close()
    assert "20 messages" in repr(closed)


def test_rows_that_retention_took_are_named(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", ["x"] * 10)
    scan = s.scan("t")
    s.native.topics["t"].partitions[0].trim(4)
    with pytest.warns(bk.RetentionWarning, match="offsets 0 to 3 of partition 0 of 't'"):
        assert len(scan.to_pandas()) == 6


def without_time_index(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.connection, "capabilities", session.capabilities.but(time_index=False))


def test_without_a_time_index_a_time_is_found_by_reading_where_that_is_asked(
    orders: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = orders.peek("orders")["publish_time"].iloc[12]
    wanted = (orders.peek("orders")["publish_time"] >= moment).sum()
    without_time_index(orders, monkeypatch)
    with pytest.raises(bk.NotSupported, match="scan_for_time=True"):
        orders.scan("orders", start="-1h")
    found = orders.scan("orders", start=moment, end="2099-01-01", scan_for_time=True, slice_rows=2)
    assert len(found.to_pandas()) == wanted
    assert len(orders.peek("orders", end=moment, scan_for_time=True)) == 20 - wanted
    assert len(orders.scan("orders", start={0: "-1h"}, scan_for_time=True).to_pandas()) == 20


def test_a_scan_has_no_length_before_it_is_read(orders: Session) -> None:
    with pytest.raises(TypeError, match="expect 20"):
        len(orders.scan("orders"))


def test_a_window_shows_its_own_rows_whatever_the_order_of_times(s: Session) -> None:
    s.create_topic("late")
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for value, minutes in [("a", 10), ("b", 100), ("late", 20), ("c", 110)]:
        s.publish("late", value, publish_time=begin + timedelta(minutes=minutes))
    window = {"start": begin + timedelta(minutes=15), "end": begin + timedelta(minutes=30)}
    assert list(s.scan("late", **window, lateness="2h").to_pandas()["value"]) == ["late"]
    assert list(s.scan("late", **window).to_pandas()["value"]) == []
    assert "lateness=" in repr(s.scan("late", **window))
    assert list(s.peek("late", start=begin + timedelta(minutes=50))["value"]) == ["b", "c"]


def test_an_error_shows_its_locals_even_where_an_object_is_not_complete() -> None:
    with bk.connect("inmem://") as session:
        session.create_topic("t")
        for wrong in (5, object()):
            with pytest.raises(ConfigError) as raised:
                session.scan("t", where=wrong)
            told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
            assert "where" in "".join(told.format())
    assert "not complete" in repr(Connection.__new__(Connection))


def test_scans_that_are_left_early_leave_no_readers_behind() -> None:
    with bk.connect("inmem://") as session:
        session.create_topic("orders", partitions=4)
        session.publish_batch("orders", [{"id": number} for number in range(200)])
        pool = session.inspector._readers
        for _ in range(10):
            batches = iter(session.scan("orders", progress=False).batches())
            assert next(batches).num_rows
            del batches
            assert set(pool._readers) == set(pool._idle)
        assert len(pool._readers) == 1
        frame = session.scan("orders", progress=False).to_pandas()
        assert frame["partition"].is_monotonic_increasing
        assert len(frame) == 200


@pytest.fixture
def three_parts() -> Iterator[Session]:
    """Three partitions of 2,500 rows, whose broker has no reader yet."""
    with bk.connect("inmem://") as session:
        session.create_topic("orders", partitions=3)
        rows = pd.DataFrame({"value": "x", "partition": np.repeat([0, 1, 2], 2_500)})
        session.publish_frame("orders", rows, kind="messages", progress=False)
        yield session


def test_rows_that_were_read_come_before_an_error_and_the_error_is_the_real_one(
    three_parts: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, fetch = three_parts.inspector._readers._make_reader, InmemReader.fetch
    readers, fetches = count(1), count(1)

    def make_one() -> SliceReading:
        if next(readers) > 1:
            raise Unavailable("too many connections")
        return make()

    def fetch_once(reader: InmemReader, wait: float) -> Columns | None:
        if next(fetches) == 2:
            raise Unauthorized("the password was changed")
        return fetch(reader, wait)

    monkeypatch.setattr(three_parts.inspector._readers, "_make_reader", make_one)
    monkeypatch.setattr(InmemReader, "fetch", fetch_once)
    # rows that wait for others
    monkeypatch.setattr(inmem_reader, "READ_ROWS", 500)
    rows = 0
    with pytest.raises(Unauthorized, match="password"):  # rows are counted up to the error
        for batch in three_parts.scan("orders", progress=False).batches():
            rows += batch.num_rows
    assert rows == 500


def test_a_scan_without_a_second_reader_reads_one_slice_after_the_other(
    three_parts: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = three_parts.inspector._readers
    make = pool._make_reader

    def make_one() -> SliceReading:
        if pool._readers:
            raise Unavailable("too many connections")
        return make()

    monkeypatch.setattr(pool, "_make_reader", make_one)
    frame = three_parts.scan("orders", progress=False).to_pandas()
    assert frame["partition"].value_counts().to_dict() == {0: 2_500, 1: 2_500, 2: 2_500}


def test_an_interrupt_between_two_slices_gives_the_readers_back(
    three_parts: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspector, calls = three_parts.inspector, count(1)
    read, pool = inspector.read, inspector._readers

    def read_once(*arguments: Any, **options: Any) -> Iterator[Columns]:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return read(*arguments, **options)

    monkeypatch.setattr(inspector, "read", read_once)
    with pytest.raises(KeyboardInterrupt):
        list(three_parts.scan("orders", progress=False).batches())
    assert set(pool._readers) == set(pool._idle) != set()
