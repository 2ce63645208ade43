"""Messages of one version are read with another one without losing a value silently."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from brokerkit.frames.auto.registered import RegisteredPayloads
from brokerkit.frames.codecs.protobuf import ProtobufSchema
from brokerkit.frames.codecs.typed_bodies import ProtobufTarget
from brokerkit.frames.decoded import Payloads
from brokerkit.registry import RegisteredSchema, SchemaRef

from ..test_registered import Source

CLOSED = 'syntax = "proto2"; enum E { A = 0; B = 1; } '
OPEN = 'syntax = "proto3"; enum E { A = 0; B = 1; } '


def read(writer: str, reader: str, *bodies: bytes) -> tuple[list[Any], dict[int, str]]:
    """Read messages of M as one schema writes them with another; return the values, and the problems."""
    source = Source({SchemaRef("id", 7): RegisteredSchema("PROTOBUF", writer)})
    target = ProtobufTarget(ProtobufSchema.from_text(reader), "M")
    data = pa.array([b"\0\0\0\0\7\0" + body for body in bodies], pa.large_binary())
    found = RegisteredPayloads(source, target).read(Payloads(data, None, None, "t", False))
    return found.texts.to_pylist(), {row: one.reason for row, one in found.problems.items()}


ENUMS = [
    ('syntax = "proto2"; message M { optional int32 a = 1; }', "message M { optional E a = 1; }", b"\x08\x07"),
    (OPEN + "message M { E a = 1; }", "message M { optional E a = 1; }", b"\x08\x07"),
    (CLOSED.replace("B = 1;", "B = 1; C = 7;") + "message M { repeated E a = 1; }",
     "message M { repeated E a = 1; }", b"\x08\x01\x08\x07"),
    (OPEN + "message M { N a = 1; } message N { E e = 1; }",
     "message M { optional N a = 1; } message N { optional E e = 1; }", b"\x0a\x02\x08\x07"),
    (OPEN + "message M { map<string, E> a = 1; }", "message M { map<string, E> a = 1; }", b"\x0a\x05\x0a\x01k\x10\x07"),
]  # fmt: skip


@pytest.mark.parametrize(("writer", "reader", "body"), ENUMS)
def test_a_number_that_an_enum_of_the_reader_does_not_have_is_a_failure_of_its_row(
    writer: str, reader: str, body: bytes
) -> None:
    fits = body.replace(b"\x07", b"\x01")
    values, problems = read(writer, CLOSED + reader, body, fits)
    assert list(problems) == [0]
    assert problems[0].startswith("a, field 1,") or problems[0].startswith("a.e, field 1,")
    assert "has a value that E does not have" in problems[0]
    assert "B" in repr(values[1])


def test_an_open_enum_keeps_a_number_without_a_name() -> None:
    values, problems = read(
        'syntax = "proto3"; message M { int32 a = 1; }', OPEN + "message M { E a = 1; }", b"\x08\x07"
    )
    assert (values, problems) == ([{"a": "7"}], {})


ONEOF = "message M { oneof x { int32 a = 1; int32 b = 2; } int32 c = 3; }"


def test_fields_that_could_both_be_set_are_not_read_as_a_choice_of_one() -> None:
    plain = "message M { int32 a = 1; int32 b = 2; }"
    values, problems = read(f'syntax = "proto3"; {plain}', f'syntax = "proto3"; {ONEOF}', b"\x08\x01\x10\x02")
    assert values == [None]
    assert "a and b, fields 1 and 2, could both be set" in problems[0]


@pytest.mark.parametrize(
    "writer", [ONEOF, "message M { int32 a = 1; int32 c = 3; }", "message M { oneof y { int32 b = 2; int32 a = 1; } }"]
)  # fmt: skip
def test_fields_of_which_one_could_be_set_are_read_as_a_choice_of_one(writer: str) -> None:
    values, problems = read(f'syntax = "proto3"; {writer}', f'syntax = "proto3"; {ONEOF}', b"\x08\x01")
    assert (values, problems) == ([{"a": 1, "b": None, "c": 0}], {})
