"""Keys as users meet them: in joins, groups, filters, exports and when they are sent again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import brokerkit as bk
from brokerkit.workbench import Session

KEYS = [b"c1", b"c2", b"\xff\x00\x01", None, b"", b"c1"]


@pytest.fixture
def keyed(s: Session) -> Session:
    """Six orders whose keys are text, bytes, empty and missing."""
    s.create_topic("keyed", partitions=1)
    s.publish_batch("keyed", [bk.OutboundMessage(f'{{"n":{n}}}', key) for n, key in enumerate(KEYS)])
    return s


def test_a_key_column_finds_its_rows_in_a_column_of_text(keyed: Session) -> None:
    customers = pd.DataFrame({"customer": ["c1", "c2"], "name": ["Ada", "Bo"]})
    frame = keyed.peek("keyed")
    merged = frame.merge(customers, left_on="key", right_on="customer")
    assert merged["name"].tolist() == ["Ada", "Bo", "Ada"]
    assert frame["key"].map({"c1": "Ada"}).dropna().tolist() == ["Ada", "Ada"]
    assert frame["key"].str.upper().dropna().tolist() == ["C1", "C2", "", "C1"]
    assert frame.groupby("key").size().to_dict() == {"": 1, "c1": 2, "c2": 1}
    assert frame[frame["key"] == "c1"]["offset"].tolist() == [0, 5]


def test_polars_and_duckdb_join_on_keys_too(keyed: Session) -> None:
    duckdb = pytest.importorskip("duckdb")
    customers = pl.DataFrame({"key": ["c1", "c2"], "name": ["Ada", "Bo"]})
    scanned = pl.DataFrame(keyed.scan("keyed"))
    assert scanned.join(customers, on="key").sort("offset")["name"].to_list() == ["Ada", "Bo", "Ada"]
    rows = keyed.scan("keyed").to_arrow()
    counted = duckdb.sql("select count(*) from rows where key = 'c1'").fetchall()
    assert (rows.num_rows, counted) == (6, [(2,)])


@pytest.mark.parametrize("key", ["c1", b"c1", "", b"\xff\x00\x01"])
def test_a_filter_takes_a_key_as_text_or_bytes(keyed: Session, key: str | bytes) -> None:
    wanted = key.encode() if isinstance(key, str) else key
    expected = [row for row, each in enumerate(KEYS) if each == wanted]
    assert keyed.peek("keyed", key=key)["offset"].tolist() == expected
    assert keyed.scan("keyed", key=key).to_pandas()["offset"].tolist() == expected


def test_an_expression_compares_keys_with_text_and_raw_keys_with_bytes(keyed: Session) -> None:
    found = keyed.peek("keyed", where=pc.field("key") == "c1")
    assert found["offset"].tolist() == [0, 5]
    found = keyed.peek("keyed", where=pc.field("raw_key") == pa.scalar(b"\xff\x00\x01", pa.binary()))
    assert found["offset"].tolist() == [2]


def keys_of(session: Session, topic: str) -> list[bytes | None]:
    return session.scan(topic).to_arrow().select(["key", "raw_key"]).to_pylist()  # type: ignore[return-value]


@pytest.mark.parametrize("way", ["peek", "pull", "batches", "scan", "reread", "parquet", "expand"])
def test_keys_are_the_same_after_publishing_back(keyed: Session, tmp_path: Path, way: str) -> None:
    keyed.create_topic("copies", partitions=1)
    frame: object = keyed.peek("keyed")
    if way == "pull":
        frame = keyed.pull("keyed", 6, subscription="me", start="earliest")
    elif way == "batches":
        with next(iter(keyed.batches("keyed", subscription="me", start="earliest", size=6))) as batch:
            frame = batch.frame
    elif way == "scan":
        frame = keyed.scan("keyed").to_arrow()
    elif way == "reread":
        frame = keyed.reread(frame)  # type: ignore[arg-type]
    elif way == "parquet":
        keyed.scan("keyed").to_parquet(tmp_path)
        frame = pd.read_parquet(tmp_path)
    elif way == "expand":
        frame = bk.expand(frame)
    keyed.publish_frame("copies", frame, progress=False).raise_for_failures()
    assert keys_of(keyed, "copies") == keys_of(keyed, "keyed")
    texts = ["c1", "c2", None, None, "", "c1"]
    assert [row["key"] for row in keys_of(keyed, "copies")] == texts  # type: ignore[index,call-overload]


@pytest.mark.extended
def test_copy_and_dask_keep_the_keys(keyed: Session) -> None:
    keyed.create_topic("copies", partitions=1)
    keyed.copy("keyed", keyed, "copies", progress=False).raise_for_failures()
    assert keys_of(keyed, "copies") == keys_of(keyed, "keyed")
    pytest.importorskip("dask")
    computed = keyed.scan("keyed").to_dask().compute()
    assert computed["key"].dtype == pd.ArrowDtype(pa.string())
    assert computed["raw_key"].dropna().tolist() == [b"\xff\x00\x01"]


def test_a_batch_shows_the_key_that_is_bytes(keyed: Session) -> None:
    with next(iter(keyed.batches("keyed", subscription="me", start="earliest", size=6))) as batch:
        html = batch._repr_html_()
    assert "raw_key" not in html
    assert "c2" in html
    assert "\\xff" in html


def test_an_export_of_an_older_version_is_not_gone_on_with(keyed: Session, tmp_path: Path) -> None:
    scan = keyed.scan("keyed")
    scan.to_parquet(tmp_path)
    (file,) = tmp_path.iterdir()
    table = pq.read_table(file)
    old = table.drop_columns(["raw_key"]).set_column(4, "key", table.column("key").cast(pa.binary()))
    pq.write_table(old, file)
    with pytest.raises(bk.ConfigError, match="key is binary there and string here, raw_key is missing there"):
        scan.to_parquet(tmp_path)
    plan = {
        "identity": json.loads(table.schema.metadata[b"brokerkit.export"]),
        "title": scan.title,
        "slices": [[s.topic, s.partition, s.start, s.end, s.estimate] for s in scan.slices],
    }
    (tmp_path / "_brokerkit.json").write_text(json.dumps(plan))
    with pytest.raises(bk.ConfigError, match="as an older version wrote them"):
        scan.to_parquet(tmp_path)
    assert scan.to_parquet(tmp_path, overwrite=True).rows == 6
    keyed.create_topic("copies", partitions=1)
    keyed.publish_frame("copies", pl.from_arrow(old), progress=False).raise_for_failures()


@pytest.mark.parametrize(
    "key",
    [None, b"", b"text", "žlutý \U0001f600".encode(), b"a\x00b", b"\xed\xa0\x80", b"\xff\x00\x01", b"k" * 1_000_000,
     b"k" * 999_999 + b"\xff"],
    ids=["none", "empty", "text", "wide", "nul", "surrogate", "bytes", "long text", "long bytes"],
)  # fmt: skip
def test_publishing_what_was_peeked_gives_the_same_key(s: Session, key: bytes | None) -> None:
    s.create_topic("one", partitions=1)
    s.publish("one", "v", key=key)
    s.publish_frame("one", s.peek("one"), progress=False).raise_for_failures()
    with s.consumer("one", subscription="me", start="earliest") as consumer:
        assert [message.key for message in consumer.next_batch(2, 5)] == [key, key]
