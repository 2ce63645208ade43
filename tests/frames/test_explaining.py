"""What `explain` says of one row: the layers, the evidence, and why other readings were rejected."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import msgspec
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.workbench import Session

JSON = b'{"id":1}'
PACKED = msgspec.msgpack.encode({"id": 1})


@pytest.fixture
def s() -> Any:
    with bk.connect("inmem://") as session:
        session.create_topic("t")
        yield session


def explained(s: Session, payload: bytes | None, **attributes: Any) -> bk.Explanation:
    s.publish_batch("t", [OutboundMessage(payload, None, attributes)])
    frame = s.peek("t", 1)
    found = s.explain(frame.iloc[0])
    # a row may be given in any form
    assert s.explain(frame) == s.explain(frame.iloc[0].to_dict()) == found
    format = frame["format"].tolist()[0]
    assert found.format == (None if payload is None else format)
    return found


def test_each_layer_has_its_size_and_its_evidence(s: Session) -> None:
    packed = gzip.compress(PACKED)
    payload = base64.b64encode(packed)
    found = explained(s, payload)
    assert [(layer.name, layer.bytes) for layer in found.layers] == [
        ("base64", len(payload)),
        ("gzip", len(packed)),
        ("msgpack", len(PACKED)),
    ]
    assert found.layers[2].evidence == "a map with text keys that uses every byte"
    assert dict(found.rejected)["text"] == "byte 0 is not UTF-8"
    assert repr(found).splitlines()[0] == "format base64+gzip+msgpack"


@pytest.mark.parametrize(
    ("payload", "name", "reason"),
    [
        (b"hello", "json", "not valid JSON"),
        (b"\x0e\x02\x02x", "text", "character 0 is a control character"),
        (b"\xff\xfe", "text", "byte 0 is not UTF-8"),
        (PACKED + b"\x00", "msgpack", "trailing"),
        (b"\x81\x01\x02", "msgpack", "its keys are not all text"),
        (b"\x00\x00\x00\x00\x07\x0e", "framing of confluent", "schema id 7"),
        (b"\xa1\x61", "cbor", ""),
    ],
)
def test_a_reading_that_was_rejected_says_why(s: Session, payload: bytes, name: str, reason: str) -> None:
    assert reason in dict(explained(s, payload).rejected)[name]


def test_what_is_declared_and_what_failed_are_said(s: Session) -> None:
    found = explained(s, PACKED, **{"content-type": "application/msgpack"})
    assert found.layers[0].evidence == "declared by an attribute"
    broken = gzip.compress(JSON)[:-3]
    found = explained(s, broken)
    assert found.failure == f"gzip: byte {len(broken)}: the data is cut off"
    assert found.failure in repr(found)


def test_null_empty_and_plain_payloads_are_explained(s: Session) -> None:
    assert repr(explained(s, None)) == "a null payload: there is nothing to read"
    assert explained(s, b"").layers[0].evidence == "empty"
    assert explained(s, JSON).rejected == (("avro-container", "it does not begin with b'Obj\\x01'"),)


def test_a_typed_row_is_explained_from_its_bytes(s: Session) -> None:
    s.publish("t", PACKED)
    frame = s.peek("t", decode="raw")
    assert s.explain(frame.iloc[0]).format == "msgpack"


def test_several_rows_and_other_frames_are_refused(s: Session) -> None:
    s.publish_batch("t", [JSON, JSON])
    with pytest.raises(ConfigError, match="one row, not 2"):
        s.explain(s.peek("t"))
    with pytest.raises(ConfigError, match="has neither"):
        s.explain({"a": 1})
