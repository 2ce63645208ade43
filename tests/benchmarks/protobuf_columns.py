"""Protobuf payloads to a frame and back, against the reference library row by row."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
from google.protobuf import json_format, message_factory

from brokerkit.frames.codecs.protobuf import ProtobufSchema
from brokerkit.frames.dataframe import to_pandas

from .report import Line, rate

BATCH = 16_384
SCHEMA = """
syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Money { string currency = 1; int64 minor = 2; }
enum Colour { COLOUR_UNSPECIFIED = 0; RED = 1; BLUE = 2; }
message Order {
  message Line { string sku = 1; uint32 count = 2; message Deep { sint64 z = 1; } Deep deep = 3; }
  int64 id = 1;
  string customer = 2;
  Money price = 3;
  repeated Line lines = 4;
  map<string, int64> tags = 5;
  google.protobuf.Timestamp at = 6;
  Colour colour = 7;
  oneof how { string card = 8; uint64 account = 9; }
  optional bool gift = 10;
  double rate = 11;
  bytes blob = 12;
}
"""


def _message(kind: Any, number: int, nested: bool) -> Any:
    message = kind(id=2**60 + number, customer=f"customer-{number % 997}", rate=number / 7, colour=number % 3)
    message.at.seconds, message.at.nanos = 1_767_225_600 + number, number % 10**9
    if number % 3 == 0:
        message.gift = bool(number % 2)
    if number % 2:
        message.card = "visa"
    else:
        message.account = 2**63 + number
    if nested:
        message.price.currency, message.price.minor = "EUR", number
        message.blob = b"\0\xff" * (number % 5)
        for each in range(number % 4):
            message.lines.add(sku=f"s{each}", count=each).deep.z = -each
        for each in range(number % 3):
            message.tags[f"k{each}"] = each
    return message


def run(rows: int) -> list[Line]:
    schema = ProtobufSchema.from_text(SCHEMA)
    descriptor = schema.message("Order")
    kind = message_factory.GetMessageClass(descriptor)
    return [line for nested in (False, True) for line in _lines(schema, descriptor, kind, rows, nested)]


def _lines(schema: ProtobufSchema, descriptor: Any, kind: Any, rows: int, nested: bool) -> list[Line]:
    what = "nested" if nested else "flat"
    columns, writer = schema.columns(descriptor), schema.writer(descriptor)
    payloads = [_message(kind, number, nested).SerializeToString() for number in range(rows)]
    array: Any = pa.array(payloads, pa.large_binary())
    batches = [array[start : start + BATCH] for start in range(0, rows, BATCH)]
    values = [columns.read(batch).values for batch in batches]
    objects = [_object(kind.FromString(payload)) for payload in payloads]

    def naive() -> int:
        return len(pd.DataFrame([_object(kind.FromString(payload)) for payload in payloads]))

    def ours() -> int:
        chunks = pa.chunked_array([columns.read(batch).values for batch in batches])
        return len(to_pandas(pa.Table.from_struct_array(chunks)))

    def write_naive() -> int:
        return len([json_format.ParseDict(each, kind()).SerializeToString() for each in objects])

    def write_ours() -> int:
        return sum(len(writer.columns(each)[0]) for each in values)

    return [
        # every row is written again and compared, which for few and short fields costs as much as reading
        Line(
            f"{rows:,} {what} Protobuf payloads to a frame", rate(naive), rate(ours), 30.0 if nested else 20.0
        ),
        Line(f"{rows:,} {what} rows to Protobuf payloads", rate(write_naive), rate(write_ours), 20.0),
    ]


def _object(message: Any) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)
