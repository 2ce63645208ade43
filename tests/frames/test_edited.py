"""A row that was read and then edited is written in its own format, with its own schema and layers."""

from __future__ import annotations

import base64
import datetime
import gzip
import io
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import cbor2
import fastavro
import msgspec
import pyarrow as pa
import pytest
from google.protobuf import descriptor_pb2, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.frames.auto.declared import NOTHING, Declared
from brokerkit.frames.auto.reading import read_payload
from brokerkit.frames.auto.writing import RegisteredWriting, written
from brokerkit.frames.codecs.protobuf import ProtobufSchema
from brokerkit.frames.outbound import messages_from_frame
from brokerkit.registry import RegisteredSchema, SchemaRef

from .test_registered import GOLDEN, LONG, Source, decoded, frame, golden_source

MOMENT = datetime.datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=datetime.UTC)
ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "blob", "type": "bytes"},
        {"name": "note", "type": ["null", "string", "bytes"], "default": None},
        {"name": "how", "type": {"type": "enum", "name": "How", "symbols": ["CARD", "CASH"]}},
        {"name": "tags", "type": {"type": "map", "values": ["int", "double", "string"]}},
        {"name": "parts", "type": {"type": "array", "items": ["string", "bytes"]}},
        {"name": "rate", "type": "double", "default": 1.5},
    ],
}
VALUE: dict[str, Any] = {
    "id": 2**62 + 1, "price": Decimal("1234567.89"), "at": MOMENT, "day": datetime.date(1969, 7, 20),
    "blob": b"\x00\xff", "note": b"abc", "how": "CASH", "tags": {"a": 1, "b": 1.0, "c": "1"},
    "parts": [b"abcd", "abcd"], "rate": float("nan"),
}  # fmt: skip


def avro(value: Any, schema: Any = ORDER) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return out.getvalue()


def unavro(body: bytes, schema: Any = ORDER) -> Any:
    stream = io.BytesIO(body)
    value = fastavro.schemaless_reader(stream, fastavro.parse_schema(json.loads(json.dumps(schema))), None)
    assert not stream.read()
    return value


def edited(source: Source, payload: bytes, change: tuple[str, str]) -> Any:
    """What is sent for a row of which a part of the text was replaced: its payload or its error."""
    made = frame(source, [payload, payload])
    text = made["value"][0]
    assert change[0] in text
    made.loc[1, "value"] = text.replace(*change)
    first, second = messages_from_frame(made)
    assert isinstance(first, OutboundMessage)
    assert first.data == payload
    return second.data if isinstance(second, OutboundMessage) else str(second)


SOURCE = Source({SchemaRef("id", 7): RegisteredSchema("AVRO", json.dumps(ORDER))})
HEAD = b"\0\0\0\0\7"
CHANGES: list[tuple[tuple[str, str], dict[str, Any]]] = [
    (("4611686018427387905", "-9223372036854775808"), {"id": -(2**63)}),
    (("1234567.89", "-9999999999.99"), {"price": Decimal("-9999999999.99")}),
    (("12:00:00.123456Z", "14:00:00.5+02:00"), {"at": MOMENT.replace(microsecond=500_000)}),
    (("1969-07-20", "0001-01-01"), {"day": datetime.date(1, 1, 1)}),
    (('"AP8="', '"/wA="'), {"blob": b"\xff\0"}),
    (('"YWJj"', "null"), {"note": None}),
    (('"YWJj"', '"no base64!"'), {"note": "no base64!"}),
    (("CASH", "CARD"), {"how": "CARD"}),
    (('"a":1', '"a":2,"d":2.5'), {"tags": {"a": 2, "d": 2.5, "b": 1.0, "c": "1"}}),
    (('["YWJjZA=="', '["first","YWJjZA=="'), {"parts": ["first", b"abcd", "abcd"]}),
    ((',"rate":NaN', ""), {"rate": 1.5}),
    (("NaN", "-Infinity"), {"rate": float("-inf")}),
]


@pytest.mark.parametrize("layered", [False, True])
@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_an_edited_avro_row_is_written_with_its_own_schema(
    change: tuple[str, str], expected: dict[str, Any], layered: bool
) -> None:
    payload = HEAD + avro(VALUE)
    sent = edited(SOURCE, gzip.compress(payload) if layered else payload, change)
    assert isinstance(sent, bytes), sent
    sent = gzip.decompress(sent) if layered else sent
    assert sent[:5] == HEAD
    found, wanted = unavro(sent[5:]), VALUE | expected
    assert repr(found) == repr({name: wanted[name] for name in VALUE}) or found == wanted
    assert {name: type(each) for name, each in found.items()} == {
        name: type(each) for name, each in wanted.items()
    }


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (
            ("4611686018427387905", "9223372036854775808"),
            "id: 9223372036854775808 is not a number of 64 bits",
        ),
        (("4611686018427387905", "1.5"), "id: expected a whole number, not 1.5"),
        (("4611686018427387905", "null"), "id: null, where the schema demands long"),
        (("1234567.89", "1.234"), "price: 1.234 has more than 2 digits behind its point"),
        (("1234567.89", "12345678901"), "price: 12345678901 has more than 10 digits before its point"),
        (("12:00:00.123456Z", "12:00:00"), "at: a time with its zone is expected"),
        (("00.123456Z", "00.1234567Z"), "at: it has more digits than the microseconds of the schema"),
        (("1969-07-20", "1969-02-29"), "day: there is no day '1969-02-29'"),
        (('"AP8="', '"AP8"'), "blob: expected bytes as base64"),
        (("CASH", "GOLD"), "how: shop.How has no symbol 'GOLD'; it has CARD, CASH"),
        (('"a":1', '"a":true'), "tags['a']: True is none of int, double, string"),
        (('"abcd"', "7"), "parts[1]: 7 is none of string, bytes"),
        (("NaN", "12345678901234567.89"), "rate: 12345678901234567.89 cannot be held exactly"),
        (("{", '{"new":1,'), "new: shop.Order has no such field"),
        (('"how":"CASH",', ""), "how: the field is missing, and has no default"),
        (("{", ""), "it is not one value in JSON"),
    ],
)
def test_an_edit_that_does_not_fit_fails_its_row_and_names_the_path(
    change: tuple[str, str], path: str
) -> None:
    problem = edited(SOURCE, HEAD + avro(VALUE), change)
    assert isinstance(problem, str)
    assert "row 1, its value was edited, and does not fit the schema id 7: " in problem
    assert path in problem


def all_golden() -> list[Any]:
    return [
        pytest.param(each, id=f"{each['by']}-{number}")
        for number, each in enumerate(GOLDEN["payloads"])
        if each["by"] in GOLDEN["schemas"]
    ]


@pytest.mark.parametrize("each", all_golden())
def test_the_payloads_of_official_serializers_are_written_again_to_the_byte(each: Any) -> None:
    source = golden_source(each["by"])
    payload = bytes.fromhex(each["payload"])
    attributes = {name: bytes.fromhex(value) for name, value in each["attributes"].items()}
    found = decoded(source, [payload], [attributes], each.get("part") == "key")
    text = found.value[0].as_py()
    if found.schema is None or found.schema[0].as_py() is None or found.raw[0].as_py() is None:
        pytest.skip("it names no schema of a registry that is read here")
    again = RegisteredWriting(source).written(
        payload, text, f" {text}".encode(), NOTHING, attributes, each.get("part", "value")
    )
    assert again == (payload if "json" not in found.format[0].as_py() else again)
    read_again = decoded(source, [again], [attributes], each.get("part") == "key")
    assert read_again.value[0].as_py().strip() == text


PROTO = """
syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Order {
  int64 id = 1; bytes blob = 2; google.protobuf.Timestamp at = 3; repeated uint64 many = 4;
  map<string, double> rates = 5; oneof how { string card = 6; uint32 cash = 7; } Kind kind = 8;
  message Inner { optional int32 n = 1; } Inner inner = 9;
  enum Kind { NONE = 0; BIG = 1; }
}
message Other { string x = 1; }
"""


@pytest.mark.extended
def test_an_edited_protobuf_row_keeps_its_message_and_its_indexes() -> None:
    source = Source({SchemaRef("id", 7): RegisteredSchema("PROTOBUF", PROTO)})
    schema = ProtobufSchema.from_text(PROTO)
    order = schema.writer(schema.message("Order")).object
    value = {
        "id": 2**62, "blob": b"\0\xff", "at": "2026-01-31T12:00:00.000000001Z", "many": [2**64 - 1],
        "rates": {"a": float("inf")}, "cash": 5, "kind": "BIG", "inner": {"n": 0},
    }  # fmt: skip
    payload = HEAD + b"\0" + order(value)
    assert edited(source, payload, ("4611686018427387904", "-1")) == HEAD + b"\0" + order({**value, "id": -1})
    changed = edited(source, payload, ("00000001Z", "00000002Z"))
    assert changed == HEAD + b"\0" + order({**value, "at": "2026-01-31T12:00:00.000000002Z"})
    assert "many[0]: 18446744073709551616 is not between" in edited(source, payload, ("9551615", "9551616"))
    assert "kind: Order.Kind has no value 'HUGE'" in edited(source, payload, ("BIG", "HUGE"))
    other = HEAD + b"\2\2" + schema.writer(schema.message("Other")).object({"x": "old"})
    assert edited(source, other, ("old", "newer")) == HEAD + b"\2\2\n\5newer"


def test_a_schema_id_in_a_header_stays_there() -> None:
    source = Source({SchemaRef("id", 7): LONG})
    told = {"__value_schema_id": HEAD}
    assert RegisteredWriting(source).written(b"\2", "1", b"-1", NOTHING, told) == b"\1"


@pytest.mark.extended
def test_the_records_of_a_container_keep_its_schema_and_its_compression() -> None:
    for codec in ("null", "deflate", "snappy"):
        out = io.BytesIO()
        fastavro.writer(out, ORDER, [VALUE | {"id": 1}, VALUE | {"id": 2}], codec=codec)
        payload = out.getvalue()
        sent = edited(Source({}), payload, ('"id":2', '"id":7'))
        reader = fastavro.reader(io.BytesIO(sent))
        assert repr(list(reader)) == repr([VALUE | {"id": 1}, VALUE | {"id": 7}])
        assert reader.codec == codec
        assert "[1].id: expected a whole number" in edited(Source({}), payload, ('"id":2', '"id":"2"'))


DYNAMIC = {
    "id": 1, "blob": b"\0\xff", "at": MOMENT, 7: "a whole number as a key", "rate": 2.5, "whole": 2.0,
    "many": [b"x", "y", 2**63], "none": None, "inner": {"b": b"z"},
}  # fmt: skip
DYNAMIC_CHANGES: list[tuple[tuple[str, str], dict[Any, Any]]] = [
    (('"id":1', '"id":18446744073709551615'), {"id": 2**64 - 1}),
    (('"AP8="', '"/wA="'), {"blob": b"\xff\0"}),
    (("12:00:00.123456Z", "12:00:01Z"), {"at": MOMENT.replace(second=1, microsecond=0)}),
    (("a whole number as a key", "other"), {7: "other"}),
    (('"rate":2.5', '"rate":3'), {"rate": 3.0}),
    (('["eA=="', '["new","eA=="'), {"many": ["new", b"x", "y", 2**63]}),
    (('"eg=="', '"eg==","added":true'), {"inner": {"b": b"z", "added": True}}),
]


@pytest.mark.parametrize("format", ["msgpack", "cbor"])
@pytest.mark.parametrize(("change", "expected"), DYNAMIC_CHANGES)
def test_an_edited_row_keeps_the_types_that_json_does_not_have(
    format: str, change: tuple[str, str], expected: dict[Any, Any]
) -> None:
    encode: Any = msgspec.msgpack.encode if format == "msgpack" else cbor2.dumps
    decode: Any = msgspec.msgpack.decode if format == "msgpack" else cbor2.loads
    declared = Declared(format=format)
    payload = gzip.compress(encode(DYNAMIC), mtime=0)
    text = read_payload(payload, declared).text or ""
    assert written(payload, f" {text}".encode(), declared) == payload
    assert change[0] in text
    found = decode(gzip.decompress(written(payload, text.replace(*change).encode(), declared)))
    assert repr(found) == repr(DYNAMIC | expected)


@pytest.mark.parametrize("format", ["msgpack", "cbor"])
@pytest.mark.parametrize(
    ("change", "path"),
    [
        (('"AP8="', '"AP8"'), "blob: expected bytes as base64"),
        (("12:00:00.123456Z", "noon"), "at: expected a time such as"),
        (('"eg=="', "7"), "inner.b: expected bytes, not 7"),
    ],
)
def test_an_edit_of_another_type_names_its_path(format: str, change: tuple[str, str], path: str) -> None:
    encode: Any = msgspec.msgpack.encode if format == "msgpack" else cbor2.dumps
    named = {str(name): value for name, value in DYNAMIC.items()}
    problem = edited(Source({}), encode(named), change)
    assert f"does not fit {format}: {path}" in problem


def test_types_of_cbor_alone_are_kept() -> None:
    value = {
        "u": UUID(int=5), "d": Decimal("1.10"), "t": cbor2.CBORTag(4000, {"x": b"1"}), "s": cbor2.undefined,
        "big": 2**80, "n": 1,
    }  # fmt: skip
    for options in ({}, {"datetime_as_timestamp": True}):
        payload = cbor2.dumps(value | {"at": MOMENT.replace(microsecond=0)}, **options)
        text = decoded(Source({}), [payload]).value[0].as_py()
        assert written(payload, f" {text}".encode()) == payload
        found = cbor2.loads(written(payload, text.replace('"n":1', '"n":2').replace("1.10", "1.25").encode()))
        assert (found["n"], found["d"], found["u"], found["big"]) == (2, Decimal("1.25"), UUID(int=5), 2**80)


def test_a_time_of_messagepack_beyond_python_keeps_its_nanoseconds() -> None:
    stamp = b"\xc7\x0c\xff" + (7).to_bytes(4, "big") + (2**40).to_bytes(8, "big")
    payload = b"\x82\xa1t" + stamp + b"\xa1n\x01"
    text = decoded(Source({}), [payload]).value[0].as_py()
    assert written(payload, text.replace('"n":1', '"n":2').encode()) == payload[:-1] + b"\2"
    assert written(payload, text.replace("07Z", "08Z").encode()) == payload.replace(
        b"\7", b"\x08", 2
    ).replace(b"\xc7\x0c", b"\xc7\x0c")


def test_a_batch_of_edited_rows_of_several_schemas_goes_row_by_row() -> None:
    source = Source({
        SchemaRef("id", 7): LONG,
        SchemaRef("id", 8): RegisteredSchema("AVRO", '["null","string","bytes"]'),
        SchemaRef("id", 9): RegisteredSchema("JSON", "{}"),
    })  # fmt: skip
    payloads = [HEAD + b"\2", b"\0\0\0\0\x08\4\4hi", b"\0\0\0\0\x09{}", b'{"a":1}', None]
    made = frame(source, payloads)
    made["value"] = pa.array(["5", '"aGk="', '{"b":2}', '{"a":2}', None]).to_pandas()
    assert [each.data for each in messages_from_frame(made)] == [  # type: ignore[union-attr]
        HEAD + b"\x0a", b"\0\0\0\0\x08\4\4hi", b"\0\0\0\0\x09" + b'{"b":2}', b'{"a":2}', None
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "change", "expected"),
    [
        (timestamp_pb2.Timestamp(seconds=5, nanos=7), ('"nanos":7', '"nanos":8'), timestamp_pb2.Timestamp(seconds=5, nanos=8)),
        (duration_pb2.Duration(seconds=5), ("5", "6"), duration_pb2.Duration(seconds=6)),
        (wrappers_pb2.UInt64Value(value=2**64 - 1), ("615", "614"), wrappers_pb2.UInt64Value(value=2**64 - 2)),
        (wrappers_pb2.BytesValue(value=b"a"), ("YQ==", "Yg=="), wrappers_pb2.BytesValue(value=b"b")),
        (struct_pb2.ListValue(values=[struct_pb2.Value(number_value=1)]), ("1", '"x"'), struct_pb2.ListValue(values=[struct_pb2.Value(string_value="x")])),
        (timestamp_pb2.Timestamp(seconds=5), ("5", str(10**15)), "Timestamp"),
    ],
    ids=lambda each: type(each).__name__ if hasattr(each, "DESCRIPTOR") else "",
)  # fmt: skip
def test_an_edited_row_whose_message_is_a_well_known_type_is_written(
    message: Any, change: tuple[str, str], expected: Any
) -> None:
    file = descriptor_pb2.FileDescriptorProto()
    message.DESCRIPTOR.file.CopyToProto(file)
    text = base64.b64encode(file.SerializeToString()).decode()
    source = Source({SchemaRef("id", 7): RegisteredSchema("PROTOBUF", text)})
    place = [each.name for each in file.message_type].index(message.DESCRIPTOR.name)
    index = bytes([2, 2 * place]) if place else b"\0"
    found = edited(source, HEAD + index + message.SerializeToString(), change)
    if isinstance(expected, str):
        assert expected in found
    else:
        assert found == HEAD + index + expected.SerializeToString()
