"""Every type of column as JSON: exactly, or refused before anything is sent, or in the row that is wrong."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections import OrderedDict, defaultdict, namedtuple
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.frames.outbound import messages_from_frame

ID = UUID("12345678-1234-5678-1234-567812345678")
NS = 1_700_000_000_123_456_789


def exact(text):
    return Decimal(text) if len(text) > 15 else float(text)


def sent(frame, **options):
    """What each row sends, or its error."""
    items = list(messages_from_frame(frame, kind="rows", **options))
    return [str(each) if isinstance(each, BrokerError) else each.data.decode() for each in items]


def dictionary(values, index=None):
    places = pa.array([0, None, len(values) - 1], index or pa.int8())
    return pa.DictionaryArray.from_arrays(places, values)


def run_ends(values):
    return pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), values)


def union(sparse):
    children = [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    types = pa.array([0, 1, 0], pa.int8())
    if sparse:
        return pa.UnionArray.from_sparse(types, children)
    return pa.UnionArray.from_dense(types, pa.array([0, 0, 1], pa.int32()), children)


HELD = {
    "null": (pa.nulls(2), "[null,null]"),
    "bool": (pa.array([True, None]), "[true,null]"),
    "int64": (pa.array([-(2**63), None]), f"[{-(2**63)},null]"),
    "uint64": (pa.array([2**64 - 1, None], pa.uint64()), f"[{2**64 - 1},null]"),
    "float16": (pa.array(np.array([0.5, 1.5], np.float16)), "[0.5,1.5]"),
    "float16 with nulls": (pa.array([np.float16(0.5), None], pa.float16()), "[0.5,null]"),
    "float32": (pa.array([0.5, None], pa.float32()), "[0.5,null]"),
    "decimal32": (pa.array([Decimal("1.50"), None], pa.decimal32(5, 2)), "[1.50,null]"),
    "decimal64": (pa.array([Decimal("1.50"), None], pa.decimal64(12, 2)), "[1.50,null]"),
    "decimal128": (pa.array([Decimal("12345678901234567.89"), None]), "[12345678901234567.89,null]"),
    "decimal256": (pa.array([Decimal(10**70 + 1)], pa.decimal256(76, 0)), f"[{10**70 + 1}]"),
    "large_string": (pa.array(["é", None], pa.large_string()), '["é",null]'),
    "string_view": (pa.array(["é", None], pa.string_view()), '["é",null]'),
    "date32": (pa.array([date(2026, 1, 31), None]), '["2026-01-31",null]'),
    "date64": (pa.array([date(2026, 1, 31), None], pa.date64()), '["2026-01-31",null]'),
    "time32": (pa.array([time(1, 2, 3), None], pa.time32("s")), '["01:02:03",null]'),
    "time64": (pa.array([3_723_000_000_001, None], pa.time64("ns")), '["01:02:03.000000001",null]'),
    "timestamp": (pa.array([NS, None], pa.timestamp("ns", "UTC")), '["2023-11-14T22:13:20.123456789+00:00",null]'),
    "list": (pa.array([[1, None], None, []]), "[[1,null],null,[]]"),
    "large_list": (pa.array([[1], None], pa.large_list(pa.int8())), "[[1],null]"),
    "fixed_size_list": (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), "[[1,2],null]"),
    "list_view": (pa.array([[1], None], pa.list_view(pa.int8())), "[[1],null]"),
    "large_list_view": (pa.array([[1], None], pa.large_list_view(pa.int8())), "[[1],null]"),
    "list of decimals": (pa.array([[Decimal("1.10")]]), "[[1.10]]"),
    "list of times": (pa.array([[1]], pa.list_(pa.time64("ns"))), '[["00:00:00.000000001"]]'),
    "list of instants": (pa.array([[NS]], pa.list_(pa.timestamp("ns", "UTC"))), '[["2023-11-14T22:13:20.123456789+00:00"]]'),
    "list of dictionaries": (pa.array([["a"]], pa.list_(pa.dictionary(pa.int8(), pa.string()))), '[["a"]]'),
    "struct": (pa.array([{"a": 2**60 + 1, "b": None}, None]), f'[{{"a":{2**60 + 1},"b":null}},null]'),
    "map": (pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int8())), '[{"a":1},null]'),
    "dictionary of text": (dictionary(pa.array(["a", "b"])), '["a",null,"b"]'),
    "dictionary of text views": (dictionary(pa.array(["a", "b"], pa.string_view()), pa.uint32()), '["a",null,"b"]'),
    "dictionary of decimals": (dictionary(pa.array([Decimal("1.10"), Decimal("2.00")])), "[1.10,null,2.00]"),
    "dictionary of lists": (dictionary(pa.array([[1], [2]])), "[[1],null,[2]]"),
    "dictionary of instants": (dictionary(pa.array([1_000, 2], pa.timestamp("us"))), '["1970-01-01T00:00:00.001000",null,"1970-01-01T00:00:00.000002"]'),
    "run-end encoded": (run_ends(pa.array(["a", None])), '["a","a",null]'),
    "run-end encoded decimals": (run_ends(pa.array([Decimal("1.10"), None])), "[1.10,1.10,null]"),
    "sparse union": (union(True), '[1,"b",3]'),
    "dense union": (union(False), '[1,"a",2]'),
    "uuid": (pa.array([ID.bytes, None], pa.uuid()), f'["{ID}",null]'),
    "json": (pa.array(['{"a": 1.10}', None], pa.json_()), '[{"a": 1.10},null]'),
    "bool8": (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8())), "[true,false,null]"),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("sliced", [False, True])
def test_a_type_that_json_has_a_form_for_is_sent_exactly(name, sliced):
    array, expected = HELD[name]
    column = pa.chunked_array([array])
    if sliced:
        column = pa.chunked_array([array, array]).slice(len(array))
    rows = sent(pa.table({"x": column}))
    assert "[" + ",".join(row[len('{"x":') : -1] for row in rows) + "]" == expected


REFUSED = {
    "binary": pa.array([b"a", None]),
    "large_binary": pa.array([b"a"], pa.large_binary()),
    "binary_view": pa.array([b"a"], pa.binary_view()),
    "fixed_size_binary": pa.array([b"a"], pa.binary(1)),
    "duration": pa.array([timedelta(1)]),
    "month_day_nano": pa.array([pa.MonthDayNano([1, 2, 3])]),
    "list of binary": pa.array([[b"a"]]),
    "struct with a duration": pa.array([{"a": {"b": timedelta(1)}}]),
    "map with whole numbers": pa.array([[(1, 1)]], pa.map_(pa.int8(), pa.int8())),
    "dictionary of binary": dictionary(pa.array([b"a", b"b"])),
    "run-end encoded durations": run_ends(pa.array([timedelta(1), None])),
    "union with binary": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([b"a"])]),
    "an unknown zone": pa.array([1], pa.timestamp("us", "Nowhere/Town")),
    "opaque": pa.ExtensionArray.from_storage(pa.opaque(pa.int8(), "x", "y"), pa.array([1], pa.int8())),
    "tensor": pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.int8(), [2]), pa.array([[1, 2]], pa.list_(pa.int8(), 2))),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_type_that_json_has_no_form_for_is_refused_with_the_column_before_anything_is_sent(name):
    array = REFUSED[name]
    frame = pa.table({"good": pa.array([1] * len(array)), "bad": array})
    with pytest.raises(ConfigError, match=r"the column 'bad' \(.*columns="):
        messages_from_frame(frame, kind="rows")
    # it does not matter where it is not sent, or holds nothing
    assert sent(frame, columns=["good"]) == ['{"good":1}'] * len(array)
    nothing = pa.table({"bad": pa.chunked_array([array.slice(0, 0)]), "good": pa.array([], pa.int8())})
    assert sent(nothing) == []


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pd.Series(["a", None, "b"], dtype="category"), ["a", None, "b"]),
        (pd.Series([1, 2], dtype="category"), [1, 2]),
        (pd.Series(pd.to_datetime(["2026-01-31"])).astype("category"), ["2026-01-31T00:00:00"]),
        (pd.Series(pd.arrays.SparseArray([1.5, 0.0])), [1.5, 0.0]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pl.Series(["x", None], dtype=pl.Categorical), ["x", None]),
        (pl.Series(["x", None], dtype=pl.Enum(["x", "y"])), ["x", None]),
        (pl.Series([["x"], None], dtype=pl.List(pl.Categorical)), [["x"], None]),
        (pl.Series([Decimal("12345678901234567.10")]), [Decimal("12345678901234567.10")]),
    ],
)
def test_columns_of_pandas_and_polars_are_sent_exactly(series, expected):
    frame = series.to_frame("x") if isinstance(series, pd.Series) else pl.DataFrame({"x": series})
    assert [json.loads(row, parse_float=exact)["x"] for row in sent(frame)] == expected


def test_long_doubles_are_sent_with_all_their_digits():
    values = np.array([0.1, np.nan, 2**60 + 1, 1.5], np.longdouble) / np.longdouble(3)
    rows = [json.loads(row, parse_float=np.longdouble)["x"] for row in sent(pd.DataFrame({"x": values}))]
    assert rows[1] is None
    assert [rows[0], rows[2], rows[3]] == [values[0], values[2], values[3]]


def test_a_frame_that_arrow_cannot_read_is_refused():
    with pytest.raises(ConfigError, match="Arrow cannot read"):
        messages_from_frame(pl.DataFrame({"x": pl.Series([2**100], dtype=pl.Int128)}))


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        (pd.Series(pd.cut([1, 2, 3], 2)), "interval"),
        (pd.Series(pd.interval_range(0, 2)), "interval"),
        (pd.Series(pd.period_range("2020", periods=2, freq="D")), "period"),
        (pd.Series([1 + 2j]), "complex"),
        (pd.Series(pd.to_timedelta([1])), "duration"),
        (pl.Series([b"x"]), "bytes"),
        (pl.Series([timedelta(1)]), "duration"),
    ],
)
def test_other_columns_of_pandas_and_polars_are_refused_with_what_to_do(values, hint):
    frame = values.to_frame("x") if isinstance(values, pd.Series) else pl.DataFrame({"x": values})
    with pytest.raises(ConfigError, match=hint) as refused:
        messages_from_frame(frame, kind="rows")
    assert "column 'x'" in str(refused.value)


class Colour(str, enum.Enum):  # noqa: UP042 - its own text is not its value
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Instant(datetime):
    """A datetime of one's own."""


class Rude:
    def __getattr__(self, name):
        raise RuntimeError("no")


Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Order:
    id: int


circular: list = []
circular.append(circular)
deep: list = []
for _ in range(100_000):
    deep = [deep]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(2**60 + 1), str(2**60 + 1)), (np.float32(0.5), "0.5"), (np.longdouble("0.1"), "0.1"),
        (np.str_("a"), '"a"'), (np.array(["a", "b"]), '["a","b"]'), (np.array(2), "2"), (Colour.RED, '"red"'),
        (Level.HIGH, "3"), (Instant(2026, 1, 2, tzinfo=UTC), '"2026-01-02T00:00:00+00:00"'), (Point(1, 2), "[1,2]"),
        (OrderedDict(a=1), '{"a":1}'), (defaultdict(list, a=[Decimal("1.10")]), '{"a":[1.10]}'), (ID, f'"{ID}"'),
        (-(2**64), str(-(2**64))), (Decimal("1E+1000000000"), "1E+1000000000"),
        ({"a": [2**64, Decimal("NaN"), float("nan")]}, f'{{"a":[{2**64},null,null]}}'),
        (pd.Timestamp(NS, tz="UTC"), '"2023-11-14T22:13:20.123456789+00:00"'), (pd.NaT, "null"), (pd.NA, "null"),
    ],
)  # fmt: skip
def test_objects_that_json_has_a_form_for_are_sent_exactly(value, expected):
    [row] = sent(pd.DataFrame({"x": pd.Series([value], dtype=object)}))
    assert row == f'{{"x":{expected}}}'


def test_a_whole_number_of_thousands_of_digits_is_sent_exactly():
    [row] = sent(pd.DataFrame({"x": pd.Series([-(10**5_000)], dtype=object)}))
    assert row == f'{{"x":-1{"0" * 5_000}}}'


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({1}, "a set"), (1j, "complex"), (b"x", "bytes"), (Order(1), "Order"), (circular, "contains itself"),
        (deep, "too deeply"), (float("inf"), "inf"), (Decimal("Infinity"), "Infinity"), ("\ud800", "UTF-8"),
        ({"a": {1: 2}}, "key"), (timedelta(1), "duration"), (np.array([b"x"]), "array"), (np.timedelta64(1, "s"), "duration"),
        (object(), "object"), (lambda: 1, "function"), (np.longdouble("inf"), "inf"), (pd.Interval(0, 1), "Interval"),
    ],
)  # fmt: skip
def test_an_object_that_json_has_no_form_for_fails_in_its_row_alone(value, reason):
    rows = sent(pd.DataFrame({"x": pd.Series(["first", value, "last"], dtype=object)}))
    assert [rows[0], rows[2]] == ['{"x":"first"}', '{"x":"last"}']
    assert rows[1].startswith("row 1, ")
    assert "column 'x'" in rows[1]
    assert reason in rows[1]


def test_an_object_that_raises_whatever_is_asked_of_it_fails_in_its_row_alone():
    rows = sent(pd.DataFrame({"x": pd.Series(["first", Rude()], dtype=object)}))
    assert rows[0] == '{"x":"first"}'
    assert rows[1].startswith("row 1, column 'x'")


@pytest.mark.extended
def test_one_bad_value_far_into_a_frame_fails_alone_and_everything_else_is_sent():
    with bk.connect("inmem://") as s:
        s.create_topic("t")
        times = pa.array([3_600_000_000_000] * 7_000 + [1] + [0] * 100, pa.time64("ns"))
        assert (s.publish_frame("t", pa.table({"at": times}))["status"] == "confirmed").all()
        years = pa.array([0] * 7_000 + [2**62] + [0] * 100, pa.timestamp("s"))
        outcome = s.publish_frame("t", pa.table({"at": years}))
        assert outcome.failed["row"].tolist() == [7_000]
        with pytest.raises(ConfigError, match="'x'"):
            s.publish_frame("t", pd.DataFrame({"x": pd.cut(range(9), 3)}))
        assert len(s.peek("t", 20_000)) == 2 * 7_101 - 1
        assert s.peek("t", where="00:00:00.000000001")["value"].tolist() == ['{"at":"00:00:00.000000001"}']


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["a", "b"]), pl.String])
def test_categories_are_keys_and_payloads_as_text_is(kind):
    frame = pl.DataFrame(
        {"k": ["a", None, "b"], "value": ["b", "a", None]}, schema={"k": kind, "value": kind}
    )
    items = list(messages_from_frame(frame, kind="rows", key="k", columns=["value"]))
    assert [each.key for each in items] == [b"a", None, b"b"]
    items = list(messages_from_frame(frame, kind="messages"))
    assert [each.data for each in items] == [b"b", b"a", None]


def test_numbers_of_any_size_come_back_equal_when_published():
    with bk.connect("inmem://") as s:
        s.create_topic("t")
        s.publish("t", {"wei": 10**21 + 1, "price": Decimal("12345678901234567.89"), "huge": 10**5_000})
        df = s.peek("t", expand=True)
        assert df["value"][0] == f'{{"wei":{10**21 + 1},"price":12345678901234567.89,"huge":1{"0" * 5_000}}}'
        s.publish_frame("t", df, columns=["value.wei", "value.price"]).raise_for_failures()
        assert s.peek("t", 1)["value"].tolist() == [
            '{"value.wei":1000000000000000000001,"value.price":12345678901234567.89}'
        ]
