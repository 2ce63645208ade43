"""Damaged payloads one by one against the reference libraries: each accepted value is theirs.

`BROKERKIT_DAMAGED` is how many payloads of each format the soak test reads, from another seed for each count.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import struct
from itertools import pairwise
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from brokerkit.frames.codecs.avro import AvroColumns, parse_schema

from .protobuf_messages import class_of, mutant, old, random_message, shop
from .test_protobuf_random import check

MANY = int(os.environ.get("BROKERKIT_DAMAGED", "200000"))
COUNTS = [pytest.param(2_000, marks=pytest.mark.extended), pytest.param(MANY, marks=pytest.mark.soak)]
BATCH = 1_000

SCHEMA: Any = {
    "type": "record", "name": "Order", "fields": [
        {"name": "id", "type": "long"}, {"name": "count", "type": "int"}, {"name": "yes", "type": "boolean"},
        {"name": "name", "type": "string"}, {"name": "blob", "type": "bytes"},
        {"name": "rate", "type": "double"}, {"name": "weight", "type": "float"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "fixed", "type": {"type": "fixed", "name": "F", "size": 3}},
        {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["A", "B", "C"]}},
        {"name": "note", "type": ["null", "string"]},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "counts", "type": {"type": "map", "values": "int"}},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
            {"name": "sku", "type": "string"}, {"name": "n", "type": ["int", "null"]}]}}},
    ],
}  # fmt: skip
BARE: Any = json.loads(re.sub(r'\{"type": "(\w+)", "logicalType": [^{}]*\}', r'"\1"', json.dumps(SCHEMA)))
"""The schema without logical types: every value of it is one of Python."""

STRICTER = {
    "bytes are left over behind the value": "fastavro ignores what follows",
    "a number runs past the end, or over 64 bits": "fastavro takes numbers of any length",
    "not a number of 32 bits": "fastavro takes more in an int",
    "not a boolean: expected one byte, 0 or 1": "fastavro takes any byte",
    "more than 12 digits": "fastavro rounds decimals to their precision",
    "not one of the 2 branches of a union": "fastavro counts a negative index from the end",
    "not one of 3 symbols": "fastavro counts a negative index from the end",
}
"""Why a payload is a failure that fastavro reads."""


def order(r: random.Random) -> dict[str, Any]:
    """An order as the schema without logical types has it."""
    cents = r.choice([0, 1, -1, 10**11, r.randrange(-(10**12), 10**12)])
    return {
        "id": r.choice([0, -1, 2**63 - 1, -(2**63), r.randrange(10**6)]),
        "count": r.choice([0, 2**31 - 1, -(2**31), r.randrange(1000)]),
        "yes": r.random() < 0.5,
        "name": r.choice(["", "größe", "x" * 70]),
        "blob": r.randbytes(r.randrange(4)),
        "rate": r.choice([0.0, -0.0, 1.5, 1e300, float("inf")]),
        "weight": r.choice([0.0, 0.5, -2.25]),
        "at": r.choice([0, -1, 1_767_225_600_000_001]),
        "seen": r.choice([None, 0, 1_767_225_600_001]),
        "day": r.choice([0, -1, 20_000]),
        "price": cents.to_bytes(6, "big", signed=True),
        "fixed": r.randbytes(3),
        "kind": r.choice("ABC"),
        "note": r.choice([None, "", "n"]),
        "tags": ["t"] * r.randrange(3),
        "counts": {f"k{number}": number for number in range(r.randrange(3))},
        "lines": [{"sku": "s", "n": r.choice([None, 7])} for _ in range(r.randrange(3))],
    }


def plain(array: Any) -> list[Any]:
    """The values of a column, times and decimals as the numbers that are written."""
    kind = array.type
    if pa.types.is_temporal(kind):
        found: list[Any] = array.cast(pa.int32() if pa.types.is_date32(kind) else pa.int64()).to_pylist()
        return found
    if pa.types.is_decimal(kind):
        return [None if each is None else int(each.scaleb(kind.scale)) for each in array.to_pylist()]
    if pa.types.is_struct(kind):
        columns = [plain(array.field(number)) for number in range(kind.num_fields)]
        names = [kind.field(number).name for number in range(kind.num_fields)]
        rows = zip(*columns, strict=True)
        return [
            dict(zip(names, row, strict=True)) if valid else None
            for valid, row in zip(array.is_valid().to_pylist(), rows, strict=True)
        ]
    if pa.types.is_list(kind):
        values, places = plain(array.values), array.offsets.to_pylist()
        return [values[start:end] for start, end in pairwise(places)]
    if pa.types.is_map(kind):
        return [None if each is None else dict(each) for each in array.to_pylist()]
    others: list[Any] = array.to_pylist()
    return others


def by_bits(value: Any) -> Any:
    """A value with each float as its bits, so that NaN is equal to itself and 0.0 differs from -0.0."""
    if isinstance(value, dict):
        return {name: by_bits(each) for name, each in value.items()}
    if isinstance(value, list):
        return [by_bits(each) for each in value]
    return struct.pack("<d", value) if isinstance(value, float) else value


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("count", COUNTS)
def test_a_damaged_avro_payload_has_the_value_of_fastavro_or_is_a_failure(count: int) -> None:
    r = random.Random(count)
    parsed = fastavro.parse_schema(BARE)
    columns = AvroColumns(parse_schema(json.dumps(SCHEMA)))
    accepted = 0
    for _ in range(0, count, BATCH):
        rows = []
        for _ in range(BATCH):
            stream = io.BytesIO()
            fastavro.schemaless_writer(stream, parsed, order(r))
            rows.append(mutant(stream.getvalue(), r))
        values, failures = columns.read(pa.array(rows, pa.large_binary()))
        for row, (payload, value) in enumerate(zip(rows, plain(values), strict=True)):
            try:
                wanted: Any = fastavro.schemaless_reader(io.BytesIO(payload), parsed, None)
            except Exception:  # fastavro raises many kinds
                assert row in failures, payload.hex()
                continue
            if row in failures:
                assert failures[row].reason in STRICTER, (payload.hex(), failures[row])
                continue
            wanted["price"] = int.from_bytes(wanted["price"], "big", signed=True)
            assert by_bits(value) == by_bits(wanted), payload.hex()
            accepted += 1
    assert accepted > count / 20


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("count", COUNTS)
def test_a_damaged_protobuf_payload_has_the_value_of_the_reference_library_or_is_a_failure(
    count: int,
) -> None:
    r = random.Random(count)
    messages = [(shop(), "Order"), (shop(), "Rich"), (old(), "Event"), (old(), "Grouped")]
    kinds = [class_of(schema.message(name)) for schema, name in messages]
    accepted = 0
    for number in range(0, count, BATCH // 2):
        place = number // (BATCH // 2) % len(messages)
        rows = [mutant(random_message(kinds[place], r).SerializeToString(), r) for _ in range(BATCH // 2)]
        accepted += check(*messages[place], rows)[0]
    assert accepted > count / 20
