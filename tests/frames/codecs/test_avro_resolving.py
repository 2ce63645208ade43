"""Avro payloads of one schema read with another, by Avro's rules and compared with fastavro."""

from __future__ import annotations

import copy
import io
import json
from datetime import date
from datetime import time as clock
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from brokerkit.frames.codecs.avro import AvroColumns, parse_schema
from brokerkit.frames.json_columns import json_texts
from brokerkit.frames.json_exact import read as read_json

from .avro_schemas import schemas
from .test_avro import record, written


def resolved(writer: Any, reader: Any, *values: Any) -> tuple[list[Any], dict[int, str], pa.DataType]:
    """Read what fastavro wrote with one schema as values of another."""
    payloads: Any = pa.array(written(writer, *values), pa.large_binary())
    columns = AvroColumns(parse_schema(json.dumps(writer)), parse_schema(json.dumps(reader)))
    found, failures = columns.read(payloads)
    found.validate(full=True)
    assert found.type == columns.type == AvroColumns(parse_schema(json.dumps(reader))).type
    reasons = {row: f"{one.path}: {one.reason}" for row, one in failures.items()}
    assert all((row in reasons) <= (value is None) for row, value in enumerate(found.to_pylist()))
    return found.to_pylist(), reasons, columns.type


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def decimal(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def long(logical: str) -> dict[str, Any]:
    return {"type": "long", "logicalType": logical}


def time(unit: str) -> dict[str, Any]:
    return {"type": "int" if unit == "millis" else "long", "logicalType": f"time-{unit}"}


@pytest.mark.parametrize(
    ("writer", "reader", "most"),
    [("millis", "nanos", 9_223_372_036_854), ("micros", "nanos", 9_223_372_036_854_775),
     ("millis", "micros", 9_223_372_036_854_775)],
)  # fmt: skip
def test_a_time_that_a_finer_unit_cannot_hold_is_a_failure(writer: str, reader: str, most: int) -> None:
    columns = AvroColumns(*(parse_schema(json.dumps(long(f"timestamp-{unit}"))) for unit in (writer, reader)))
    payloads: Any = pa.array(written("long", most, most + 1, -most, -most - 1), pa.large_binary())
    found, failures = columns.read(payloads)
    assert list(failures) == [1, 3]
    factor = {"nanos": 10**9, "micros": 10**6}[reader] // {"micros": 10**6, "millis": 10**3}[writer]
    assert [found.view(pa.int64())[row].as_py() for row in (0, 2)] == [most * factor, -most * factor]


PROMOTED = [
    ("int", "long", [-(2**31), 7], [-(2**31), 7]),
    ("int", "float", [16_777_216, -(2**31)], [16_777_216.0, -2147483648.0]),
    ("int", "double", [-(2**31), 2**31 - 1], [-2147483648.0, 2147483647.0]),
    ("long", "float", [2**53, 2**62], [9007199254740992.0, 2.0**62]),
    ("long", "double", [2**53, -(2**63)], [9007199254740992.0, -(2.0**63)]),
    ("float", "double", [0.1], [0.10000000149011612]),
    ("string", "bytes", ["ü"], ["ü".encode()]),
    ("bytes", "string", ["ü".encode()], ["ü"]),
    (enum("A", "B"), enum("B", "C", default="C"), ["A", "B"], ["C", "B"]),
    (["null", "int"], ["long", "null"], [None, 3], [None, 3]),
    (["int", "null"], "double", [3], [3.0]),
    ("string", ["null", "string"], ["a"], ["a"]),
    ("int", ["null", "double", "string"], [1], [{"double": 1.0, "string": None}]),
    (["string", "bytes"], ["bytes", "string"], ["a", b"\xff"],
     [{"bytes": None, "string": "a"}, {"bytes": b"\xff", "string": None}]),
    (["null", "string", "int"], ["int", "null", "string"], [None, "a", 1],
     [None, {"int": None, "string": "a"}, {"int": 1, "string": None}]),
    ({"type": "array", "items": "int"}, {"type": "array", "items": ["null", "long"]}, [[1, 2], []], [[1, 2], []]),
    ({"type": "map", "values": "float"}, {"type": "map", "values": "double"}, [{"a": 0.5}], [[("a", 0.5)]]),
    (decimal(4, 2), decimal(9, 3), [Decimal("-12.34")], [Decimal("-12.340")]),
    (decimal(9, 2), decimal(12, 2), [Decimal("1.10")], [Decimal("1.10")]),
    ("long", long("timestamp-millis"), [1], ["1970-01-01T00:00:00.001Z"]),
    ("int", {"type": "int", "logicalType": "date"}, [-1], [date(1969, 12, 31)]),
    ("bytes", decimal(9, 2), [b"\x04\xd2", b"\xff"], [Decimal("12.34"), Decimal("-0.01")]),
    ({"type": "fixed", "name": "F", "size": 2},
     {"type": "fixed", "name": "F", "size": 2, "logicalType": "decimal", "precision": 4, "scale": 1},
     [b"\x00\x0c"], [Decimal("1.2")]),
    (long("timestamp-millis"), long("timestamp-micros"), [-1], ["1969-12-31T23:59:59.999Z"]),
    (long("timestamp-micros"), "long", [-1], [-1]),
    (time("millis"), time("micros"), [86_399_999], [clock(23, 59, 59, 999_000)]),
    ({"type": "string", "logicalType": "uuid"}, "bytes", ["a"], [b"a"]),
]  # fmt: skip


@pytest.mark.parametrize(("writer", "reader", "values", "expected"), PROMOTED)
def test_a_value_is_promoted_to_the_type_of_the_reader(
    writer: Any, reader: Any, values: list[Any], expected: list[Any]
) -> None:
    found, failures, type = resolved(writer, reader, *values)
    assert not failures
    if pa.types.is_timestamp(type):
        found = [each.isoformat(timespec="milliseconds").replace("+00:00", "Z") for each in found]
    assert found == expected


def test_fields_are_matched_by_name_and_alias_and_missing_ones_have_their_default() -> None:
    writer = record(gone={"type": "map", "values": ["null", "string"]}, b="int", old="string")
    reader = record()
    reader["fields"] = [
        {"name": "name", "type": "string", "aliases": ["old"]},
        {"name": "b", "type": "long"},
        {"name": "price", "type": decimal(6, 2), "default": "\u0001\u0000"},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": ["x", "y"]},
        {"name": "who", "type": ["null", record(a="int") | {"name": "W"}], "default": None},
        {"name": "at", "type": {"type": "record", "name": "P", "fields": [
            {"name": "x", "type": "float", "default": 1.5}]}, "default": {}},
    ]  # fmt: skip
    value = {"gone": {"k": "v", "n": None}, "b": 5, "old": "a"}
    found, failures, _ = resolved(writer, reader, value, value)
    assert not failures
    assert (
        found
        == [
            {
                "name": "a",
                "b": 5,
                "price": Decimal("2.56"),
                "tags": ["x", "y"],
                "who": None,
                "at": {"x": 1.5},
            }
        ]
        * 2
    )


MISFITS = [
    (record(a="string"), record(a="int"), {"a": "x"}, "a: string does not fit int"),
    (record(a="int"), record(a="int", b="int"), {"a": 1}, "b: shop.Order was written without the field 'b'"),
    ({"type": "array", "items": record(a="int")}, {"type": "array", "items": record(a="int", b="int")}, [{"a": 1}],
     "[].b: shop.Order was written without the field 'b'"),
    (record(a=["null", "int"]), record(a="int"), {"a": None}, "a: null does not fit int"),
    (record(a="int"), {**record(a="int"), "name": "shop.Other"}, {"a": 1}, "shop.Order is not shop.Other"),
    (enum("A", "B"), enum("A"), "B", "a symbol that the reader's schema does not have"),
    ("string", ["null", "int"], "x", "string is none of null, int"),
    (decimal(4, 2), decimal(4, 1), Decimal("0.12"), "does not fit decimal128(4, 1)"),
    (long("timestamp-micros"), long("timestamp-millis"), 1, "does not fit timestamp[ms, tz=UTC]"),
    ({"type": "int", "logicalType": "date"}, {"type": "int", "logicalType": "time-millis"}, 1, "int (date)"),
    ({"type": "fixed", "name": "F", "size": 1}, {"type": "fixed", "name": "F", "size": 2}, b"a", "1 bytes"),
    ("double", "float", 1.0, "double does not fit float"),
    ("int", "float", 16_777_217, "does not fit float exactly"),
    ("int", "float", 2**31 - 1, "does not fit float exactly"),
    ("long", "float", 2**53 + 1, "does not fit float exactly"),
    ("long", "double", 2**53 + 1, "does not fit double exactly"),
    ("long", "double", -(2**63) + 1, "does not fit double exactly"),
    ("long", "double", 2**63 - 1, "does not fit double exactly"),
    ("string", decimal(9, 2), "12", "string does not fit bytes (decimal)"),
    (decimal(9, 2), "string", Decimal("0.10"), "bytes (decimal) does not fit string"),
    (decimal(80, 2), decimal(9, 4), Decimal("0.10"), "bytes (decimal) does not fit"),
    ("bytes", decimal(2, 0), b"\x64", "more than 2 digits"),
    (long("local-timestamp-millis"), long("timestamp-millis"), 5, "does not fit long (timestamp-millis)"),
    (long("timestamp-micros"), long("local-timestamp-millis"), 5, "does not fit long (local-"),
    ({"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"},
     {"type": "fixed", "name": "F", "size": 16, "logicalType": "decimal", "precision": 9}, b"a" * 16, "F (uuid)"),
]  # fmt: skip


@pytest.mark.parametrize(("writer", "reader", "value", "reason"), MISFITS)
def test_a_value_that_the_reader_cannot_hold_is_a_failure_of_its_row(
    writer: Any, reader: Any, value: Any, reason: str
) -> None:
    found, failures, _ = resolved(writer, reader, value)
    assert found == [None]
    assert reason in failures[0]


def test_only_the_rows_with_a_value_that_does_not_fit_fail() -> None:
    writer = record(items={"type": "array", "items": ["null", "string", "int"]}, n="int")
    reader = record(items={"type": "array", "items": ["null", "int"]}, n="long")
    values = [{"items": [1, None], "n": 1}, {"items": ["x"], "n": 2}, {"items": [], "n": 3}]
    found, failures, _ = resolved(writer, reader, *values)
    assert [each and each["n"] for each in found] == [1, None, 3]
    assert list(failures) == [1]
    assert failures[1].startswith("items[]: string")


def test_a_recursive_schema_is_read_with_a_later_version_of_itself() -> None:
    writer = {
        "type": "record",
        "name": "Node",
        "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "Node"]}],
    }
    reader = copy.deepcopy(writer)
    reader["fields"][0]["type"] = "long"
    reader["fields"].append({"name": "note", "type": "string", "default": "-"})
    value = {"v": 1, "next": {"v": 2, "next": {"v": 3, "next": None}}}
    found, failures, _ = resolved(writer, reader, value)
    assert not failures
    assert (found[0]["v"], found[0]["note"]) == (1, "-")
    inner = json.loads(found[0]["next"])
    assert inner == {"v": 2, "next": {"v": 3, "next": None, "note": "-"}, "note": "-"}


def test_an_alias_of_a_type_stands_for_its_former_name() -> None:
    reader = {**record(a="long"), "name": "shop.Sale", "aliases": ["Order"]}
    found, failures, _ = resolved(record(a="int"), reader, {"a": 1})
    assert (found, failures) == ([{"a": 1}], {})


def test_an_alias_counts_more_than_a_name_without_its_namespace() -> None:
    def named(name: str, field: str, **more: Any) -> dict[str, Any]:
        fields = [{"name": field, "type": "int", "default": 0}]
        return {"type": "record", "name": name, "fields": fields, **more}

    branches = [named("b.G", "y", aliases=["a.F"]), named("b.F", "x", aliases=["a.G"])]
    found, failures, _ = resolved(named("a.G", "x"), branches, {"x": 7})
    assert (found, failures) == ([{"b.G": None, "b.F": {"x": 7}}], {})


def test_a_default_that_bytes_cannot_hold_is_none() -> None:
    reader = record(a="int")
    reader["fields"].append({"name": "b", "type": "bytes", "default": "\u0100a"})
    found, failures, _ = resolved(record(a="int"), reader, {"a": 1})
    assert found == [None]
    assert "without the field 'b'" in failures[0]


def _changed(draw: DrawFn, schema: Any) -> Any:
    """Return a later version of a schema, which may or may not fit."""
    if isinstance(schema, list):
        changed = [each for each in (_changed(draw, each) for each in schema) if not isinstance(each, list)]
        named = {each if isinstance(each, str) else each["type"]: each for each in changed}
        # the branch of the same type comes first, as in the Java library; fastavro takes the first that fits
        for better, other in (("string", "bytes"), ("double", "float")):
            if better in named:
                named.pop(other, None)
        branches = draw(st.permutations(list(named.values()) or schema))
        branches = (
            branches[: draw(st.integers(1, len(branches)))] if draw(st.integers(0, 4)) == 0 else branches
        )
        return sorted(
            branches,
            key=lambda each: (
                ["long", "float", "double"].index(each) if each in ("long", "float", "double") else -1
            ),
        )
    if isinstance(schema, str):
        wider = {"int": ["long", "float", "double"], "long": ["double", "float"], "float": ["double"],
                 "string": ["bytes"], "bytes": ["string"]}  # fmt: skip
        return draw(
            st.sampled_from(
                [schema, schema, *wider.get(schema, []), ["null", schema]] if schema != "null" else [schema]
            )
        )
    schema = dict(schema)
    if schema["type"] == "array":
        schema["items"] = _changed(draw, schema["items"])
    elif schema["type"] == "map":
        schema["values"] = _changed(draw, schema["values"])
    elif schema["type"] == "enum":
        symbols = draw(st.permutations(["A", "B", "LONG_NAME", "NEW"]))
        schema["symbols"] = symbols[: draw(st.integers(2, 4))]
        if draw(st.booleans()):
            schema["default"] = schema["symbols"][0]
    elif schema["type"] == "record":
        fields = [dict(each, type=_changed(draw, each["type"])) for each in schema["fields"]]
        fields = [each for each in draw(st.permutations(fields)) if draw(st.integers(0, 3))]
        for each in fields:
            if draw(st.integers(0, 4)) == 0:
                each["aliases"], each["name"] = [each["name"]], f"{each['name']}_new"
        if draw(st.booleans()):
            kind, default = draw(
                st.sampled_from([("int", 5), ("string", "d"), (["null", "long"], None), ("double", 0.5)])
            )
            fields.append({"name": "added", "type": kind, "default": default})
        schema["fields"] = fields
    return schema


@st.composite
def pairs(draw: DrawFn) -> tuple[Any, Any, list[Any]]:
    """A writer's schema, a reader's, and values of the writer's."""
    writer, values = draw(schemas())
    return writer, _changed(draw, writer), draw(st.lists(values, min_size=1, max_size=4))


@given(pairs())
@settings(max_examples=30, deadline=None)
def test_what_was_written_is_read_as_fastavro_reads_it_with_another_schema(
    pair: tuple[Any, Any, list[Any]],
) -> None:
    writer, reader, values = pair
    parsed = [fastavro.parse_schema(copy.deepcopy(each)) for each in (writer, reader)]
    payloads = []
    for value in values:
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, parsed[0], value)
        payloads.append(stream.getvalue())
    columns = AvroColumns(parse_schema(json.dumps(writer)), parse_schema(json.dumps(reader)))
    found, failures = columns.read(pa.array(payloads, pa.large_binary()))
    found.validate(full=True)
    texts = json_texts(found, columns.field).to_pylist()
    for row, payload in enumerate(payloads):
        expected: Any = None
        refused: Exception | None = None
        try:
            expected = fastavro.schemaless_reader(io.BytesIO(payload), *parsed)
        except Exception as error:
            refused = error
        if row in failures and failures[row].reason.endswith(("fit float exactly", "fit double exactly")):
            continue  # fastavro rounds it
        assert (row in failures) == (refused is not None), f"{failures.get(row)} {refused!r} {expected!r}"
        if refused is not None:
            continue
        data = written(reader, expected)
        again, wrong = AvroColumns(parse_schema(json.dumps(reader))).read(pa.array(data, pa.large_binary()))
        assert not wrong
        # what fastavro read, written with the reader's schema, is the same value
        assert repr(read_json(texts[row]).value) == repr(
            read_json(json_texts(again, columns.field)[0].as_py()).value
        )
