"""Payloads of other kinds are never shown as something that they are not."""

from __future__ import annotations

import re
from collections import Counter

import pyarrow as pa
import pytest

from brokerkit.core.vocabulary.errors import NotFound
from brokerkit.frames.auto import AutoDecoder
from brokerkit.frames.decoded import Payloads
from brokerkit.registry import RegisteredSchema, SchemaRef

from .other_payloads import payloads

CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
COUNTS = [15_000, pytest.param(100_000, marks=pytest.mark.extended)]
BATCH = 5_000
RECORD = (
    '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},'
    '{"name":"customer","type":"string"},{"name":"total","type":"double"},'
    '{"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","PAID","SENT"]}},'
    '{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":'
    '[{"name":"book","type":"string"},{"name":"count","type":"int"}]}}},'
    '{"name":"note","type":["null","string"],"default":null}]}'
)
PROTO = 'syntax = "proto3"; message Order { int64 id = 1; string customer = 2; double total = 3; repeated string lines = 4; }'
SCHEMAS = [("AVRO", RECORD), ("PROTOBUF", PROTO), ("JSON", '{"type":"object"}')]


class Registry:
    """A registry with ids from 1 to 200."""

    name = "a registry of 200 schemas"
    kinds = frozenset({"id", "guid", "global", "content"})

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        if ref.kind == "guid" or not 1 <= int(ref.id) <= 200:
            raise NotFound("no such schema")
        kind, text = SCHEMAS[int(ref.id) % 3]
        return RegisteredSchema(kind, text, ref=ref)

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        return {}


def text_of(payload: bytes) -> str | None:
    """The payload as text, if it is text."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return None if CONTROLS.search(text) else text


@pytest.mark.extended
@pytest.mark.timeout(600)
@pytest.mark.parametrize("registry", [False, True], ids=["no registry", "registry"])
@pytest.mark.parametrize("count", COUNTS)
def test_nothing_is_shown_as_what_it_is_not(count: int, registry: bool) -> None:
    decoder = AutoDecoder(Registry() if registry else None)
    made = list(payloads(count))
    wrong: list[tuple[str, str, str]] = []
    seen: Counter[str] = Counter()
    for start in range(0, count, BATCH):
        part = made[start : start + BATCH]
        found = decoder.decode(Payloads(pa.array([each for _, each in part], pa.large_binary())))
        values, raws = found.value.to_pylist(), found.raw.to_pylist()
        formats = [found.format_name] * len(part) if found.format is None else found.format.to_pylist()
        failed = {one.row for one in found.failures}
        for row, (kind, payload) in enumerate(part):
            seen[formats[row]] += 1
            text = text_of(payload)
            if text is not None:
                right = values[row] == text and formats[row] in ("text", "json") and raws[row] is None
            else:
                right = values[row] is None and raws[row] == payload
                # a failure names a format only where its first bytes do
                right &= formats[row] == "bytes" or row in failed
            if not right:
                wrong.append((kind, formats[row], payload.hex()))
    assert wrong == []
    assert seen["bytes"] > count / 3
    assert seen["text"] > count / 20
