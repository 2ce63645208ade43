"""How `auto` reads payloads: per row, from evidence, exactly, and without losing a byte."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import struct
import zlib
from typing import Any

import cbor2
import cramjam
import fastavro
import lz4.frame
import msgspec
import pyarrow as pa
import pytest
import zstandard

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.frames import FrameBuilder, expand, failures, messages_from_frame, to_pandas
from brokerkit.frames.auto import base64_layers
from brokerkit.frames.auto.reading import read_payload
from brokerkit.frames.codecs.varints import write_zigzag

ORDER = {"id": 9007199254740993, "customer": "Zoë", "lines": [1, 2]}
JSON = json.dumps(ORDER, ensure_ascii=False, separators=(",", ":"))
BYTES = JSON.encode()
PACKED = msgspec.msgpack.encode(ORDER)
SCHEMA = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "customer", "type": "string"},
        {"name": "lines", "type": {"type": "array", "items": "int"}},
    ],
}


def container(*records: Any, codec: str = "null") -> bytes:
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(json.loads(json.dumps(SCHEMA))), records, codec=codec)
    return stream.getvalue()


def zstandard_container(record: Any) -> bytes:
    """A container as other libraries write it; fastavro needs one more library for it."""
    plain = container(record)
    sync = plain[-16:]
    head, block, _ = plain.split(sync)
    size = len(block) - 2  # a block begins with its count and its size, one byte each
    assert block[1] == size * 2
    data = zstandard.ZstdCompressor().compress(block[2:])
    named = head.replace(b"\x08null", b"\x12zstandard")
    return named + sync + block[:1] + bytes([len(data) * 2]) + data + sync


def built(payloads: list[bytes | None], attributes: Any = None, decode: str = "auto") -> pa.Table:
    builder = FrameBuilder(decode)
    length = len(payloads)
    columns = Columns(
        length, topic="t", partition=0, offset=list(range(length)), id=[f"0-{n}" for n in range(length)],
        value=payloads, attributes=attributes,
    )  # fmt: skip
    return builder.to_table([builder.batch(columns)])


def rows(table: pa.Table) -> list[tuple[Any, Any, Any]]:
    return list(zip(*(table.column(name).to_pylist() for name in ("value", "raw", "format")), strict=True))


READ: list[tuple[bytes | None, str | None, str | None]] = [
    (None, None, None),
    (b"", "", "text"),
    (BYTES, JSON, "json"),
    (b"  [1, 2]\n", "  [1, 2]\n", "json"),
    (b"7", "7", "json"),
    (b"-1.50", "-1.50", "json"),
    (b'"x"', '"x"', "json"),
    (b"null", "null", "json"),
    (b'{"a":NaN}', '{"a":NaN}', "json"),
    (b"\xef\xbb\xbf{}", "\ufeff{}", "json"),
    (b'{"a":1}\x00', '{"a":1}\x00', "json"),
    (b"hello", "hello", "text"),
    (b"{not json}", "{not json}", "text"),
    (b'{"a":1},{"b":2}', '{"a":1},{"b":2}', "text"),
    (b"[INFO] x [y]", "[INFO] x [y]", "text"),
    (b"2026-01-02 10:00:00 200", "2026-01-02 10:00:00 200", "text"),
    (b"1.2.3", "1.2.3", "text"),
    ("tab\tline\r\nžluť".encode(), "tab\tline\r\nžluť", "text"),
    (b"\x00", None, "bytes"),
    (b"\x0e\x02\x02x", None, "bytes"),
    (b"\x00\x00\x00\x00\x07\x0e", None, "bytes"),
    (b"\xff\xfe", None, "bytes"),
    (b"\x81\xa1a\x01", '{"a":1}', "msgpack"),
    (PACKED, JSON, "msgpack"),
    (PACKED + b"\x00", None, "bytes"),
    (b"\x80", None, "bytes"),
    (msgspec.msgpack.encode([1, 2, 3]), None, "bytes"),
    (msgspec.msgpack.encode({1: "a"}), None, "bytes"),
    (cbor2.dumps(ORDER), JSON, "cbor"),
    (cbor2.dumps([1, 2, 3]), None, "bytes"),
    (cbor2.dumps(cbor2.CBORTag(55799, [1, 2])), "[1,2]", "cbor"),
    (gzip.compress(BYTES), JSON, "gzip+json"),
    (gzip.compress(b"hello"), "hello", "gzip+text"),
    (gzip.compress(b"\x00\x01"), None, "gzip+bytes"),
    (zlib.compress(BYTES), JSON, "zlib+json"),
    (zstandard.ZstdCompressor().compress(BYTES), JSON, "zstd+json"),
    (lz4.frame.compress(PACKED), JSON, "lz4+msgpack"),
    (bytes(cramjam.snappy.compress(BYTES)), JSON, "snappy+json"),
    (gzip.compress(zstandard.ZstdCompressor().compress(BYTES)), JSON, "gzip+zstd+json"),
    (base64.b64encode(gzip.compress(BYTES)), JSON, "base64+gzip+json"),
    (gzip.compress(base64.b64encode(container(ORDER))), JSON, "gzip+base64+avro-container"),
    (base64.b64encode(base64.b64encode(gzip.compress(BYTES))), JSON, "base64+base64+gzip+json"),
    (
        gzip.compress(base64.b64encode(base64.encodebytes(container(ORDER)))),
        JSON,
        "gzip+base64+base64+avro-container",
    ),
    (base64.b64encode(BYTES), base64.b64encode(BYTES).decode(), "text"),
    (base64.b64encode(base64.b64encode(BYTES)), base64.b64encode(base64.b64encode(BYTES)).decode(), "text"),
    (b"SDRzSQ==", "SDRzSQ==", "text"),
    (base64.b64encode(b"H4sI is how it begins"), base64.b64encode(b"H4sI is how it begins").decode(), "text"),
    (base64.b64encode(b"Object not found"), base64.b64encode(b"Object not found").decode(), "text"),
    (b"BCJNabcd", "BCJNabcd", "text"),
    (b"H4sI is how it begins", "H4sI is how it begins", "text"),
    (b"x\x9c is no zlib", "x\x9c is no zlib".encode("latin-1").decode("utf-8", "replace") and None, "bytes"),
    (container(ORDER), JSON, "avro-container"),
    (container(ORDER, ORDER, codec="deflate"), f"[{JSON},{JSON}]", "avro-container"),
    (container(ORDER, codec="snappy"), JSON, "avro-container"),
    (zstandard_container(ORDER), JSON, "avro-container"),
    (container(), "[]", "avro-container"),
]


@pytest.mark.parametrize(
    ("payload", "value", "format"), READ, ids=[f"{n}-{r[2]}" for n, r in enumerate(READ)]
)
def test_a_payload_is_read_by_its_own_evidence(
    payload: bytes | None, value: str | None, format: str | None
) -> None:
    verbatim = payload is not None and value is not None and value.encode() == payload
    expected = (value, None if verbatim else payload, format)
    assert rows(built([payload])) == [expected]
    # whatever lies around it
    assert rows(built([BYTES, payload, None, b"text"]))[1] == expected
    assert rows(built([b"text"] * 40 + [payload]))[40] == expected


def test_every_row_of_a_mixed_topic_is_read_on_its_own() -> None:
    payloads = [payload for payload, _, _ in READ] * 3
    random.Random(1).shuffle(payloads)
    expected = {payload: (value, format) for payload, value, format in READ}
    for payload, (value, _, format) in zip(payloads, rows(built(payloads)), strict=True):
        assert (value, format) == expected[payload]


def test_a_decoded_frame_is_published_back_to_the_byte() -> None:
    payloads = [payload for payload, _, _ in READ]
    table = built(payloads)
    for frame in (table, to_pandas(table), table.replace_schema_metadata(None)):
        sent = list(messages_from_frame(frame))
        assert [item.data for item in sent if isinstance(item, OutboundMessage)] == payloads


@pytest.mark.parametrize(
    "name", ["gzip", "zlib", "zstd", "lz4", "snappy", "base64+gzip", "gzip+zstd", "base64+base64+gzip"]
)
def test_an_edited_value_goes_into_the_layers_of_its_row(name: str) -> None:
    from brokerkit.frames.codecs.compression import compress

    payload = BYTES
    for layer in reversed(name.split("+")):
        payload = base64.b64encode(payload) if layer == "base64" else compress(layer, payload)
    frame = to_pandas(built([payload, payload]))
    assert frame["format"].tolist() == [f"{name}+json"] * 2
    frame.loc[1, "value"] = '{"edited":true}'
    first, second = (item.data for item in messages_from_frame(frame))  # type: ignore[union-attr]
    assert first == payload
    assert rows(built([second])) == [('{"edited":true}', second, f"{name}+json")]


def test_an_edited_value_of_a_binary_format_that_it_cannot_hold_is_refused_and_not_sent_as_text() -> None:
    frame = to_pandas(built([PACKED, PACKED, PACKED]))
    frame.loc[1, "value"] = "no JSON"
    frame.loc[2, "value"] = '{"id":1,"much":[18446744073709551616]}'
    first, second, third = messages_from_frame(frame)
    assert isinstance(first, OutboundMessage)
    assert first.data == PACKED
    assert "row 1" in str(second)
    assert "does not fit msgpack: it is not one value in JSON" in str(second)
    assert "row 2" in str(third)
    assert "does not fit msgpack" in str(third)


def test_a_value_put_in_place_of_bytes_is_published() -> None:
    frame = to_pandas(built([b"\xff", PACKED]))
    frame.loc[0, "value"] = "mended"
    assert [item.data for item in messages_from_frame(frame)] == [b"mended", PACKED]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["msgpack", "cbor"])
def test_a_format_that_is_asked_for_reads_every_value_and_fails_on_others(name: str) -> None:
    encode = msgspec.msgpack.encode if name == "msgpack" else cbor2.dumps
    payloads = [encode(ORDER), encode([1, 2]), encode(7), None, b"\xc1\xff\xff", b"not one value"]
    table = built(payloads, decode=name)
    assert rows(table)[:4] == [
        (JSON, payloads[0], name), ("[1,2]", payloads[1], name), ("7", payloads[2], name), (None, None, None)
    ]  # fmt: skip
    assert [(value, raw) for value, raw, _ in rows(table)[4:]] == [(None, payloads[4]), (None, payloads[5])]
    assert failures(table)[["row", "layer"]].values.tolist() == [[4, name], [5, name]]
    assert [item.data for item in messages_from_frame(table)] == payloads  # type: ignore[union-attr]
    values = table.column("value").to_pylist()
    edited = table.set_column(
        6, table.schema.field("value"), pa.array(["{}", *values[1:]], pa.large_string())
    )
    assert next(iter(messages_from_frame(edited))).data == encode({})  # type: ignore[union-attr]


DECLARED: list[tuple[dict[str, str], bytes, str | None, str]] = [
    ({"content-encoding": "gzip"}, gzip.compress(BYTES), JSON, "gzip+json"),
    ({"Content-Encoding": "deflate"}, zlib.compress(BYTES)[2:-4], JSON, "deflate+json"),
    ({"content-encoding": "snappy"}, bytes(cramjam.snappy.compress_raw(BYTES)), JSON, "snappy+json"),
    ({"content-encoding": "gzip"}, BYTES, JSON, "json"),
    ({"content-encoding": "utf-8"}, BYTES, JSON, "json"),
    ({"content-type": "application/msgpack"}, msgspec.msgpack.encode([1, 2]), "[1,2]", "msgpack"),
    ({"content_type": "application/x-msgpack; v=1"}, b"\x07", "7", "msgpack"),
    ({"ce_datacontenttype": "application/cbor"}, cbor2.dumps([1, 2]), "[1,2]", "cbor"),
    ({"content-type": "application/msgpack"}, BYTES, JSON, "json"),
    ({"content-type": "application/json"}, BYTES, JSON, "json"),
    ({"content-type": "text/plain"}, b"\x1b[31mred", "\x1b[31mred", "text"),
    ({"content-type": "text/plain"}, b"\xff", None, "bytes"),
    ({"other": "gzip"}, b"x", "x", "text"),
]  # fmt: skip


@pytest.mark.parametrize(("attributes", "payload", "value", "format"), DECLARED, ids=range(len(DECLARED)))
def test_what_is_declared_counts_first(
    attributes: dict[str, str], payload: bytes, value: str | None, format: str
) -> None:
    verbatim = value is not None and value.encode() == payload
    table = built([BYTES, payload], [None, list(attributes.items())])
    assert rows(table) == [(JSON, None, "json"), (value, None if verbatim else payload, format)]
    sent = [item.data for item in messages_from_frame(to_pandas(table)) if isinstance(item, OutboundMessage)]
    assert sent == [BYTES, payload]


BROKEN: list[tuple[bytes, str, str, int | None]] = [
    (gzip.compress(BYTES)[:-5], "gzip", "the data is cut off", len(gzip.compress(BYTES)) - 5),
    (b"\x1f\x8b\x08\x00garbage garbage", "gzip", "", None),
    (zstandard.ZstdCompressor().compress(BYTES)[:-5], "zstd", "cut off", None),
    (container(ORDER)[:-3], "avro-container", "a block runs past the end", None),
    (b"Obj\x01\x00", "avro-container", "its header is cut off", 5),
]


@pytest.mark.parametrize(("payload", "layer", "reason", "byte"), BROKEN, ids=range(len(BROKEN)))
def test_a_failure_names_the_layer_the_byte_and_the_reason_and_keeps_the_bytes(
    payload: bytes, layer: str, reason: str, byte: int | None
) -> None:
    table = built([BYTES, payload, b"x"])
    assert rows(table)[1][:2] == (None, payload)
    assert rows(table)[0][2] == "json"
    for found in (failures(table), failures(to_pandas(table), "auto")):
        assert found[["row", "step", "layer"]].values.tolist() == [[1, "decode", layer]]
        assert reason in found["error"][0]
        assert found["error"][0].startswith(f"{layer}: ")
        if byte is not None:
            assert found["byte"][0] == byte


def test_a_wrong_field_of_a_container_is_named() -> None:
    payload = container({**ORDER, "customer": "x"})
    broken = payload.replace(b"\x02x", b"\x02\xff")
    assert failures(built([broken]))[["layer", "path"]].values.tolist() == [["avro-container", "customer"]]


@pytest.mark.extended
def test_a_payload_that_would_grow_beyond_the_cap_is_a_failure_of_its_row() -> None:
    bomb = gzip.compress(bytes(70 * 2**20), compresslevel=1)
    table = built([BYTES, bomb, b"x"])
    assert [value for value, _, _ in rows(table)] == [JSON, None, "x"]
    assert "more than" in failures(table)["error"][0]


def test_layers_without_end_are_a_failure() -> None:
    payload = BYTES
    for _ in range(9):
        payload = gzip.compress(payload)
    table = built([payload])
    assert rows(table)[0][:2] == (None, payload)
    assert "more than 8 layers" in failures(table)["error"][0]
    for _ in range(1):
        payload = gzip.decompress(payload)
    assert rows(built([payload]))[0][0] == JSON


def test_a_library_that_is_missing_is_named_on_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "zstandard", None)
    table = built([BYTES, zstandard.ZstdCompressor().compress(BYTES), b"x"])
    assert [value for value, _, _ in rows(table)] == [JSON, None, "x"]
    assert 'pip install "brokerkit-notebook[compression]"' in failures(table)["error"][0]


def test_what_was_decoded_can_be_expanded() -> None:
    payloads = [BYTES, PACKED, gzip.compress(BYTES), container(ORDER), cbor2.dumps(ORDER), b"\xff"]
    table = expand(built(payloads))
    assert table["value.id"].to_pylist() == [9007199254740993] * 5 + [None]
    assert table["value.customer"].to_pylist() == ["Zoë"] * 5 + [None]
    assert failures(table)["row"].tolist() == []


def small_binary(chance: random.Random) -> bytes:
    match chance.randrange(8):
        case 0:
            return struct.pack(">q", chance.randrange(-1000, 1000))
        case 1:
            return struct.pack("<i", chance.randrange(-1000, 1000))
        case 2:
            return struct.pack(">d", chance.random() * 1000)
        case 3:
            return (
                b"\x00"
                + struct.pack(">I", chance.randrange(1, 100))
                + chance.randbytes(chance.randrange(1, 20))
            )
        case 4:  # a message of Protobuf: a number and a text
            text = bytes(chance.randrange(97, 123) for _ in range(chance.randrange(1, 9)))
            return b"\x08" + bytes([chance.randrange(128)]) + b"\x12" + bytes([len(text)]) + text
        case 5:
            return msgspec.msgpack.encode([chance.randrange(1000) for _ in range(chance.randrange(1, 5))])
        case 6:
            return bytes([chance.randrange(128, 256)]) + chance.randbytes(chance.randrange(4, 40))
        case _:
            return chance.randbytes(16)


@pytest.mark.extended
def test_small_binary_payloads_of_other_kinds_are_not_shown_as_what_they_are_not() -> None:
    chance = random.Random(5)
    payloads: list[bytes | None] = [small_binary(chance) for _ in range(30_000)]
    wrong = [
        (payload, value, format)
        for payload, (value, _, format) in zip(payloads, rows(built(payloads)), strict=True)
        if format not in ("bytes",) and format not in ("text", "json")
    ]
    assert wrong == []


def test_the_shape_of_json_is_no_evidence_by_itself() -> None:
    texts = [b'{"a": oops}', b'{"a":1', b'["a"', b"{}{}", b"[1,]", b'"a" "b"', b"01", b"tru", b"+1", b"--"]
    assert [format for _, _, format in rows(built(texts * 5))] == ["text"] * 50


@pytest.mark.parametrize("times", range(1, 11))
@pytest.mark.parametrize(
    ("packed", "inside"),
    [
        (gzip.compress(BYTES), "gzip+json"),
        (zstandard.ZstdCompressor().compress(BYTES), "zstd+json"),
        (lz4.frame.compress(BYTES), "lz4+json"),
        (bytes(cramjam.snappy.compress(BYTES)), "snappy+json"),
        (container(ORDER), "avro-container"),
    ],
    ids=["gzip", "zstd", "lz4", "snappy", "container"],
)
def test_base64_around_base64_is_removed_as_often_as_layers_are_allowed(
    packed: bytes, inside: str, times: int
) -> None:
    payload = packed
    for _ in range(times):
        payload = base64.b64encode(payload)
    ((value, raw, format),) = rows(built([payload]))
    layers = times + inside.count("+")
    if layers <= base64_layers.MOST_LAYERS:
        assert (value, raw, format) == (JSON, payload, "base64+" * times + inside)
    elif times <= base64_layers.MOST_LAYERS:
        assert (value, raw) == (None, payload)  # more than eight layers: a failure of the row
    else:
        assert (value, raw, format) == (payload.decode(), None, "text")


@pytest.mark.parametrize("records", [300_000, 2**40], ids=["large names", "no bytes at all"])
def test_a_small_container_of_much_text_is_a_failure_and_not_read(records: int) -> None:
    name = "a_field_with_a_rather_long_name_" * 4
    schema = {"type": "record", "name": "R", "fields": [{"name": name, "type": "null"}]}
    out = io.BytesIO()
    fastavro.writer(out, schema, [])
    sync = out.getvalue()[-16:]
    found = read_payload(out.getvalue() + write_zigzag(records) + write_zigzag(0) + sync)
    assert found.text is None
    assert found.problem is not None
    assert "characters of JSON text" in found.problem.reason
    one = read_payload(out.getvalue() + write_zigzag(1) + write_zigzag(0) + sync)
    assert one.text == json.dumps({name: None}, separators=(",", ":"))
