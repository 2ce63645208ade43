"""A scan is a lazy plan: steps in any order, each a new scan, and no more is read or built than they need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import brokerkit as bk
from brokerkit.core import Columns
from brokerkit.workbench import Session

from .plan_model import check, messages


@pytest.fixture
def many(s: Session) -> Session:
    """`many` has 400 messages in three partitions."""
    s.create_topic("many", partitions=3)
    s.publish_batch("many", messages(400, 3))
    return s


def scan(session: Session, topic: str = "many", **options: Any) -> bk.Scan:
    return session.scan(topic, progress=False, **options)


@pytest.mark.parametrize("times", [10, pytest.param(60, marks=pytest.mark.extended)])
def test_every_plan_keeps_what_the_same_steps_keep_of_a_frame(many: Session, times: int) -> None:
    check(scan(many), times)
    check(scan(many, slice_rows=70), times // 2)


def test_a_step_makes_a_new_scan_and_leaves_the_other_as_it_is(many: Session) -> None:
    whole = scan(many)
    narrow = whole.where("name 3").head(5).select("offset")
    assert (whole.count(), narrow.count()) == (400, 5)
    assert "plan:" not in repr(whole)
    assert "plan: where='name 3', then at most 5 rows, then columns offset" in repr(narrow)
    assert narrow.report.stopped == "at the limit"
    assert whole.report.stopped == "not yet"


def test_the_arguments_of_scan_are_the_first_steps_of_its_plan(many: Session) -> None:
    given = scan(many, key="key-1", where="name", limit=7)
    said = scan(many).where("name", key="key-1").head(7)
    assert given.to_arrow().equals(said.to_arrow())
    assert repr(given) == repr(said)


def test_head_stops_reading_and_decodes_no_more_than_it_keeps(many: Session) -> None:
    seen: list[int] = []
    decode = bk.Decoder(lambda data: seen.append(1) or len(data), pa.int64(), "size of test_plans")
    first = scan(many, decode=decode).head(5)
    assert first.to_arrow().num_rows == len(seen) == first.report.read == 5


def test_columns_that_nothing_asks_for_are_not_built(many: Session) -> None:
    def refuse(data: bytes) -> int:
        raise AssertionError("it was decoded")

    decode = bk.Decoder(refuse, pa.int64(), "refusing of test_plans")
    chosen = scan(many, decode=decode).where(pc.field("key") == "key-1").select("key", "offset")
    table = chosen.to_arrow()
    assert table.column_names == ["key", "offset"]
    assert table.num_rows == len(scan(many, key="key-1").to_arrow())
    assert chosen.where(header="shop").count() == table.num_rows


def test_an_expression_over_places_reads_only_there(many: Session) -> None:
    chosen = scan(many).where(
        (pc.field("partition") == 1) & (pc.field("offset") >= 30) & (pc.field("offset") < 40)
    )
    assert [(each.partition, each.start, each.end) for each in chosen.slices] == [(1, 30, 40)]
    assert chosen.to_pandas()["offset"].tolist() == [*range(30, 40)]
    assert chosen.report.read == 10
    either = scan(many).where((pc.field("offset") < 3) | (pc.field("partition") == 2))
    assert [(each.partition, each.start) for each in either.slices] == [(0, 0), (1, 0), (2, 0)]
    assert either.count() == 3 + 3 + 133
    assert scan(many).where(pc.field("offset") < 0).slices == []


def test_a_sample_is_spread_over_the_range_and_reads_only_it(many: Session) -> None:
    sample = scan(many).sample(40)
    frame = sample.to_pandas()
    assert len(frame) == sample.report.read == 40
    assert frame["partition"].value_counts().min() > 10
    assert frame.groupby("partition")["offset"].max().min() > 110
    assert sample.to_pandas().equals(frame)
    matching = scan(many).where("name 3").sample(20).to_pandas()
    assert len(matching) == 20
    assert matching["value"].str.contains("name 3").all()
    assert len(scan(many).sample(20).where("name 3").to_pandas()) < 10
    assert len(scan(many).sample(1_000).to_pandas()) == 400
    assert scan(many).head(100).sample(4).to_pandas()["offset"].tolist() == [0, 25, 50, 75]
    assert len(scan(many).sample(100).sample(10).to_pandas()) == 10


def test_a_sample_of_small_and_large_partitions_has_all_its_rows(s: Session) -> None:
    s.create_topic("uneven", partitions=9)
    rows = pd.DataFrame({"value": "x", "partition": [*range(8), *np.repeat(8, 500)]})
    s.publish_frame("uneven", rows, kind="messages", progress=False)
    for wanted in (1, 7, 60, 507):
        assert len(scan(s, "uneven").sample(wanted).to_pandas()) == wanted


def test_count_asks_the_broker_where_that_is_exact_and_reads_otherwise(many: Session) -> None:
    whole = scan(many)
    for planned, rows in [
        (whole, 400),
        (whole.head(9), 9),
        (whole.between(10, 20), 30),
        (whole.sample(11), 11),
    ]:
        assert planned.count() == rows
        assert planned.report.stopped == "not yet"
    filtered = whole.where("name 3")
    assert filtered.count() == len(filtered.to_pandas())
    assert filtered.report.read == 400


def test_fields_are_columns_with_the_types_that_expand_gives_them(many: Session) -> None:
    many.publish_batch("many", [{"number": 10**30}, {"number": "x"}, {"other": [1, {"a": 2}]}, "no json"])
    expanded = bk.expand(scan(many).to_arrow())
    chosen = scan(many).select("value.number", "value.other", "value.missing").to_arrow()
    for name in ("value.number", "value.other"):
        assert chosen.column(name).equals(expanded.column(name))
    assert chosen.column("value.missing").null_count == len(chosen)
    assert scan(many).select("value.number").to_pandas()["value.number"].dtype == "large_string[pyarrow]"


def test_fields_of_typed_values_have_the_type_that_the_decoder_says(many: Session) -> None:
    type = pa.struct([("number", pa.int32()), ("who", pa.struct([("name", pa.string())]))])
    typed = scan(many, decode=bk.Decoder(json.loads, type, "struct of test_plans"))
    chosen = typed.where(pc.field("value", "number") == 8).select("value.who.name", "value.number")
    assert chosen.schema.types == [pa.string(), pa.int32()]
    assert chosen.to_arrow().to_pylist() == [{"value.who.name": "name 1", "value.number": 8}]
    with pytest.raises(bk.ConfigError, match="no field 'value.nope'"):
        typed.select("value.nope")


def test_an_expression_may_look_at_fields_that_were_selected(many: Session) -> None:
    chosen = scan(many).select("offset", "value.number").where(pc.field("value.number") > 390)
    assert sorted(chosen.to_arrow()["value.number"].to_pylist()) == [*range(391, 400)]
    assert chosen.count() == 9
    assert chosen.head(2).where(pc.field("value.number") > 0).count() == 2


def test_fields_keep_the_type_that_a_filter_was_made_for(s: Session) -> None:
    s.create_topic("grown")
    s.publish_batch("grown", [{"total": number} if number < 50 else {"id": number} for number in range(100)])
    matching = scan(s, "grown").select("offset", "value.total").where(pc.field("value.total") > 5)
    behind = pc.field("offset") >= 50
    assert matching.count() == 44
    assert matching.where(behind).count() == matching.between(50, 80).count() == 0
    assert matching.where(behind).to_arrow().schema.types == matching.schema.types


def test_a_field_that_a_filter_looks_at_stays_behind_another_select(many: Session) -> None:
    chosen = scan(many).select("value.number").where(pc.field("value.number") > 390)
    again = chosen.select("offset")
    assert again.to_arrow().column_names == ["offset"]
    assert again.count() == again.to_arrow().num_rows == 9
    assert chosen.select("value.number", types={"value.number": pa.int64()}).count() == 9
    for other in (pa.float64(), "json"):
        with pytest.raises(bk.ConfigError, match=r"'value.number' another type than the filter before has"):
            chosen.select("value.number", types={"value.number": other})


def test_an_expression_for_rows_without_an_offset_rules_out_no_range(many: Session) -> None:
    missing = pc.field("offset").is_null()
    assert sum(each.estimate for each in scan(many).where(missing).slices) == 400
    both = scan(many).where(missing & (pc.field("partition") == 1))
    assert {each.partition for each in both.slices} == {1}


def test_a_stream_names_the_message_that_does_not_fit_and_changes_no_value(s: Session) -> None:
    s.create_topic("late")
    s.publish_batch("late", [{"total": number} for number in range(3_000)])
    s.publish_batch("late", [{"total": 1}, {"total": 2.5}])
    chosen = scan(s, "late", slice_rows=2_900).select("value.total")
    with pytest.raises(
        bk.DecodeError, match=r"value.total is not int64.*offset 3001 of partition 0 of 'late'"
    ):
        list(chosen.batches())
    assert chosen.to_arrow()["value.total"].type == pa.float64()
    for type, last in [(pa.float64(), 2.5), ("json", "2.5"), (pa.decimal128(20, 2), 2.5)]:
        said = scan(s, "late").select("value.total", types={"value.total": type})
        assert float(pa.table(said)["value.total"].to_pylist()[-1]) == float(last)
    with pytest.raises(bk.DecodeError, match="as given in types="):
        list(scan(s, "late").select("value.total", types={"value.total": pa.bool_()}).batches())


@pytest.mark.extended
def test_streams_and_files_have_the_selected_columns(many: Session, tmp_path: Path) -> None:
    chosen = scan(many, slice_rows=50).where("name 3").select("offset", "value.number", "value.who.name")
    expected = chosen.to_arrow()
    assert pa.table(chosen).equals(expected)
    exported = chosen.to_parquet(tmp_path / "out")
    assert exported.rows == len(expected)
    assert sorted(pq.read_table(tmp_path / "out")["value.number"].to_pylist()) == sorted(
        expected["value.number"].to_pylist()
    )
    with pytest.raises(bk.ConfigError, match="something else"):
        chosen.select("offset").to_parquet(tmp_path / "out")
    sampled = scan(many).sample(30)
    assert sampled.to_parquet(tmp_path / "sample").rows == 30
    few = sampled.where("name 3")
    assert few.to_parquet(tmp_path / "few").rows == few.count()
    many.publish_batch("many", messages(40, 3))
    with pytest.raises(bk.ConfigError, match="something else"):
        scan(many).sample(30).to_parquet(tmp_path / "sample")
    assert chosen.head(3).to_parquet(tmp_path / "head").rows == 3


@pytest.mark.parametrize("steps", ["head", "sample", "every", "fields"])
def test_an_interrupted_plan_goes_on_with_exactly_what_is_left(
    many: Session, monkeypatch: pytest.MonkeyPatch, steps: str
) -> None:
    whole = scan(many, slice_rows=30)
    planned = {
        "head": whole.where("name").head(200).where(lambda value: value["number"] % 2 == 0).head(70),
        "sample": whole.where("name").sample(50).where(lambda value: value["number"] % 2 == 0),
        "every": whole.head(300).sample(60).select("id"),
        "fields": whole.select("id", "value.number"),
    }[steps]
    expected = planned.to_arrow()
    read, calls = many.inspector.read, count(1)

    def read_some(*arguments: Any, **options: Any) -> Iterator[Columns]:
        if next(calls) == 4:
            raise KeyboardInterrupt
        return read(*arguments, **options)

    monkeypatch.setattr(many.inspector, "read", read_some)
    with pytest.raises(KeyboardInterrupt):
        planned.to_pandas()
    stopped = many.last_interrupted
    assert stopped is not None
    assert 0 < len(stopped.frame) < len(expected)
    ids = [*stopped.frame["id"], *stopped.rest.to_pandas()["id"]]
    assert ids == expected["id"].to_pylist()


def test_a_mask_hides_what_is_selected_and_what_filters_see(many: Session) -> None:
    hidden = scan(many, mask="**.name")
    shown = scan(many, mask="**.name").select("value.who.name").to_arrow()["value.who.name"]
    assert "name 3" not in str(shown.to_pylist())
    assert hidden.where("name 3").count() == 0
    assert hidden.where(lambda value: value["who"]["name"] == "name 3").select("key").to_arrow().num_rows == 0
    assert hidden.sample(50).where("name 3").count() == 0


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (lambda s: s.where(), "needs a condition"),
        (lambda s: s.where(None), "not None"),
        (lambda s: s.where(5), "where must be a text"),
        (lambda s: s.where(pc.field("nope") == 1), "No match for"),
        (lambda s: s.select(), "names of columns"),
        (lambda s: s.select("nope"), "no column 'nope'"),
        (lambda s: s.select("value."), "no column 'value.'"),
        (lambda s: s.select("offset", types={"offset": pa.int8()}), "is a column"),
        (lambda s: s.select("offset", types={"value.a": pa.int8()}), "not selected"),
        (lambda s: s.select("value.a", types={"value.a": "int"}), "Arrow type"),
        (lambda s: s.head(0), "head"),
        (lambda s: s.sample(-1), "sample"),
        (lambda s: s.between("nonsense"), "nonsense"),
    ],
)
def test_what_cannot_be_planned_is_an_error_at_once(many: Session, wrong: Any, match: str) -> None:
    with pytest.raises(bk.ConfigError, match=re.escape(match)):
        wrong(scan(many))
    assert many.last_read is None
