"""Columns are written as the bytes that the reference library writes, whatever the schema declares."""

from __future__ import annotations

import random
import struct
from typing import Any

import pyarrow as pa
import pytest

from brokerkit.frames.codecs.protobuf import ProtobufSchema

from .protobuf_messages import class_of, payloads

NUMBERS = (
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "bool",
)  # fmt: skip
SYNTAXES = ("proto2", "proto3", "2023")
LARGEST = 2**29 - 1
SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.extended) for seed in range(4, 60))]


def schema_of(r: random.Random, syntax: str) -> str:
    """A random schema of three messages, of which the last may have the others in it."""
    head = f'edition = "{syntax}";' if syntax == "2023" else f'syntax = "{syntax}";'
    enum = "enum Kind { NONE = 0; ONE = 1; MINUS = -3; BIG = 2147483647; }"
    times = 'import "google/protobuf/timestamp.proto";import "google/protobuf/wrappers.proto";'
    inner = "".join(message_of(r, syntax, name, others) for name, others in (("A", []), ("B", ["A"])))
    return f"{head}{times}{enum}{inner}{message_of(r, syntax, 'M', ['A', 'B'])}"


def message_of(r: random.Random, syntax: str, name: str, others: list[str]) -> str:
    ranges = [15, 200, 18_999, 40_000, LARGEST]
    numbers = {
        n for _ in range(r.randrange(1, 9)) if not 19_000 <= (n := r.randint(1, r.choice(ranges))) < 20_000
    }
    fields = [field_of(r, syntax, number, others) for number in numbers]
    r.shuffle(fields)
    free = iter(n for n in range(300, 400) if n not in numbers)
    if r.random() < 0.5:
        fields.append(
            f"oneof how {{ int32 o1 = {next(free)}; string o2 = {next(free)}; bool o3 = {next(free)}; }}"
        )
    if syntax == "proto2" and r.random() < 0.4:
        fields.append(f"{r.choice(['optional', 'repeated'])} group Grp{name} = {next(free)} "
                      "{ repeated int32 g = 2; optional string h = 1; }")  # fmt: skip
    return f"message {name} {{ {' '.join(fields)} }}"


def field_of(r: random.Random, syntax: str, number: int, others: list[str]) -> str:
    messages = [*others, "google.protobuf.Timestamp", "google.protobuf.Int64Value"]
    kind = r.choice([*NUMBERS, "string", "bytes", "Kind", *messages])
    shape = r.choice(["single", "optional", "repeated", "repeated", "map"])
    name, option = f"f{number}", ""
    if shape == "map":
        key = r.choice(["string", "int32", "sint64", "bool", "fixed64"])
        return f"map<{key}, {kind}> {name} = {number};"
    if shape == "repeated" and (kind in NUMBERS or kind == "Kind"):
        packed = "features.repeated_field_encoding = %s" if syntax == "2023" else "packed = %s"
        words = ("PACKED", "EXPANDED") if syntax == "2023" else ("true", "false")
        option = r.choice(["", *(f" [{packed % word}]" for word in words)])
    if syntax == "2023" and shape == "single" and kind not in messages:
        option = r.choice(["", " [features.field_presence = IMPLICIT]"])
    if syntax == "2023" and kind in others and shape != "map":
        option = r.choice(["", " [features.message_encoding = DELIMITED]"])
    label = {"single": "", "optional": "optional ", "repeated": "repeated "}[shape]
    if syntax == "proto2" and shape == "single":
        label = r.choice(["optional ", "required "])
    return f"{'' if syntax == '2023' and label == 'optional ' else label}{kind} {name} = {number}{option};"


def value_of(field: Any, r: random.Random) -> Any:
    if field.enum_type is not None:
        return r.choice([0, 1, -3, 2**31 - 1])
    name = field.cpp_type
    if name in (field.CPPTYPE_INT32, field.CPPTYPE_INT64):
        bits = 31 if name == field.CPPTYPE_INT32 else 63
        return r.choice([0, 1, -1, 2**bits - 1, -(2**bits), r.randrange(300)])
    if name in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64):
        return r.choice([0, 1, 2 ** (32 if name == field.CPPTYPE_UINT32 else 64) - 1, r.randrange(300)])
    if name in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return r.choice([0.0, -0.0, 1.5, float("inf"), -2.25])
    if name == field.CPPTYPE_BOOL:
        return r.random() < 0.5
    return (
        r.choice([b"", b"\0\xff", b"x" * 200])
        if field.type == field.TYPE_BYTES
        else r.choice(["", "ß", "x" * 200])
    )


def fill(message: Any, r: random.Random) -> None:
    """Set random fields; a map has at most one entry, since those of a column have an order of their own."""
    for field in message.DESCRIPTOR.fields:
        if not field.is_required and r.random() < 0.3:
            continue
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            key, item = (inner.fields_by_number[number] for number in (1, 2))
            entries = getattr(message, field.name)
            if item.message_type is not None:
                fill_message(entries[value_of(key, r)], r)
            else:
                entries[value_of(key, r)] = value_of(item, r)
        elif field.is_repeated:
            values = getattr(message, field.name)
            for _ in range(r.randrange(4)):
                if inner is not None:
                    fill_message(values.add(), r)
                else:
                    values.append(value_of(field, r))
        elif inner is not None:
            getattr(message, field.name).SetInParent()
            fill_message(getattr(message, field.name), r)
        else:
            setattr(message, field.name, value_of(field, r))


def fill_message(message: Any, r: random.Random) -> None:
    if message.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
        message.seconds, message.nanos = r.choice([0, -1, 1_767_225_600]), r.choice([0, 1, 999_999_999])
    else:
        fill(message, r)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("seed", SEEDS)
def test_columns_of_random_messages_are_written_as_the_reference_library_writes_them(
    seed: int, syntax: str
) -> None:
    r = random.Random(f"{seed} {syntax}")
    text = schema_of(r, syntax)
    schema = ProtobufSchema.from_text(text)
    descriptor = schema.message("M")
    kind = class_of(descriptor)
    rows = []
    for _ in range(40):
        message = kind()
        fill(message, r)
        rows.append(message.SerializeToString(deterministic=True))
    read = schema.columns(descriptor).read(payloads(rows))
    assert not read.failures, (text, read.failures)
    written, failures = schema.writer(descriptor).columns(read.values)
    assert not failures, (text, failures)
    for row, found in zip(rows, written.to_pylist(), strict=True):
        assert found == row, text


def test_entries_of_a_map_are_written_in_the_order_of_the_column() -> None:
    schema = ProtobufSchema.from_text('syntax = "proto3"; message M { map<string, int32> m = 1; }')
    values = pa.StructArray.from_arrays(
        [pa.array([[("b", 1), ("a", 2)]], pa.map_(pa.string(), pa.int32()))], ["m"]
    )
    [row] = schema.writer(schema.message("M")).columns(values)[0].to_pylist()
    assert row.index(b"b") < row.index(b"a")
    assert dict(class_of(schema.message("M")).FromString(row).m) == {"a": 2, "b": 1}


def test_the_numbers_of_a_list_are_written_one_by_one_for_all_rows_at_once() -> None:
    schema = ProtobufSchema.from_text(
        'syntax = "proto2"; message M { optional string a = 1; repeated double d = 2; }'
    )
    given: list[Any] = [{"a": "x", "d": [1.5, -0.0]}, None, {"a": None, "d": []}, {"a": "y", "d": None}]
    values = pa.array(given, pa.struct({"a": pa.string(), "d": pa.list_(pa.float64())}))
    wanted = [
        b"\n\x01x\x11" + struct.pack("<d", 1.5) + b"\x11" + struct.pack("<d", -0.0),
        None,
        b"",
        b"\n\x01y",
    ]
    for start in range(4):
        part = values.slice(start)
        assert schema.writer(schema.message("M")).columns(part)[0].to_pylist() == wanted[start:]
