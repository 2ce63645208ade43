"""Spark reads the files of a captured topic as they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer

sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install pyspark (and Java 17)")

pytestmark = [pytest.mark.extended, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        made = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        session = made.getOrCreate()
        yield session
        session.stop()


def test_spark_reads_a_captured_topic_with_its_types(spark: Any, tmp_path: Path) -> None:
    with bk.connect("inmem://") as session:
        session.create_topic("orders", partitions=2)
        session.publish_batch("orders", [{"id": number, "who": {"name": "ada"}} for number in range(20)])
        data = tmp_path / "orders"
        session.capture("orders", data, partition_by="day", expand=True)
        session.publish_batch("orders", [{"id": 20, "new": True}])
        session.capture("orders", data)
    frame = spark.read.option("mergeSchema", "true").parquet(str(data))
    types = dict(frame.dtypes)
    assert [types[name] for name in ("offset", "publish_time", "value.id", "day")] == [
        "bigint", "timestamp", "bigint", "date",
    ]  # fmt: skip
    rows = frame.collect()
    assert sorted(json.loads(row["value"])["id"] for row in rows) == [*range(21)]
    assert sorted(row["value.id"] for row in rows) == [*range(21)]
    assert [row["value.new"] for row in rows if row["value.id"] == 20] == [True]


def written(part: bk.Slice, url: str, folder: str) -> int:
    """Write the rows of one slice, as a task of Spark does."""
    with bk.connect(url) as session:
        table = session.scan(part, progress=False).select("offset", "value").to_arrow()
    pq.write_table(table, Path(folder, f"{part.partition}-{part.start}.parquet"))
    return int(table.num_rows)


def test_slices_are_tasks_of_spark(spark: Any, nats_server: NatsServer, tmp_path: Path) -> None:
    with bk.connect(nats_server.url) as session:
        session.create_topic("engines.spark")
        session.publish_batch("engines.spark", [{"id": number} for number in range(120)])
        slices = session.scan("engines.spark", slice_rows=50).slices
    work = partial(written, url=nats_server.url, folder=str(tmp_path))
    counts = spark.sparkContext.parallelize(slices, len(slices)).map(work).collect()
    assert (len(counts), sum(counts)) == (len(slices), 120)
    assert pa.parquet.read_table(tmp_path).num_rows == 120
