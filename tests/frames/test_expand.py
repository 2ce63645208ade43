"""JSON fields as columns: exact numbers, no lost row, no lost field."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames import FrameBuilder, attach, expand, failures, provenance, to_pandas


def texts(*values):
    builder = FrameBuilder()
    data = [value if value is None or isinstance(value, bytes) else value.encode() for value in values]
    columns = Columns(len(data), topic="t", offset=list(range(len(data))), value=data)
    table = builder.to_table([builder.batch(columns)])
    return attach(to_pandas(table), provenance(builder, source="inmem://"))


def column(df, name):
    return pa.array(df[name]).to_pylist()


def test_fields_become_columns_of_their_own_type_in_order_of_appearance():
    df = expand(texts('{"b": 1, "a": "007", "c": 1.5, "d": true}', '{"b": null, "a": "x"}'))
    added = [(name, str(df[name].dtype)) for name in df.columns if name.startswith("value.")]
    assert added == [
        ("value.b", "int64[pyarrow]"),
        ("value.a", "large_string[pyarrow]"),
        ("value.c", "double[pyarrow]"),
        ("value.d", "bool[pyarrow]"),
    ]
    assert column(df, "value.a") == ["007", "x"]
    assert column(df, "value.b") == [1, None]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([2**53 + 1, -(2**63)], "int64", [2**53 + 1, -(2**63)]),
        ([2**63, 0], "uint64", [2**63, 0]),
        ([2**64 - 1, None], "uint64", [2**64 - 1, None]),
        ([2**64, 1], "decimal128(38, 0)", [Decimal(2**64), Decimal(1)]),
        ([2**63, -1], "decimal128(38, 0)", [Decimal(2**63), Decimal(-1)]),
        ([10**38 - 1, -1], "decimal128(38, 0)", [Decimal(10**38 - 1), Decimal(-1)]),
        ([10**38, None], "decimal256(76, 0)", [Decimal(10**38), None]),
        ([10**76, 1], "large_string", [str(10**76), "1"]),
        ([10**300, -(10**30)], "large_string", [str(10**300), str(-(10**30))]),
        ([1, 0.5], "double", [1.0, 0.5]),
        ([2**53 + 1, 0.5], "decimal128(38, 1)", [Decimal(2**53 + 1), Decimal("0.5")]),
        ([2**70, 1e-300], "large_string", [str(2**70), "1e-300"]),
        ([2**70, "x"], "large_string", [str(2**70), '"x"']),
        ([1e300, 5], "double", [1e300, 5.0]),
        ([1, "1"], "large_string", ["1", '"1"']),
        ([True, 1], "large_string", ["true", "1"]),
        ([[1, 2**70], {"x": 2**70}], "large_string", [f"[1,{2**70}]", f'{{"x":{2**70}}}']),
        ([None, None], "large_string", [None, None]),
    ],
)
@pytest.mark.parametrize("distance", [0, 5_000])
def test_numbers_keep_every_digit_and_mixed_fields_hold_json_text(values, kind, expected, distance):
    # the second value may come in a later run of rows, where the type is found on its own
    rows = [json.dumps({"f": values[0]}), *["{}"] * distance, json.dumps({"f": values[1]})]
    table = expand(pa.table({"value": rows}))
    assert str(table.schema.field("value.f").type) == kind
    found = table.column("value.f").to_pylist()
    assert [found[0], found[-1]] == expected


def test_a_field_that_appears_in_the_last_row_only_is_there():
    table = expand(pa.table({"value": ['{"a": 1}'] * 30_000 + ['{"late": 2}']}))
    assert table.column("value.late").null_count == 30_000
    assert table.column("value.late")[30_000].as_py() == 2


def test_rows_that_hold_no_object_stay_and_are_listed():
    deep = '{"a":' * 20_000 + "1" + "}" * 20_000
    good, lone = '{"a": 1}', '{"a": "\\ud800"}'
    df = expand(texts(good, "{", None, "[1]", "null", deep, b"\xff", '{"a": 2}', "", "{}{}", lone))
    assert column(df, "value.a") == ["1", None, None, None, None, None, None, "2", None, None, '"\\ud800"']
    found = failures(df)
    assert found["row"].tolist() == [1, 3, 4, 5, 8, 9]
    assert set(found["step"]) == {"expand"}
    assert "a list and not an object" in found["error"][1]
    assert df.attrs["brokerkit"]["expanded"] == [{"column": "value", "failures": 6, "lenient": 1}]


def test_a_number_beyond_the_largest_double_keeps_its_digits():
    df = expand(texts('{"n": ' + "9" * 5_000 + "}", '{"n": 1}', '{"n": 1e999}'))
    assert column(df, "value.n") == ["9" * 5_000, "1", "1E+999"]
    assert failures(df).empty


@pytest.mark.parametrize("depth", [10, 253, 254, 255, 700, 1_000, 1_020, 1_023, 1_024, 5_000])
@pytest.mark.parametrize("number", ["1", str(2**70)])
def test_nested_values_are_kept_as_text_or_fail_in_their_row_only(depth, number):
    nested = "[" * depth + number + "]" * depth
    df = expand(texts('{"n": ' + nested + "}", '{"n": 1}'))
    failed = failures(df)["row"].tolist()
    assert column(df, "value.n")[0] == (None if failed else nested)
    assert failed == [0] or depth < 1_024
    assert failed == [] or depth > 900
    assert df.attrs["brokerkit"]["expanded"][0]["failures"] == len(failed)


def test_an_expanded_table_remembers_its_failures_also_as_a_dataframe():
    builder = FrameBuilder("json")
    batch = builder.batch(Columns(3, topic="t", value=[b"{", b"{}", b"1"]))
    table = expand(builder.to_table([batch]))
    df = attach(to_pandas(table), provenance(builder, source="inmem://"))
    for frame in (table, df):
        found = failures(frame)
        assert found[["row", "step"]].values.tolist() == [[0, "decode"], [0, "expand"], [2, "expand"]]


def test_expanding_later_parses_once_and_reports_the_same_rows():
    rows = Columns(4, topic="t", value=[b"{", b'{"a": 1}', b"\xff", None])
    builder = FrameBuilder("json", expanding=True)
    table = expand(builder.to_table([builder.batch(rows)]))
    assert builder.counts.failures == 1
    assert table.column("value.a").to_pylist() == [None, 1, None, None]
    found = failures(table)
    assert found[["row", "step"]].values.tolist() == [[0, "decode"], [2, "decode"], [0, "expand"]]


def test_names_never_collide():
    frame = texts('{"a.b": 1, "a": {"b": 2}, "": 3, "x": 4}').assign(**{"value.x": 0})
    df = expand(frame, depth=2)
    assert list(df.columns[-5:]) == ["value.x", "value.a.b", "value.a.b#2", "value.", "value.x#2"]
    assert [column(df, name) for name in df.columns[-4:]] == [[1], [2], [3], [4]]


def test_depth_flattens_objects_and_keeps_other_values():
    df = expand(texts('{"a": {"b": {"c": 1}, "d": 2}}', '{"a": 5}', '{"a": {"d": null}}'), depth=2)
    assert column(df, "value.a.b") == ['{"c":1}', None, None]
    assert column(df, "value.a.d") == [2, None, None]
    assert column(df, "value.a") == [None, 5, None]


def test_only_the_fields_asked_for_are_added():
    df = expand(texts('{"a": 1, "b": 2}'), fields=["b", "missing"])
    assert list(df.columns[-2:]) == ["value.b", "value.missing"]
    assert column(df, "value.missing") == [None]
    with pytest.raises(ConfigError, match=r"\['a'\]"):
        expand(df, fields="a")


def test_objects_used_as_maps_are_refused_with_a_way_out():
    with pytest.raises(ConfigError, match="fields="):
        expand(texts(json.dumps({str(key): 1 for key in range(5_000)})))


def test_a_frame_of_no_rows_and_a_column_of_nothing_can_be_expanded():
    assert expand(texts()).shape == (0, 14)
    assert expand(texts(None)).shape == (1, 14)
    with pytest.raises(ConfigError, match="no column 'payload'"):
        expand(texts("{}"), column="payload")
    with pytest.raises(ConfigError, match="int64"):
        expand(texts("{}"), column="offset")


def test_a_filtered_frame_keeps_its_index_and_its_rows():
    df = texts(*[json.dumps({"n": n}) for n in range(10)])
    part = expand(df[df["offset"].isin([0, 3, 6, 9])])
    assert part.index.tolist() == [0, 3, 6, 9]
    assert column(part, "value.n") == [0, 3, 6, 9]


@pytest.mark.extended
@pytest.mark.parametrize("seed", range(10))
def test_columns_say_the_same_as_the_json_module(seed):
    rng = random.Random(seed)
    scalars = [None, True, 0, -1, 2**53, 2**63, 2**70, 0.5, 1e30, 1e19, "", "007", [[2**65]], {"q": None}]
    pools = [rng.sample(scalars, rng.randrange(1, 4)) for _ in range(4)]
    rows = [
        {f"f{number}": rng.choice(pool) for number, pool in enumerate(pools) if rng.random() < 0.8}
        for _ in range(rng.choice([1, 50, 5_000]))
    ]
    table = expand(pa.table({"value": [json.dumps(row) for row in rows]}))
    for number in range(4):
        name = f"value.f{number}"
        expected = [row.get(f"f{number}") for row in rows]
        if name not in table.column_names:
            assert not any(f"f{number}" in row for row in rows)
            continue
        found = table.column(name).to_pylist()
        kinds = {type(value) for value in expected if value is not None}
        if pa.types.is_large_string(table.schema.field(name).type) and kinds != {str}:
            found = [None if text is None else json.loads(text) for text in found]
        if pa.types.is_decimal(table.schema.field(name).type):
            # what is written, not what a double makes of it
            expected = [None if value is None else Decimal(json.dumps(value)) for value in expected]
        assert found == expected


def test_pandas_methods_work_on_the_new_columns():
    df = expand(texts('{"a": 1}', '{"a": 5}', "{"))
    assert df["value.a"].sum() == 6
    assert isinstance(df["value.a"].dtype, pd.ArrowDtype)
