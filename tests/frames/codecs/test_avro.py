"""Avro payloads as Arrow columns, compared with what fastavro wrote and reads."""

from __future__ import annotations

import datetime
import io
import json
import math
import random
import uuid
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from brokerkit.frames.codecs.avro import AvroColumns, SchemaError, parse_schema
from brokerkit.frames.codecs.avro.fingerprint import canonical_form, fingerprint
from brokerkit.frames.json_columns import json_texts

UTC = datetime.UTC


def written(schema: Any, *values: Any) -> list[bytes]:
    parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
    payloads = []
    for value in values:
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, parsed, value)
        payloads.append(stream.getvalue())
    return payloads


def read(schema: Any, payloads: list[bytes | None]) -> tuple[pa.Array, dict[int, Any], AvroColumns]:
    columns = AvroColumns(parse_schema(json.dumps(schema)))
    values, failures = columns.read(pa.array(payloads, pa.large_binary()))
    assert values.type == columns.type
    assert len(values) == len(payloads)
    values.validate(full=True)
    return values, failures, columns


def texts(schema: Any, payloads: list[bytes | None]) -> list[str]:
    values, failures, columns = read(schema, payloads)
    assert not failures
    found: list[str] = json_texts(values, columns.field).to_pylist()
    return found


def record(**fields: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": "shop.Order",
        "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
    }


def logical(kind: Any, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


EXACT = [
    ("int", [0, -1, 2**31 - 1, -(2**31)], pa.int32()),
    ("long", [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)], pa.int64()),
    ("boolean", [True, False], pa.bool_()),
    ("double", [0.1, -0.0, 1e300, math.inf, -math.inf, 5e-324], pa.float64()),
    ("float", [0.5, -1.25, math.inf], pa.float32()),
    ("string", ["", "ü", '"\\\n\x00', "𝄞" * 100], pa.large_string()),
    ("bytes", [b"", b"\x00\xff", bytes(1000)], pa.large_binary()),
    ({"type": "fixed", "name": "F", "size": 3}, [b"abc", b"\x00\x00\xff"], pa.large_binary()),
    ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, ["B", "A"], pa.large_string()),
    (
        {"type": "array", "items": "long"},
        [[], [1], list(range(500)), [2**63 - 1, -(2**63)]],
        pa.list_(pa.int64()),
    ),
    (
        {"type": "array", "items": "string"},
        [[], ["a"], ["x" * n for n in range(200)]],
        pa.list_(pa.large_string()),
    ),
    ({"type": "array", "items": "double"}, [[], [0.5] * 300], pa.list_(pa.float64())),
    (["null", "string"], [None, "x", ""], pa.large_string()),
    (["string", "null"], [None, "x"], pa.large_string()),
]


@pytest.mark.parametrize(("schema", "values", "type"), EXACT, ids=[json.dumps(one[0])[:40] for one in EXACT])
def test_each_type_is_read_exactly(schema: Any, values: list[Any], type: pa.DataType) -> None:
    found, failures, _ = read(schema, [*written(schema, *values), None])
    assert not failures
    assert found.type.equals(type)
    assert found.to_pylist() == [*values, None]


LOGICAL = [
    (logical("int", "date"), [0, -1, 2932896], pa.date32(), ['"1970-01-01"', '"1969-12-31"', '"9999-12-31"']),
    (logical("int", "time-millis"), [0, 86_399_999], pa.time32("ms"), ['"00:00:00.000"', '"23:59:59.999"']),
    (logical("long", "time-micros"), [1], pa.time64("us"), ['"00:00:00.000001"']),
    (logical("long", "timestamp-millis"), [-1], pa.timestamp("ms", "UTC"), ['"1969-12-31T23:59:59.999Z"']),
    (logical("long", "timestamp-micros"), [-1], pa.timestamp("us", "UTC"), ['"1969-12-31T23:59:59.999999Z"']),
    (
        logical("long", "timestamp-nanos"),
        [-1],
        pa.timestamp("ns", "UTC"),
        ['"1969-12-31T23:59:59.999999999Z"'],
    ),
    (logical("long", "local-timestamp-millis"), [0], pa.timestamp("ms"), ['"1970-01-01T00:00:00.000"']),
    (logical("long", "local-timestamp-nanos"), [1], pa.timestamp("ns"), ['"1970-01-01T00:00:00.000000001"']),
    (
        logical("long", "timestamp-millis"),
        [253402300800000],
        pa.timestamp("ms", "UTC"),
        ['"+10000-01-01T00:00:00.000Z"'],
    ),
    (logical("int", "date"), [2**31 - 1], pa.date32(), ['"+5881580-07-11"']),
]


@pytest.mark.parametrize(("schema", "numbers", "type", "expected"), LOGICAL)
def test_times_keep_their_unit_and_zone(
    schema: dict[str, Any], numbers: list[int], type: pa.DataType, expected: list[str]
) -> None:
    payloads = written(schema["type"], *numbers)
    values, failures, _ = read(schema, list(payloads))
    assert not failures
    assert values.type.equals(type)
    assert texts(schema, list(payloads)) == expected


@pytest.mark.parametrize("precision", [4, 18, 19, 38, 39, 76])
@pytest.mark.parametrize("fixed", [False, True], ids=["bytes", "fixed"])
def test_decimals_keep_every_digit(precision: int, fixed: bool) -> None:
    limit = 10**precision - 1
    numbers = [0, 1, -1, limit, -limit, 127, 128, -128, -129, 255, 256]
    size = (limit.bit_length() + 8) // 8
    kind: Any = {"type": "fixed", "name": "D", "size": size} if fixed else "bytes"
    raw = [number.to_bytes(size, "big", signed=True) for number in numbers]
    schema = (
        {**kind, "logicalType": "decimal", "precision": precision, "scale": 2}
        if fixed
        else logical("bytes", "decimal", precision=precision, scale=2)
    )
    values, failures, _ = read(schema, list(written(kind, *raw)))
    assert not failures
    assert values.to_pylist() == [
        Decimal(number).scaleb(-2) if precision < 28 else _exact(number) for number in numbers
    ]


def _exact(number: int) -> Decimal:
    sign, digits = (1 if number < 0 else 0), tuple(map(int, str(abs(number))))
    return Decimal((sign, digits, -2))


def test_a_decimal_with_more_digits_than_declared_is_a_failure_and_not_rounded() -> None:
    schema = logical("bytes", "decimal", precision=4, scale=2)
    values, failures, _ = read(
        schema, list(written("bytes", b"\x07\x5b\xcd\x15", b"\x27\x0f", bytes(40) + b"\x01"))
    )
    assert values.to_pylist() == [None, Decimal("99.99"), Decimal("0.01")]
    assert failures[0].reason == "more than 4 digits"


def test_uuids_are_text() -> None:
    one = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
    schema = {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}
    values, _, _ = read(schema, list(written({"type": "fixed", "name": "U", "size": 16}, one.bytes)))
    assert values.to_pylist() == [str(one)]
    assert texts(logical("string", "uuid"), list(written("string", str(one)))) == [f'"{one}"']


def test_a_duration_keeps_months_days_and_milliseconds() -> None:
    schema = {"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}
    payload = (1).to_bytes(4, "little") + (2).to_bytes(4, "little") + (2**32 - 1).to_bytes(4, "little")
    assert texts(schema, [payload]) == ['{"months":1,"days":2,"milliseconds":4294967295}']


def test_a_union_of_several_types_keeps_each_branch() -> None:
    inner = {"type": "record", "name": "I", "fields": [{"name": "x", "type": "boolean"}]}
    schema = record(u=["null", "string", "long", "double", inner, {"type": "array", "items": "int"}])
    values = [{"u": value} for value in (None, "1", 1, 1.5, {"x": True}, [1, 2])]
    payloads = written(schema, *values)
    assert texts(schema, list(payloads)) == [
        '{"u":null}', '{"u":"1"}', '{"u":1}', '{"u":1.5}', '{"u":{"x":true}}', '{"u":[1,2]}'
    ]  # fmt: skip
    found, _, _ = read(schema, list(payloads))
    assert found.field("u")[2].as_py() == {
        "string": None,
        "long": 1,
        "double": None,
        "shop.I": None,
        "array": None,
    }


def test_a_recursive_value_is_json_text_inside() -> None:
    schema = {
        "type": "record",
        "name": "Tree",
        "fields": [
            {"name": "v", "type": "long"},
            {"name": "kids", "type": {"type": "array", "items": "Tree"}},
        ],
    }
    tree = {"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}
    found = texts(schema, list(written(schema, tree, {"v": 9, "kids": []})))
    assert json.loads(found[0]) == tree
    values, _, _ = read(schema, list(written(schema, tree)))
    assert json.loads(values.field("kids")[0].as_py()[1]) == tree["kids"][1]  # type: ignore[index]


def test_a_recursion_without_end_is_a_failure() -> None:
    schema = {"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}
    _, failures, _ = read(schema, [b"\x02" * 5000 + b"\x00"])
    assert "levels deep" in failures[0].reason


def test_maps_keep_their_entries_in_order() -> None:
    schema = {"type": "map", "values": ["null", "long"]}
    assert texts(schema, list(written(schema, {"b": 1, "a": None}, {}))) == ['{"b":1,"a":null}', "{}"]


def test_blocks_with_sizes_and_several_blocks_are_read() -> None:
    # two items in a block with its size in bytes, one in a block without, the end
    values, failures, _ = read({"type": "array", "items": "int"}, [b"\x03\x04\x02\x04\x02\x06\x00"])
    assert not failures
    assert values.to_pylist() == [[1, 2, 3]]


HOSTILE = [
    ("long", b"", 0, "a number runs past the end, or over 64 bits"),
    ("long", b"\x80" * 9 + b"\x02", 0, "a number runs past the end, or over 64 bits"),
    ("long", b"\x80" * 12 + b"\x00", 0, "a number runs past the end, or over 64 bits"),
    ("long", b"\x02\x02", 1, "bytes are left over behind the value"),
    ("int", b"\x80\x80\x80\x80\x10", 0, "not a number of 32 bits"),
    ("boolean", b"\x02", 0, "not a boolean: expected one byte, 0 or 1"),
    ("string", b"\x08abc", 0, "a length that runs past the end"),
    ("string", b"\x01", 0, "a length that runs past the end"),
    ("string", b"\x02\xff", 1, "not UTF-8 text"),
    ("double", b"\x00" * 7, 0, "8 bytes were expected"),
    (["null", "long"], b"\x01", 0, "not one of the 2 branches of a union"),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x01", 0, "not one of 1 symbols"),
    (
        {"type": "array", "items": "long"},
        b"\xfe\xff\xff\xff\x0f",
        0,
        "a block with more items than there are bytes",
    ),
    (
        {"type": "array", "items": "null"},
        b"\xfe\xff\xff\xff\xff\xff\xff\x0f\x00",
        0,
        "a block with more items than there are bytes",
    ),
    ({"type": "array", "items": "long"}, b"\x04\x02\x80", 2, "a number runs past the end, or over 64 bits"),
]


@pytest.mark.parametrize(("schema", "payload", "offset", "reason"), HOSTILE)
def test_a_bad_payload_names_the_byte_and_the_reason_and_spoils_no_other(
    schema: Any, payload: bytes, offset: int, reason: str
) -> None:
    values, failures, _ = read(schema, [None, payload, None, payload])
    assert values.null_count == 4
    assert {row: (one.offset, one.reason) for row, one in failures.items()} == {
        1: (offset, reason),
        3: (offset, reason),
    }


def test_a_failure_names_the_path() -> None:
    schema = record(
        lines={"type": "array", "items": {**record(price="double", name="string"), "name": "Line"}}
    )
    (good,) = written(schema, {"lines": [{"price": 1.0, "name": "a"}, {"price": 2.0, "name": "b"}]})
    bad = good[:-2] + b"\xff\x00"
    values, failures, _ = read(schema, [good, bad, good])
    assert failures[1].path == "lines[].name"
    assert failures[1].offset == len(bad) - 2
    assert [value is not None for value in values.to_pylist()] == [True, False, True]


def test_payloads_may_begin_after_a_frame() -> None:
    columns = AvroColumns(parse_schema('"long"'))
    payloads = pa.array([b"\x00\x00\x00\x00\x01\x0e", b"\x0e"], pa.large_binary())
    values, failures = columns.read(payloads, [5, 0])
    assert values.to_pylist() == [7, 7]
    assert not failures
    values, failures = columns.read(payloads.slice(1), [0])
    assert values.to_pylist() == [7]


def test_mutated_payloads_are_read_as_fastavro_does_or_refused() -> None:
    schema = record(
        id="long",
        name="string",
        price=["null", "double"],
        tags={"type": "array", "items": "string"},
        counts={"type": "map", "values": "long"},
        kind={"type": "enum", "name": "K", "symbols": ["A", "B"]},
        either=["string", "long", "boolean"],
    )
    values = [
        {
            "id": n,
            "name": "n" * (n % 7),
            "price": n / 4,
            "tags": ["t"] * (n % 40),
            "counts": {"c": n},
            "kind": "A",
            "either": n,
        }
        for n in range(100)
    ]
    chance = random.Random(7)
    payloads = [_mutated(payload, chance) for payload in written(schema, *values) for _ in range(30)]
    parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
    columns = AvroColumns(parse_schema(json.dumps(schema)))
    found, failures = columns.read(pa.array(payloads, pa.large_binary()))
    accepted = 0
    for row, (payload, text) in enumerate(
        zip(payloads, json_texts(found, columns.field).to_pylist(), strict=True)
    ):
        if row in failures:
            assert 0 <= failures[row].offset <= len(payload)
            continue
        accepted += 1
        expected = fastavro.schemaless_reader(io.BytesIO(payload), parsed, None)
        assert json.dumps(json.loads(text)) == json.dumps(expected)
    assert 100 < accepted < len(payloads) - 100


def _mutated(payload: bytes, chance: random.Random) -> bytes:
    data = bytearray(payload)
    for _ in range(chance.randrange(3)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[place : place + chance.randrange(4)]
            case 2:
                data.insert(place, chance.randrange(256))
            case _:
                del data[place:]
    return bytes(data)


def test_a_schema_that_is_wrong_says_where() -> None:
    for schema, text in [
        ("{", "an Avro schema is JSON"),
        ('"Missing"', "not declared"),
        ('{"type": "record", "name": "r", "fields": [{"name": "a", "type": "b"}]}', "a: the type 'b'"),
        ('["null", "null"]', "two branches of one type"),
        ('{"type": "fixed", "name": "f", "size": -1}', "size"),
    ]:
        with pytest.raises(SchemaError, match=text):
            parse_schema(schema)


def test_a_small_schema_that_unfolds_to_millions_of_fields_is_refused() -> None:
    schema: Any = "long"
    for level in range(30):
        inner = schema if level == 0 else {**schema}
        name = f"R{level}"
        schema = {
            "type": "record",
            "name": name,
            "fields": [
                {"name": "a", "type": inner},
                {"name": "b", "type": inner if level == 0 else f"R{level - 1}"},
            ],
        }
    with pytest.raises(SchemaError, match="unfolds to more than"):
        AvroColumns(parse_schema(json.dumps(schema)))


@pytest.mark.parametrize(
    "schema",
    [
        "long",
        ["null", "string"],
        record(id=logical("long", "timestamp-millis"), kind={"type": "enum", "name": "K", "symbols": ["A"]}),
        {
            "type": "record",
            "name": "L",
            "namespace": "n",
            "fields": [{"name": "next", "type": ["null", "L"]}],
        },
    ],
)
def test_the_fingerprint_is_that_of_the_specification(schema: Any) -> None:
    parsed = parse_schema(json.dumps(schema))
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    assert canonical_form(parsed) == canonical
    expected = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
    assert fingerprint(parsed).to_bytes(8, "little").hex() == expected


def test_lists_of_nulls_inside_other_lists_are_read() -> None:
    schema = {"type": "map", "values": {"type": "array", "items": "null"}}
    values = [{"a": [None]}, {}, {"a": [], "b": [None, None]}]
    bodies = []
    for value in values:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, value)
        bodies.append(out.getvalue())
    found, failures = AvroColumns(parse_schema(schema)).read(pa.array(bodies, pa.large_binary()))
    assert not failures
    assert [dict(each) for each in found.to_pylist()] == values
