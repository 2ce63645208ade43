"""Schemas and payloads that are small and ask for much are failures, soon and with little memory."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.auto.registered import RegisteredPayloads
from brokerkit.frames.codecs.avro import AvroColumns, SchemaError, parse_schema
from brokerkit.frames.codecs.varints import write_zigzag
from brokerkit.frames.decoded import Payloads
from brokerkit.registry import RegisteredSchema, SchemaRef

from ..test_registered import Source

EMPTY = {"type": "record", "name": "E", "fields": []}
ITEMS = {"type": "array", "items": EMPTY}
BLOCK = write_zigzag(65_536)


def itself() -> Any:
    return {"type": "record", "name": "R", "fields": [{"name": "r", "type": "R", "default": {}}]}


def each_holds_the_one_before(count: int) -> Any:
    found: list[Any] = []
    for number in range(count):
        fields = [{"name": "a", "type": f"R{number - 1}" if number else "int"}]
        found.append({"type": "record", "name": f"R{number}", "fields": fields})
    return found


@pytest.mark.extended
@pytest.mark.parametrize(
    ("writer", "reader"),
    [
        ({"type": "record", "name": "R", "fields": []}, itself()),
        (each_holds_the_one_before(700), None),
        (each_holds_the_one_before(700), each_holds_the_one_before(700)),
    ],
)
def test_a_schema_that_is_nested_too_deeply_is_refused(writer: Any, reader: Any) -> None:
    schemas = [None if each is None else parse_schema(json.dumps(each)) for each in (writer, reader)]
    assert schemas[0] is not None
    with pytest.raises(SchemaError):
        AvroColumns(schemas[0], schemas[1])


def test_a_schema_that_cannot_be_used_is_tried_once() -> None:
    class Target:
        title, type, tried = "t", pa.large_string(), 0

        def reader(self, schema: Any, references: Any) -> Any:
            self.tried += 1
            raise ConfigError("it unfolds to too many fields")

    target: Any = Target()
    reader = RegisteredPayloads(Source({SchemaRef("id", 7): RegisteredSchema("AVRO", '"int"')}), target)
    data = pa.array([b"\0\0\0\0\7\2"], pa.large_binary())
    for _ in range(3):
        found = reader.read(Payloads(data, None, None, "t", False))
        assert "too many fields" in found.problems[0].reason
    assert target.tried == 1


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        (ITEMS, BLOCK * 3 + b"\0"),
        ({"type": "array", "items": "null"}, BLOCK * 3 + b"\0"),
        ({"type": "array", "items": ITEMS}, b"\6" + (BLOCK + b"\0") * 3 + b"\0"),
        ({"type": "map", "values": ITEMS}, b"\4" + (b"\2k" + BLOCK + b"\0") * 2 + b"\0"),
    ],
)
def test_items_without_bytes_are_bounded_for_the_whole_payload(schema: Any, payload: bytes) -> None:
    few = payload.replace(BLOCK, b"\2")
    columns = AvroColumns(parse_schema(json.dumps(schema)))
    found, failures = columns.read(pa.array([few, payload, few], pa.large_binary()))
    assert list(failures) == [1]
    assert "items" in failures[1].reason
    assert found.is_valid().to_pylist() == [True, False, True]


def test_defaults_of_many_items_are_bounded() -> None:
    item = {"type": "record", "name": "I", "fields": [{"name": "a", "type": "int"}]}
    later = {**item, "fields": [*item["fields"], {"name": "b", "type": "string", "default": "x" * 10_000}]}
    schemas = [parse_schema(json.dumps({"type": "array", "items": each})) for each in (item, later)]
    payload = write_zigzag(50_000) + b"\2" * 50_000 + b"\0"
    found, failures = AvroColumns(*schemas).read(pa.array([payload], pa.large_binary()))
    assert found.null_count == 1
    assert "defaults" in failures[0].reason
    found, failures = AvroColumns(*schemas).read(pa.array([b"\4\2\2\0"], pa.large_binary()))
    assert [len(each["b"]) for each in found.to_pylist()[0]] == [10_000, 10_000]


def test_items_without_bytes_are_bounded_for_all_payloads_of_a_batch() -> None:
    columns = AvroColumns(parse_schema(json.dumps(ITEMS)))
    payloads = [BLOCK + b"\0"] * 40 + [b"\4\0", b"\0"]
    found, failures = columns.read(pa.array(payloads, pa.large_binary()))
    assert list(failures) == list(range(16, 40))
    assert [len(found[row].as_py()) for row in (0, 40, 41)] == [65_536, 2, 0]
