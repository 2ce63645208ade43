"""Values published with a schema: the official deserializers read them, and what does not fit is not sent."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.results import PublishFailed
from brokerkit.frames.codecs.protobuf import ProtobufSchema
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.registries import RegistryServer

pytestmark = pytest.mark.broker

MOMENT = datetime.datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=datetime.UTC)
ORDER: dict[str, Any] = {
    "type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "id", "type": "long"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
            {"name": "sku", "type": "string"}, {"name": "count", "type": "int"}]}}, "default": []},
    ],
}  # fmt: skip
VALUES: list[dict[str, Any]] = [
    {"id": 2**62 + number, "price": Decimal("-12.30") + number, "at": MOMENT, "note": "ä" if number % 2 else None,
     "lines": [{"sku": f"s{each}", "count": each} for each in range(number)]}
    for number in range(3)
]  # fmt: skip
PROTO = """
syntax = "proto3";
package shop;
message First { string x = 1; }
message Order {
  message Line { string sku = 1; uint32 count = 2; }
  int64 id = 1; string note = 2; repeated Line lines = 3; double rate = 4;
}
"""
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "title": "P"}


@pytest.fixture(params=["schema_registry_server", "apicurio_server"])
def registry(request: pytest.FixtureRequest) -> RegistryServer:
    found: RegistryServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def s(kafka_server: KafkaServer, registry: RegistryServer) -> Iterator[bk.Session]:
    with bk.connect(kafka_server.address, registry=registry.address) as session:
        yield session


@pytest.fixture
def topic(s: bk.Session) -> str:
    name = f"orders-{uuid.uuid4().hex[:8]}"
    s.create_topic(name)
    return name


def table(values: list[dict[str, Any]] = VALUES) -> pa.Table:
    lines = pa.list_(pa.struct({"sku": pa.string(), "count": pa.int32()}))
    kinds = [pa.int64(), pa.decimal128(12, 2), pa.timestamp("ms", "UTC"), pa.string(), lines]
    return pa.Table.from_pylist(values, pa.schema(list(zip(VALUES[0], kinds, strict=True))))


def deserialized(s: bk.Session, topic: str, registry: RegistryServer) -> list[Any]:
    """The messages of a topic as Confluent's own deserializer reads them."""
    pytest.importorskip("authlib", reason="the deserializers of confluent-kafka need authlib and cachetools")
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    read = AvroDeserializer(SchemaRegistryClient({"url": registry.address}))
    found = s.peek(topic, 100, decode="raw")
    rows = zip(found["raw"], found["attributes"], strict=True)
    return [
        read(
            raw,
            SerializationContext(
                topic, MessageField.VALUE, [(each["name"], each["value"]) for each in attributes]
            ),
        )
        for raw, attributes in rows
    ]


@pytest.mark.parametrize("framing", [None, "confluent", "headers"])
def test_the_official_deserializer_reads_objects_and_columns(
    s: bk.Session, topic: str, registry: RegistryServer, framing: Any
) -> None:
    s.register_schema(topic, ORDER)
    s.publish(topic, VALUES[0], schema=True, framing=framing)
    s.publish_batch(topic, VALUES[1:], schema=topic, framing=framing)
    outcome = s.publish_frame(topic, table(), schema=f"{topic}-value:1", framing=framing, progress=False)
    assert outcome.counts["confirmed"] == 3
    how = "headers" if framing == "headers" else "confluent"
    assert outcome.attrs["brokerkit"]["schema"].startswith(f"avro of {topic}-value v1 (id ")
    assert outcome.attrs["brokerkit"]["schema"].endswith(f"), framing {how}")
    assert deserialized(s, topic, registry) == VALUES * 2
    assert set(s.peek(topic, 100)["format"]) == {"confluent+avro"}


def test_a_transaction_writes_with_a_schema(s: bk.Session, topic: str, registry: RegistryServer) -> None:
    s.register_schema(topic, ORDER)
    with s.transaction() as tx:
        tx.publish(topic, VALUES[0], schema=True)
        tx.publish_batch(topic, VALUES[1:2], schema=True)
        tx.publish_frame(topic, table(VALUES[2:]), schema=True, progress=False)
    assert deserialized(s, topic, registry) == VALUES


def test_others_are_named_as_the_newest_message_of_the_topic_is(
    s: bk.Session, topic: str, registry: RegistryServer
) -> None:
    s.register_schema(topic, ORDER)
    s.publish(topic, VALUES[0], schema=True, framing="headers")
    s.publish(topic, None)
    plan = s.publish_frame(topic, table(), schema=True, dry_run=True)
    assert plan["schema"].str.endswith("framing headers").all()
    s.publish(topic, VALUES[1], schema=True)
    newest = s.peek(topic, 1)
    assert newest["format"].tolist() == ["confluent+avro"]
    assert [each["name"] for each in newest["attributes"][0]] == ["__value_schema_id"]


def test_a_mask_of_the_session_hides_not_how_the_topic_names_schemas(
    s: bk.Session, topic: str, registry: RegistryServer, kafka_server: KafkaServer
) -> None:
    s.register_schema(topic, ORDER)
    s.publish(topic, VALUES[0], schema=True, framing="headers")
    mask = bk.Mask("note", locked=True)
    with bk.connect(kafka_server.address, registry=registry.address, mask=mask) as masked:
        masked.publish(topic, VALUES[1], schema=True)
    assert bk.attr(s.peek(topic, 2), "__value_schema_id").notna().all()
    assert deserialized(s, topic, registry) == VALUES[:2]


def test_apicurio_names_schemas_by_its_own_ids(s: bk.Session, topic: str, registry: RegistryServer) -> None:
    s.register_schema(topic, ORDER)
    if "apicurio" not in type(registry).__name__.lower():
        with pytest.raises(ConfigError, match="the global id of .* is not known"):
            s.publish(topic, VALUES[0], schema=True, framing="apicurio")
        return
    s.publish(topic, VALUES[0], schema=True, framing="apicurio")
    s.publish(topic, VALUES[1], schema=True)
    found = s.peek(topic, 10)
    assert found["format"].tolist() == ["apicurio+avro"] * 2
    assert [json.loads(value)["id"] for value in found["value"]] == [2**62, 2**62 + 1]


def test_rows_that_do_not_fit_fail_with_their_path_and_are_not_sent(s: bk.Session, topic: str) -> None:
    s.register_schema(topic, ORDER)
    frame = pd.DataFrame({
        "id": [1, 2, 3, 4],
        "price": [Decimal("1.00"), Decimal("1.001"), Decimal("2.00"), Decimal("3.00")],
        "at": pd.to_datetime(["2026-01-31T12:00Z"] * 4),
        "lines": [[{"sku": "a", "count": 1}], [], [{"sku": "a", "count": 2**31}], None],
    })  # fmt: skip
    outcome = s.publish_frame(topic, frame, schema=True, progress=False)
    assert outcome["status"].tolist() == ["confirmed", "failed", "failed", "failed"]
    assert "row 1, it does not fit avro of " in outcome["error"][1]
    assert "price: 1.001 has more than 2 digits behind its point" in outcome["error"][1]
    assert "lines[0].count: 2147483648 is not a number of 32 bits" in outcome["error"][2]
    assert "lines: null" in outcome["error"][3]
    assert len(s.peek(topic)) == 1
    with pytest.raises(ConfigError, match="id: the field is missing, and has no default"):
        s.publish(topic, {"price": 1}, schema=True)
    with pytest.raises(PublishFailed), s.transaction() as tx:
        tx.publish_frame(topic, frame, schema=True, progress=False)
    assert len(s.peek(topic)) == 1


def test_messages_are_written_from_their_values_and_keep_keys_and_attributes(
    s: bk.Session, topic: str
) -> None:
    s.register_schema(topic, ORDER)
    s.publish(topic, {"id": 1, "price": 1.5, "at": "2026-01-31T12:00:00Z"}, key="k", attributes={"a": "1"})
    s.publish_frame(topic, s.peek(topic, 1), schema=True, framing="headers", progress=False)
    s.publish_frame(topic, s.peek(topic, 1), schema=True, framing="confluent", progress=False)
    found = s.peek(topic)
    assert found["format"].tolist() == ["json", "confluent+avro", "confluent+avro"]
    assert found["key"].tolist() == ["k"] * 3
    names = [[pair["name"] for pair in each] for each in found["attributes"]]
    assert names[1:] == [["a", "__value_schema_id"], ["a"]]
    typed = s.peek(topic, 1, decode=bk.avro(json.dumps(ORDER), skip=5))
    s.publish_frame(topic, typed, schema=True, progress=False)
    assert s.peek(topic, 1)["value"][0] == found["value"][2]


def test_protobuf_is_written_from_columns_and_read_by_the_official_deserializer(
    s: bk.Session, topic: str, registry: RegistryServer
) -> None:
    pytest.importorskip("authlib", reason="the deserializers of confluent-kafka need authlib and cachetools")
    from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
    from confluent_kafka.serialization import MessageField, SerializationContext
    from google.protobuf import message_factory

    s.register_schema(topic, PROTO, type="protobuf")
    schema = ProtobufSchema.from_text(PROTO)
    decoder = bk.protobuf(schema, "shop.Order")
    rows = [
        {"id": 2**62, "note": "ä", "lines": [{"sku": "a", "count": 3}]},
        {"id": -1, "note": "", "lines": []},
    ]
    columns = pa.Table.from_pylist(rows)
    s.publish_frame(topic, columns, schema=decoder, progress=False)
    # the message is that of the topic, not the first of the file
    s.publish(topic, rows[0], schema=True)
    with pytest.raises(ConfigError, match="x: shop.Order has no such field"):
        s.publish(topic, {"x": "1"}, schema=True)
    kind = message_factory.GetMessageClass(schema.message("shop.Order"))
    read = ProtobufDeserializer(kind, {"use.deprecated.format": False})
    found = [
        read(raw, SerializationContext(topic, MessageField.VALUE))
        for raw in s.peek(topic, decode="raw")["raw"]
    ]
    assert [(each.id, each.note, [(line.sku, line.count) for line in each.lines]) for each in found] == [
        (2**62, "ä", [("a", 3)]), (-1, "", []), (2**62, "ä", [("a", 3)])
    ]  # fmt: skip
    assert set(s.peek(topic)["format"]) == {"confluent+protobuf"}


def test_a_message_of_the_topics_own_schema_is_chosen_by_name(s: bk.Session, topic: str) -> None:
    s.register_schema(topic, PROTO, type="protobuf")
    s.publish(topic, {"id": 7}, schema=bk.protobuf(message="Order"))
    columns = pa.Table.from_pylist([{"id": 8}])
    s.publish_frame(topic, columns, schema=bk.protobuf(message="shop.Order"), progress=False)
    assert [json.loads(each)["id"] for each in s.peek(topic)["value"]] == [7, 8]
    with pytest.raises(ConfigError, match="Missing"):
        s.publish(topic, {"id": 7}, schema=bk.protobuf(message="Missing"))
    with pytest.raises(ConfigError, match="not of avro"):
        s.publish(topic, {"id": 7}, schema=bk.avro())
    with pytest.raises(ConfigError, match="reader= is for reading"):
        s.publish(topic, {"id": 7}, schema=bk.avro(reader="union"))


def test_a_schema_of_another_type_than_is_said_names_the_right_one(s: bk.Session, topic: str) -> None:
    for type, text in (("protobuf", PROTO), ("json", '{"type": "object", "properties": {}}')):
        with pytest.raises(ConfigError, match=f"type={type!r}"):
            s.register_schema(topic, text)
        assert s.register_schema(topic, text, type=type, dry_run=True).version is None


def test_json_is_checked_by_its_schema(s: bk.Session, topic: str) -> None:
    s.register_schema(topic, PERSON, type="json")
    frame = pd.DataFrame({"name": ["a", None]})
    outcome = s.publish_frame(topic, frame, schema=True, progress=False)
    assert outcome["status"].tolist() == ["confirmed", "failed"]
    assert (
        "name: None is not of type" in outcome["error"][1]
        or "name: null is not of type" in outcome["error"][1]
    )
    assert s.peek(topic)["format"].tolist() == ["confluent+json"]
    with pytest.raises(ConfigError, match="required"):
        s.publish(topic, {}, schema=True)


def test_a_schema_that_is_not_there_says_how_to_register_it(s: bk.Session, topic: str) -> None:
    for schema in (True, topic, bk.avro(json.dumps(ORDER))):
        with pytest.raises(ConfigError, match=f"register_schema\\('{topic}', schema\\)"):
            s.publish(topic, VALUES[0], schema=schema)
    s.publish(topic, {"id": 1}, schema=bk.avro('{"type":"record","name":"I","fields":[{"name":"id","type":"long"}]}'), framing="bare")  # fmt: skip
    assert s.peek(topic, decode="raw")["raw"].tolist() == [b"\2"]


def test_arguments_that_cannot_be_used_are_refused() -> None:
    with bk.connect("inmem://no-registry") as s:
        s.create_topic("t")
        with pytest.raises(ConfigError, match="no schema registry"):
            s.publish("t", {}, schema=True)
        with pytest.raises(ConfigError, match="framing='x' cannot be used"):
            s.publish("t", {}, schema=True, framing="x")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="framing= is for payloads with a schema"):
            s.publish("t", {}, framing="confluent")
        with pytest.raises(ConfigError, match="expected 'msgpack' or 'cbor'"):
            s.publish("t", {}, format="xml")
        for format in ("msgpack", "cbor"):
            s.publish("t", {"id": 2**63, "b": b"\0", "at": MOMENT}, format=format)
            s.publish_frame("t", pd.DataFrame({"a": [1, None]}), format=format, progress=False)
        s.publish("t", {"id": 7}, schema=bk.avro('{"type":"record","name":"I","fields":[{"name":"id","type":"long"}]}'))  # fmt: skip
        found = s.peek("t")
        assert found["format"].tolist()[:6] == ["msgpack"] * 3 + ["cbor"] * 3
        assert json.loads(found["value"][0]) == {
            "id": 2**63,
            "b": "AA==",
            "at": "2026-01-31T12:00:00.123000Z",
        }
        assert [json.loads(value) for value in found["value"][1:3]] == [{"a": 1.0}, {"a": None}]
        assert found["raw"][6] == b"\x0e" or found["value"][6] == "\x0e"
