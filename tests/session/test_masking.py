"""Personal data that is planted in every place of messages comes out of no output of a masked session."""

from __future__ import annotations

import gzip
import io
import json
import logging
import pickle
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.frames.masking.mask import as_mask
from brokerkit.workbench import Session

NAME = "k4n4r13n"
EMAIL = f"{NAME}@example.com"
CARD = "4111111111111111"
IBAN = "DE89370400440532013000"
PHONE = "+49 30 1234567"
PLANTED = (NAME, CARD, IBAN, "1234567", EMAIL.encode().hex(), EMAIL.encode().hex(" "))
PERSON = {"id": 9007199254740993, "email": EMAIL, "card": CARD, "iban": IBAN, "phone": PHONE}
AVRO = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "email", "type": "string"},
        {"name": "card", "type": "long"},
        {"name": "people", "type": {"type": "array", "items": {"type": "record", "name": "P", "fields": [
            {"name": "email", "type": ["null", "string"]}, {"name": "phone", "type": "string"}]}}},
        {"name": "emails", "type": {"type": "map", "values": "string"}},
        {"name": "iban", "type": "bytes"},
    ],
}  # fmt: skip
AVRO_ROW = {
    "id": 7,
    "email": EMAIL,
    "card": int(CARD),
    "people": [{"email": EMAIL, "phone": PHONE}, {"email": None, "phone": PHONE}],
    "emails": {EMAIL: EMAIL},
    "iban": IBAN.encode(),
}
MASKS = {
    "paths": bk.Mask("**.email", "**.card", "**.iban", "**.phone", "**.emails"),
    "names": bk.Mask(name=["*mail*", "card", "iban", "phone"]),
    "detectors": bk.Mask(detect=["email", "card", "iban", "phone"]),
    "allow": bk.Mask(allow=["id", "people.id"]),
    "hash": bk.Mask(name=["*mail*", "card", "iban", "phone"], action="hash", hash_key="secret", key="hash"),
    "text": as_mask("**.email; **.emails; detect:email; detect:card; name:iban; name:phone; key:hide"),
}


def avro(value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(AVRO), value)
    return out.getvalue()


def messages() -> list[OutboundMessage]:
    nested = {"id": 1, "people": [PERSON, {"deep": [[PERSON]]}], "by": {"x": PERSON}}
    whole = json.dumps(PERSON).encode()
    made = [
        OutboundMessage(whole, key=EMAIL, attributes={"email": EMAIL, "card": CARD, "IBAN": IBAN, "phone": PHONE}),
        OutboundMessage(json.dumps(nested), key=EMAIL.encode() + b"\xff"),
        OutboundMessage(json.dumps({"id": 2, "emails": {EMAIL: EMAIL}}), key=json.dumps({"email": EMAIL})),
        OutboundMessage(f'{{"email":"{EMAIL}","id":3,"email":"{EMAIL}"}}'),
        OutboundMessage(json.dumps({"email": EMAIL}).replace("@", r"\u0040")),
        OutboundMessage(json.dumps({"email": json.dumps({"a": EMAIL})})),
        OutboundMessage(json.dumps({"id": 4, "card": int(CARD)})),
        OutboundMessage(gzip.compress(whole)),
        OutboundMessage(msgspec.msgpack.encode(PERSON)),
        OutboundMessage(gzip.compress(msgspec.msgpack.encode({"people": [PERSON]}))),
        OutboundMessage(b"\xff\xfe" + whole, attributes={"email": EMAIL.encode() + b"\xff"}),
        OutboundMessage(whole[:-1], attributes={"content-type": "application/json"}),
        OutboundMessage(gzip.compress(whole)[:-9]),
        OutboundMessage(f"write to {EMAIL}, {CARD}, {IBAN}, {PHONE}"),
        OutboundMessage(json.dumps(EMAIL)),
        OutboundMessage(json.dumps([CARD, [IBAN]])),
        OutboundMessage(CARD),
        OutboundMessage(avro(AVRO_ROW)),
        OutboundMessage(avro(AVRO_ROW)[:-3]),
        OutboundMessage(None, key=EMAIL),
    ]  # fmt: skip
    return made


@bk.decoder(pa.struct([("email", pa.string()), ("data", pa.binary())]), "quoting")
def quoting(payload: bytes) -> Any:
    if len(payload) % 2:
        raise ValueError(f"cannot read {payload!r}")
    return {"email": payload.decode("latin-1"), "data": payload}


DECODERS: list[Any] = ["auto", "json", "text", "raw", "msgpack", bk.avro(json.dumps(AVRO)), quoting]


FEW = [pytest.param(name, marks=() if name in ("paths", "text") else pytest.mark.extended) for name in MASKS]
"""For what is the same with every mask."""


@pytest.fixture(params=MASKS)
def planted(request: pytest.FixtureRequest) -> Iterator[Session]:
    name = f"inmem://{uuid.uuid4().hex}"
    with bk.connect(name) as writer, bk.connect(name, mask=MASKS[request.param]) as session:
        writer.create_topic("people")
        writer.publish_batch("people", messages())
        writer.create_subscription("people", "me", start="earliest")
        yield session


def everything(thing: Any) -> Iterator[str]:
    """All that can be seen of a thing: its texts, and its bytes."""
    yield repr(thing)
    if type(thing).__str__ is not object.__str__:
        yield str(thing)
    if hasattr(thing, "_repr_html_"):
        yield str(thing._repr_html_())
    if isinstance(thing, pd.DataFrame):
        yield f"{thing.to_csv()} {thing.to_dict()} {thing.attrs}"
        yield repr(pickle.dumps(thing))
        yield from everything(pa.Table.from_pandas(thing))
    if isinstance(thing, pa.Table | pa.RecordBatch):
        yield f"{thing.to_pylist()} {thing.schema.metadata}"
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, thing.schema) as writer:
            writer.write(thing)
        yield repr(sink.getvalue().to_pybytes())


def check(*things: Any) -> None:
    for thing in things:
        for text in everything(thing):
            for secret in PLANTED:
                place = text.find(secret)
                assert place < 0, f"{secret} in {text[max(0, place - 200) : place + 40]}"


@pytest.mark.parametrize(
    ("expand", "decode"),
    [
        pytest.param(expand, decode, id=f"{expand}-{getattr(decode, 'name', decode)}", marks=mark)
        for decode in DECODERS
        for expand, mark in ((True, ()), (False, () if decode == "auto" else pytest.mark.extended))
    ],
)
def test_frames_show_nothing_that_was_planted(planted: Session, decode: Any, expand: bool) -> None:
    found = planted.peek("people", decode=decode, expand=expand)
    assert len(found) == len(messages())
    assert found["raw"].isna().all()
    assert found["raw_key"].isna().all()
    check(found, planted.last_read, planted)
    for row in range(len(found)):
        check(planted.explain(found.iloc[row]))
    with pytest.raises(bk.ConfigError, match="masked"):
        bk.failures(found)


def test_what_is_not_hidden_stays_exact(planted: Session) -> None:
    first = planted.peek("people", 1, newest=False)["value"][0]
    assert '"id": 9007199254740993' in first


@pytest.mark.extended
@pytest.mark.parametrize("planted", FEW, indirect=True)
def test_every_other_read_is_masked_as_well(planted: Session, tmp_path: Path) -> None:
    scan = planted.scan("people", progress=False)
    check(scan, scan.to_arrow(), scan.to_pandas(), *scan.batches(), pa.table(scan))
    scan.to_parquet(tmp_path / "out")
    for file in tmp_path.rglob("*.parquet"):
        check(pq.read_table(file), pd.read_parquet(file))
        uncompressed = tmp_path / "plain.pq"
        pq.write_table(pq.read_table(file), uncompressed, compression="none")
        assert not [secret for secret in PLANTED if secret.encode() in uncompressed.read_bytes()]
    check(planted.reread(scan.to_pandas()), planted.reread(planted.peek("people"), decode="text"))
    for batch in planted.batches("people", subscription="me", idle=0.1, size=7):
        check(batch, batch.frame)
        batch.nack()
        break
    check(planted.pull("people", subscription="me"), planted.last_pull)


@pytest.mark.extended
@pytest.mark.parametrize("planted", FEW, indirect=True)
def test_partitions_of_dask_are_masked(planted: Session) -> None:
    pytest.importorskip("dask.dataframe")
    made = planted.scan("people", progress=False).to_dask()
    check(made.compute(scheduler="synchronous"), repr(made))


def test_an_interrupted_read_is_masked(planted: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Any, *_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    from brokerkit.session.read_report import ReadReport

    monkeypatch.setattr(ReadReport, "warn_of_filter", interrupted)
    with pytest.raises(KeyboardInterrupt):
        planted.peek("people")
    monkeypatch.undo()
    check(planted.last_interrupted)


def test_filters_see_what_is_shown(planted: Session) -> None:
    seen: list[Any] = []
    found = [
        planted.peek("people", where=lambda value: seen.append(repr(value))),
        planted.peek("people", where=NAME),
        planted.peek("people", where=CARD),
        planted.peek("people", key=EMAIL),
        planted.peek("people", key=EMAIL.encode() + b"\xff"),
        planted.peek("people", header={"email": EMAIL}),
        planted.scan("people", key=EMAIL, progress=False).to_pandas(),
    ]
    check(*seen)
    assert len(seen) == len(messages())
    assert [len(each) for each in found] == [0] * len(found)


def test_a_function_that_raises_shows_nothing(planted: Session, caplog: pytest.LogCaptureFixture) -> None:
    def wrong(value: Any) -> bool:
        raise ValueError(f"cannot judge {value!r}")

    caplog.set_level(logging.DEBUG)
    with pytest.warns(bk.FilterWarning) as noted:
        planted.peek("people", where=wrong)
    check(*[str(each.message) for each in noted], caplog.text, planted.last_read)


def test_the_key_of_the_frame_is_found_by_what_is_shown(planted: Session) -> None:
    shown = planted.peek("people")["key"][0]
    found = planted.peek("people", key=shown)
    assert len(found) >= 1
    assert set(found["key"]) == {shown}


CHANGES: list[Callable[[pd.DataFrame], Any]] = [
    lambda df: df,
    lambda df: df.head(3),
    lambda df: df[["value", "key"]],
    lambda df: pd.concat([df, df.head(1)]),
    lambda df: pickle.loads(pickle.dumps(df)),
    lambda df: df.set_axis(df.columns, axis=1).reset_index(drop=True),
    lambda df: pa.Table.from_pandas(df),
    lambda df: pa.Table.from_pandas(df).to_pandas(),
    lambda df: df.assign(value="edited"),
    lambda df: pd.DataFrame(df.to_dict()),
]


@pytest.mark.parametrize("planted", FEW, indirect=True)
@pytest.mark.parametrize("change", CHANGES)
def test_a_masked_frame_is_refused_by_what_publishes(
    planted: Session, change: Callable[[pd.DataFrame], Any], tmp_path: Path
) -> None:
    masked = change(planted.peek("people"))
    for options in ({}, {"kind": "rows"}, {"dry_run": True}):
        with pytest.raises(bk.ConfigError, match="masked"):
            planted.publish_frame("people", masked, **options)
    with pytest.raises(bk.ConfigError, match="masked"):
        planted.compose("people", frame=masked)
    if isinstance(masked, pd.DataFrame):
        masked.to_parquet(tmp_path / "masked.parquet")
    else:
        pq.write_table(masked, tmp_path / "masked.parquet")
    for again in (pd.read_parquet(tmp_path / "masked.parquet"), pq.read_table(tmp_path / "masked.parquet")):
        with pytest.raises(bk.ConfigError, match="masked"):
            planted.publish_frame("people", again)
    with pytest.raises(bk.ConfigError, match="masked"):
        planted.compose("people", file=tmp_path / "masked.parquet")


@pytest.mark.parametrize("planted", FEW, indirect=True)
def test_an_arrow_table_and_a_file_of_a_scan_are_refused_too(planted: Session, tmp_path: Path) -> None:
    scan = planted.scan("people", progress=False)
    scan.to_parquet(tmp_path / "out")
    [file] = tmp_path.rglob("*.parquet")
    for frame in (scan.to_arrow(), next(scan.batches()), pq.read_table(file), pd.read_parquet(file)):
        with pytest.raises(bk.ConfigError, match="masked"):
            planted.publish_frame("people", frame)


def test_what_passes_messages_on_as_they_are_wants_unmask(planted: Session) -> None:
    planted.create_topic("other")
    with pytest.raises(bk.NotSupported, match="unmask=True"):
        planted.copy("people", planted, "other")
    with pytest.raises(bk.NotSupported, match="unmask=True"):
        planted.consumer("people", "me")
    done = planted.copy("people", planted, "other", unmask=True, progress=False)
    assert not len(done.failed)
    assert planted.peek("other", unmask=True)["value"][0] == json.dumps(PERSON)
    planted.consumer("people", "me", unmask=True).close()


def test_unmask_shows_what_the_connection_hides_unless_it_is_locked() -> None:
    name = f"inmem://{uuid.uuid4().hex}"
    with bk.connect(name) as s, bk.connect(name, mask="email; locked") as locked:
        s.create_topic("people")
        s.publish("people", PERSON)
        with bk.connect(name, mask="email") as masked:
            assert EMAIL in masked.peek("people", unmask=True)["value"][0]
            assert CARD not in masked.peek("people", unmask=True, mask="card")["value"][0]
            added = masked.peek("people", mask="card")["value"][0]
            assert not [each for each in (EMAIL, CARD) if each in added]
            assert IBAN in added
        for refused in (
            lambda: locked.peek("people", unmask=True),
            lambda: locked.scan("people", unmask=True),
            lambda: locked.pull("people", subscription="me", start="earliest", unmask=True),
            lambda: locked.batches("people", subscription="me", start="earliest", unmask=True),
            lambda: locked.reread(locked.peek("people"), unmask=True),
            lambda: locked.tail("people", unmask=True),
            lambda: locked.browse("people", unmask=True),
            lambda: locked.copy("people", s, "people", unmask=True),
            lambda: locked.consumer("people", "me", unmask=True),
            lambda: locked.native,
        ):
            with pytest.raises(bk.NotSupported, match="lock|mask"):
                refused()


def test_a_saved_connection_and_the_environment_name_a_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKERKIT_CONFIG", str(tmp_path / "connections.toml"))
    monkeypatch.setenv("KEY_OF_HASHES", "k3yk3yk3y")
    bk.save_connection("shop", "inmem://", mask="email=hash; card", mask_hash_key={"env": "KEY_OF_HASHES"})
    assert "k3yk3yk3y" not in (tmp_path / "connections.toml").read_text()
    with bk.connect("shop", mask="locked; iban") as s:
        assert str(s.mask) == "email=hash; card; iban; locked"
        assert "k3yk3yk3y" not in f"{s!r} {s._repr_html_()} {s.mask!r} {s.target}"
        s.create_topic("people")
        s.publish("people", PERSON)
        check(s.peek("people", mask="phone"))
    with bk.connect("inmem://?mask=email%3Dlast4;locked") as s:
        assert str(s.mask) == "email=last4; locked"
    with bk.connect("shop", mask="phone=hash") as s:
        assert str(s.mask) == "email=hash; card; phone=hash"
        s.create_topic("people")
        assert not len(s.peek("people", mask="iban=hash"))
    with bk.connect("inmem://", mask="email=hash", mask_hash_key="k3yk3yk3y", mask_locked=True) as s:
        assert str(s.mask) == "email=hash; locked"
    with pytest.raises(bk.ConfigError, match="text"):
        bk.save_connection("other", "inmem://", mask=bk.Mask("email"))
    monkeypatch.setenv("BROKERKIT_INMEM_MASK", "email")
    with bk.connect("inmem://", mask=bk.Mask("card")) as s:
        assert str(s.mask) == "email; card"


def test_a_wrong_mask_is_refused_before_anything_is_opened() -> None:
    for wrong in ("a..b", "detect:name", 7):
        with pytest.raises(bk.ConfigError):
            bk.connect("kafka://127.0.0.1:1", mask=wrong)  # type: ignore[arg-type]


def test_an_export_is_not_continued_with_another_mask(tmp_path: Path) -> None:
    with bk.connect("inmem://") as s:
        s.create_topic("people")
        s.publish("people", PERSON)
        s.scan("people", progress=False).to_parquet(tmp_path / "out")
        with pytest.raises(bk.ConfigError):
            s.scan("people", progress=False, mask="email").to_parquet(tmp_path / "out")


def test_the_traceback_of_a_wrong_hash_key_shows_no_key() -> None:
    try:
        bk.Mask("a..b", action="hash", hash_key="k3yk3yk3y")
    except bk.ConfigError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        ours = shown.split("brokerkit/frames", 1)[1]
        assert "k3yk3yk3y" not in ours.replace('hash_key="k3yk3yk3y")', "")


@pytest.mark.broker
def test_payloads_with_a_schema_of_a_registry_are_masked(schema_registry_server: Any) -> None:
    name = f"inmem://{uuid.uuid4().hex}"
    registry = schema_registry_server.address
    with (
        bk.connect(name, registry=registry) as s,
        bk.connect(name, registry=registry, mask=MASKS["text"]) as masked,
    ):
        s.create_topic("orders")
        id = s.register_schema("orders", AVRO).id
        framed = b"\x00" + int(id).to_bytes(4, "big") + avro(AVRO_ROW)
        s.publish_batch("orders", [framed, gzip.compress(framed), framed[:-2]])
        assert EMAIL in s.peek("orders")["value"][0]
        found = masked.peek("orders")
        assert found["format"].tolist()[:2] == ["masked+confluent+avro", "masked+gzip+confluent+avro"]
        assert json.loads(found["value"][0])["id"] == 7
        assert found.attrs["brokerkit"]["counts"]["failures"] == 1
        check(found, masked.peek("orders", expand=True))


@pytest.mark.parametrize("mask", ["text", "paths", "detectors", "allow"])
def test_a_registry_that_does_not_answer_uncovers_nothing(mask: str) -> None:
    name = f"inmem://{uuid.uuid4().hex}"
    with (
        bk.connect(name) as s,
        bk.connect(name, registry="http://127.0.0.1:9", mask=MASKS[mask]) as masked,
    ):
        s.create_topic("orders")
        framed = b"\x00" + (5).to_bytes(4, "big") + avro(AVRO_ROW)
        s.publish_batch("orders", [bk.OutboundMessage(framed, key=framed), gzip.compress(framed)])
        assert EMAIL.encode() in s.peek("orders")["raw"][0]
        found = masked.peek("orders")
        assert found.attrs["brokerkit"]["counts"]["failures"] > 0
        check(found, masked.peek("orders", expand=True), masked.explain(found.iloc[0]))
