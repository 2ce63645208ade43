"""A decoded message is edited as its text in a composer, and sent in the format and with the schema of its row."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import brokerkit as bk
from brokerkit.sandbox.registries import RegistryServer
from brokerkit.widgets.compose import Composer

ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [{"name": "id", "type": "long"}, {"name": "b", "type": "bytes"}],
}


@pytest.fixture
def s() -> Iterator[bk.Session]:
    with bk.connect(f"inmem://compose-{uuid.uuid4().hex}") as session:
        session.create_topic("t")
        yield session


@pytest.fixture
def registered(schema_registry_server: RegistryServer) -> Iterator[bk.Session]:
    with bk.connect(
        f"inmem://compose-{uuid.uuid4().hex}", registry=schema_registry_server.address
    ) as session:
        session.create_topic("t")
        session.register_schema("t", ORDER)
        session.publish("t", {"id": 2**62, "b": b"\0\xff"}, schema=True, key="k")
        yield session


def typed(composer: Composer, text: str) -> Any:
    composer._shown_view().receive({"type": "edit", "value": ["text", text]})
    return composer._shown_view().panel


def test_compressed_messagepack_is_shown_as_its_text_and_sent_as_it_was(s: bk.Session) -> None:
    s.publish("t", gzip.compress(msgspec.msgpack.encode({"id": 1, "b": b"\0"}), mtime=0))
    composer = Composer(s, "t", message=s.peek("t"))
    assert composer.text == '{"id":1,"b":"AA=="}'
    typed(composer, '{"id":2,"b":"/w=="}')
    assert (composer.text, composer.problems) == ('{"id":2,"b":"/w=="}', [])
    composer.key = "new"
    assert composer.text == '{"id":2,"b":"/w=="}'
    assert composer.send().counts["confirmed"] == 1
    sent = s.peek("t", 1)
    assert (sent["format"][0], sent["key"][0]) == ("gzip+msgpack", "new")
    assert msgspec.msgpack.decode(gzip.decompress(sent["raw"][0])) == {"id": 2, "b": b"\xff"}


def test_an_edit_that_does_not_fit_is_said_at_once_and_is_not_sent(s: bk.Session) -> None:
    s.publish("t", msgspec.msgpack.encode({"id": 1, "b": b"\0"}))
    composer = Composer(s, "t", message=s.peek("t"))
    typed(composer, '{"id":1,"b":"no base64"}')
    assert "does not fit msgpack: b: expected bytes as base64" in composer.problems[0].text
    with pytest.raises(bk.ConfigError, match="b: expected bytes as base64"):
        composer.send()
    with pytest.raises(bk.ConfigError, match="b: expected bytes as base64"):
        composer.text = '{"id":1,"b":"no base64"}'
    composer.value = b"other bytes"
    assert (composer.text, composer.problems) == (None, [])
    with pytest.raises(bk.ConfigError, match="was not decoded"):
        composer.text = "x"


@pytest.mark.broker
def test_avro_is_sent_with_the_schema_of_its_row(registered: bk.Session) -> None:
    s = registered
    first = s.peek("t")
    composer = Composer(s, "t", message=first, json=True)
    assert composer.problems == []
    assert composer.value == first["raw"][0]
    typed(composer, '{"id":-1,"b":""}')
    assert composer.send().counts["confirmed"] == 1
    typed(composer, '{"id":9223372036854775808,"b":""}')
    assert ": id: 9223372036854775808 is not a number of 64 bits" in composer.problems[0].text
    found = s.peek("t")
    assert found["format"].tolist() == ["confluent+avro"] * 2
    assert found["raw"][1] == first["raw"][0][:5] + b"\1\0"
    assert found["key"].tolist() == ["k", "k"]


@pytest.mark.broker
def test_several_rows_of_a_browser_are_edited_each_with_its_schema(registered: bk.Session) -> None:
    s = registered
    s.publish("t", {"plain": True})
    composer = Composer(s, "t", frame=s.peek("t"))
    assert composer.text == json.dumps({"id": 2**62, "b": "AP8="}, separators=(",", ":"))
    typed(composer, '{"id":5,"b":"AP8="}')
    composer.row = 1
    assert composer.text is None
    typed(composer, '{"plain":false}')
    assert composer.send()["status"].tolist() == ["confirmed"] * 2
    found = s.peek("t", 2)
    assert [json.loads(value) for value in found["value"]] == [{"id": 5, "b": "AP8="}, {"plain": False}]
    assert found["format"].tolist() == ["confluent+avro", "json"]
