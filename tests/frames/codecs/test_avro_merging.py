"""The union of several Avro schemas holds what each of them wrote."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from brokerkit.frames.codecs.avro import AvroColumns, parse_schema
from brokerkit.frames.codecs.avro.merging import merged
from brokerkit.frames.json_columns import json_texts
from brokerkit.frames.json_exact import read as read_json

from .avro_schemas import ordered, schemas
from .test_avro import record, written

MERGED = [
    (["int", "long"], pa.int64()),
    (["int", "double"], pa.float64()),
    (["float", "double"], pa.float64()),
    (["long", "double"], pa.struct([("long", pa.int64()), ("double", pa.float64())])),
    (["string", "bytes"], pa.struct([("string", pa.large_string()), ("bytes", pa.large_binary())])),
    (["null", "int"], pa.int32()),
    ([["null", "int"], "string", "long"], pa.struct([("long", pa.int64()), ("string", pa.large_string())])),
    ([{"type": "array", "items": "int"}, {"type": "array", "items": "long"}], pa.list_(pa.int64())),
    ([{"type": "long", "logicalType": "timestamp-millis"}, {"type": "long", "logicalType": "timestamp-micros"}],
     pa.timestamp("us", "UTC")),
    ([{"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 1},
      {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 3}], pa.decimal128(8, 3)),
    ([{"type": "enum", "name": "E", "symbols": ["A"]}, {"type": "enum", "name": "E", "symbols": ["B"]}],
     pa.large_string()),
    ([record(a="int"), record(b="string")], pa.struct([("b", pa.large_string()), ("a", pa.int32())])),
]  # fmt: skip


@pytest.mark.parametrize(("versions", "type"), MERGED)
def test_the_union_of_schemas_has_the_type_that_holds_all_of_them(versions: list[Any], type: Any) -> None:
    union = merged([parse_schema(json.dumps(each)) for each in versions])
    assert AvroColumns(union).type == type


@pytest.mark.parametrize("order", list(permutations(["float", "int", "long"])))
def test_whole_numbers_stay_exact_beside_a_float(order: tuple[str, ...]) -> None:
    union = merged([parse_schema(json.dumps(record(a=kind))) for kind in order])
    for kind, value in (("int", 2**31 - 1), ("long", 2**63 - 1), ("float", 0.5)):
        payloads: Any = pa.array(written(record(a=kind), {"a": value}), pa.large_binary())
        found, failures = AvroColumns(parse_schema(json.dumps(record(a=kind))), union).read(payloads)
        assert not failures
        assert value in found[0].as_py()["a"].values()


def _renamed(kind: str, name: str, *former: str) -> Any:
    of_kind = {"enum": {"symbols": ["X"]}, "fixed": {"size": 1}, "record": {"fields": []}}
    return {"type": kind, "name": name, "aliases": list(former), **of_kind[kind]}


@pytest.mark.parametrize("kind", ["long", "enum", "fixed", "record"])
def test_a_field_or_type_that_was_renamed_twice_keeps_its_values(kind: str) -> None:
    versions, names = [], "abc"
    for number, name in enumerate(names):
        former = list(names[max(0, number - 1) : number])
        type = "long" if kind == "long" else _renamed(kind, name.upper(), *map(str.upper, former))
        field = {"name": name, "type": type, "aliases": former, "default": 0}
        if kind != "long":
            field.pop("default")
        versions.append({"type": "record", "name": "R", "fields": [field]})
    union = merged([parse_schema(json.dumps(each)) for each in versions])
    value = {"long": 7, "enum": "X", "fixed": b"x", "record": {}}[kind]
    for name, version in zip(names, versions, strict=True):
        payloads: Any = pa.array(written(version, {name: value}), pa.large_binary())
        found, failures = AvroColumns(parse_schema(json.dumps(version)), union).read(payloads)
        assert (found.to_pylist(), failures) == ([{"c": value}], {})


_ODD = {"logicalType", "float"}


def _words(schema: Any) -> list[str]:
    return json.dumps(schema).split('"')


@st.composite
def versions(draw: DrawFn) -> list[tuple[Any, Any]]:
    """Records of one name with fields of any types, and a value of each."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        fields, value = [], {}
        for name in draw(st.permutations("abc"))[: draw(st.integers(1, 3))]:
            # which logical type counts, and how a float is written, is tested above
            schema, values = draw(schemas(depth=1).filter(lambda each: not _ODD & set(_words(each[0]))))
            text = json.dumps(schema).replace('"N', f'"{name}{len(found)}N')
            fields.append({"name": name, "type": json.loads(text)})
            value[name] = draw(values)
        found.append(({"type": "record", "name": "R", "fields": fields}, value))
    return found


@pytest.mark.extended
@given(versions())
@settings(max_examples=40, deadline=None)
def test_what_each_schema_wrote_is_the_same_in_the_union(given: list[tuple[Any, Any]]) -> None:
    parsed = [parse_schema(json.dumps(schema)) for schema, _ in given]
    union = merged(parsed)
    for (schema, value), writer in zip(given, parsed, strict=True):
        payloads: Any = pa.array(written(schema, value), pa.large_binary())
        columns = AvroColumns(writer, union)
        found, failures = columns.read(payloads)
        assert not failures
        own = AvroColumns(writer)
        (text,) = json_texts(found, columns.field).to_pylist()
        (expected,) = json_texts(own.read(payloads)[0], own.field).to_pylist()
        fields = read_json(text).value
        there = {name: each for name, each in fields.items() if name in value}
        assert _plain(there) == _plain(read_json(expected).value)
        assert all(fields[name] is None for name in fields.keys() - value.keys())


def _plain(value: Any) -> str:
    """A value as text, in which 1 and 1.0 are the same number."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name!r}:{_plain(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return f"[{','.join(map(_plain, value))}]"
    return repr(float(value)) if type(value) is int and abs(value) < 2**53 else ordered(value)
