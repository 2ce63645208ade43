"""What schemas hold, exactly as it was, in the typed columns of a decoder by name: earlier and newest versions."""

from __future__ import annotations

import datetime
import io
import json
import math
from decimal import Decimal
from typing import Any

import fastavro
import pandas as pd
import pyarrow as pa
import pytest
from google.protobuf import message_factory

from brokerkit.frames.codecs.protobuf import ProtobufSchema
from brokerkit.frames.codecs.typed_bodies import Known
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.decoded import Payloads
from brokerkit.frames.expand import struct_columns
from brokerkit.frames.schema_decoder import SchemaDecoder, avro_target, protobuf_target
from brokerkit.registry import RegisteredSchema, SchemaRef

UTC = datetime.UTC
BEFORE = datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)


class Source:
    """Schemas in memory, numbered from 1."""

    name = "memory"
    kinds = frozenset({"id"})

    def __init__(self, type: str, texts: list[str]) -> None:
        self.schemas = [RegisteredSchema(type, text) for text in texts]

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        return self.schemas[int(ref.id) - 1]

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        return {}


def columns_of(decoder: SchemaDecoder, payloads: list[bytes]) -> pd.DataFrame:
    found = decoder.decode(Payloads(pa.array(payloads, pa.large_binary())))
    assert found.failures == []
    added = struct_columns(pa.chunked_array([found.value]))
    return to_pandas(pa.table(list(added.values()), [".".join(path) for path in added]))


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


AVRO: list[tuple[str, Any, Any, Any]] = [
    ("int64", "long", -(2**63), -(2**63)),
    ("beyond a double", "long", 2**53 + 1, 2**53 + 1),
    ("decimal of 38 digits", logical("bytes", "decimal", precision=38, scale=10),
     Decimal("-1234567890123456789012345678.0123456789"), Decimal("-1234567890123456789012345678.0123456789")),
    ("decimal of 76 digits", logical("bytes", "decimal", precision=76, scale=0), Decimal(10**76 - 1), Decimal(10**76 - 1)),
    ("milliseconds before 1970", logical("long", "timestamp-millis"), BEFORE.replace(microsecond=999000),
     pd.Timestamp("1969-12-31T23:59:59.999Z")),
    ("microseconds before 1970", logical("long", "timestamp-micros"), BEFORE, pd.Timestamp(BEFORE)),
    ("nanoseconds before 1970", logical("long", "timestamp-nanos"), -1, pd.Timestamp("1969-12-31T23:59:59.999999999Z")),
    ("a time without a zone", logical("long", "local-timestamp-micros"), BEFORE.replace(tzinfo=None),
     pd.Timestamp("1969-12-31T23:59:59.999999")),
    ("a day before 1970", logical("int", "date"), datetime.date(1, 1, 1), datetime.date(1, 1, 1)),
    ("a time of day", logical("long", "time-micros"), datetime.time(23, 59, 59, 999999), datetime.time(23, 59, 59, 999999)),
    ("NaN", "double", math.nan, math.nan),
    ("infinity", "float", -math.inf, -math.inf),
    ("the smallest double", "double", 5e-324, 5e-324),
    ("minus zero", "double", -0.0, -0.0),
    ("bytes", "bytes", b"\x00\xff", b"\x00\xff"),
    ("fixed", {"type": "fixed", "name": "F", "size": 2}, b"\x00\xff", b"\x00\xff"),
    ("text", "string", "\x00 ü 𝄞", "\x00 ü 𝄞"),
    ("enum", {"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
    ("union", ["null", "string", "long"], 2**62, {"string": None, "long": 2**62}),
    ("map", {"type": "map", "values": "long"}, {"ü": 2**62}, [("ü", 2**62)]),
    ("list", {"type": "array", "items": ["null", "long"]}, [None, 2**62], [None, 2**62]),
    ("recursion", {"type": "record", "name": "Node", "fields": [
        {"name": "v", "type": "long"}, {"name": "next", "type": ["null", "Node"]}]},
     {"v": 1, "next": {"v": 2**62, "next": None}}, {"v": 1, "next": f'{{"v":{2**62},"next":null}}'}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "value", "expected"), AVRO, ids=[each[0] for each in AVRO])
def test_a_value_of_avro_is_exact_in_a_typed_column(name: str, kind: Any, value: Any, expected: Any) -> None:
    first = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "old", "type": "string"}, {"name": "x", "type": kind}],
    }
    second = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "x", "type": kind}, {"name": "n", "type": "int", "default": 1}],
    }
    source = Source("AVRO", [json.dumps(first), json.dumps(second)])
    payloads = []
    for number, schema in enumerate((first, second), 1):
        stream = io.BytesIO()
        parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
        fastavro.schemaless_writer(stream, parsed, {"old": "o", "x": value, "n": 1})
        payloads.append(b"\0" + number.to_bytes(4, "big") + stream.getvalue())
    decoder = SchemaDecoder("avro", "R", avro_target, (Known(source.schemas[1]),), source)
    found = columns_of(decoder, payloads)
    assert repr(found["x"].tolist()) == repr([expected] * 2)
    assert found["n"].tolist() == [1, 1]


FIRST = """
syntax = "proto3";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message R {
  uint64 large = 1; sint64 small = 2; optional int32 unset = 3; optional int32 zero = 4;
  oneof one { string text = 5; bytes data = 6; }
  map<string, uint64> counts = 7;
  repeated int64 packed = 8; repeated int64 loose = 9 [packed = false];
  google.protobuf.Timestamp at = 10; google.protobuf.Duration took = 11;
  google.protobuf.Int64Value wrapped = 12; google.protobuf.UInt64Value none = 13;
  google.protobuf.Any any = 14; google.protobuf.Struct json = 15;
  double nan = 16; float inf = 17; Kind kind = 18; fixed64 fixed = 19;
  enum Kind { A = 0; B = 1; }
  string gone = 30;
}
"""
SECOND = FIRST.replace("string gone = 30;", "string note = 31;")


@pytest.mark.extended
def test_a_message_of_protobuf_is_exact_in_typed_columns() -> None:
    source = Source("PROTOBUF", [FIRST, SECOND])
    payloads = []
    for number, text in enumerate((FIRST, SECOND), 1):
        schema = ProtobufSchema.from_text(text)
        message = message_factory.GetMessageClass(schema.message("R"))(
            large=2**64 - 1, small=-(2**63), zero=0, data=b"\x00\xff", counts={"ü": 2**64 - 1},
            packed=[2**63 - 1, -1], loose=[-(2**63)], nan=math.nan, inf=-math.inf, kind=1, fixed=2**64 - 1,
        )  # fmt: skip
        message.at.FromDatetime(BEFORE)
        message.at.nanos += 999
        message.took.FromNanoseconds(-1)
        message.wrapped.value = 2**53 + 1
        message.json["a"] = 1.5
        message.any.Pack(message.wrapped)
        payloads.append(b"\0" + number.to_bytes(4, "big") + b"\0" + message.SerializeToString())
    payloads[0] += b"\xf2\x01\x01x"
    schema = ProtobufSchema.from_text(SECOND)
    decoder = SchemaDecoder("protobuf", "R", protobuf_target, (schema, "R"), source)
    found = columns_of(decoder, payloads)
    for row in (0, 1):
        one = found.iloc[row]
        assert (one["large"], one["small"], one["fixed"]) == (2**64 - 1, -(2**63), 2**64 - 1)
        assert pd.isna(one["unset"])
        assert one["zero"] == 0
        assert pd.isna(one["text"])
        assert one["data"] == b"\x00\xff"
        assert dict(one["counts"]) == {"ü": 2**64 - 1}
        assert list(one["packed"]) == [2**63 - 1, -1]
        assert list(one["loose"]) == [-(2**63)]
        assert one["at"] == pd.Timestamp("1969-12-31T23:59:59.999999999Z")
        assert one["took"] == pd.Timedelta(-1, "ns")
        assert one["wrapped"] == 2**53 + 1
        assert pd.isna(one["none"])
        assert json.loads(one["json"]) == {"a": 1.5}
        assert json.loads(one["any"]) == {
            "@type": "type.googleapis.com/google.protobuf.Int64Value",
            "value": 2**53 + 1,
        }
        assert math.isnan(one["nan"])
        assert one["inf"] == -math.inf
        assert (one["kind"], one["note"]) == ("B", "")
