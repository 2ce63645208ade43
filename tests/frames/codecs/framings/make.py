"""Write golden.json: payloads and headers made by the official serializers, with the schemas that they name.

    pip install 'confluent-kafka[schemaregistry,avro,protobuf,json]' grpcio-tools fastavro aws-glue-schema-registry
    pip install azure-schemaregistry-avroencoder avro pulsar-client
    mvn dependency:copy-dependencies -DoutputDirectory=FOLDER        # beside pom.xml
    python -m tests.frames.codecs.framings.make FOLDER

Needs Go for the one registry, and Java 17 and Maven for Apicurio. Confluent's serializers are those for Python: the ones
for Java are in a Maven repository of their own.
"""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from brokerkit.sandbox import catalogue

HERE = Path(__file__).parent
MONEY = {
    "type": "record",
    "name": "Money",
    "namespace": "shop",
    "fields": [
        {"name": "currency", "type": "string"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 4}},
    ],
}
ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "price", "type": "shop.Money"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"]}},
    ],
}
SHORT = {
    "type": "record",
    "name": "R",
    "fields": [{"name": "id", "type": "long"}, {"name": "n", "type": ["null", "string"], "default": None}],
}
ADDRESS = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "$id": "address.json",
    "title": "Address",
    "type": "object",
    "properties": {"city": {"type": "string"}},
}
PERSON = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "home": {"$ref": "address.json"}},
}
ROW = {
    "id": 2**60 + 1,
    "price": {"currency": "EUR", "amount": Decimal("12.3400")},
    "at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    "note": None,
    "colour": "BLUE",
}
SHOWN = {
    "id": 2**60 + 1,
    "price": {"currency": "EUR", "amount": 12.34},
    "at": "2026-01-02T03:04:05.678901Z",
    "note": None,
    "colour": "BLUE",
}


def protobuf_modules() -> Any:
    """Compile the .proto files beside this one, and return the module of order.proto."""
    import grpc_tools
    from grpc_tools import protoc

    out = tempfile.mkdtemp()
    include = Path(grpc_tools.__file__).parent / "_proto"
    if protoc.main(["", f"-I{HERE}", f"-I{include}", f"--python_out={out}", "common.proto", "order.proto"]):
        raise SystemExit("protoc failed")
    sys.path.insert(0, out)
    return importlib.import_module("order_pb2")


def confluent(url: str) -> Iterator[dict[str, Any]]:
    from confluent_kafka.schema_registry import (
        Schema,
        SchemaReference,
        SchemaRegistryClient,
        header_schema_id_serializer,
    )
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.schema_registry.json_schema import JSONSerializer
    from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    client = SchemaRegistryClient({"url": url})
    parts = {"value": MessageField.VALUE, "key": MessageField.KEY}
    header = {
        "schema.id.serializer": header_schema_id_serializer,
        "auto.register.schemas": False,
        "use.latest.version": True,
    }

    def framed(
        name: str, serializer: Any, topic: str, row: Any, shown: Any, part: str = "value"
    ) -> dict[str, Any]:
        headers: list[tuple[str, bytes]] = []
        payload = serializer(row, SerializationContext(topic, parts[part], headers))
        attributes = {each: value.hex() for each, value in headers}
        return {"by": "confluent", "name": name, "topic": topic, "part": part, "payload": payload.hex(), "attributes": attributes, "value": shown}  # fmt: skip

    client.register_schema("shop.Money", Schema(json.dumps(MONEY), "AVRO"))
    order = Schema(json.dumps(ORDER), "AVRO", [SchemaReference("shop.Money", "shop.Money", 1)])
    yield framed("avro with a reference", AvroSerializer(client, order), "orders", ROW, SHOWN)
    yield framed(
        "avro with its id in a header", AvroSerializer(client, order, conf=header), "orders", ROW, SHOWN
    )
    short = json.dumps(SHORT)
    yield framed(
        "short avro", AvroSerializer(client, short), "short", {"id": 7, "n": "x"}, {"id": 7, "n": "x"}
    )
    yield framed(
        "avro of a primitive as the key", AvroSerializer(client, '"string"'), "orders", "c1", "c1", "key"
    )
    yield framed("avro key with its id in a header", AvroSerializer(client, '"string"', conf=header), "orders", "c1", "c1", "key")  # fmt: skip

    proto = protobuf_modules()
    row = proto.Order(id=2**60 + 1, customer="c1", colour=2, account=2**64 - 1, gift=False, blob=b"\x00\xff")
    row.price.currency, row.price.minor = "EUR", 1234
    row.lines.add(sku="s", count=2).deep.z = -5
    row.at.FromJsonString("2026-01-02T03:04:05.678901234Z")
    shown = {
        "id": 2**60 + 1,
        "customer": "c1",
        "price": {"currency": "EUR", "minor": 1234},
        "lines": [{"sku": "s", "count": 2, "deep": {"z": -5}}],
        "at": "2026-01-02T03:04:05.678901234Z",
        "colour": "BLUE",
        "account": 2**64 - 1,
        "gift": False,
        "blob": "AP8=",
    }
    plain = {"use.deprecated.format": False}
    messages = (
        ("protobuf, second message with imports", row, shown, "pb-orders"),
        ("protobuf, message in a message", row.lines[0], shown["lines"][0], "pb-lines"),
        ("protobuf, third level", row.lines[0].deep, {"z": -5}, "pb-deep"),
        ("protobuf, first message", proto.Ignored(a=1), {"a": 1}, "pb-first"),
        ("protobuf, empty message", proto.Ignored(), {}, "pb-empty"),
    )
    for name, message, value, topic in messages:
        yield framed(name, ProtobufSerializer(type(message), client, plain), topic, message, value)
    yield framed("protobuf with its id in a header", ProtobufSerializer(type(row), client, {**plain, **header}), "pb-orders", row, shown)  # fmt: skip

    client.register_schema("address", Schema(json.dumps(ADDRESS), "JSON"))
    person = Schema(json.dumps(PERSON), "JSON", [SchemaReference("address.json", "address", 1)])
    someone = {"name": "n", "home": {"city": "x"}}
    yield framed("json with a reference", JSONSerializer(person, client), "people", someone, someone)
    yield framed(
        "json with its id in a header",
        JSONSerializer(person, client, conf=header),
        "people",
        someone,
        someone,
    )


def apicurio(url: str, libraries: str) -> Iterator[dict[str, Any]]:
    done = subprocess.run(
        [
            "java",
            "-cp",
            f"{libraries}/*",
            str(HERE / "ApicurioGold.java"),
            url.replace("ccompat/v7", "registry/v2"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        found = json.loads(line)
        options = (
            " ".join(found.pop("options"))
            .replace("io.apicurio.registry.serde.", "")
            .replace("apicurio.registry.", "")
        )
        kind = found.pop("kind")
        value = {"id": 7} if kind == "protobuf" else {"id": 7, "n": "x"}
        if kind == "avro single object":
            yield {"by": "avro", "name": kind, **found, "value": value}
            continue
        yield {"by": "apicurio", "name": f"{kind} {found['part']} {options}".strip(), **found, "value": value}


def others() -> Iterator[dict[str, Any]]:
    import fastavro
    from aws_schema_registry.codec import encode

    parsed = fastavro.parse_schema(SHORT)
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, parsed, {"id": 7, "n": "x"})
    body = buffer.getvalue()
    version = uuid.UUID("b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63")
    made = {"glue": encode(body, version), "glue zlib": encode(body, version, compression=True)}
    for name, payload in made.items():
        yield {"by": "glue", "name": name, "topic": "t", "part": "value", "payload": payload.hex(), "attributes": {}, "value": {"id": 7, "n": "x"}, "schema": SHORT}  # fmt: skip


def azure() -> tuple[dict[str, Any], dict[str, Any]]:
    """Encode with Azure's encoder. There is no emulator of its registry: the id is one of its form."""
    from azure.schemaregistry import SchemaProperties, SchemaRegistryClient
    from azure.schemaregistry.encoder.avroencoder import AvroEncoder

    number = "0123456789abcdef0123456789abcdef"

    class Registry(SchemaRegistryClient):
        def __init__(self) -> None:
            """Open no connection."""

        def get_schema_properties(self, *_: Any, **__: Any) -> Any:
            return SchemaProperties(id=number, format="Avro", group_name="g", name="R", version=1)

    encoder = AvroEncoder(client=Registry(), group_name="g")
    found = encoder.encode({"id": 7, "n": "x"}, schema=json.dumps(SHORT))
    headers = {"content-type": found["content_type"].encode().hex()}
    payload = {"by": "azure", "name": "avro", "topic": "t", "part": "value", "payload": found["content"].hex(), "attributes": headers, "value": {"id": 7, "n": "x"}}  # fmt: skip
    return payload, {"ref": ["content-type", number], "schemaType": "AVRO", "schema": json.dumps(SHORT)}


def pulsar() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Encode with the schemas of Pulsar's client; the broker stores the payload as it is, and the version beside it."""
    from pulsar.schema import Array as List
    from pulsar.schema import AvroSchema, Double, Integer, JsonSchema, Long, Map, Record, String

    class Line(Record):  # type: ignore[misc]  # the client has no types
        book = String()
        price = Double()

    class Order(Record):  # type: ignore[misc]
        id = Long(required=True)
        note = String()
        lines = List(Line())
        counts = Map(Integer())

    row = Order(id=2**53 + 1, note="größe", lines=[Line(book="Ulysses", price=12.5)], counts={"a": 1})
    shown = {"id": 2**53 + 1, "note": "größe", "lines": [{"book": "Ulysses", "price": 12.5}], "counts": {"a": 1}}  # fmt: skip
    for version, (kind, schema) in enumerate({"avro": AvroSchema(Order), "json": JsonSchema(Order)}.items()):
        name = f"persistent://public/default/{kind}@{version}"
        headers = {"$pulsar.schema": name.encode().hex()}
        payload = {"by": "pulsar", "name": kind, "topic": kind, "part": "value", "payload": schema.encode(row).hex(), "attributes": headers, "value": shown}  # fmt: skip
        yield (
            payload,
            {"ref": ["pulsar", name], "schemaType": kind.upper(), "schema": schema.schema_info().schema()},
        )


def pubsub() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Encode as Google's samples do: with the libraries of the formats, and the names that the service adds."""
    import avro.io
    import avro.schema
    from google.protobuf import json_format

    stream = io.BytesIO()
    avro.io.DatumWriter(avro.schema.parse(json.dumps(SHORT))).write(
        {"id": 7, "n": "x"}, avro.io.BinaryEncoder(stream)
    )
    ignored = protobuf_modules().Ignored(a=2**31 - 1)
    text = 'syntax = "proto3"; message Ignored { int32 a = 1; }'
    made = (
        ("avro", "BINARY", stream.getvalue(), SHORT, {"id": 7, "n": "x"}),
        ("avro as JSON", "JSON", b'{"id": 7, "n": {"string": "x"}}', SHORT, {"id": 7, "n": {"string": "x"}}),
        ("protobuf", "BINARY", ignored.SerializeToString(), text, {"a": 2**31 - 1}),
        ("protobuf as JSON", "JSON", json_format.MessageToJson(ignored).encode(), text, {"a": 2**31 - 1}),
    )
    for name, encoding, payload, schema, shown in made:
        kind = name.partition(" ")[0].upper()
        place = f"projects/shop/schemas/{kind.lower()}"
        naming = {"schemaname": place, "schemaencoding": encoding, "schemarevisionid": "0123abcd"}
        headers = {f"googclient_{each}": value.encode().hex() for each, value in naming.items()}
        definition = schema if isinstance(schema, str) else json.dumps(schema)
        yield (
            {"by": "pubsub", "name": name, "topic": "t", "part": "value", "payload": payload.hex(), "attributes": headers, "value": shown},
            {"ref": ["pubsub", f"{place}@0123abcd"], "schemaType": kind, "schema": definition},
        )  # fmt: skip


def systems(made: dict[str, Any]) -> None:
    """Add what the clients of systems with schemas of their own write."""
    for payload, schema in (azure(), *pulsar(), *pubsub()):
        made["payloads"].append(payload)
        known = made["schemas"].setdefault(payload["by"], [])
        if schema not in known:
            known.append(schema)


def schemas_of(url: str) -> list[dict[str, Any]]:
    """Everything that a registry has, by subject and version, with Apicurio's own ids."""
    found = []
    with urlopen(f"{url}/subjects") as answer:
        subjects = json.load(answer)
    for subject in subjects:
        with urlopen(f"{url}/subjects/{subject}/versions/latest") as answer:
            schema = json.load(answer)
        if url.endswith("/ccompat/v7"):
            native = url.replace("ccompat/v7", f"registry/v2/groups/default/artifacts/{subject}/meta")
            with urlopen(native) as answer:
                schema["globalId"] = json.load(answer)["globalId"]
        found.append(schema)
    return sorted(found, key=lambda each: (int(each["id"]), str(each["subject"])))


def main() -> None:
    made: dict[str, Any] = {"payloads": [], "schemas": {}}
    with catalogue.start("schema-registry") as server:
        made["payloads"] += confluent(server.address)
        made["schemas"]["confluent"] = schemas_of(server.address)
    with catalogue.start("apicurio") as server:
        made["payloads"] += apicurio(server.address, sys.argv[1])
        made["schemas"]["apicurio"] = schemas_of(server.address)
    made["payloads"] += others()
    systems(made)
    (HERE / "golden.json").write_text(json.dumps(made, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
