"""`decode="avro"` and `"protobuf"`: each payload by the schema that it names, as values of one type."""

from __future__ import annotations

import datetime
import gzip
import io
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import fastavro
import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from tests.registry.web import Web

FIRST = {"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "int"}, {"name": "gone", "type": "string"}]}  # fmt: skip
SECOND = {"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"}, {"name": "note", "type": ["null", "string"], "default": None}]}  # fmt: skip
OTHER = {"type": "record", "name": "Other", "fields": [{"name": "id", "type": "long"}]}
PROTO_1 = 'syntax = "proto3"; message Order { int32 id = 1; string gone = 2; oneof kind { string a = 4; } }'
PROTO_2 = 'syntax = "proto3"; message Order { int64 id = 1; string note = 3; oneof kind { string a = 4; int32 b = 5; } }'
PROTO_BAD = 'syntax = "proto3"; message Order { string id = 1; }'
AT = datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, datetime.UTC)
AVRO = {7: FIRST, 8: SECOND, 9: OTHER}
PROTO = {17: PROTO_1, 18: PROTO_2, 19: PROTO_BAD}


def answers() -> dict[str, Any]:
    found: dict[str, Any] = {"/subjects": ["t-value"]}
    for number, schema in AVRO.items():
        found[f"/schemas/ids/{number}"] = {"schema": json.dumps(schema)}
    for number, text in PROTO.items():
        found[f"/schemas/ids/{number}"] = {"schema": text, "schemaType": "PROTOBUF"}
    found["/subjects/t-value/versions"] = [1, 2]
    for subject, schemas, type in (("t-value", (FIRST, SECOND), "AVRO"), ("t-key", (FIRST, SECOND), "AVRO"),
                                   ("p-value", (PROTO_1, PROTO_2), "PROTOBUF")):  # fmt: skip
        for version, schema in ((1, schemas[0]), (2, schemas[1]), ("latest", schemas[1])):
            text = schema if isinstance(schema, str) else json.dumps(schema)
            number = {1: 7, 2: 8, "latest": 8}[version] + (10 if type == "PROTOBUF" else 0)
            found[f"/subjects/{subject}/versions/{version}"] = {
                "subject": subject, "version": 2 if version == "latest" else version, "id": number,
                "schema": text, "schemaType": type}  # fmt: skip
    return found


def framed(number: int, value: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(AVRO[number]), value)
    return b"\0" + number.to_bytes(4, "big") + stream.getvalue()


ROWS = [
    framed(7, {"id": 1, "gone": "x"}),
    framed(8, {"id": 2**60 + 1, "note": "n"}),
    None,
    framed(8, {"id": 3, "note": None}),
    b'{"id": 3}',
    framed(9, {"id": 4}),
    b"\0\0\0\0\x63\x02",
    framed(7, {"id": 5, "gone": "y"})[:-1],
    gzip.compress(framed(7, {"id": 6, "gone": "z"})),
]
IDS = [1, 2**60 + 1, None, 3, None, None, None, None, 6]
FAILED = [4, 5, 6, 7]


@pytest.fixture
def s() -> Iterator[bk.Session]:
    with Web(answers()) as web, bk.connect("inmem://", registry=web.url) as session:
        for topic in ("t", "p", "back"):
            session.create_topic(topic)
        session.publish_batch("t", [OutboundMessage(row, row) for row in ROWS])
        yield session


def test_payloads_of_several_schemas_are_values_of_the_newest(s: bk.Session) -> None:
    df = s.peek("t", decode="avro")
    assert df["value"].dtype.pyarrow_dtype == pa.struct([("id", pa.int64()), ("note", pa.large_string())])
    assert [value["id"] if isinstance(value, dict) else None for value in df["value"]] == IDS
    assert df["raw"].tolist()[:2] == ROWS[:2]
    assert df["format"].tolist()[:2] == ["confluent+avro"] * 2
    assert df["format"].tolist()[8] == "gzip+confluent+avro"
    assert df["schema"].tolist()[:2] == ["id 7", "id 8"]


def test_rows_that_do_not_fit_are_counted_failures_with_their_bytes(s: bk.Session) -> None:
    df = s.peek("t", decode="avro")
    assert df.attrs["brokerkit"]["counts"]["failures"] == len(FAILED)
    found = bk.failures(df)
    found = found[found["column"] == "value"]
    assert found["row"].tolist() == FAILED
    assert df["raw"].tolist()[5] == ROWS[5]
    reasons = found["error"].tolist()
    assert "names no schema" in reasons[0]
    assert "Other is not Order" in reasons[1]
    assert "id 99" in reasons[2]
    assert "a length that runs past the end" in reasons[3]
    assert found["path"].tolist()[3] == "gone"


def test_the_columns_are_typed_without_a_detour_over_text(s: bk.Session) -> None:
    df = s.peek("t", decode="avro", expand=True)
    assert df["value.id"].dtype == pd.ArrowDtype(pa.int64())
    assert [None if pd.isna(one) else one for one in df["value.id"]] == IDS
    assert df["value.note"].tolist()[1] == "n"


def test_the_union_of_all_schemas_has_every_field(s: bk.Session) -> None:
    df = s.peek("t", decode=bk.avro(reader="union"))
    found = [value for value in df["value"] if isinstance(value, dict)]
    assert found[0] == {"id": 1, "note": None, "gone": "x"}
    assert found[1] == {"id": 2**60 + 1, "note": "n", "gone": None}


def test_a_schema_of_ones_own_says_what_the_values_are(s: bk.Session) -> None:
    mine = {"type": "record", "name": "Order", "fields": [
        {"name": "number", "type": "double", "aliases": ["id"]}, {"name": "at", "type": "string", "default": "?"}]}  # fmt: skip
    df = s.peek("t", 2, start=0, decode=bk.avro(reader=json.dumps(mine)))
    assert df["value"].tolist()[0] == {"number": 1.0, "at": "?"}


def test_keys_are_read_as_values_are(s: bk.Session) -> None:
    df = s.peek("t", decode="raw", decode_key="avro")
    assert [key["id"] if isinstance(key, dict) else None for key in df["key"]] == IDS
    assert df["raw_key"].tolist()[:2] == ROWS[:2]
    assert bk.failures(df)["column"].tolist() == ["key"] * len(FAILED)


@pytest.mark.filterwarnings("ignore::brokerkit.session.filters.FilterWarning")
def test_every_read_knows_the_name(s: bk.Session, tmp_path: Path) -> None:
    type = s.peek("t", decode="avro")["value"].dtype.pyarrow_dtype
    scan = s.scan("t", decode="avro", slice_rows=2)
    assert scan.to_arrow().schema.field("value").type == type
    scan.to_parquet(tmp_path / "rows")
    stored = pd.read_parquet(tmp_path / "rows", dtype_backend="pyarrow")
    assert [value["id"] if isinstance(value, dict) else None for value in stored["value"]] == IDS
    assert s.scan("t", decode="avro").to_dask().compute()["value"].dtype.pyarrow_dtype == type
    assert s.reread(s.peek("t", decode="avro"))["value"].dtype.pyarrow_dtype == type
    assert len(s.peek("t", decode="avro", where=pc.field("value", "id") > 3)) == 2
    s.create_subscription("t", "w", start="earliest")
    assert s.pull("t", subscription="w", n=3, decode="avro", ack=True)["value"].dtype.pyarrow_dtype == type
    for batch in s.batches("t", subscription="w", decode="avro", size=2):
        assert batch.frame["value"].dtype.pyarrow_dtype == type
        batch.ack()
        break
    tail = s.tail("t", start="earliest", decode="avro")
    tail.close()


def test_the_decoder_goes_to_another_process(s: bk.Session) -> None:
    scan = s.scan("t", decode="avro")
    decoder = scan._reader.whole.decoder
    again = pickle.loads(pickle.dumps(decoder))
    assert (again.name, again.type) == (decoder.name, decoder.type)


def test_a_typed_frame_is_published_as_it_was(s: bk.Session) -> None:
    s.publish_frame("back", s.peek("t", decode="avro"))
    assert s.peek("back", decode="raw")["raw"].tolist()[:2] == ROWS[:2]


def test_bytes_that_are_skipped_are_read_by_the_schema_that_they_name(s: bk.Session) -> None:
    df = s.peek("t", 3, start=0, decode=bk.avro(json.dumps(SECOND), skip=5))
    assert [value["id"] if isinstance(value, dict) else None for value in df["value"]] == IDS[:3]


def test_an_id_that_the_registry_lacks_is_not_taken_for_the_given_schema_among_others(s: bk.Session) -> None:
    strange = b"\0\0\0\0\x63" + framed(8, {"id": 9, "note": None})[5:]
    decode = bk.avro(json.dumps(SECOND), skip=5)
    s.publish_batch("back", [strange])
    assert [value["id"] for value in s.peek("back", decode=decode)["value"]] == [9]
    s.publish_batch("back", [framed(8, {"id": 3, "note": None})])
    df = s.peek("back", decode=decode)
    assert [value["id"] if isinstance(value, dict) else None for value in df["value"]] == [None, 3]
    assert "id 99" in bk.failures(df)["error"].tolist()[0]


def test_a_version_that_was_deleted_leaves_the_others_in_the_union() -> None:
    listed = answers() | {"/subjects/t-value/versions": [0, 1, 2]}
    with Web(listed) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic("t")
        s.publish_batch("t", ROWS[:1])
        df = s.peek("t", decode=bk.avro(reader="union"))
        assert df["value"].tolist() == [{"id": 1, "note": None, "gone": "x"}]


def test_all_payloads_of_one_schema_are_read_as_values_of_another() -> None:
    with bk.connect("inmem://") as s:
        s.create_topic("u")
        s.publish_batch("u", [framed(7, {"id": 1, "gone": "x"})[5:]])
        df = s.peek("u", decode=bk.avro(json.dumps(FIRST), reader=json.dumps(SECOND)))
        assert df["value"].tolist() == [{"id": 1, "note": None}]


def proto(number: int, data: str) -> bytes:
    return b"\0" + number.to_bytes(4, "big") + b"\0" + bytes.fromhex(data)


@pytest.mark.extended
def test_protobuf_messages_have_the_type_of_the_newest_schema(s: bk.Session) -> None:
    rows = [
        proto(17, "0805120178220161"),  # id 5, gone x, a
        proto(18, "0806 1a016e 2807"),  # id 6, note n, b 7
        proto(17, "ffff"),
        proto(19, "0a0131"),
        proto(18, "0807 7801"),
    ]
    s.publish_batch("p", rows)
    df = s.peek("p", decode="protobuf")
    assert df["value"].tolist()[:2] == [
        {"id": 5, "note": "", "a": "a", "b": None},
        {"id": 6, "note": "n", "a": None, "b": 7},
    ]
    failures = bk.failures(df)
    assert failures["row"].tolist() == [2, 3, 4]
    assert "id, field 1, was written as string, and is int64 now" in failures["error"].tolist()[1]
    assert "fields that its schema does not have" in failures["error"].tolist()[2]
    expanded = s.peek("p", decode="protobuf", expand=True)
    assert expanded["value.id"].dtype == pd.ArrowDtype(pa.int64())


def test_what_cannot_be_read_by_name_says_what_to_do(s: bk.Session) -> None:
    with pytest.raises(ConfigError, match=r"no schema of 'back'.*brokerkit.avro\(schema\)"):
        s.peek("back", decode="avro")
    with pytest.raises(ConfigError, match="is AVRO: decode='protobuf' cannot read it"):
        s.peek("t", decode="protobuf")
    with pytest.raises(ConfigError, match="reader='oldest'|reader= is none of"):
        bk.avro(reader="oldest")
    with bk.connect("inmem://") as other, pytest.raises(ConfigError, match="no schema registry"):
        other.peek("t", decode="avro")
    with pytest.raises(ConfigError, match="which is not known here"):
        bk.failures(s.peek("t"), decode="avro")


PACKED: list[Any] = [
    {"id": 2**63 - 1, "price": 1, "at": AT, "data": b"\xff", "tags": ["a"], "who": {"city": "Plzeň"}, "mixed": 1},
    {"id": -1, "price": 0.5, "tags": [], "who": {"zip": None, "city": None}, "mixed": "x", "more": True},
    {"id": 5, "who": None},
]  # fmt: skip


EVERY = ["id", "price", "at", "data", "tags", "who", "mixed", "more"]


@pytest.mark.parametrize("format", ["msgpack", "cbor"])
def test_payloads_without_a_schema_have_the_type_that_was_seen(format: str, tmp_path: Path) -> None:
    encode = msgspec.msgpack.encode if format == "msgpack" else cbor2.dumps
    with bk.connect("inmem://") as s:
        s.create_topic("m")
        s.publish_batch("m", [encode(value) for value in PACKED])
        scan = s.scan("m", decode=format)
        df = s.peek("m", decode=format, expand=True)
        s.publish_batch(
            "m", [encode({"id": "text"}), encode({"new": 1}), b"\xc1", encode([1]), encode({"id": 6})]
        )
        assert df["value.id"].tolist() == [2**63 - 1, -1, 5]
        assert df["value.id"].dtype == pd.ArrowDtype(pa.int64())
        assert df["value.price"].dtype == pd.ArrowDtype(pa.float64())
        assert df["value.at"].tolist()[0] == pd.Timestamp(AT)
        assert df["value.data"].tolist()[0] == b"\xff"
        assert df["value.who"].tolist()[0] == {"city": "Plzeň", "zip": None}
        assert df["value.mixed"].tolist()[:2] == ["1", '"x"']
        # what came after it was planned does not change the type
        assert scan.to_arrow().column("value").to_pylist()[2] == {**dict.fromkeys(EVERY), "id": 5}
        later = s.scan("m", decode=scan._reader.whole.decoder).to_pandas()
        assert later["value"].notna().tolist() == [True] * 3 + [False] * 4 + [True]
        failures = bk.failures(later)
        failures = failures[failures["column"] == "value"]
        assert failures["row"].tolist() == [3, 4, 5, 6]
        assert failures["path"].tolist()[:2] == ["id", "new"]
        assert later["raw"].notna().all()
        s.publish_frame("m", later)
        assert s.reread(later)["value"].tolist()[7] == later["value"].tolist()[7]


def test_payloads_that_are_no_maps_stay_json_text() -> None:
    with bk.connect("inmem://") as s:
        s.create_topic("m")
        assert len(s.peek("m", decode="msgpack")) == 0
        s.publish_batch("m", [msgspec.msgpack.encode([1, 2**64 - 1])])
        assert s.peek("m", decode="msgpack")["value"].tolist() == ["[1,18446744073709551615]"]


def test_dead_letters_have_the_type_of_the_topic_that_they_come_from(s: bk.Session) -> None:
    s.create_topic("dlq")
    s.create_subscription("t", "w", start="earliest", dead_letter_topic="dlq")
    with s.consumer("t", "w") as consumer:
        for each in consumer.next_batch(2, 5):
            each.reject(reason="x")
    found = s.dead_letters("t", decode="avro", expand=True)
    assert found["value.id"].tolist() == IDS[:2]
    assert found["reason"].tolist() == ["x", "x"]


def test_a_mask_hides_fields_of_typed_values(s: bk.Session) -> None:
    df = s.peek("t", 2, start=0, decode="avro", mask="note=hide")
    assert "n" not in [value["note"] for value in df["value"]]
    assert [value["id"] for value in df["value"]] == IDS[:2]
    assert df["raw"].isna().all()
