"""The compiled check of Protobuf says the same as writing what was read with the columnar library."""

from __future__ import annotations

import random
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from brokerkit.frames.codecs.protobuf import ProtobufSchema
from brokerkit.frames.codecs.protobuf.plain_schema import PlainSchema
from brokerkit.frames.codecs.protobuf.plan import plan_of
from brokerkit.frames.native import protobuf_bytes
from tests.conftest import missing

from .protobuf_messages import class_of, payloads

NUMBERS = {
    "double": [0.0, -0.0, 1.5, float("nan"), float("inf"), 5e-324],
    "float": [0.0, -0.0, 1.5, float("-inf")],
    "int32": [0, 1, -1, 127, 128, 2**31 - 1, -(2**31)],
    "int64": [0, 1, -1, 2**35, 2**63 - 1, -(2**63)],
    "uint32": [0, 1, 300, 2**32 - 1],
    "uint64": [0, 1, 2**56, 2**64 - 1],
    "sint32": [0, 1, -1, 63, -65, 2**31 - 1, -(2**31)],
    "sint64": [0, 1, -1, 2**63 - 1, -(2**63)],
    "fixed32": [0, 1, 2**32 - 1],
    "fixed64": [0, 1, 2**64 - 1],
    "sfixed32": [0, -1, -(2**31)],
    "sfixed64": [0, -1, -(2**63)],
    "bool": [False, True],
    "string": ["", "a", "Žluťoučký", "x" * 300],
    "bytes": [b"", b"\0\xff", b"y" * 200],
}
SECONDS = [0, 1, -1, 127, 1_767_225_600, -9_223_372_035, 9_223_372_035]
NANOS = [0, 1, 127, 999_999_999]
TYPES = [*NUMBERS, "Kind", "google.protobuf.Timestamp", "google.protobuf.Duration"]
SCHEMA = ProtobufSchema.from_text(
    'syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";'
    "enum Kind { NONE = 0; ONE = 1; MINUS = -3; }"
    "message All {"
    + "".join(
        f"{'optional ' if number % 2 else ''}{kind} f{number} = {number};"
        for number, kind in zip([*range(1, 15), 16, 2_000, 18_999, 32_768], TYPES, strict=True)
    )
    + "}"
)
DESCRIPTOR = SCHEMA.message("All")


def message(r: random.Random) -> bytes:
    made: Any = class_of(DESCRIPTOR)()
    for field in DESCRIPTOR.fields:
        if r.random() < 0.4:
            continue
        if field.message_type is not None:
            one = getattr(made, field.name)
            one.SetInParent()
            one.seconds = r.choice(SECONDS)
            one.nanos = r.choice(NANOS) * (
                -1 if "Duration" in field.message_type.name and one.seconds < 0 else 1
            )
        elif field.enum_type is not None:
            setattr(made, field.name, r.choice([0, 1, -3, 77]))
        else:
            setattr(made, field.name, r.choice(NUMBERS[TYPES[DESCRIPTOR.fields.index(field)]]))
    return bytes(made.SerializeToString(deterministic=True))


def damaged(r: random.Random, payload: bytes) -> bytes:
    data = bytearray(payload)
    for _ in range(r.randrange(1, 3)):
        at = r.randrange(len(data) + 1)
        match r.randrange(4):
            case 0:
                data[at : at + 1] = bytes([r.randrange(256)])
            case 1:
                data[at:at] = r.choice(
                    [b"\x80", b"\0", b"\x80\x00", b"\x08\x01", struct.pack("<I", r.getrandbits(32))]
                )
            case 2:
                del data[at : at + r.randrange(1, 4)]
            case _:
                data += message(r)[: r.randrange(12)]
    return bytes(data)


@pytest.fixture
def plain() -> PlainSchema:
    """The plain schema; skips where the check was not compiled, or fails where it is required."""
    if protobuf_bytes._found() is None:
        missing("native", "brokerkit was built without a C compiler", "check of Protobuf")
    return PlainSchema(plan_of(DESCRIPTOR, "ns"), own_times=True)


def compared(plain: PlainSchema, rows: Any) -> tuple[Any, Any]:
    """What the compiled check says of payloads, and what writing them with the library does; None if it refuses them."""
    try:
        batch = plain.handler.array_to_record_batch(rows)
        written = plain.handler.record_batch_to_array(batch)
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:  # a panic of the library is not an Exception
        return None, None
    assert plain._fields is not None
    found = protobuf_bytes.differing(rows, batch.columns, plain._fields)
    assert found is not None
    return found, ~np.asarray(pc.equal(written, rows))


def test_payloads_as_they_are_written_do_not_differ(plain: PlainSchema) -> None:
    r = random.Random(1)
    rows = payloads([message(r) for _ in range(3_000)]).cast(pa.binary())
    for part in (rows, rows[700:], rows[1:2]):
        found, wanted = compared(plain, part)
        assert not wanted.any()
        assert not found.any()


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.extended) for seed in range(2, 20))]
)
def test_of_damaged_payloads_the_same_ones_differ_as_in_the_library(plain: PlainSchema, seed: int) -> None:
    r = random.Random(seed)
    good = [message(r) for _ in range(20)]
    seen = 0
    for _ in range(500):
        row = damaged(r, r.choice(good))
        found, wanted = compared(plain, pa.array([good[0], row, good[1]], pa.binary()))
        if found is not None:
            seen += 1
            assert found.tolist() == wanted.tolist(), row
    assert seen > 50


def test_a_payload_that_goes_on_or_ends_early_differs(plain: PlainSchema) -> None:
    whole = message(random.Random(5))
    rows = pa.array([whole] * 3, pa.binary())
    batch = plain.handler.array_to_record_batch(rows)
    for other in (whole + b"\0", whole[:-1], b"", whole[1:]):
        assert plain._fields is not None
        found = protobuf_bytes.differing(
            pa.array([whole, other, whole], pa.binary()), batch.columns, plain._fields
        )
        assert found is not None
        assert found.tolist() == [False, True, False]


def test_what_the_check_does_not_know_is_left_to_the_library(plain: PlainSchema) -> None:
    rows = pa.array([message(random.Random(5))], pa.binary())
    columns = plain.handler.array_to_record_batch(rows).columns
    fields = plain._fields
    assert fields is not None
    assert protobuf_bytes.differing(pa.array([None], pa.binary()), columns, fields) is None
    assert protobuf_bytes.differing(rows.cast(pa.large_binary()), columns, fields) is None
    assert protobuf_bytes.differing(rows, columns[::-1], fields) is None
    assert protobuf_bytes.differing(rows, columns[:-1], fields) is None
    nested = ProtobufSchema.from_text('syntax = "proto3"; message M { repeated int64 n = 1; }').message("M")
    lists = PlainSchema(plan_of(nested, "ns"), own_times=True)
    assert lists._fields is None
    some = pa.array([b"\x0a\x02\x01\x02", b"\x08\x01"], pa.binary())
    assert lists.differing(lists.handler.array_to_record_batch(some), some).tolist() == [False, True]


def test_a_schema_reads_alike_where_nothing_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    r = random.Random(3)
    rows = [message(r) if r.random() < 0.8 else damaged(r, message(r)) for _ in range(400)]
    given = payloads([*rows, *(message(r) for _ in range(2_000))])
    one = SCHEMA.columns(DESCRIPTOR).read(given)
    monkeypatch.setattr(protobuf_bytes, "_found", lambda: None)
    other = SCHEMA.columns(DESCRIPTOR).read(given)
    assert one.values.equals(other.values) or str(one.values) == str(other.values)
    assert one.failures == other.failures
    assert one.unknown == other.unknown
