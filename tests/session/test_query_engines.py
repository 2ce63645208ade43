"""Polars and DuckDB query a scan: the same rows as `to_arrow`, and no more is read than a query asks for."""

from __future__ import annotations

import gc
import re
from datetime import UTC, datetime

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.workbench import Session

from .plan_model import messages


@pytest.fixture
def many(s: Session) -> Session:
    """`many` has 400 messages in three partitions."""
    s.create_topic("many", partitions=3)
    s.publish_batch("many", messages(400, 3))
    return s


def scan(session: Session, **options: object) -> bk.Scan:
    return session.scan("many", progress=False, **options)


def read(session: Session) -> int:
    """How many messages the last read looked at."""
    assert session.last_read is not None
    return session.last_read.read


def test_a_lazy_frame_has_the_rows_of_the_scan(many: Session) -> None:
    whole = scan(many)
    assert whole.to_polars().collect().equals(pl.from_arrow(whole.to_arrow()))
    assert whole.to_polars().collect(engine="streaming").height == 400
    fields = whole.where("name 3").select("offset", "value.number", "value.who.name")
    assert fields.to_polars().collect().equals(pl.from_arrow(fields.to_arrow()))


def test_polars_pushes_columns_conditions_and_limits_down(many: Session) -> None:
    def refuse(data: bytes) -> int:
        raise AssertionError("it was decoded")

    decode = bk.Decoder(refuse, pa.int64(), "refusing of test_query_engines")
    lazy = scan(many, decode=decode).to_polars()
    third = lazy.filter(pl.col("partition") == 1).select("offset")
    assert third.collect()["offset"].to_list() == [*range(133)]
    assert lazy.select(pl.len()).collect().item() == 400
    assert lazy.select("id").head(5).collect().height == read(many) == 5
    assert lazy.head(50).filter(pl.col("key") == "key-1").select("key").collect().height < 50
    assert read(many) == 50
    assert scan(many).to_polars().head(0).collect().shape == (0, 14)


NEVER, ALWAYS = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
OFFSET, PARTITION, KEY, TIME = map(pl.col, ("offset", "partition", "key", "publish_time"))


@pytest.mark.parametrize(
    ("condition", "looked_at"),
    [
        ((PARTITION == 1) & OFFSET.is_between(10, 19), 10),
        ((PARTITION == 1) & OFFSET.is_between(10, 19, "none"), 9),
        (PARTITION.is_in([0, 2]), 267),
        (PARTITION.is_in([0, None]), 400),
        ((OFFSET < 5) | (pl.lit(8) == OFFSET), 27),
        (~(OFFSET > 3), 12),
        ((OFFSET != 3) & (PARTITION > 1), 133),
        ((PARTITION == 1) & pl.col("value").str.contains("name 3"), 133),
        ((PARTITION == 1) | pl.col("value").str.contains("name 3"), 400),
        (~((PARTITION == 1) & pl.col("value").str.contains("name 3")), 400),
        ((PARTITION == 1) & (pl.col("partition") < OFFSET), 133),
        ((PARTITION == 1) & (OFFSET + 0 > 100), 133),
        ((PARTITION == 1) & (OFFSET > 2.5), 133),
        ((PARTITION == 1) & (pl.Series([5]) == OFFSET), 400),
        ((PARTITION == 1) & OFFSET.is_not_null(), 133),
        (OFFSET == 2**62, 0),
        (pl.lit(None, pl.Int32) == PARTITION, 400),
        (KEY == "key-1", 400),
        (KEY.eq_missing("key-1"), 400),
        (KEY.is_null(), 400),
        ((KEY >= "key-1") & (KEY < "key-3"), 400),
        (TIME < NEVER, 0),
        (TIME.is_between(NEVER, ALWAYS), 400),
        ((TIME > NEVER) | (KEY == "key-1"), 400),
        (pl.col("id").is_in(["1-3", "0-7"]), 400),
        (pl.lit(True), 400),
    ],
    ids=str,
)
def test_what_polars_pushes_down_is_what_it_asks_for(
    many: Session, condition: pl.Expr, looked_at: int
) -> None:
    columns = ["id", "key", "value", "partition", "offset", "publish_time"]
    whole = pl.DataFrame(scan(many).select(*columns).to_arrow())
    found = scan(many).to_polars().filter(condition).select(columns).collect()
    assert found.equals(whole.filter(condition))
    assert read(many) == looked_at


def test_a_condition_behind_a_limit_is_asked_of_its_rows_alone(many: Session) -> None:
    first = pl.DataFrame(scan(many).head(200).to_arrow())
    condition = (PARTITION == 1) & (OFFSET > 20)
    expected = first.filter(condition).get_column("offset").to_list()
    for lazy in (scan(many).to_polars().head(200), scan(many).head(200).to_polars()):
        assert lazy.filter(condition).collect().get_column("offset").to_list() == expected
    many_left = scan(many).to_polars().filter(condition).head(3).collect()
    assert many_left.get_column("offset").to_list() == [21, 22, 23]
    assert read(many) < 133


def test_a_condition_on_a_field_is_asked_by_the_scan(many: Session) -> None:
    fields = scan(many).select("offset", "value.number", "value.who.name")
    condition = (pl.col("value.number") >= 390) & (pl.col("value.who.name") != "x")
    whole = pl.DataFrame(fields.to_arrow())
    assert fields.to_polars().filter(condition).collect().equals(whole.filter(condition))


def test_a_query_of_duckdb_has_the_rows_of_the_scan(many: Session) -> None:
    found = bk.sql(
        'select id, "value.number" as number from orders where "value.number" >= 390 order by number',
        orders=scan(many).select("id", "value.number"),
    )
    gc.collect()
    assert [row[1] for row in found.fetchall()] == [*range(390, 400)]
    assert [row[1] for row in found.fetchall()] == [*range(390, 400)], "it can be read again"
    frame = scan(many).to_pandas()
    joined = "select count(*) from orders join known using (id) where orders.key = 'key-1'"
    assert bk.sql(joined, orders=scan(many), known=frame).fetchall() == [((frame["key"] == "key-1").sum(),)]
    with duckdb.connect() as connection:
        relation = scan(many).head(7).to_duckdb(connection)
        assert relation.aggregate("count(*)").fetchall() == [(7,)]
        assert len(relation.df()) == 7


@pytest.mark.parametrize(
    ("condition", "looked_at"),
    [
        ('partition = 1 and "offset" between 10 and 19', 10),
        ("partition in (0, 2)", 267),
        ('"offset" < 5 or "offset" = 8', 27),
        ("key = 'key-1'", 400),
        ("key is null", 400),
        ("publish_time < timestamptz '2000-01-01 00:00:00Z'", 0),
        ("publish_time > timestamptz '2000-01-01 00:00:00Z' or key = 'key-1'", 400),
        ("value like '%name 3%'", 400),
        ("id in ('1-3', '0-7')", 400),
    ],
)
def test_what_duckdb_pushes_down_is_what_it_asks_for(many: Session, condition: str, looked_at: int) -> None:
    columns = 'id, key, value, partition, "offset", publish_time'
    whole = scan(many).select("id", "key", "value", "partition", "offset", "publish_time").to_arrow()
    with duckdb.connect() as connection:
        connection.register("whole", whole)
        expected = connection.sql(f"select {columns} from whole where {condition} order by id").fetchall()
    found = bk.sql(
        f"select {columns} from orders where {condition} order by id", orders=scan(many)
    ).fetchall()
    assert found == expected
    assert read(many) == looked_at


def test_a_field_has_one_type_in_all_parts_of_the_range(s: Session) -> None:
    s.create_topic("grown")
    s.publish_batch("grown", [{"total": number} if number < 50 else {"id": number} for number in range(100)])
    grown = s.scan("grown", progress=False).select("offset", "value.total")
    sums = 'select sum("value.total"), count(*) from grown where "offset" >= 50'
    assert (
        bk.sql(sums, grown=grown).fetchall()
        == bk.sql(sums, grown=grown.to_arrow()).fetchall()
        == [(None, 50)]
    )


def test_a_query_with_a_limit_stops_reading_and_gives_its_readers_back(many: Session) -> None:
    few = bk.sql("select * from orders limit 3", orders=scan(many, slice_rows=5))
    assert len(few.fetchall()) == 3
    del few
    gc.collect()
    assert read(many) < 200
    pool = many.inspector._readers
    assert set(pool._readers) == set(pool._idle)


def test_times_keep_their_zone_and_headers_their_bytes(many: Session) -> None:
    (row,) = bk.sql(
        "select publish_time, attributes[1].value from orders where attributes[1].value = 'B'::blob limit 1",
        orders=scan(many),
    ).fetchall()
    assert isinstance(row[0], datetime)
    assert row[0].tzinfo is not None
    assert row[1] == b"B"


def test_what_is_masked_is_masked_in_every_engine(many: Session) -> None:
    hidden = scan(many, mask="**.name")
    assert bk.sql("select count(*) from o where value like '%name 3%'", o=hidden).fetchall() == [(0,)]
    assert hidden.to_polars().filter(pl.col("value").str.contains("name 3")).collect().height == 0


def test_an_error_of_the_broker_reaches_the_query(many: Session) -> None:
    gone = scan(many)
    lazy, related = gone.to_polars(), bk.sql("select * from o", o=gone)
    many.delete_topic("many", confirm="many")
    for work in (lazy.collect, related.fetchall):
        with pytest.raises(Exception, match="no topic 'many'"):
            work()


@pytest.mark.parametrize("method", ["to_polars", "to_duckdb"])
def test_engines_need_the_columns_before_they_read(many: Session, method: str) -> None:
    with pytest.raises(bk.ConfigError, match=re.escape('select("offset", "value.total")')):
        getattr(scan(many, expand=True), method)()
    assert getattr(scan(many, expand=True).select("offset"), method)() is not None
