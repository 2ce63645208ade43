"""Payloads read with a schema: typed values, typed columns, and failures that keep the bytes."""

from __future__ import annotations

import datetime
import io
import json
import pickle
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.workbench import Session

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "shop.Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "note", "type": ["null", "string"]},
        {"name": "who", "type": {"type": "record", "name": "Who", "fields": [{"name": "city", "type": "string"}]}},
    ],
}  # fmt: skip
TEXT = json.dumps(SCHEMA)
AT = datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, datetime.UTC)
ORDER = {"id": 2**63 - 1, "price": Decimal("-0.10"), "at": AT, "note": None, "who": {"city": "Plzeň"}}
PROTO = """
syntax = "proto3";
package shop;
message Order { int64 id = 1; optional string note = 2; Who who = 3; }
message Who { string city = 1; }
"""


def bare(value: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(json.loads(TEXT)), value)
    return stream.getvalue()


@pytest.fixture
def s() -> Any:
    with bk.connect("inmem://") as session:
        session.create_topic("t")
        session.create_topic("back")
        yield session


def test_a_schema_gives_typed_values_and_columns(s: Session) -> None:
    payloads = [bare(ORDER), None, bare(ORDER)[:-1], bare({**ORDER, "note": "x"})]
    s.publish_batch("t", [OutboundMessage(payload) for payload in payloads])
    frame = s.peek("t", start="earliest", decode=bk.avro(TEXT), expand=True)
    assert frame["value"][0] == ORDER
    assert str(frame["value.at"].dtype) == "timestamp[us, tz=UTC][pyarrow]"
    assert str(frame["value.price"].dtype) == "decimal128(12, 2)[pyarrow]"
    assert frame["value.id"].dropna().tolist() == [2**63 - 1] * 2
    assert frame["value.note"][3] == "x"
    assert frame["format"].dropna().tolist() == ["avro"] * 3
    [failure] = bk.failures(frame).to_dict("records")
    assert (failure["row"], failure["layer"], failure["path"]) == (2, "avro", "who.city")
    assert "runs past the end" in failure["error"]
    # the bytes of every row stay
    assert [None if pd.isna(raw) else raw for raw in frame["raw"]] == payloads
    s.publish_frame("back", frame).raise_for_failures()
    assert s.scan("back", decode="raw", progress=False).to_arrow().column("raw").to_pylist() == payloads
    assert s.reread(frame)["value"][0] == ORDER


def test_depth_flattens_inner_records_and_fields_chooses(s: Session) -> None:
    s.publish("t", bare(ORDER))
    frame = s.peek("t", decode=bk.avro(TEXT))
    assert bk.expand(frame, depth=2)["value.who.city"].tolist() == ["Plzeň"]
    chosen = bk.expand(frame, fields=["who", "missing"])
    assert list(chosen.columns[-2:]) == ["value.who", "value.missing"]
    assert chosen["value.missing"].isna().all()


def test_a_frame_of_a_registry_is_skipped_and_a_single_object_is_recognised(s: Session) -> None:
    from brokerkit.frames.codecs.avro import parse_schema
    from brokerkit.frames.codecs.avro.fingerprint import fingerprint

    mark = b"\xc3\x01" + fingerprint(parse_schema(TEXT)).to_bytes(8, "little")
    s.publish_batch("t", [b"\x00\x00\x00\x00\x07" + bare(ORDER), mark + bare(ORDER)])
    frame = s.peek("t", decode=bk.avro(TEXT, skip=5))
    assert frame["value"].tolist() == [ORDER, ORDER]
    assert s.scan("t", decode=bk.avro(TEXT), progress=False).to_arrow()["value"].null_count == 1


def test_a_typed_frame_survives_parquet_pickle_and_dask(s: Session, tmp_path: Path) -> None:
    s.publish("t", bare(ORDER))
    decoder = bk.avro(TEXT)
    again = pickle.loads(pickle.dumps(decoder))
    assert (again.name, again.type) == (decoder.name, decoder.type)
    s.peek("t", decode=decoder).to_parquet(tmp_path / "x.parquet")
    assert pd.read_parquet(tmp_path / "x.parquet", dtype_backend="pyarrow")["value"][0]["id"] == 2**63 - 1
    s.scan("t", decode=decoder, progress=False).to_parquet(tmp_path / "export")
    assert s.scan("t", decode=decoder).to_dask().compute()["value"].tolist() == [ORDER]
    assert json.loads(bk.plain(s.peek("t", decode=decoder), "json")["value"][0])["id"] == 2**63 - 1


def test_a_filter_is_given_the_typed_value(s: Session) -> None:
    s.publish_batch("t", [bare(ORDER), bare({**ORDER, "id": 1})])
    found = s.peek("t", decode=bk.avro(TEXT), where=lambda order: order["id"] == 1)
    assert len(found) == 1
    import pyarrow.compute as pc

    assert len(s.scan("t", decode=bk.avro(TEXT), where=pc.field("value", "id") == 1).to_pandas()) == 1
    assert len(s.peek("t", decode=bk.avro(TEXT), where="Plze")) == 2


def test_protobuf_is_read_by_the_file_of_its_schema(s: Session, tmp_path: Path) -> None:
    pytest.importorskip("ptars")
    path = tmp_path / "shop.proto"
    path.write_text(PROTO)
    decoder = bk.protobuf(path, "Order")
    payload = b"\x08\x07\x12\x01x\x1a\x06\x0a\x04Brno"
    s.publish_batch("t", [payload, b"\x08", b""])
    frame = s.peek("t", start="earliest", decode=decoder, expand=True)
    assert frame["value.id"].dropna().tolist() == [7, 0]
    assert frame["value.note"][0] == "x"
    assert frame["value"][0]["who"] == {"city": "Brno"}
    assert bk.failures(frame)[["row", "layer"]].values.tolist() == [[1, "protobuf"]]
    s.publish_frame("back", frame).raise_for_failures()
    assert s.scan("back", decode="raw", progress=False).to_arrow().column("raw").to_pylist() == [
        payload, b"\x08", b""
    ]  # fmt: skip
    assert pickle.loads(pickle.dumps(decoder)).name == decoder.name


def test_a_wrong_schema_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be used with Protobuf.*give its schema"):
        bk.protobuf(reader="union")
    with pytest.raises(ConfigError, match="the Avro schema cannot be used"):
        bk.avro("{}")
    with pytest.raises(ConfigError, match="schema must be the JSON text"):
        bk.avro({"type": "long"})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="skip=-1"):
        bk.avro('"long"', skip=-1)
    with pytest.raises(ConfigError, match="give either"):
        bk.protobuf("shop.proto", descriptor=b"x")
    with pytest.raises(ConfigError, match="skip= is for payloads of one schema"):
        bk.protobuf(skip=6)


def test_two_schemas_of_one_name_are_told_apart(s: Session) -> None:
    other = json.dumps({**SCHEMA, "fields": SCHEMA["fields"][:1]})
    assert bk.avro(TEXT).name != bk.avro(other).name
    assert pa.types.is_struct(bk.avro(other).type)


def framed(number: int, body: bytes) -> bytes:
    return b"\0" + number.to_bytes(4, "big") + body


@pytest.mark.filterwarnings("error::brokerkit.MixedSchemasWarning")
def test_payloads_of_one_schema_behind_their_id_are_read_without_a_word() -> None:
    with bk.connect("inmem://") as s:
        s.create_topic("t")
        s.publish_batch("t", [*(framed(7, bytes([2 * n])) for n in range(9)), None, b"", b"x"])
        decoder = bk.avro('"long"', skip=5)
        assert list(s.peek("t", decode=decoder)["value"])[:9] == list(range(9))
        s.peek("t", decode=decoder)


@pytest.mark.parametrize("together", [True, False])
def test_payloads_that_name_several_schemas_are_not_read_as_one_without_a_warning(together: bool) -> None:
    with bk.connect("inmem://") as s:
        s.create_topic("t")
        decoder = bk.avro('"long"', skip=5)
        s.publish_batch("t", [framed(7, b"\x02")] + ([framed(300, b"\x04")] if together else []))
        if not together:
            s.peek("t", decode=decoder)
            s.publish("t", framed(300, b"\x04"))
        with pytest.warns(bk.MixedSchemasWarning, match=r"ids 7, 300.*Leave decode= out") as told:
            s.peek("t", decode=decoder)
        assert len(told) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            s.peek("t", decode=decoder)


def test_other_bytes_that_are_skipped_are_no_ids() -> None:
    with bk.connect("inmem://") as s, warnings.catch_warnings():
        warnings.simplefilter("error")
        s.create_topic("t")
        s.publish_batch("t", [bytes([n + 1, 2, 3, 4, n, 2 * n]) for n in range(9)])
        assert list(s.peek("t", decode=bk.avro('"long"', skip=5))["value"]) == list(range(9))
        assert len(s.peek("t", decode=bk.avro('"long"', skip=1))) == 9
