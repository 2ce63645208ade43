"""Protobuf payloads to a frame and back, against the reference library row by row."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from google.protobuf import json_format, message_factory

import brokerkit as bk
from brokerkit.frames.build import BATCH_ROWS
from brokerkit.frames.codecs.protobuf import ProtobufSchema
from brokerkit.frames.dataframe import to_pandas

from .rates import medians, rate
from .results import Line

BATCH = BATCH_ROWS
ONE_BY_ONE = 1_000
ROUNDS = 7
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
    lines = [line for nested in (False, True) for line in _lines(schema, descriptor, kind, rows, nested)]
    published = [_publishing(schema, descriptor, kind, rows, nested) for nested in (False, True)]
    return [*lines, _bad_row(schema, descriptor, kind, 10 * rows), *published]


def _rows(kind: Any, rows: int, nested: bool) -> list[bytes]:
    return [_message(kind, number, nested).SerializeToString() for number in range(rows)]


def _lines(schema: ProtobufSchema, descriptor: Any, kind: Any, rows: int, nested: bool) -> list[Line]:
    what = "nested" if nested else "flat"
    columns, writer = schema.columns(descriptor), schema.writer(descriptor)
    payloads = _rows(kind, rows, nested)
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

    works = {"read": naive, "columns": ours, "write": write_naive, "payloads": write_ours}
    found = medians(works, ROUNDS, clock=time.process_time)
    return [
        Line(f"{rows:,} {what} Protobuf payloads to a frame", found["read"], found["columns"], 30.0),
        Line(f"{rows:,} {what} rows to Protobuf payloads", found["write"], found["payloads"], 20.0),
    ]


def _bad_row(schema: ProtobufSchema, descriptor: Any, kind: Any, rows: int) -> Line:
    """One payload that cannot be read among many."""
    columns = schema.columns(descriptor)
    made = _rows(kind, BATCH, False)
    good: Any = pa.array(made, pa.large_binary())
    bad: Any = pa.array([*made[: BATCH // 2], made[0][:-1], *made[BATCH // 2 + 1 :]], pa.large_binary())

    def reading(last: Any) -> int:
        for batch in [good] * (rows // BATCH) + [last]:
            columns.read(batch)
        return rows

    rated = partial(rate, clock=time.process_time)
    clean, spoiled = rated(lambda: reading(good)), rated(lambda: reading(bad))
    return Line(f"{rows:,} flat Protobuf payloads, one of them bad (to none)", clean, spoiled, 0.95)


def _publishing(schema: ProtobufSchema, descriptor: Any, kind: Any, rows: int, nested: bool) -> Line:
    what = "nested" if nested else "flat"
    made: Any = pa.array(_rows(kind, rows, nested), pa.large_binary())
    frame = to_pandas(pa.Table.from_struct_array(schema.columns(descriptor).read(made).values))
    values = frame.head(ONE_BY_ONE).to_dict("records")
    with tempfile.TemporaryDirectory() as folder, bk.connect("inmem://") as session:
        file = Path(folder, "order.proto")
        file.write_text(SCHEMA)
        decoder = bk.protobuf(file, "Order")
        for topic in ("one", "frame"):
            session.create_topic(topic)

        def naive() -> int:
            for value in values:
                session.publish("one", value, schema=decoder, framing="bare")
            return len(values)

        def ours() -> int:
            outcome = session.publish_frame("frame", frame, schema=decoder, framing="bare", progress=False)
            assert (outcome["status"] == "confirmed").all()
            return rows

        rated = partial(rate, clock=time.process_time, rounds=2)
        return Line(f"{rows:,} {what} rows published as Protobuf", rated(naive), rated(ours), 20.0)


def _object(message: Any) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)
