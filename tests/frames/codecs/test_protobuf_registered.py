"""Payloads that the official serializers made, read with the schemas as a registry gave them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.codecs.framing import Framing, framings, with_message
from brokerkit.frames.codecs.protobuf import ProtobufSchema

from .protobuf_messages import COMMON, payloads
from .test_protobuf_schema import file_of

GOLDEN = json.loads((Path(__file__).parent / "framings" / "golden.json").read_text("utf-8"))
# Pub/Sub has schemas without subjects: their payloads are read in test_registered.py
PROTOBUF = [
    each
    for each in GOLDEN["payloads"]
    if "protobuf" in each["name"] and all("subject" in schema for schema in GOLDEN["schemas"][each["by"]])
]


def registered(golden: dict[str, Any]) -> ProtobufSchema:
    """The schema of a golden payload with its references, as the registry has them."""
    schemas = GOLDEN["schemas"][golden["by"]]

    def found(subject: str) -> dict[str, Any]:
        (schema,) = [each for each in schemas if each["subject"] == subject]
        return dict(schema)

    schema = found(f"{golden['topic']}-{golden['part']}")
    references: dict[str, str] = {}
    waiting = list(schema.get("references", []))
    while waiting:
        reference = waiting.pop()
        inner = found(reference["subject"])
        references[reference["name"]] = inner["schema"]
        waiting.extend(inner.get("references", []))
    return ProtobufSchema.from_registered(schema["schema"], references)


def set_fields(value: Any) -> Any:
    """JSON without the fields that are not set, as the golden values are written."""
    if isinstance(value, dict):
        return {name: set_fields(each) for name, each in value.items() if each not in (None, [], {}, 0, "")}
    return [set_fields(each) for each in value] if isinstance(value, list) else value


def messages(framing: Framing, payload: bytes) -> list[Framing]:
    """The framings with their message; none if the bytes behind the id name no message."""
    try:
        return [each for each in with_message(framing, payload) if each.message or each.indexes]
    except ValueError:
        return []


@pytest.mark.parametrize("golden", PROTOBUF, ids=[f"{each['by']}: {each['name']}" for each in PROTOBUF])
def test_payloads_of_the_official_serializers_are_read_and_written_byte_by_byte(
    golden: dict[str, Any],
) -> None:
    schema = registered(golden)
    payload = bytes.fromhex(golden["payload"])
    attributes = {name: bytes.fromhex(value) for name, value in golden["attributes"].items()}
    right = []
    for framing in framings(payload, attributes, golden["part"]):
        for each in messages(framing, payload):
            try:
                message = (
                    schema.message(each.message) if each.message else schema.message_at(each.indexes or ())
                )
            except ConfigError:
                continue
            reading = schema.columns(message).texts(payloads([payload]), [each.start])
            # fields that the schema does not have speak against a framing as a failure does
            if not reading.failures and not reading.unknown:
                value = json.loads(reading.values[0].as_py())
                assert schema.writer(message).object(value) == payload[each.start :]
                right.append(set_fields(value))
    # the same bytes may be framed in two ways that differ in whose number the id is
    assert right
    assert all(each == set_fields(golden["value"]) for each in right)


def test_a_registered_schema_is_text_or_base64_and_not_both() -> None:
    main = 'syntax = "proto3"; import "common.proto"; message A { shop.common.Money m = 1; }'
    common = base64.b64encode(file_of(ProtobufSchema.from_text(COMMON, name="common.proto"))).decode()
    assert ProtobufSchema.from_registered(main, {"common.proto": COMMON}).names == ["A"]
    described = ProtobufSchema.from_text(main, {"common.proto": COMMON})
    data = base64.b64encode(file_of(described)).decode()
    assert ProtobufSchema.from_registered(data, {"common.proto": common}).names == ["A"]
    for schema, reference in ((main, common), (data, COMMON)):
        with pytest.raises(ConfigError, match="must either all be text or all be base64"):
            ProtobufSchema.from_registered(schema, {"common.proto": reference})
