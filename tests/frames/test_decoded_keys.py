"""Keys that were decoded: by the same evidence as values, with their bytes kept and published again."""

from __future__ import annotations

import gc
import gzip
from typing import Any

import msgspec
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.decoded import Payloads
from brokerkit.frames.outbound import messages_from_frame
from brokerkit.frames.provenance import attach, provenance
from brokerkit.registry import RegisteredSchema, SchemaRef
from tests.frames.test_registered import TEXT, Source, confluent

RECORD = '{"type": "record", "name": "K", "fields": [{"name": "id", "type": "long"}]}'
ID_7 = SchemaRef("id", 7)
EMOJI = "🦊"


def source() -> Source:
    return Source({ID_7: RegisteredSchema("AVRO", RECORD), SchemaRef("id", 8): TEXT})


def frame(
    keys: list[bytes | None], schemas: Any = None, key_decoder: Any = "auto", attributes: Any = None
) -> Any:
    columns = Columns(length=len(keys), topic="t", key=keys, value=[b"{}"] * len(keys), attributes=attributes)
    builder = FrameBuilder(schemas=schemas, key_decoder=key_decoder)
    table = builder.to_table([builder.batch(columns)])
    return attach(to_pandas(table), provenance(builder, source="memory://"))


def pairs(made: Any) -> list[tuple[Any, Any]]:
    table = pa.Table.from_pandas(made[["key", "raw_key"]], preserve_index=False)
    return list(zip(table.column("key").to_pylist(), table.column("raw_key").to_pylist(), strict=True))


def sent(made: Any) -> list[Any]:
    return [getattr(item, "key", item) for item in messages_from_frame(made).items(0, len(made))]


PLAIN = [
    b"c1",
    b"",
    None,
    b'{"id": 7}',
    b"a\tb",
    b"\0\0\0\0\0\0\0\x2a",
    b"\x01text",
    EMOJI.encode(),
    b"H4sIplain",
    b"12",
]


@pytest.mark.parametrize("schemas", [None, source()], ids=["alone", "with a registry"])
def test_keys_that_are_text_stay_exactly_as_they_are(schemas: Any) -> None:
    made = frame(PLAIN, schemas)
    assert pairs(made) == [(None if key is None else key.decode(), None) for key in PLAIN]
    assert sent(made) == PLAIN
    assert not len(bk.failures(made))


DECODED = [
    (confluent(7, b"\x0e"), '{"id":7}'),
    (confluent(8, b"\x04ab"), '"ab"'),
    (gzip.compress(b"c1"), "c1"),
    (gzip.compress(confluent(7, b"\x02")), '{"id":1}'),
    (msgspec.msgpack.encode({"id": 2**63}), '{"id":9223372036854775808}'),
]


def test_a_key_is_decoded_and_keeps_its_bytes() -> None:
    made = frame([key for key, _ in DECODED] + [b"\xff\x00", b"c1"], source())
    assert pairs(made) == [(text, key) for key, text in DECODED] + [(None, b"\xff\x00"), ("c1", None)]
    assert sent(made) == [*(key for key, _ in DECODED), b"\xff\x00", b"c1"]


def test_a_header_names_the_schema_of_a_key_and_content_types_do_not() -> None:
    header = Attributes({"__key_schema_id": b"\0\0\0\0\x07"})
    values = Attributes({"content-type": "application/msgpack", "content-encoding": "gzip"})
    known = source()
    made = frame([b"\x0e", b"c1", None], known, attributes=[header, values, header])
    assert pairs(made) == [('{"id":7}', b"\x0e"), ("c1", None), (None, None)]
    assert sent(made) == [b"\x0e", b"c1", None]


def test_a_schema_of_values_does_not_read_keys() -> None:
    header = Attributes({"__value_schema_id": b"\0\0\0\0\x07"})
    assert pairs(frame([b"\x0e"], source(), attributes=[header])) == [("\x0e", None)]


def test_an_edited_key_is_written_with_its_own_schema_or_refused() -> None:
    known = source()
    made = frame([confluent(7, b"\x0e"), confluent(7, b"\x0e"), gzip.compress(b"c1"), b"c1"], known)
    made["key"] = ['{"id":8}', '{"id":"x"}', "c2", "c3"]
    first, second, third, fourth = sent(made)
    assert (first, fourth) == (confluent(7, b"\x10"), b"c3")
    assert "column 'key': its key was edited, and does not fit the schema id 7" in str(second)
    assert gzip.decompress(third) == b"c2"


def test_a_decoded_key_is_not_published_as_text_where_its_schema_is_not_found() -> None:
    key = confluent(19, b"\x0e")
    made = frame([key, b"c1"], Source({SchemaRef("id", 19): RegisteredSchema("AVRO", RECORD)}))
    gc.collect()
    refused, plain = sent(made)
    assert "connect with the registry" in str(refused)
    assert plain == b"c1"
    made["key"] = None
    assert sent(made)[0] == key


def test_a_text_replaces_bytes_that_nothing_reads() -> None:
    made = frame([b"\xff\x00", b"\xff\x01"])
    made.loc[0, "key"] = "c1"
    assert sent(made) == [b"c1", b"\xff\x01"]


def test_typed_keys_are_values_of_arrow_and_are_published_as_their_bytes() -> None:
    made = frame([b"\x0e", b"\x10", None], key_decoder=bk.avro(RECORD))
    assert [row and row["id"] for row in pa.array(made["key"]).to_pylist()] == [7, 8, None]
    assert sent(made) == [b"\x0e", b"\x10", None]
    assert sent(frame([b"\x0e"], key_decoder=bk.Decoder(lambda key: str(key[0]), pa.string(), "first"))) == [
        b"\x0e"
    ]


@pytest.mark.parametrize(
    ("decode", "expected"),
    [("text", [("c1", None), (None, b"\x81\xa1a\x01")]), ("raw", [(None, b"c1"), (None, b"\x81\xa1a\x01")])],
)
def test_keys_are_read_as_asked(decode: str, expected: Any) -> None:
    made = frame([b"c1", b"\x81\xa1a\x01"], key_decoder=decode)
    assert pairs(made) == expected
    assert sent(made) == [b"c1", b"\x81\xa1a\x01"]


def test_objects_are_keys_too() -> None:
    made = frame([b"\x07", b"\x81\xa1a\x01"], key_decoder="msgpack")
    assert pairs(made) == [("7", b"\x07"), ('{"a":1}', b"\x81\xa1a\x01")]
    assert sent(made) == [b"\x07", b"\x81\xa1a\x01"]


def test_failures_name_the_column_they_are_about() -> None:
    known = source()
    made = frame([confluent(7, b"\x0e"), confluent(7, b""), b"c1"], known)
    found = bk.failures(made)
    assert found[["row", "column", "layer"]].values.tolist() == [[1, "key", "confluent+avro"]]
    assert made.attrs["brokerkit"]["counts"] == {
        "rows": 3,
        "nulls": 0,
        "binary": 0,
        "failures": 0,
        "key_failures": 1,
    }
    assert made.attrs["brokerkit"]["failures"][0]["error"].startswith("key: confluent+avro")
    assert pairs(made)[1] == (None, confluent(7, b""))


def test_a_registry_that_does_not_answer_is_a_failure_of_keys_that_keeps_their_bytes() -> None:
    known = source()
    known.down = True
    made = frame([confluent(7, b"\x0e"), b"c1"], known)
    assert pairs(made) == [(None, confluent(7, b"\x0e")), ("c1", None)]
    assert bk.failures(made)["column"].tolist() == ["key"]
    known.down = False
    assert sent(made) == [confluent(7, b"\x0e"), b"c1"]


def test_a_wrong_decoder_of_keys_is_named() -> None:
    with pytest.raises(bk.ConfigError, match="decode_key='avroo' is not known"):
        FrameBuilder(key_decoder="avroo")


def test_the_columns_of_plain_keys_are_those_of_before() -> None:
    assert FrameBuilder().schema.field("key").type == pa.string()
    assert FrameBuilder(key_decoder="text").schema.field("key").type == pa.string()
    found = FrameBuilder().decoder.decode(Payloads(pa.array([b"c1"], pa.large_binary()), is_key=True))
    assert (found.format_name, found.failures) == ("text", [])
