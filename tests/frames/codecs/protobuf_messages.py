"""Schemas for the tests of Protobuf, random messages of them, and what the reference library says of payloads."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import random
import struct
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from google.protobuf import message_factory
from google.protobuf.message import DecodeError

from brokerkit.frames.codecs.protobuf import ProtobufSchema

COMMON = """
syntax = "proto3";
package shop.common;
message Money { string currency = 1; int64 minor = 2; }
enum Colour { COLOUR_UNSPECIFIED = 0; RED = 1; BLUE = 2; DEEP = -7; }
"""
ORDER = """
syntax = "proto3";
package shop.v1;
import "common.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/any.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
message Ignored { int32 a = 1; }
message Order {
  message Line {
    string sku = 1; uint32 count = 2;
    message Deep { sint64 z = 1; repeated sint32 zs = 2; }
    Deep deep = 3; repeated Deep deeps = 4;
  }
  enum State { NEW = 0; PAID = 1; }
  double rate = 11;
  int64 id = 1;
  string customer = 2;
  shop.common.Money price = 3;
  repeated Line lines = 4;
  map<string, int64> tags = 5;
  google.protobuf.Timestamp at = 6;
  shop.common.Colour colour = 7;
  oneof how { string card = 8; uint64 account = 9; shop.common.Money cash = 20; }
  optional bool gift = 10;
  bytes blob = 12;
  float weight = 13;
  fixed32 f32 = 14; fixed64 f64 = 15; sfixed32 s32 = 16; sfixed64 s64 = 17; int32 i32 = 18; bool flag = 19;
  repeated double doubles = 21;
  repeated State states = 22;
  repeated string words = 23;
  repeated bytes blobs = 24;
  map<int32, Line> by_number = 25;
  map<bool, shop.common.Colour> by_flag = 26;
  google.protobuf.Duration took = 27;
  repeated google.protobuf.Timestamp times = 28;
  google.protobuf.Int64Value maybe = 29;
  google.protobuf.StringValue maybe_text = 30;
  repeated google.protobuf.BoolValue flags = 31;
  optional string note = 33;
  optional State state = 34;
  google.protobuf.FieldMask mask = 35;
  map<string, google.protobuf.Timestamp> stamps = 36;
  map<uint64, bytes> pieces = 37;
}
message Rich {
  int32 id = 1;
  google.protobuf.Struct any_json = 2;
  google.protobuf.Value value = 3;
  google.protobuf.ListValue list = 4;
  google.protobuf.Any any = 5;
  google.protobuf.Empty nothing = 6;
  Rich next = 7;
  repeated Rich more = 8;
  map<string, Rich> named = 9;
  float weight = 10;
  google.protobuf.Timestamp at = 11;
  bytes blob = 12;
  uint64 big = 13;
}
"""
OLD = """
syntax = "proto2";
package old;
enum Level { LOW = 1; HIGH = 2; }
message Event {
  required int32 id = 1;
  optional int32 retries = 2 [default = 3];
  optional Level level = 3 [default = HIGH];
  repeated Level levels = 4;
  optional string text = 5;
  repeated int32 numbers = 6;
  repeated int32 packed = 7 [packed = true];
  optional bytes blob = 8;
  message Inner { required string name = 1; optional double x = 2; }
  optional Inner inner = 9;
  repeated Inner inners = 10;
  extensions 100 to 200;
}
message Grouped {
  optional group One = 1 { optional int32 a = 2; optional string b = 3; }
  repeated group Many = 4 { optional int64 c = 5; repeated group Deep = 6 { optional int32 d = 7; } }
  map<string, Event.Inner> inners = 8;
  optional int32 last = 9;
}
"""


@functools.cache
def shop() -> ProtobufSchema:
    return ProtobufSchema.from_text(ORDER, {"common.proto": COMMON}, "order.proto")


@functools.cache
def old() -> ProtobufSchema:
    return ProtobufSchema.from_text(OLD)


@functools.cache
def made(text: str) -> ProtobufSchema:
    return ProtobufSchema.from_text(text)


def class_of(descriptor: Any) -> Any:
    return message_factory.GetMessageClass(descriptor)


def payloads(rows: list[bytes | None]) -> Any:
    return pa.array(rows, pa.large_binary())


WRAPPED = "google.protobuf."
SELF_CONTAINED = ("Struct", "Value", "ListValue", "Any", "Empty")


def is_json(field: Any) -> bool:
    message = field.message_type
    return message is not None and (
        message.full_name == "shop.v1.Rich" or message.full_name.removeprefix(WRAPPED) in SELF_CONTAINED
    )


def expected(message: Any, *, text: bool = False) -> dict[str, Any]:
    """What a message should become, from what the reference library reads.

    text: as JSON says it, and not as the columns have it.
    """
    return {field.name: expected_field(message, field, text) for field in message.DESCRIPTOR.fields}


def expected_field(message: Any, field: Any, text: bool) -> Any:
    value = getattr(message, field.name)
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        item = inner.fields_by_number[2]
        pairs = [(key, expected_value(item, each, text)) for key, each in value.items()]
        if text:
            return {str(key).lower() if isinstance(key, bool) else str(key): each for key, each in pairs}
        return sorted(pairs)
    if field.is_repeated:
        return [expected_value(field, each, text) for each in value]
    if field.has_presence and not message.HasField(field.name) and not field.has_default_value:
        return None
    return expected_value(field, value, text)


def expected_value(field: Any, value: Any, text: bool) -> Any:
    if field.enum_type is not None:
        names: dict[int, str] = {}
        for each in field.enum_type.values:
            names.setdefault(each.number, each.name)
        return names.get(value, str(value))
    if field.message_type is None:
        if text and isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if field.type == 2 and text:
            return float(str(np.float32(value)))
        return value
    name = field.message_type.full_name.removeprefix(WRAPPED)
    if name == "Timestamp":
        return value.ToJsonString() if text else pd.Timestamp(value.seconds * 10**9 + value.nanos, tz="UTC")
    if name == "Duration":
        return value.ToJsonString() if text else pd.Timedelta(value.seconds * 10**9 + value.nanos)
    if name.endswith("Value") and "value" in field.message_type.fields_by_name:
        return expected_value(field.message_type.fields_by_name["value"], value.value, text)
    if is_json(field):
        return expected_json(value)
    return expected(value, text=text)


def expected_json(message: Any) -> Any:
    name = message.DESCRIPTOR.full_name.removeprefix(WRAPPED)
    if name == "Struct":
        return {key: expected_json(each) for key, each in message.fields.items()}
    if name == "ListValue":
        return [expected_json(each) for each in message.values]
    if name == "Value":
        kind = message.WhichOneof("kind")
        if kind in (None, "null_value"):
            return None
        value = getattr(message, kind)
        if kind == "number_value" and value.is_integer() and abs(value) <= 2**53 and str(value) != "-0.0":
            return int(value)
        return expected_json(value) if kind in ("struct_value", "list_value") else value
    if name == "Any":
        if message.type_url.rpartition("/")[2] == "shop.common.Money":
            with contextlib.suppress(DecodeError):
                inner = class_of(shop().pool.FindMessageTypeByName("shop.common.Money"))
                return {"@type": message.type_url, **expected(inner.FromString(message.value), text=True)}
        if not message.type_url and not message.value:
            return {}
        return {"@type": message.type_url, "value": base64.b64encode(message.value).decode()}
    return expected(message, text=True)


def plain(value: Any, field: Any = None) -> Any:
    """A value in a form in which equal means the same: floats by their bits, JSON text parsed."""
    if isinstance(value, float):
        return ("float", struct.pack("<d", value) if value == value else b"nan")
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, tuple):
        return tuple(plain(each) for each in value)
    return value


def read_back(value: Any, type: Any, metadata: Any = None) -> Any:
    """A value of a column, with its JSON text parsed and its maps sorted."""
    if value is None:
        return None
    if metadata and b"brokerkit.json" in metadata:
        return json.loads(value)
    if pa.types.is_struct(type):
        fields = [type.field(number) for number in range(type.num_fields)]
        return {field.name: read_back(value[field.name], field.type, field.metadata) for field in fields}
    if pa.types.is_map(type):
        item = type.item_field
        return sorted((key, read_back(each, item.type, item.metadata)) for key, each in value)
    if pa.types.is_list(type):
        item = type.value_field
        return [read_back(each, item.type, item.metadata) for each in value]
    return value


def random_message(kind: Any, r: random.Random, levels: int = 3) -> Any:
    """A message with values at the borders of their types, and many fields left out."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if r.random() < 0.45 and not field.is_required:
            continue
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            for _ in range(r.randrange(3)):
                key = random_scalar(inner.fields_by_number[1], r)
                item = inner.fields_by_number[2]
                if item.message_type is None:
                    getattr(message, field.name)[key] = random_scalar(item, r)
                elif levels:
                    getattr(message, field.name)[key].CopyFrom(random_inner(item.message_type, r, levels - 1))
        elif field.is_repeated:
            for _ in range(r.randrange(4)):
                if inner is None:
                    getattr(message, field.name).append(random_scalar(field, r))
                elif levels:
                    getattr(message, field.name).add().CopyFrom(random_inner(inner, r, levels - 1))
        elif inner is not None:
            if levels or field.is_required:
                getattr(message, field.name).CopyFrom(random_inner(inner, r, levels - 1))
        else:
            setattr(message, field.name, random_scalar(field, r))
    return message


def random_inner(descriptor: Any, r: random.Random, levels: int) -> Any:
    kind = class_of(descriptor)
    name = descriptor.full_name.removeprefix(WRAPPED)
    if name == "Timestamp":
        seconds = r.choice((0, -1, 1767225600, 9223372035, -9223372036, r.randrange(-(10**9), 10**9)))
        return kind(seconds=seconds, nanos=r.choice((0, 1, 999_999_999, 120_000_000, 123_456_000)))
    if name == "Duration":
        sign = r.choice((1, -1))
        return kind(
            seconds=sign * r.choice((0, 5, 9_000_000_000)), nanos=sign * r.choice((0, 1, 500_000_000))
        )
    if name == "Value":
        choice = r.randrange(6 if levels > 0 else 4)
        if choice == 0:
            return kind(null_value=0)
        if choice == 1:
            return kind(number_value=r.choice((0.0, 1.5, -7.0, 2.0**60, 1e300)))
        if choice == 2:
            return kind(string_value=r.choice(("", "é", 'a"b')))
        if choice == 3:
            return kind(bool_value=r.random() < 0.5)
        value = kind()
        part = value.struct_value if choice == 4 else value.list_value
        part.CopyFrom(random_inner(part.DESCRIPTOR, r, levels - 1))
        return value
    if name == "Struct":
        made = kind()
        for key in ("a", "", "ü")[: r.randrange(3)]:
            made.fields[key].CopyFrom(random_inner(made.fields[key].DESCRIPTOR, r, levels - 1))
        return made
    if name == "Any":
        money = class_of(shop().pool.FindMessageTypeByName("shop.common.Money"))
        url, value = r.choice(
            (
                ("type.googleapis.com/shop.common.Money", money(minor=-5).SerializeToString()),
                ("type.googleapis.com/not.Known", b"\x08\x01"),
                ("", b""),
            )
        )
        return kind(type_url=url, value=value)
    return random_message(kind, r, levels)


def random_scalar(field: Any, r: random.Random) -> Any:
    kind = field.type
    if kind == 1:
        return r.choice((0.0, -0.0, 0.1, float("nan"), float("inf"), -float("inf"), 5e-324, 1e308))
    if kind == 2:
        return r.choice((0.0, -0.0, 0.5, 0.1, float("nan"), float("inf"), 3.4e38))
    if kind in (3, 16, 18):
        return r.choice((0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1))
    if kind in (4, 6):
        return r.choice((0, 1, 2**64 - 1, 2**63))
    if kind in (5, 15, 17):
        return r.choice((0, 1, -1, 2**31 - 1, -(2**31)))
    if kind in (7, 13):
        return r.choice((0, 1, 2**32 - 1))
    if kind == 8:
        return r.random() < 0.5
    if kind == 9:
        return r.choice(("", "a", "é☃", 'quote " back \\ \n \x00', "x" * 200))
    if kind == 12:
        return r.choice((b"", b"\x00\xff", b"abc", bytes(range(256))))
    numbers = [value.number for value in field.enum_type.values]
    return r.choice(numbers if field.enum_type.is_closed else [*numbers, 99, -(2**31)])


def mutant(data: bytes, r: random.Random) -> bytes:
    b = bytearray(data or b"\x08")
    for _ in range(r.choice((1, 1, 2))):
        way = r.randrange(5)
        place = r.randrange(len(b)) if b else 0
        if way == 0 and b:
            b[place] = r.randrange(256)
        elif way == 1 and b:
            b[place] ^= 1 << r.randrange(8)
        elif way == 2:
            del b[place:]
        elif way == 3:
            b.insert(place, r.choice((0, 1, 127, 128, 255)))
        elif b:
            start = r.randrange(len(b))
            b += b[start : start + r.randrange(20)]
    return bytes(b)
