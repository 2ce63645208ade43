"""Avro payloads of a registry to typed columns and back, against fastavro row by row."""

from __future__ import annotations

import copy
import io
import json
import struct
import time
from functools import partial
from typing import Any

import fastavro
import pandas as pd
import pyarrow as pa

import brokerkit as bk
from brokerkit.frames.build import BATCH_ROWS
from brokerkit.frames.codecs.avro import AvroColumns, parse_schema
from brokerkit.frames.codecs.typed_bodies import Known
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.decoded import Payloads
from brokerkit.frames.expand import struct_columns
from brokerkit.frames.schema_decoder import SchemaDecoder, avro_target
from brokerkit.registry import RegisteredSchema, SchemaRef

from .rates import rate
from .results import Line

BATCH = BATCH_ROWS
ONE_BY_ONE = 1_000
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}
FLAT: list[dict[str, Any]] = [
    {"name": "id", "type": "long"},
    {"name": "customer", "type": "string"},
    {"name": "amount", "type": "double"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "paid", "type": "boolean"},
    {"name": "note", "type": ["null", "string"], "default": None},
]
LINE = {"type": "record", "name": "Line", "fields": [
    {"name": "sku", "type": "string"}, {"name": "count", "type": "int"}]}  # fmt: skip
NESTED = [
    *FLAT[:3],
    {"name": "lines", "type": {"type": "array", "items": LINE}},
    {"name": "tags", "type": {"type": "map", "values": "long"}},
    {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B", "C"]}},
]
VERSIONS = [
    FLAT,
    [{"name": "gone", "type": "string"}, {"name": "id", "type": "int"}, *FLAT[1:]],
    [*FLAT[:2], *FLAT[3:], {"name": "amount", "type": "float"}],
    FLAT[:5],
]
"""Four schemas of one topic; the first is the newest."""


class Source:
    """Schemas in memory, numbered from 1."""

    name = "memory"
    kinds = frozenset({"id"})

    def __init__(self, schemas: list[Any]) -> None:
        self.schemas = [RegisteredSchema("AVRO", json.dumps(each)) for each in schemas]

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        return self.schemas[int(ref.id) - 1]

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        return {}


def _record(fields: list[Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Order", "fields": fields}


def _value(number: int) -> dict[str, Any]:
    return {
        "id": number * 7919,
        "customer": f"customer-{number % 997}",
        "amount": number / 8,
        "at": 1_767_225_600_000_000 + number,
        "paid": bool(number % 2),
        "note": None if number % 3 else "express",
        "gone": "x" * (number % 9),
        "lines": [{"sku": f"s{each}", "count": each} for each in range(number % 4)],
        "tags": {f"k{each}": each for each in range(number % 3)},
        "kind": "ABC"[number % 3],
    }


def _framed(number: int, parsed: Any, value: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(
        stream, parsed, {each["name"]: value[each["name"]] for each in parsed["fields"]}
    )
    return b"\0" + struct.pack(">I", number) + stream.getvalue()


def run(rows: int) -> list[Line]:
    return [
        _reading("flat", [FLAT], rows, 10.0),
        _reading("nested", [NESTED], rows, 10.0),
        _reading("mixed (four schemas)", VERSIONS, rows, 4.0),
        _bad_row(1_000_000),
        _publishing("flat", FLAT, rows // 2),
        _publishing("nested", NESTED, rows // 2),
    ]


def _reading(what: str, versions: list[list[Any]], rows: int, wanted: float) -> Line:
    schemas = [_record(fields) for fields in versions]
    parsed = [fastavro.parse_schema(json.loads(json.dumps(each))) for each in schemas]
    payloads = [_framed(n % len(parsed) + 1, parsed[n % len(parsed)], _value(n)) for n in range(rows)]
    array: Any = pa.array(payloads, pa.large_binary())
    source = Source(schemas)
    decoder = SchemaDecoder("avro", "Order", avro_target, (Known(source.schemas[0]),), source)

    def naive() -> int:
        values = []
        for payload in payloads:
            number = struct.unpack_from(">I", payload, 1)[0]
            stream = io.BytesIO(payload[5:])
            if len(parsed) == 1:
                values.append(fastavro.schemaless_reader(stream, parsed[0]))
            else:
                values.append(fastavro.schemaless_reader(stream, parsed[number - 1], parsed[0]))
        return len(pd.DataFrame(values))

    def ours() -> int:
        chunks = [decoder.decode(Payloads(array[at : at + BATCH])) for at in range(0, rows, BATCH)]
        assert not any(chunk.failures for chunk in chunks)
        columns = struct_columns(pa.chunked_array([chunk.value for chunk in chunks]))
        return len(to_pandas(pa.table(list(columns.values()), [".".join(path) for path in columns])))

    rated = partial(rate, clock=time.process_time)
    return Line(f"{rows:,} {what} Avro payloads to typed columns", rated(naive), rated(ours), wanted)


def _bad_row(rows: int) -> Line:
    """One payload that cannot be read among a million."""
    parsed = fastavro.parse_schema(_record(copy.deepcopy(FLAT)))
    good: Any = pa.array([_framed(1, parsed, _value(n)) for n in range(BATCH)], pa.large_binary())
    bad = pa.concat_arrays(
        [good[: BATCH // 2], pa.array([good[0].as_py()[:-1]], good.type), good[BATCH // 2 + 1 :]]
    )
    source = Source([_record(FLAT)])
    decoder = SchemaDecoder("avro", "Order", avro_target, (Known(source.schemas[0]),), source)

    def reading(last: Any) -> int:
        for batch in [good] * (rows // BATCH) + [last]:
            decoder.decode(Payloads(batch))
        return rows

    rated = partial(rate, clock=time.process_time)
    clean, spoiled = rated(lambda: reading(good)), rated(lambda: reading(bad))
    return Line(f"{rows:,} flat Avro payloads, one of them bad (to none)", clean, spoiled, 0.95)


def _publishing(what: str, fields: list[Any], rows: int) -> Line:
    schema = json.dumps(_record(fields))
    columns = AvroColumns(parse_schema(schema))
    parsed = fastavro.parse_schema(json.loads(schema))
    payloads = pa.array([_framed(1, parsed, _value(n))[5:] for n in range(rows)], pa.large_binary())
    frame = to_pandas(pa.Table.from_struct_array(columns.read(payloads)[0]))
    values = frame.head(ONE_BY_ONE).to_dict("records")
    with bk.connect("inmem://") as session:
        for topic in ("one", "frame"):
            session.create_topic(topic)
        decoder = bk.avro(schema)

        def naive() -> int:
            for value in values:
                session.publish("one", value, schema=decoder, framing="bare")
            return len(values)

        def ours() -> int:
            outcome = session.publish_frame("frame", frame, schema=decoder, framing="bare", progress=False)
            assert len(outcome) == rows
            return rows

        rated = partial(rate, clock=time.process_time, rounds=2)
        return Line(f"{rows:,} {what} rows published as Avro", rated(naive), rated(ours), 20.0)
