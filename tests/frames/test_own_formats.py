"""Formats and sources of schemas of the user's own are read as the built-in ones, and cannot break a read."""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.frames.codecs import own as codecs
from brokerkit.registry import SchemaRef
from brokerkit.registry import own as sources
from brokerkit.registry.own import FunctionSource
from brokerkit.workbench import Session

GOLDEN = json.loads((Path(__file__).parent / "codecs/framings/golden.json").read_text("utf-8"))
GLUE = [each for each in GOLDEN["payloads"] if each["by"] == "glue"]
SHOP = b"SHOP\x01\x00\x07"


@pytest.fixture(autouse=True)
def nothing_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (codecs, sources):
        monkeypatch.setattr(module, "_declared", {})


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[importlib.metadata.EntryPoint]]:
    """The entry points that are installed, to be filled."""
    points: list[importlib.metadata.EntryPoint] = []
    for module in (codecs, sources):
        monkeypatch.setattr(
            module, "entry_points", lambda group: [each for each in points if each.group == group]
        )
        module._installed.cache_clear()
    yield points
    monkeypatch.undo()
    for module in (codecs, sources):
        module._installed.cache_clear()


def peeked(*payloads: bytes, **attributes: str) -> pd.DataFrame:
    with bk.connect(f"inmem://own-{uuid.uuid4().hex[:8]}") as session:
        session.create_topic("t")
        for payload in payloads:
            session.publish("t", payload, attributes=attributes or None)
        frame = session.peek("t")
        frame.attrs["failures"] = bk.failures(frame)["error"].tolist()
        return frame


def schema_of_glue(id: str) -> bk.RegisteredSchema | None:
    wanted = str(uuid.UUID(bytes=bytes.fromhex(GLUE[0]["payload"])[2:18]))
    return bk.RegisteredSchema("AVRO", json.dumps(GLUE[0]["schema"])) if id == wanted else None


def shop(payload: bytes) -> Any:
    return {"id": int.from_bytes(payload[5:], "big")}


def is_shop(payload: bytes) -> bool:
    return payload.startswith(b"SHOP\x01")


SHOP_CODEC = codecs.Codec("shop", is_shop, shop)


def test_what_the_glue_library_wrote_is_read_with_a_source_of_ones_own() -> None:
    bk.schema_source("glue")(schema_of_glue)
    payloads = [bytes.fromhex(each["payload"]) for each in GLUE]
    frame = peeked(*payloads, payloads[0][:2] + bytes(16) + payloads[0][18:], payloads[0][:-1])
    assert [json.loads(each) for each in frame["value"][:2]] == [each["value"] for each in GLUE]
    assert frame["format"].tolist()[:2] == ["glue+avro"] * 2
    assert frame["value"][2:].isna().all()
    assert frame["raw"].tolist()[:2] == payloads
    assert len(frame.attrs["failures"]) == 2


def test_a_body_of_glue_that_is_not_compressed_as_it_says_is_a_failure() -> None:
    bk.schema_source("glue")(schema_of_glue)
    plain, packed = (bytes.fromhex(each["payload"]) for each in GLUE)
    frame = peeked(b"\x03\x05" + plain[2:], packed)
    assert frame["value"].isna().tolist() == [True, False]
    assert len(frame.attrs["failures"]) == 1


def test_the_content_type_of_azure_names_a_schema() -> None:
    """The framing is from the source of Azure's encoder; no server of it was at hand."""
    number = "0123456789abcdef" * 2
    schema = bk.RegisteredSchema("AVRO", json.dumps(GLUE[0]["schema"]))
    bk.schema_source("content-type")(lambda id: schema if id == number else None)
    frame = peeked(b"\x0e\x02\x02x", **{"content-type": f"avro/binary+{number}"})
    assert frame["value"].tolist() == ['{"id":7,"n":"x"}']
    assert frame["format"].tolist() == ["azure+avro"]


@pytest.mark.parametrize("wrong", ["raises", "another type", "a schema that cannot be used"])
def test_a_wrong_source_is_a_failure_of_its_rows_with_its_name(wrong: str) -> None:
    def find(id: str) -> Any:
        if wrong == "raises":
            raise ZeroDivisionError("no")
        return 7 if wrong == "another type" else bk.RegisteredSchema("AVRO", "{")

    bk.schema_source("glue")(find)
    frame = peeked(bytes.fromhex(GLUE[0]["payload"]), b'{"id":7}')
    assert frame["value"].isna().tolist() == [True, False]
    (failure,) = frame.attrs["failures"]
    assert ("find" in failure) == (wrong != "a schema that cannot be used")


def test_a_kind_of_schemas_that_is_taken_is_refused_with_the_names() -> None:
    with pytest.raises(bk.ConfigError, match="registry="):
        bk.schema_source("id")(schema_of_glue)
    bk.schema_source("glue")(schema_of_glue)
    bk.schema_source("glue")(schema_of_glue)
    with pytest.raises(bk.ConfigError, match=r"schema_of_glue already.*test_own_formats\.shop"):
        bk.schema_source("glue")(shop)


def test_a_source_of_ones_own_goes_to_other_processes() -> None:
    source = pickle.loads(pickle.dumps(FunctionSource("glue", schema_of_glue)))
    wanted = str(uuid.UUID(bytes=bytes.fromhex(GLUE[0]["payload"])[2:18]))
    assert source.resolve(SchemaRef("glue", wanted)) == schema_of_glue(wanted)


def test_a_codec_reads_its_rows_and_only_these() -> None:
    bk.codec("shop", evidence=is_shop)(shop)
    frame = peeked(SHOP, b'{"id":1}', b"SHOP", b"\x00\x01", gzip.compress(SHOP))
    assert [None if pd.isna(each) else each for each in frame["value"]] == [
        '{"id":7}',
        '{"id":1}',
        "SHOP",
        None,
        '{"id":7}',
    ]
    assert frame["format"].tolist() == ["shop", "json", "text", "bytes", "gzip+shop"]
    assert frame["raw"][0] == SHOP


@pytest.mark.parametrize("others", [[], [b"a"], [b"a\x01"]])
def test_a_search_finds_what_a_codec_read_whatever_is_beside_it(others: list[bytes]) -> None:
    read = bk.codec("deleted", evidence=lambda payload: payload.startswith(b"D\x7f"))
    read(lambda payload: payload[2:].decode()[::-1])
    with bk.connect("inmem://") as session:
        session.create_topic("orders")
        session.publish_batch("orders", [OutboundMessage(each, key=each) for each in [b"D\x7fluap", *others]])
        found = [
            session.scan("orders", progress=False, **by).to_pandas()
            for by in ({"where": "paul"}, {"key": '"paul"'})
        ]
    assert [(list(each["key"]), list(each["value"])) for each in found] == [(['"paul"'], ['"paul"'])] * 2


@pytest.mark.parametrize("writes", [True, False])
def test_an_edited_row_is_written_by_the_codec_or_refused(writes: bool) -> None:
    codec = bk.codec("shop", evidence=is_shop)(shop)
    if writes:
        codec.writer(lambda value: b"SHOP\x01" + value["id"].to_bytes(2, "big"))
    with bk.connect(f"inmem://own-{uuid.uuid4().hex[:8]}") as session:
        session.create_topic("t")
        session.publish("t", SHOP)
        frame = session.peek("t")
        session.publish_frame("t", frame, progress=False)
        frame["value"] = '{"id":8}'
        outcome = session.publish_frame("t", frame, progress=False)
        raws = session.peek("t")["raw"].tolist()
    assert raws == ([SHOP, SHOP, SHOP[:-1] + b"\x08"] if writes else [SHOP, SHOP])
    assert outcome["status"].tolist() == ["confirmed" if writes else "failed"]


@pytest.mark.parametrize("wrong", ["evidence", "read", "value", "encode"])
def test_a_wrong_codec_is_a_failure_of_its_rows_with_its_name(wrong: str) -> None:
    def evidence(payload: bytes) -> bool:
        return bool(1 / (wrong != "evidence")) and is_shop(payload)

    def read(payload: bytes) -> Any:
        if wrong == "read":
            raise RuntimeError("no")
        return {"x": object()} if wrong == "value" else {"x": "\ud800"} if wrong == "encode" else 1

    bk.codec("shop", evidence=evidence)(read)
    frame = peeked(SHOP, b'{"id":1}')
    assert frame["value"].tolist()[1] == '{"id":1}'
    if wrong != "encode":
        assert len(frame.attrs["failures"]) == 1
        assert frame.attrs["failures"][0].startswith("shop: ")
        assert frame["raw"][0] == SHOP


@pytest.mark.parametrize("name", ["avro", "json", "confluent", "", "a+b"])
def test_a_name_of_a_codec_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(bk.ConfigError):
        bk.codec(name, evidence=is_shop)(shop)


def test_two_codecs_of_one_name_are_refused_with_both_names() -> None:
    bk.codec("shop", evidence=is_shop)(shop)
    with pytest.raises(bk.ConfigError, match=r"test_own_formats\.shop already.*schema_of_glue"):
        bk.codec("shop", evidence=is_shop)(schema_of_glue)


def test_installed_packages_bring_codecs_and_sources(installed: list[importlib.metadata.EntryPoint]) -> None:
    installed.append(importlib.metadata.EntryPoint("shop", f"{__name__}:SHOP_CODEC", codecs.GROUP))
    installed.append(importlib.metadata.EntryPoint("glue", f"{__name__}:schema_of_glue", sources.GROUP))
    frame = peeked(SHOP, bytes.fromhex(GLUE[0]["payload"]))
    assert frame["format"].tolist() == ["shop", "glue+avro"]


PACKAGE = """
import brokerkit as bk
from shop_formats.inner import shop

@bk.schema_source("glue")
def from_folder(id):
    return bk.RegisteredSchema("AVRO", '{"type": "record", "name": "O", "fields": [{"name": "id", "type": "long"}]}')
"""
INNER = """
import brokerkit as bk

@bk.codec("shop", evidence=lambda payload: payload.startswith(b"SHOP"))
def shop(payload):
    return {"id": payload[-1]}
"""
POINTS = """[brokerkit.codecs]
shop = shop_formats:shop
[brokerkit.schema_sources]
glue = shop_formats:from_folder
"""
USE = """
import brokerkit as bk

with bk.connect("inmem://") as s:
    s.create_topic("t")
    s.publish("t", b"SHOP\\0\\7")
    s.publish("t", bytes.fromhex("0300b7b4a7f09c964e4aa687fb5de9ef0c630e"))
    frame = s.peek("t")
    assert frame["value"].tolist() == ['{"id":7}', '{"id":7}'], bk.failures(frame)["error"].tolist()
    assert frame["format"].tolist() == ["shop", "glue+avro"]
for declare in (bk.codec("shop", evidence=bool), bk.schema_source("glue")):
    try:
        declare(lambda payload: None)
    except bk.ConfigError as error:
        assert "shop_formats" in str(error), error
    else:
        raise AssertionError("a taken name was not refused")
"""


@pytest.mark.extended
@pytest.mark.parametrize(
    "first", ["", "import shop_formats", "import brokerkit; brokerkit.connect('inmem://')"]
)
def test_an_installed_package_declares_what_its_entry_points_name(tmp_path: Path, first: str) -> None:
    """With decorators, as the guide shows them, in a module of its own, also if it is imported first."""
    about = tmp_path / "shop_formats-0.1.dist-info"
    for folder in (about, tmp_path / "shop_formats"):
        folder.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-formats\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(POINTS)
    (tmp_path / "shop_formats/__init__.py").write_text(PACKAGE)
    (tmp_path / "shop_formats/inner.py").write_text(INNER)
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", first + USE],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("value", ["no_such_module:x", f"{__name__}:missing", f"{__name__}:GOLDEN"])
def test_an_installed_codec_that_cannot_be_loaded_is_a_failure_of_rows(
    installed: list[importlib.metadata.EntryPoint], value: str
) -> None:
    installed.append(importlib.metadata.EntryPoint("shop", value, codecs.GROUP))
    frame = peeked(SHOP, b'{"id":1}')
    assert frame["value"].tolist()[1] == '{"id":1}'
    (failure,) = frame.attrs["failures"]
    assert "shop" in failure
    assert value in failure


def test_a_session_without_either_has_no_source() -> None:
    with bk.connect("inmem://none") as session:
        assert isinstance(session, Session)
        assert session.schema_source is None
