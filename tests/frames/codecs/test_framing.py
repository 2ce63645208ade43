"""Framings are read and written as the official serializers write them, byte by byte."""

from __future__ import annotations

import json
import uuid
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokerkit.frames.codecs.avro import parse_schema
from brokerkit.frames.codecs.avro.fingerprint import fingerprint
from brokerkit.frames.codecs.framing import (
    Framing,
    Part,
    framings,
    message_indexes,
    with_message,
    written,
)
from brokerkit.registry import SchemaRef

GOLDEN = json.loads((Path(__file__).parent / "framings" / "golden.json").read_text("utf-8"))
SHORT = bytes.fromhex("0e020278")


def named(by: str, text: str = "") -> list[Any]:
    """The golden payloads of a serializer whose names have a text in them."""
    found = [each for each in GOLDEN["payloads"] if each["by"] == by and text in each["name"]]
    assert found
    return [pytest.param(each, id=f"{by}: {each['name']}") for each in found]


def parsed(golden: dict[str, Any]) -> tuple[bytes, dict[str, bytes], list[Framing]]:
    payload = bytes.fromhex(golden["payload"])
    attributes = {name: bytes.fromhex(value) for name, value in golden["attributes"].items()}
    return payload, attributes, framings(payload, attributes, golden["part"])


def schema_of(golden: dict[str, Any]) -> dict[str, Any]:
    """The registered schema of a golden payload."""
    subject = f"{golden['topic']}-{golden['part']}"
    (found,) = [each for each in GOLDEN["schemas"][golden["by"]] if each["subject"] == subject]
    return dict(found)


@pytest.mark.parametrize("golden", named("confluent"))
def test_confluent_names_the_schema_before_the_payload_or_in_a_header(golden: dict[str, Any]) -> None:
    payload, attributes, found = parsed(golden)
    schema = schema_of(golden)
    first = found[0]
    assert first.name == "confluent"
    assert first.declared == bool(attributes)
    assert first.ref == (SchemaRef("guid", schema["guid"]) if attributes else SchemaRef("id", schema["id"]))
    if schema.get("schemaType") == "PROTOBUF":
        first = with_message(first, payload)[0]
        expected = {
            "first": (0,),
            "empty": (0,),
            "second": (1,),
            "header": (1,),
            "message in": (1, 0),
            "third": (1, 0, 0),
        }
        assert first.indexes == next(each for text, each in expected.items() if text in golden["name"])
    assert written(first, payload[first.start :], golden["part"]) == (payload, attributes)


@pytest.mark.parametrize("golden", named("apicurio"))
def test_apicurio_names_the_schema_in_headers_or_before_the_payload(golden: dict[str, Any]) -> None:
    payload, attributes, found = parsed(golden)
    schema = schema_of(golden)
    content, legacy = "use-id=contentId" in golden["name"], "Legacy4Byte" in golden["name"]
    kind, number = ("content", schema["id"]) if content else ("global", schema["globalId"])
    if legacy and content:
        # what is the id of Confluent's protocol there
        kind = "id"
    (mine,) = [
        each
        for each in found
        if each.ref == SchemaRef(kind, number) and each.width in (0, 4 if legacy else 8)
    ]
    assert mine.declared == bool(attributes)
    if attributes:
        assert found[0] == mine
    if "protobuf" in golden["name"]:
        assert [each.message for each in with_message(mine, payload)] == ["Order"]
        (mine,) = with_message(mine, payload)
    else:
        assert mine.encoding == (None if not attributes else "json" if "JSON" in golden["name"] else "binary")
    again, headers = written(mine, payload[mine.start :], golden["part"])
    assert again == payload
    # the class of a Java program is not known here
    assert headers == {name: value for name, value in attributes.items() if "msgType" not in name}


@pytest.mark.parametrize("golden", [*named("glue"), *named("avro")])
def test_glue_and_single_objects_name_the_schema_before_the_payload(golden: dict[str, Any]) -> None:
    payload, _, (found,) = parsed(golden)
    body = payload[found.start :]
    if golden["by"] == "glue":
        assert found.ref == SchemaRef("glue", "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63")
        assert found.compressed == ("zlib" in golden["name"])
        body = zlib.decompress(body) if found.compressed else body
    assert body == SHORT
    assert written(found, body, "value") == (payload, {})


def test_a_fingerprint_is_that_of_the_schema() -> None:
    (golden,) = [each for each in GOLDEN["payloads"] if each["by"] == "avro"]
    ((found,)) = framings(bytes.fromhex(golden["payload"]), {}, "value")
    assert found.ref.id == f"{fingerprint(parse_schema(json.dumps(golden['schema']))):016x}"


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "content_type", "$x.content_type"])
def test_a_content_type_names_an_avro_schema(name: str) -> None:
    number = "0123456789abcdef" * 2
    (found,) = framings(SHORT, {name: f"avro/binary+{number}".encode()}, "value")
    assert (found.ref, found.start, found.declared, found.encoding) == (
        SchemaRef("content-type", number),
        0,
        True,
        "binary",
    )
    assert written(found, SHORT, "value") == (SHORT, {"content-type": f"avro/binary+{number}".encode()})


@pytest.mark.parametrize(
    "value", [b"application/json", b"avro/binary", b"avro/binary+", b"avro/binary+xyz", b"\xff"]
)
def test_another_content_type_names_none(value: bytes) -> None:
    assert framings(SHORT, {"content-type": value}, "value") == []


@pytest.mark.parametrize(
    ("revision", "encoding"), [("7a4d10cb", "BINARY"), ("7a4d10cb", "JSON"), (None, "BINARY")]
)
def test_attributes_of_a_schema_service_name_its_schema(revision: str | None, encoding: str) -> None:
    attributes = {
        "googclient_schemaname": b"projects/p/schemas/s",
        "googclient_schemaencoding": encoding.encode(),
        **({"googclient_schemarevisionid": revision.encode()} if revision else {}),
    }
    (found,) = framings(SHORT, attributes, "value")
    assert found.ref == SchemaRef("pubsub", "projects/p/schemas/s" + (f"@{revision}" if revision else ""))
    assert found.encoding == encoding.lower()
    assert written(found, SHORT, "value") == (SHORT, attributes)
    assert framings(SHORT, attributes, "key") == []


@pytest.mark.parametrize("part", ["key", "value"])
def test_a_header_is_for_the_key_or_for_the_value(part: Part) -> None:
    other: Part = "value" if part == "key" else "key"
    for header, value in (
        (f"__{part}_schema_id", b"\0\0\0\0\7"),
        (f"apicurio.{part}.globalId", bytes(7) + b"\7"),
    ):
        assert [each.declared for each in framings(SHORT, {header: value}, part)] == [True]
        assert framings(SHORT, {header: value}, other) == []


@pytest.mark.parametrize(
    "attributes",
    [
        {"__value_schema_id": b""},
        {"__value_schema_id": b"\0\0\0\7"},
        {"__value_schema_id": b"\1" + bytes(15)},
        {"__value_schema_id": b"\2" + bytes(16)},
        {"__value_schema_id": b"\0\0\0\0\7\x06\x02"},
        {"__value_schema_id": b"\0\0\0\0\7\x00\x00"},
        {"__value_schema_id": bytes(5)},
        {"apicurio.value.globalId": b"\7"},
        {"apicurio.value.globalId": bytes(8)},
        {"apicurio.value.contentId": b"\xff" * 8},
        {"googclient_schemaname": b""},
    ],
)
def test_a_broken_header_names_no_schema(attributes: dict[str, bytes]) -> None:
    assert framings(SHORT, attributes, "value") == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0",
        b"\0\0\0\0\0",
        b"\0\0\0\0\0x",
        b"\0\x80\0\0\1x",
        b"\1" + bytes(15),
        b"\3\1" + bytes(16),
        b"\xc3\1abc",
        b"{}",
    ],
)
def test_bytes_that_cannot_be_an_id_are_none(payload: bytes) -> None:
    assert framings(payload, {}, "value") == []


def test_an_id_of_four_bytes_may_be_one_of_eight() -> None:
    found = framings(b"\0\0\0\0\7\0\0\0\1x", {}, "value")
    assert [(each.name, each.ref.kind, each.start) for each in found] == [("confluent", "id", 5), ("apicurio", "global", 5), ("apicurio", "global", 9), ("apicurio", "content", 9)]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\0", (0,)),
        (b"\x02\x02", (1,)),
        (b"\x04\x02\0", (1, 0)),
        (b"\x06\x02\0\0", (1, 0, 0)),
        (b"\x02\xc8\x01", (100,)),
    ],
)
def test_indexes_lead_to_a_message(data: bytes, expected: tuple[int, ...]) -> None:
    assert message_indexes(b"?" + data + b"rest", 1) == (expected, 1 + len(data))


@pytest.mark.parametrize(
    "data",
    [b"", b"\x02", b"\x01", b"\x02\x01", b"\xff\xff\xff\xff\xff\x01", b"\xca\x01" + bytes(200), b"\x80"],
)
def test_broken_indexes_are_refused_with_their_place(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^byte \d+: "):
        message_indexes(data, 0)


def test_an_id_that_does_not_fit_is_refused() -> None:
    for width, number in ((4, 2**31), (4, 0), (4, -1), (8, 2**63)):
        name, kind = ("confluent", "id") if width == 4 else ("apicurio", "global")
        with pytest.raises(ValueError, match=f"does not fit into {width} bytes"):
            written(Framing(name, SchemaRef(kind, number), 1 + width, width), b"", "value")


@given(
    payload=st.binary(max_size=60)
    | st.builds(
        bytes.__add__, st.sampled_from([b"\0", b"\1", b"\3\0", b"\3\5", b"\xc3\1"]), st.binary(max_size=40)
    ),
    header=st.binary(max_size=24),
)
def test_any_bytes_are_read_and_what_is_read_is_written_the_same(payload: bytes, header: bytes) -> None:
    attributes = {"__value_schema_id": header, "apicurio.value.globalId": header, "content-type": header}
    for found in framings(payload, attributes, "value"):
        if found.compressed:
            continue
        again, _ = written(found, payload[found.start :], "value")
        assert again == payload
        try:
            readings = with_message(found, payload)
        except ValueError:
            continue
        for each in readings:
            longer, _ = written(each, payload[each.start :], "value")
            # numbers may be written with more bytes than they need
            assert len(longer) <= len(payload)
            assert longer.endswith(payload[each.start :])


@given(
    indexes=st.lists(st.integers(0, 2**30), min_size=1, max_size=20),
    body=st.binary(max_size=20),
    guid=st.uuids(),
)
def test_indexes_are_read_as_they_were_written(indexes: list[int], body: bytes, guid: uuid.UUID) -> None:
    for ref, declared in (
        (SchemaRef("id", 7), False),
        (SchemaRef("guid", str(guid)), False),
        (SchemaRef("guid", str(guid)), True),
    ):
        framing = Framing("confluent", ref, declared=declared, indexes=tuple(indexes))
        payload, attributes = written(framing, body, "value")
        found = with_message(framings(payload, attributes, "value")[0], payload)[0]
        assert (found.ref, found.indexes, payload[found.start :]) == (ref, tuple(indexes), body)
