"""Payloads by the official serializers, read from a real broker with the schemas of a real registry."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
import pytest
from confluent_kafka import Producer
from google.protobuf import wrappers_pb2

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.registries import RegistryServer

pytest.importorskip("authlib", reason="the serializers of confluent-kafka need authlib and cachetools")
pytest.importorskip("cachetools", reason="the serializers of confluent-kafka need authlib and cachetools")

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

pytestmark = pytest.mark.broker

FIRST = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
SECOND = {
    **FIRST,
    "fields": [*FIRST["fields"], {"name": "note", "type": ["null", "string"], "default": None}],
}
PERSON = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "P", "type": "object", "properties": {"name": {"type": "string"}}}  # fmt: skip


@dataclass
class Written:
    """A topic with payloads, and what they are to be read as."""

    session: bk.Session
    topic: str
    payloads: list[bytes | None]
    expected: list[tuple[Any, str | None]]


@pytest.fixture(params=["schema_registry_server", "apicurio_server"])
def registry(request: pytest.FixtureRequest) -> RegistryServer:
    found: RegistryServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def written(kafka_server: KafkaServer, registry: RegistryServer) -> Iterator[Written]:
    topic = f"framed-{uuid.uuid4().hex[:8]}"
    client = SchemaRegistryClient({"url": registry.address})

    def framed(serializer: Any, value: Any, subject: str) -> bytes:
        return serializer(value, SerializationContext(f"{topic}-{subject}", MessageField.VALUE))

    first, second = (AvroSerializer(client, json.dumps(each)) for each in (FIRST, SECOND))
    plain = {"use.deprecated.format": False}
    wrapped = ProtobufSerializer(wrappers_pb2.Int64Value, client, plain)
    person = JSONSerializer(json.dumps(PERSON), client)
    rows: list[tuple[bytes | None, Any, str | None]] = [
        (framed(first, {"id": 2**60 + 1}, "a"), {"id": 2**60 + 1}, "confluent+avro"),
        (b'{"id": 3}', {"id": 3}, "json"),
        (framed(second, {"id": 4, "note": "x"}, "b"), {"id": 4, "note": "x"}, "confluent+avro"),
        (None, None, None),
        (framed(wrapped, wrappers_pb2.Int64Value(value=2**60 + 1), "c"), {"value": 2**60 + 1}, "confluent+protobuf"),
        (framed(person, {"name": "n"}, "d"), {"name": "n"}, "confluent+json"),
        (b"\0\0", None, "bytes"),
        (framed(first, {"id": 5}, "a"), {"id": 5}, "confluent+avro"),
    ]  # fmt: skip
    with bk.connect(kafka_server.address, registry=registry.address) as session:
        session.create_topic(topic)
        producer = Producer({"bootstrap.servers": kafka_server.address.partition("://")[2]})
        for payload, *_ in rows:
            producer.produce(topic, payload)
        assert producer.flush(30) == 0
        yield Written(session, topic, [row[0] for row in rows], [row[1:] for row in rows])


def check(frame: Any, written: Written) -> None:
    values = [None if value is None else json.loads(value) for value in frame["value"].astype(object).where(frame["value"].notna(), None)]  # fmt: skip
    formats = frame["format"].astype(object).where(frame["format"].notna(), None).tolist()
    assert list(zip(values, formats, strict=True)) == written.expected
    named = frame["format"].str.contains("+", regex=False).fillna(False)
    assert frame["schema"].notna().tolist() == named.tolist()
    raw = frame["raw"].tolist()
    assert [raw[row] for row in range(len(frame)) if named.iloc[row]] == [
        written.payloads[row] for row in range(len(frame)) if named.iloc[row]
    ]


def test_every_way_to_read_decodes_them(written: Written) -> None:
    s, topic = written.session, written.topic
    frame = s.peek(topic, 100)
    check(frame, written)
    check(s.scan(topic).to_pandas(), written)
    check(s.reread(frame), written)
    check(
        s.pull(topic, len(written.payloads), subscription=f"{topic}-pull", start="earliest", timeout=20),
        written,
    )
    for batch in s.batches(topic, subscription=f"{topic}-batches", start="earliest", idle=2):
        with batch:
            check(batch.frame, written)


def test_json_is_checked_against_the_schema_that_it_names_where_that_is_asked_for(
    kafka_server: KafkaServer, registry: RegistryServer
) -> None:
    topic = f"validated-{uuid.uuid4().hex[:8]}"
    draft = {"$schema": PERSON["$schema"]}
    home = {**draft, "$id": "home.json", "type": "object", "required": ["city"]}
    person = {
        **draft,
        "type": "object",
        "properties": {"home": {"$ref": "home.json"}, "age": {"type": "integer"}},
    }
    with bk.connect(kafka_server.address, registry=registry.address) as s:
        s.create_topic(topic)
        s.register_schema(f"{topic}-home", home, type="json")
        uses = [("home.json", f"{topic}-home", 1)]
        number = s.register_schema(topic, person, type="json", references=uses).id
        assert isinstance(number, int)
        frame = b"\0" + number.to_bytes(4, "big")
        rows = [frame + b'{"home": {"city": "x"}, "age": 7}', frame + b'{"home": {}}', frame + b'{"age": 1.5}',
                b'{"age": "plain"}', frame + b"{"]  # fmt: skip
        s.publish_batch(topic, rows)
        assert s.peek(topic)["value"].notna().tolist() == [True, True, True, True, False]
        checked = s.peek(topic, validate=True)
        assert checked["value"].notna().tolist() == [True, False, False, True, False]
        assert checked["raw"].tolist()[1:3] == rows[1:3]
        failures = bk.failures(checked)
        assert failures["row"].tolist() == [1, 2, 4]
        assert failures["path"].tolist()[:2] == ["home.city", "age"]
        assert "city" in failures["error"][0]
        assert s.scan(topic, validate=True).to_pandas()["value"].notna().sum() == 2
    with bk.connect(kafka_server.address) as s, pytest.raises(bk.ConfigError, match="registry="):
        s.peek(topic, validate=True)


def test_workers_of_dask_read_with_the_registry(written: Written) -> None:
    pytest.importorskip("dask")
    frame = written.session.scan(written.topic).to_dask()
    for scheduler in ("threads", "processes"):
        check(frame.compute(scheduler=scheduler), written)


def test_decoded_text_is_filtered_and_expanded(written: Written) -> None:
    s, topic = written.session, written.topic
    found = s.peek(topic, 100, where=pc.field("format") == "confluent+avro", expand=True)
    assert found["value.id"].tolist() == [2**60 + 1, 4, 5]
    assert s.peek(topic, 100, where=lambda value: value["id"] == 2**60 + 1)["offset"].tolist() == [0]
    assert s.peek(topic, 100, where='"note":"x"')["offset"].tolist() == [2]


def test_a_frame_is_published_as_the_same_bytes(written: Written) -> None:
    s, topic = written.session, written.topic
    s.create_topic(f"{topic}-again")
    s.publish_frame(f"{topic}-again", s.peek(topic, 100))
    again = s.peek(f"{topic}-again", 100, decode="raw")
    assert again["raw"].astype(object).where(again["raw"].notna(), None).tolist() == written.payloads
    check(s.peek(f"{topic}-again", 100), written)


def test_official_payloads_of_two_versions_are_typed_by_name(
    kafka_server: KafkaServer, registry: RegistryServer
) -> None:
    topic = f"typed-{uuid.uuid4().hex[:8]}"
    client = SchemaRegistryClient({"url": registry.address})
    context = [SerializationContext(topic, part) for part in (MessageField.VALUE, MessageField.KEY)]
    first, second = (AvroSerializer(client, json.dumps(each)) for each in (FIRST, SECOND))
    number = ProtobufSerializer(wrappers_pb2.Int64Value, client, {"use.deprecated.format": False})
    producer = Producer({"bootstrap.servers": kafka_server.address.partition("://")[2]})
    with bk.connect(kafka_server.address, registry=registry.address) as s:
        s.create_topic(topic)
        for serializer, value in ((first, {"id": 2**60 + 1}), (second, {"id": 4, "note": "x"})):
            key = number(wrappers_pb2.Int64Value(value=2**60 + 1), context[1])
            producer.produce(topic, serializer(value, context[0]), key)
        producer.flush()
        df = s.peek(topic, decode="avro", decode_key="protobuf", expand=True)
        assert bk.failures(df)["error"].tolist() == []
        assert df["value"].tolist() == [{"id": 2**60 + 1, "note": None}, {"id": 4, "note": "x"}]
        assert df["key"].tolist() == [{"value": 2**60 + 1}] * 2
        assert df["value.id"].tolist() == [2**60 + 1, 4]
        assert s.scan(topic, decode="avro").to_arrow().column("value").type.names == ["id", "note"]
