"""Columns and objects to Avro: the bytes are those of the reference library, or the row fails with its path."""

from __future__ import annotations

import datetime
import io
import json
from decimal import Decimal
from typing import Any

import fastavro
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokerkit.frames.codecs.avro import AvroColumns, AvroWriter, parse_schema
from brokerkit.frames.codecs.body_writers import AvroBodies
from brokerkit.frames.codecs.framing import Framing
from brokerkit.frames.codecs.misfit import Misfit
from brokerkit.frames.json_columns import json_texts
from brokerkit.registry import SchemaRef

from .avro_schemas import ordered, schemas


def encoded(schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return out.getvalue()


NULLS = {"type": "array", "items": "null"}


@pytest.mark.parametrize(
    ("values", "value"),
    [
        (NULLS, [None, None]),
        ({"type": "array", "items": NULLS}, [[None, None], []]),
        ({"type": "record", "name": "R", "fields": [{"name": "n", "type": NULLS}]}, {"n": [None, None]}),
        ({"type": "map", "values": NULLS}, {"b": [None, None]}),
    ],
)
def test_a_map_of_lists_of_nulls_is_written_again_to_the_byte(values: Any, value: Any) -> None:
    schema = {"type": "map", "values": values}
    bodies = [encoded(schema, {"a": value}), encoded(schema, {}), encoded(schema, {"a": value, "c": value})]
    parsed = parse_schema(schema)
    array, _ = AvroColumns(parsed).read(pa.array(bodies, pa.large_binary()))
    written, failures = AvroWriter(parsed).values(array)
    assert (written.to_pylist(), failures) == (bodies, {})


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_what_was_read_is_written_again_to_the_byte(data: st.DataObject) -> None:
    schema, values = data.draw(schemas())
    rows = data.draw(st.lists(values, min_size=1, max_size=5))
    bodies = [encoded(schema, value) for value in rows]
    parsed = parse_schema(schema)
    columns, writer = AvroColumns(parsed), AvroWriter(parsed)
    array, failures = columns.read(pa.array(bodies, pa.large_binary()))
    assert not failures
    if columns.type == pa.null() or array.null_count:
        kept = [body for body, valid in zip(bodies, array.is_valid().to_pylist(), strict=True) if valid]
        array, bodies = array.filter(array.is_valid()), kept
    written, failures = writer.values(array)
    assert (written.to_pylist(), failures) == (bodies, {})
    # the reference library reads the values themselves, each in the branch of its type
    plain = fastavro.parse_schema(json.loads(json.dumps(schema)))
    for value in rows:
        found = fastavro.schemaless_reader(io.BytesIO(writer.object(value)), plain, None)
        assert ordered(found) == ordered(value)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_json_text_of_a_value_is_written_as_the_same_bytes(data: st.DataObject) -> None:
    schema, values = data.draw(schemas())
    body = encoded(schema, data.draw(values))
    parsed = parse_schema(schema)
    columns = AvroColumns(parsed)
    array, failures = columns.read(pa.array([body], pa.large_binary()))
    assert not failures
    text = json_texts(array, columns.field)[0].as_py()
    framing = Framing("", SchemaRef("id", 1))
    assert AvroBodies(parsed).rewritten(body, framing, text, f" {text}") == body


ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "i", "type": "int", "default": 7},
        {"name": "l", "type": ["null", "long"], "default": None},
        {"name": "f", "type": "float", "default": 0.5},
        {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, "default": "\u0001"},
        {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}, "default": "B"},
        {"name": "s", "type": "string", "default": "x"},
        {"name": "b", "type": "bytes", "default": "\u00ff"},
        {"name": "a", "type": {"type": "array", "items": "int"}, "default": []},
        {"name": "m", "type": {"type": "map", "values": "string"}, "default": {}},
        {"name": "x", "type": {"type": "fixed", "name": "F", "size": 2}, "default": "ab"},
        {"name": "u", "type": ["null", "string", "long"], "default": None},
        {"name": "r", "type": ["null", {"type": "record", "name": "R", "fields": [{"name": "n", "type": "int"}]}], "default": None},
    ],
}  # fmt: skip
DEFAULTS = {
    "i": 7, "l": None, "f": 0.5, "d": Decimal("0.01"), "t": datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC),
    "e": "B", "s": "x", "b": b"\xff", "a": [], "m": {}, "x": b"ab", "u": None, "r": None,
}  # fmt: skip


def written(columns: Any, length: int = 3) -> tuple[list[Any], dict[int, str]]:
    found, failures = AvroWriter(parse_schema(ORDER)).columns(columns, length)
    rows = [
        None if body is None else fastavro.schemaless_reader(io.BytesIO(body), fastavro.parse_schema(json.loads(json.dumps(ORDER))), None)
        for body in found.to_pylist()
    ]  # fmt: skip
    return rows, {row: f"{each.path}: {each.reason}" for row, each in failures.items()}


def test_a_field_without_a_column_gets_its_default() -> None:
    rows, failures = written({"i": pa.array([1, 2, 3])})
    assert (rows, failures) == ([DEFAULTS | {"i": number} for number in (1, 2, 3)], {})


MOMENT = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("name", "column", "expected", "bad"),
    [
        ("i", pa.array([1, 2**31, -(2**31)]), [1, None, -(2**31)], {1: "i: 2147483648 is not a number of 32 bits"}),
        ("i", pa.array([1.0, 1.5, float("nan")]), [1, None, None], {1: "i: expected a whole number, not 1.5", 2: "i: expected a whole number, not nan"}),
        ("i", pa.array([1, None, 3]), [1, None, 3], {1: "i: null, and the schema does not allow it"}),
        ("i", pa.array(["1", "2", "3"]), [None] * 3, dict.fromkeys(range(3), "i: expected a whole number, not")),
        ("l", pa.array([None, 2**63 - 1, -5]), [None, 2**63 - 1, -5], {}),
        ("l", pa.array([2**63, 1, 2], pa.uint64()), [None, 1, 2], {0: "l: 9223372036854775808 is not a number of 64 bits"}),
        ("f", pa.array([1e39, 0.25, float("inf")]), [None, 0.25, float("inf")], {0: "f: 1e+39 is too large for 32 bits"}),
        ("f", pa.array([2**24 + 1, 2, 3]), [None, 2.0, 3.0], {0: "f: 16777217 cannot be held exactly"}),
        ("d", pa.array([Decimal("1.234"), Decimal("-9999.99"), Decimal("1.20")]), [None, Decimal("-9999.99"), Decimal("1.20")], {0: "d: 1.234 has more than 2 digits behind its point"}),
        ("d", pa.array([Decimal("12345.6"), Decimal("1.2"), Decimal(0)]), [None, Decimal("1.20"), Decimal("0.00")], {0: "d: 12345.6 has more than 4 digits before its point"}),
        ("d", pa.array([1, -128, 5]), [Decimal("1.00"), Decimal("-128.00"), Decimal("5.00")], {}),
        ("t", pa.array([MOMENT, MOMENT.replace(microsecond=1), MOMENT], pa.timestamp("us", "UTC")), [MOMENT, None, MOMENT], {1: "t: it has more digits than the milliseconds of the schema"}),
        ("t", pa.array([MOMENT.replace(tzinfo=None)] * 3, pa.timestamp("us")), [None] * 3, dict.fromkeys(range(3), "t: a time with its zone is expected")),
        ("t", pa.array(["2026-01-31T13:00:00+01:00", "x", "2026-01-31"]), [MOMENT, None, None], {1: "t: expected a time such as", 2: "t: expected a time such as"}),
        ("e", pa.array(["A", "C", "B"]).dictionary_encode(), ["A", None, "B"], {1: "e: E has no symbol 'C'"}),
        ("s", pa.array(["ä", "", "€" * 100], pa.large_string()), ["ä", "", "€" * 100], {}),
        ("s", pa.array([b"x", b"", b"y"]), [None] * 3, dict.fromkeys(range(3), "s: expected text")),
        ("s", ["a", 7, None], ["a", None, None], {1: "s: expected text, not 7", 2: "s: null, where the schema demands string"}),
        ("b", pa.array([b"", b"\xff" * 200, b"x"]), [b"", b"\xff" * 200, b"x"], {}),
        ("b", pa.array(["/w==", "!", ""]), [b"\xff", None, b""], {1: "b: expected bytes as base64"}),
        ("a", pa.array([[1, 2], [], [2**31]]), [[1, 2], [], None], {2: "a[]: 2147483648 is not a number of 32 bits"}),
        ("a", pa.array([[1, None], None, [3]]), [None, None, [3]], {0: "a[]: null, and the schema does not allow it", 1: "a: null"}),
        ("a", ["[1,2]", [3], (4,)], [[1, 2], [3], [4]], {}),
        ("m", pa.array([[("k", "v")], [], [("k", None)]], pa.map_(pa.string(), pa.string())), [{"k": "v"}, {}, None], {2: "m{}: null"}),
        ("m", [{"k": "v"}, {}, {"k": 1}], [{"k": "v"}, {}, None], {2: "m['k']: expected text, not 1"}),
        ("x", pa.array([b"ab", b"abc", b""]), [b"ab", None, None], {1: "x: expected 2 bytes, not 3", 2: "x: expected 2 bytes, not 0"}),
        ("u", pa.array(["x", None, "7"]), ["x", None, "7"], {}),
        ("u", pa.array([1, None, 3]), [1, None, 3], {}),
        ("r", pa.array([{"n": 1}, None, {"n": 2**40}]), [{"n": 1}, None, None], {2: "r.n: 1099511627776 is not a number of 32 bits"}),
        ("r", pa.array([{"n": 1, "zz": 1}, None, {"n": 2, "zz": None}]), [{"n": 1}, None, {"n": 2}], {0: "r.zz: R has no such field"}),
        ("zz", pa.array([1, None, None]), [None, ..., ...], {0: "zz: Order has no such field; it has i, l, f"}),
    ],
)  # fmt: skip
def test_each_value_that_does_not_fit_is_named_by_its_row_and_path(
    name: str, column: Any, expected: list[Any], bad: dict[int, str]
) -> None:
    rows, failures = written({name: column})
    assert {row: reason.startswith(bad[row]) for row, reason in failures.items()} == dict.fromkeys(
        bad, True
    ), failures
    for row, (found, wanted) in enumerate(zip(rows, expected, strict=True)):
        if row in bad:
            assert found is None
        elif wanted is not ...:
            assert found == DEFAULTS | {name: wanted}


def test_a_field_without_a_column_and_without_a_default_fails_every_row() -> None:
    schema = {
        "type": "record",
        "name": "O",
        "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}],
    }
    found, failures = AvroWriter(parse_schema(schema)).columns({"a": pa.array([1, 2])}, 2)
    assert found.to_pylist() == [None, None]
    assert {each.path: each.reason for each in failures.values()} == {
        "b": "the field is missing, and has no default"
    }


def test_columns_of_pandas_are_written_as_they_are() -> None:
    from brokerkit.frames.tabular import columns_of

    frame = pd.DataFrame({
        "i": [1, 2, 3],
        "l": [1.0, None, 3.0],
        "s": ["a", "b", "c"],
        "t": pd.to_datetime(["2026-01-31T12:00Z"] * 3),
        "u": ["a", None, 7],
        "r": [{"n": 1}, None, {"n": 3}],
    })  # fmt: skip
    rows, failures = written(columns_of(frame))
    assert failures == {}
    assert rows == [
        DEFAULTS | {"i": 1, "l": 1, "s": "a", "t": MOMENT, "u": "a", "r": {"n": 1}},
        DEFAULTS | {"i": 2, "l": None, "s": "b", "t": MOMENT},
        DEFAULTS | {"i": 3, "l": 3, "s": "c", "t": MOMENT, "u": 7, "r": {"n": 3}},
    ]


def test_a_recursive_value_is_written_from_objects_and_from_json_text() -> None:
    node = {"type": "record", "name": "Node", "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "Node"], "default": None}]}  # fmt: skip
    value = {"v": 1, "next": {"v": 2, "next": None}}
    writer = AvroWriter(parse_schema(node))
    assert writer.object(value) == encoded(node, value) == b"\2\2\4\0"
    found, failures = writer.columns({"v": pa.array([1]), "next": pa.array(['{"v":2}'])}, 1)
    assert (found.to_pylist(), failures) == ([b"\2\2\4\0"], {})
    deep: Any = None
    for _ in range(1000):
        deep = {"v": 1, "next": deep}
    with pytest.raises(Misfit, match="more than 200 levels deep"):
        writer.object(deep)
