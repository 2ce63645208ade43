"""A captured topic grows by what is new, is read by anything, and comes back as it was."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import fastavro
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest

import brokerkit as bk
from brokerkit.backends.parquet.manifest import MANIFEST, PENDING, manifest_of, pending
from brokerkit.core import OutboundMessage
from brokerkit.session.capture.column_types import fitted, grown
from brokerkit.session.capture.folder import CaptureFolder
from brokerkit.session.capture.folders_by import NO_VALUE
from brokerkit.workbench import Session

ODD = (
    OutboundMessage(b"\xff\xfe", b"\x00\xff", [("a", b"\xff"), ("a", None), ("n", 5), ("t", "text")]),
    OutboundMessage(None, b"tombstone"),
    OutboundMessage(b"", b""),
    OutboundMessage(b'{"id": 007}', None, [("when", datetime(2026, 1, 1, tzinfo=UTC))]),
    OutboundMessage(b'{"id": 1}', b"k", publish_time=datetime(2026, 2, 3, 4, 5, 6, 789_123, tzinfo=UTC)),
)

NAN, INF, HALF = float("nan"), float("inf"), "\ud800"


def offsets(path: Path) -> list[tuple[int, int]]:
    """The places of all rows, as any reader of the folder finds them."""
    files = str(path / "**" / "*.parquet")
    found = duckdb.sql(f"select partition, \"offset\" from read_parquet('{files}', union_by_name=true)")
    return sorted(found.fetchall())


def everything(session: Session, topic: str = "orders", **options: Any) -> pa.Table:
    return session.scan(topic, progress=False, **options).to_arrow()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "orders"


@pytest.fixture
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are put together as soon as there are three."""
    monkeypatch.setattr("brokerkit.session.capture.compacting.FEWEST", 3)


def test_each_call_captures_what_is_new_and_nothing_twice(orders: Session, data: Path) -> None:
    first = orders.capture("orders", data)
    assert (first.rows, first.total, first.files) == (20, 20, 3)
    assert orders.capture("orders", data).rows == 0
    orders.publish_batch("orders", [{"id": number} for number in range(20, 25)])
    assert (orders.capture("orders", data).rows, len(offsets(data))) == (5, 25)
    assert offsets(data) == [
        (each.partition, place)
        for each in orders.inspector.bounds("orders")
        for place in range(each.start, each.end)
    ]


@pytest.mark.parametrize(
    "options", [{}, {"partition_by": "day"}, {"expand": True}, {"decode": "raw"}], ids=str
)
def test_messages_come_back_as_they_were(orders: Session, data: Path, options: dict[str, Any]) -> None:
    orders.publish_batch("orders", ODD)
    orders.capture("orders", data, **options)
    with bk.connect(f"parquet://{data}") as offline:
        assert everything(offline, decode="raw").equals(everything(orders, decode="raw"))
        assert everything(offline).equals(everything(orders))
        assert list(offline.topics()["messages"]) == [25]
        assert [each.estimate for each in offline.inspector.bounds("orders")] == [
            each.estimate for each in orders.inspector.bounds("orders")
        ]
        newest = offline.peek("orders", 3)
        assert offline.reread(newest).equals(newest)
        span = {"start": datetime(2026, 2, 3, tzinfo=UTC), "end": "2026-02-04", "lateness": None}
        assert len(everything(offline, **span)) == len(everything(orders, **span)) == 1


def test_folders_by_a_field_are_read_in_order(orders: Session, data: Path) -> None:
    orders.publish_batch("orders", [{"id": n, "c": "DE/Süd" if n % 3 else "FR"} for n in range(30)])
    orders.capture("orders", data, partition_by="value.c", file_rows=7)
    table = pa.dataset.dataset(data, partitioning="hive").to_table(columns=["c", "value"])
    assert {(each["c"], json.loads(each["value"]).get("c")) for each in table.to_pylist()} == {
        (None, None),
        ("DE/Süd", "DE/Süd"),
        ("FR", "FR"),
    }
    with bk.connect(f"parquet://{data}") as offline:
        assert everything(offline).equals(everything(orders))
        assert everything(offline, start=7, end=9).equals(everything(orders, start=7, end=9))


def test_duckdb_polars_and_arrow_read_the_files_as_they_are(orders: Session, data: Path) -> None:
    orders.capture("orders", data, partition_by="day", expand=True)
    files = f"{data}/**/*.parquet"
    [(total, _)] = duckdb.sql(f"select sum(\"value.id\"), min(day) from read_parquet('{files}')").fetchall()
    assert total == 190
    assert pl.scan_parquet(files).select(pl.col("value.id").sum()).collect().item() == 190
    table = pa.dataset.dataset(data, partitioning="hive").to_table()
    assert sum(table.column("value.id").to_pylist()) == 190


def test_a_value_with_the_name_of_no_value_has_its_own_folder(s: Session, data: Path) -> None:
    s.create_topic("orders")
    s.publish_batch("orders", [{"c": NO_VALUE} if number == 5 else {"d": 1} for number in range(10)])
    s.capture("orders", data, partition_by="value.c")
    with bk.connect(f"parquet://{data}") as offline:
        assert everything(offline)["offset"].to_pylist() == [*range(10)]
        assert everything(offline, start=7)["offset"].to_pylist() == [7, 8, 9]


def test_times_of_a_far_future_are_kept_and_found(s: Session, data: Path) -> None:
    s.create_topic("orders")
    far = datetime(2300, 1, 1, tzinfo=UTC)
    s.publish("orders", {"id": 1}, publish_time=far)
    s.capture("orders", data)
    s.publish("orders", {"id": 2}, publish_time=far)
    assert s.capture("orders", data).rows == 1
    with bk.connect(f"parquet://{data}") as offline:
        assert len(offline.peek("orders", 5, start="2026-01-01")) == 2
        assert len(everything(offline, start="2300-01-01T00:00:01Z", lateness=None)) == 0


def test_columns_keep_their_type_and_new_fields_are_added(orders: Session, data: Path) -> None:
    orders.capture("orders", data, expand=True)
    orders.publish_batch("orders", [{"id": "none"}, {"id": 5.0, "new": 1}])
    found = orders.capture("orders", data)
    assert found.misfits == {"value.id": 1}
    assert "1 of value.id did not fit" in repr(found)
    files = f"{data}/*.parquet"
    rows = duckdb.sql(f'select typeof("value.id"), count("value.id"), sum("value.new") '
                      f"from read_parquet('{files}', union_by_name=true) group by all").fetchall()  # fmt: skip
    assert rows == [("BIGINT", 21, 1)]
    with bk.connect(f"parquet://{data}") as offline:
        assert everything(offline).equals(everything(orders))
        assert offline.describe("orders").details["did_not_fit"] == ["1 of value.id"]


def test_a_value_that_does_not_fit_its_column_is_left_out_and_counted(s: Session, data: Path) -> None:
    s.create_topic("orders")
    s.publish("orders", {"ok": True, "n": 5, "f": 1.5, "t": "x"})
    s.capture("orders", data, expand=True)
    s.publish_batch(
        "orders", [{"ok": 7, "n": "007", "f": "1e3", "t": 1}, {"ok": "true", "n": 1.5, "f": 2**60 + 1}]
    )
    assert s.capture("orders", data).misfits == {"value.ok": 2, "value.n": 2, "value.f": 2}
    s.publish_batch("orders", [{"ok": 1, "n": 6.0, "f": 2}, {"ok": False, "n": "6", "f": 0.5}])
    assert s.capture("orders", data).misfits == {"value.ok": 1, "value.n": 1}
    table = pa.dataset.dataset(data).to_table().sort_by("offset")
    assert table["value.ok"].to_pylist() == [True, None, None, None, False]
    assert table["value.n"].to_pylist() == [5, None, None, 6, None]
    assert table["value.f"].to_pylist() == [1.5, None, None, 2.0, 0.5]
    assert table["value.t"].to_pylist() == ["x", "1", None, None, None]


@pytest.mark.parametrize(
    ("kept", "new", "fitting", "misfits"),
    [
        (pa.array([{"a": 1}]), pa.array([{"a": "x", "b": 2}, None]), [{"a": None, "b": 2}, None], 1),
        (pa.array([[1]]), pa.array([[1.5], None, [], [2.0]]), [[None], None, [], [2]], 1),
        (
            pa.array([[{"a": 1}]], pa.large_list(pa.struct([("a", pa.int64())]))),
            pa.array([[{"a": 1, "b": 2}]], pa.large_list(pa.struct([("a", pa.int64()), ("b", pa.int64())]))),
            [[{"a": 1, "b": 2}]],
            0,
        ),
        (
            pa.array([[("k", {"a": 1})]], pa.map_(pa.string(), pa.struct([("a", pa.int64())]))),
            pa.array([[("k", {"a": "x", "b": 2})], None],
                     pa.map_(pa.string(), pa.struct([("a", pa.string()), ("b", pa.int64())]))),
            [[("k", {"a": None, "b": 2})], None],
            1,
        ),
        (pa.array([1]), pa.array([2.0**63, 3.0]), [None, 3], 1),
        (pa.array([1]), pa.array([2**63, 3], pa.uint64()), [None, 3], 1),
        (pa.array([1.5]), pa.array([2**63 - 1, 3]), [None, 3.0], 1),
    ],
)  # fmt: skip
def test_values_inside_of_others_grow_and_are_counted(
    kept: pa.Array, new: pa.Array, fitting: list[Any], misfits: int
) -> None:
    first, second = pa.table({"c": kept}), pa.table({"c": new})
    found, lost = fitted(second, grown(first.schema, second.schema))
    found.validate(full=True)
    assert found["c"].to_pylist() == fitting
    assert lost.get("c", 0) == misfits


@pytest.mark.usefixtures("small_runs")
def test_small_files_are_put_together(orders: Session, data: Path) -> None:
    orders.capture("orders", data, expand=True)
    for number in range(9):
        orders.publish("orders", {"id": number, "later": number}, key="same")
        orders.capture("orders", data)
    files = list(data.glob("*.parquet"))
    assert len(files) < 7
    assert len(offsets(data)) == 29
    with bk.connect(f"parquet://{data}") as offline:
        assert everything(offline).equals(everything(orders))


@pytest.mark.extended
@pytest.mark.usefixtures("small_runs")
def test_files_are_put_together_while_they_are_read(
    s: Session, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokerkit.backends.parquet.reader.FETCH_BYTES", 1)
    monkeypatch.setattr("brokerkit.session.read.gathering.BATCH_ROWS", 1)
    s.create_topic("orders")
    for number in range(3):
        s.publish_batch("orders", [b"x"] * 40)
        if number == 2:
            break
        s.capture("orders", data)
    with bk.connect(f"parquet://{data}") as offline:
        rows = offline.scan("orders", progress=False).batches()
        first = next(rows)
        s.capture("orders", data)  # the files that are read next are not there any more
        assert len(list(data.glob("*.parquet"))) == 1
        found = pa.Table.from_batches([first, *rows])
        assert found.column("offset").to_pylist() == list(range(80))


def test_typed_values_keep_their_columns_as_the_schema_grows(s: Session, data: Path) -> None:
    def decoder(*fields: str) -> Any:
        made = pa.struct([(name, pa.int64()) for name in fields])
        return bk.decoder(made, "typed")(json.loads)

    s.create_topic("orders")
    s.publish("orders", {"a": 1})
    s.capture("orders", data, decode=decoder("a"))
    s.publish("orders", {"a": 2, "b": 3})
    s.capture("orders", data, decode=decoder("a", "b"))
    rows = pl.concat(
        [pl.read_parquet(file) for file in sorted(data.glob("*.parquet"))], how="diagonal_relaxed"
    )
    assert rows["value"].to_list() == [{"a": 1, "b": None}, {"a": 2, "b": 3}]
    with bk.connect(f"parquet://{data}") as offline:
        assert everything(offline).equals(everything(s))


def test_what_retention_deleted_is_named_and_stays_on_record(s: Session, data: Path) -> None:
    s.create_topic("orders", retention_messages=5)
    s.publish_batch("orders", [{"id": number} for number in range(5)])
    s.capture("orders", data)
    s.publish_batch("orders", [{"id": number} for number in range(5, 20)])
    with pytest.warns(bk.RetentionWarning, match="positions 5 to 14 of partition 0"):
        found = s.capture("orders", data)
    assert found.gaps == ("5 to 14 of partition 0",)
    assert s.capture("orders", data).gaps == ()
    assert [place for _, place in offsets(data)] == [*range(5), *range(15, 20)]
    with bk.connect(f"parquet://{data}") as offline:
        assert offline.describe("orders").details["missing"] == ["5 to 14 of partition 0"]
        assert len(everything(offline)) == 10


def test_a_capture_that_was_interrupted_records_a_gap_once(
    s: Session, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s.create_topic("orders", retention_messages=5)
    s.publish("orders", {"id": 0})
    s.capture("orders", data)
    s.publish_batch("orders", [{"id": number} for number in range(20)])

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("brokerkit.session.capture.capturing.Capturing._capture", interrupted)
        with pytest.raises(KeyboardInterrupt), pytest.warns(bk.RetentionWarning):
            s.capture("orders", data)
    assert s.capture("orders", data).rows == 5
    known = manifest_of(data)
    assert known is not None
    assert [gap.shown for gap in known.gaps] == ["1 to 15 of partition 0"]


def test_a_topic_that_was_made_again_is_refused(orders: Session, data: Path) -> None:
    orders.capture("orders", data)
    orders.delete_topic("orders", confirm="orders")
    orders.create_topic("orders", partitions=3)
    orders.publish_batch("orders", [{"id": number} for number in range(60)])
    with pytest.raises(bk.ConfigError, match="deleted and made again since it was captured.*another folder"):
        orders.capture("orders", data)
    assert len(offsets(data)) == 20


def test_the_same_topic_of_another_broker_is_refused(orders: Session, data: Path) -> None:
    orders.capture("orders", data)
    with bk.connect("inmem://") as other:
        other.create_topic("orders", partitions=3)
        other.publish_batch("orders", [{"id": number + 1} for number in range(20)])
        with pytest.raises(bk.ConfigError, match="another folder"):
            other.capture("orders", data)


def test_the_choices_of_the_first_call_hold(orders: Session, data: Path) -> None:
    orders.capture("orders", data, partition_by="day", decode="json")
    with pytest.raises(bk.ConfigError, match="begun with decode='json', not 'text'"):
        orders.capture("orders", data, decode="text")
    with pytest.raises(bk.ConfigError, match="begun with partition_by='day'"):
        orders.capture("orders", data, partition_by="value.id")
    with pytest.raises(bk.ConfigError, match="data set of the topic 'orders'"):
        orders.create_topic("others")
        orders.capture("others", data)
    assert orders.capture("orders", data).rows == 0


def test_a_first_call_that_fails_leaves_the_choices_open(
    s: Session, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokerkit.session.capture.folders_by.MOST_FOLDERS", 5)
    monkeypatch.setattr("brokerkit.session.capture.slice_writer.MOST_FOLDERS", 5)
    # each row group has few folders, and the slice has many
    halves = lambda batches: ([batch.slice(at, 4)] for batch in batches for at in (0, 4))  # noqa: E731
    monkeypatch.setattr("brokerkit.session.capture.capturing.row_groups", halves)
    s.create_topic("orders")
    s.publish_batch("orders", [{"id": number} for number in range(8)])
    with pytest.raises(bk.ConfigError, match="more than 5 different values"):
        s.capture("orders", data, partition_by="value.id")
    assert [file.name for file in data.iterdir() if not file.name.startswith(".")] == []
    assert s.capture("orders", data, partition_by="day").total == 8


def test_a_folder_of_something_else_is_never_touched(orders: Session, data: Path) -> None:
    orders.scan("orders").to_parquet(data)
    before = sorted(data.iterdir())
    with pytest.raises(bk.ConfigError, match="Parquet files that no capture wrote"):
        orders.capture("orders", data)
    assert sorted(data.iterdir()) == before
    for wrong in ("month", "value.", "value..a", 5):
        with pytest.raises(bk.ConfigError, match="partition_by must be"):
            orders.capture("orders", data / "new", partition_by=wrong)  # type: ignore[arg-type]


def test_a_second_writer_is_refused_by_name(orders: Session, data: Path) -> None:
    with CaptureFolder.held(data), pytest.raises(bk.InUse, match="another thread of this process, since 2"):
        orders.capture("orders", data)
    assert orders.capture("orders", data).rows == 20


def test_a_commit_that_was_cut_off_is_ended_by_the_next_call(orders: Session, data: Path) -> None:
    orders.capture("orders", data)
    for file in data.glob("*.parquet"):  # as killed between the manifest and the names of the files
        os.replace(file, pending(file))
    (data / f"_{uuid4().hex}{PENDING}").write_text("from before a commit")
    (data / f"_notes{PENDING}").write_text("not ours")
    with bk.connect(f"parquet://{data}") as offline:
        assert everything(offline).equals(everything(orders))
    assert orders.capture("orders", data).total == 20
    assert len(offsets(data)) == 20
    assert [file.name for file in data.glob("*.new")] == ["_notes.new"]


def test_a_first_call_deletes_nothing_in_a_folder_that_was_there(orders: Session, data: Path) -> None:
    data.mkdir()
    mine = data / f"_{uuid4().hex}{PENDING}"
    mine.write_text("not ours")
    assert orders.capture("orders", data).rows == 20
    assert mine.read_text() == "not ours"


def test_a_file_that_is_missing_is_said(orders: Session, data: Path) -> None:
    orders.capture("orders", data)
    next(data.glob("*.parquet")).unlink()
    with pytest.raises(bk.ConfigError, match=r"is damaged: orders-.*\.parquet is missing"):
        orders.capture("orders", data)


def test_a_session_with_a_mask_captures_only_unmasked(s: Session, data: Path) -> None:
    with bk.connect("inmem://", mask="email") as masked:
        masked.create_topic("orders")
        masked.publish("orders", {"email": "ada@example.org"})
        with pytest.raises(bk.NotSupported, match="capture keeps messages as they are"):
            masked.capture("orders", data)
        assert masked.capture("orders", data, unmask=True).rows == 1


def test_a_data_set_is_restored_as_it_was(orders: Session, data: Path) -> None:
    orders.publish_batch("orders", ODD)
    orders.capture("orders", data, partition_by="day")
    with bk.connect("inmem://") as other:
        other.create_topic("again", partitions=3)
        plan = other.restore(data, "again", dry_run=True)
        assert plan["messages"].sum() == 25
        assert everything(other, "again").num_rows == 0
        outcome = other.restore(data, "again", progress=False)
        assert outcome.counts["confirmed"] == len(outcome) == 25
        again = other.restore(data, "again", resume=outcome, progress=False)
        assert again.counts["confirmed"] == 25
        names = ["partition", "offset", "raw_key", "key", "value", "raw", "attributes", "publish_time"]
        found, wanted = (everything(*each).select(names) for each in ((other, "again"), (orders,)))
        assert found.equals(wanted)


def test_a_folder_with_several_data_sets_is_one_broker_that_can_only_be_read(
    orders: Session, tmp_path: Path
) -> None:
    orders.create_topic("others")
    orders.publish("others", "x")
    for topic in ("orders", "others"):
        orders.capture(topic, tmp_path / f"{topic} %", progress=False)
    with bk.connect(f"parquet://{tmp_path}") as offline:
        assert list(offline.topics()["topic"]) == ["orders", "others"]
        assert offline.peek("others")["value"].tolist() == ["x"]
        with pytest.raises(bk.NotFound, match="has no topic 'none'; choose one of: orders, others"):
            offline.peek("none")
        with pytest.raises(bk.NotSupported, match="can only be read"):
            offline.publish("others", "y")
        with pytest.raises(bk.NotSupported, match="no subscriptions"):
            offline.pull("others", 1, subscription="me")
        with pytest.raises(bk.NotSupported, match="no subscriptions"):
            offline.subscriptions("others")
    with pytest.raises(bk.ConfigError, match="not a folder that capture wrote"):
        bk.connect(f"parquet://{tmp_path}/nothing")


def test_a_manifest_that_is_not_one_is_refused(orders: Session, data: Path) -> None:
    data.mkdir()
    for text in (
        "[]",
        "{",
        '{"brokerkit": "capture", "version": 9}',
        '{"brokerkit": "capture", "version": 1}',
    ):
        (data / MANIFEST).write_text(text)
        with pytest.raises(bk.ConfigError, match=r"is not the manifest|version 9|is damaged"):
            orders.capture("orders", data)


@pytest.mark.parametrize(
    ("rounds", "kept"),
    [
        (
            [["abc", "5"], ["def", 5, [1], "null", None, '"'], ["ghi"], [7]],
            ["abc", "5", "def", "5", "[1]", "null", None, '"', "ghi", "7"],
        ),
        ([["abc", 5], ["def", "5"], [[1], 2]], ['"abc"', "5", '"def"', '"5"', "[1]", "2"]),
        ([[None], ["abc", 5], ["def"]], [None, "abc", "5", "def"]),
        # neither NaN nor a half of a character is valid JSON, and many programs write both
        (
            [["abc", 5], ["w", NAN, 7, [NAN]], [HALF, {"k": HALF}], [-INF, "NaN"]],
            ['"abc"', "5", '"w"', "NaN", "7", "[NaN]", r'"\ud800"', r'{"k":"\ud800"}', "-Infinity", '"NaN"'],
        ),
        (
            [["abc"], ["z", NAN], ["y", INF, [-INF]], [HALF, 7, '"'], [NAN, [HALF]]],
            ["abc", "z", "NaN", "y", "Infinity", "[-Infinity]", r"\ud800", "7", '"', "NaN", r'["\ud800"]'],
        ),
        ([["w", [NAN]], ["x"], [0.5, "y", 10**400]], ['"w"', "[NaN]", '"x"', "0.5", '"y"', str(10**400)]),
    ],
    ids=["strings", "JSON", "nothing", "almost JSON", "strings beside almost JSON", "almost JSON first"],
)
@pytest.mark.usefixtures("small_runs")
def test_a_column_of_text_stays_what_it_was_first(
    s: Session, data: Path, rounds: list[list[Any]], kept: list[str | None]
) -> None:
    s.create_topic("mixed")
    for values in rounds:
        s.publish_batch("mixed", [json.dumps({"c": each}) for each in values])
        assert s.capture("mixed", data, expand=True).misfits == {}
    table = pa.dataset.dataset(data).to_table(columns=["offset", "value.c"])
    assert table.sort_by("offset")["value.c"].to_pylist() == kept


def test_nanoseconds_of_typed_values_are_kept(s: Session, data: Path) -> None:
    kind = {"type": "long", "logicalType": "timestamp-nanos"}
    schema = {"type": "record", "name": "Order", "fields": [{"name": "at", "type": kind}]}
    at = 1_767_225_600_123_456_789
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), {"at": at})
    s.create_topic("orders")
    s.publish("orders", stream.getvalue())
    s.capture("orders", data, decode=bk.avro(json.dumps(schema)), expand=True)
    files = f"{data}/*.parquet"
    assert duckdb.sql(f"select epoch_ns(\"value.at\") from read_parquet('{files}')").fetchall() == [(at,)]
    assert pa.dataset.dataset(data).to_table()["value.at"].cast(pa.int64()).to_pylist() == [at]


@pytest.mark.parametrize("name", ["../mine.parquet", "/etc/mine.parquet", "a/../../mine.parquet", "mine.txt"])
def test_a_manifest_names_no_file_outside_its_folder(orders: Session, data: Path, name: str) -> None:
    orders.capture("orders", data)
    mine = data.parent / "mine.parquet"
    mine.write_text("mine")
    manifest = data / MANIFEST
    manifest.write_text(manifest.read_text().replace('"replaced": []', f'"replaced": ["{name}"]'))
    with pytest.raises(bk.ConfigError, match="names a file that is not one of its folder"):
        orders.capture("orders", data)
    assert mine.exists()


def test_where_the_first_call_begins_is_chosen(orders: Session, data: Path) -> None:
    assert orders.capture("orders", data, start="latest").rows == 0
    orders.publish("orders", {"id": 20})
    assert orders.capture("orders", data).rows == 1
    manifest = manifest_of(data)
    assert manifest is not None
    assert sorted(each.start for each in manifest.partitions) == [6, 7, 7]
