"""A fingerprint of Avro names a schema only if no other one with another meaning has it."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from brokerkit.frames.auto.fingerprints import FingerprintedRegistry
from brokerkit.frames.auto.registered import RegisteredPayloads
from brokerkit.frames.codecs.avro import parse_schema
from brokerkit.frames.codecs.avro.fingerprint import fingerprint
from brokerkit.frames.decoded import Payloads

pytest.importorskip("confluent_kafka", reason="the Python has no client of Kafka")

from ..registry.test_client import registry
from ..registry.web import Web
from .codecs.test_avro import record, written


def read(payload: bytes, *schemas: Any) -> tuple[str | None, str]:
    """Read a single object with a registry of these schemas; return the text, and the problem."""
    mark = b"\xc3\x01" + fingerprint(parse_schema(json.dumps(schemas[0]))).to_bytes(8, "little")
    listed = [
        {"subject": f"s{number}", "version": 1, "id": number, "schema": json.dumps(schema)}
        for number, schema in enumerate(schemas)
    ]
    with Web({"/schemas": listed}) as web:
        reader = RegisteredPayloads(FingerprintedRegistry(registry(web.url)))
        found = reader.read(Payloads(pa.array([mark + payload], pa.large_binary()), None, None, "t", False))
    return found.texts[0].as_py(), found.problems[0].reason if found.problems else ""


def amount(**logical: Any) -> Any:
    return record(amount=logical)


TWO = [
    (amount(type="bytes", logicalType="decimal", precision=9, scale=2),
     amount(type="bytes", logicalType="decimal", precision=9, scale=4), b"\2\x64"),
    (amount(type="long", logicalType="timestamp-millis"), amount(type="long", logicalType="timestamp-micros"), b"\2"),
    (amount(type="long"), amount(type="long", logicalType="timestamp-micros"), b"\2"),
    (amount(type="fixed", name="F", size=4, logicalType="decimal", precision=9, scale=2),
     amount(type="fixed", name="F", size=4, logicalType="decimal", precision=9, scale=3), b"\0\0\0\1"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "payload"), TWO)
def test_a_fingerprint_of_two_schemas_with_other_logical_types_is_a_failure_that_names_both(
    one: Any, other: Any, payload: bytes
) -> None:
    for schemas in ((one, other), (other, one)):
        text, problem = read(payload, *schemas)
        assert text is None
        assert "s0 v1 and s1 v1 have this fingerprint" in problem


def test_schemas_that_mean_the_same_share_a_fingerprint() -> None:
    schema = record(at={"type": "long", "logicalType": "timestamp-millis"})
    told = {**schema, "doc": "an order"}
    (payload,) = written(schema, {"at": 1})
    assert read(payload, schema, told) == ('{"at":"1970-01-01T00:00:00.001Z"}', "")
