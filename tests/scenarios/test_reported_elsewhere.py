"""What users of other consoles for Kafka reported as wrong, each as it is here, on a real broker and a real registry."""

from __future__ import annotations

import io
import json
import uuid
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from confluent_kafka import Producer

import brokerkit as bk
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.registries import ApicurioServer, RegistryServer, SchemaRegistryServer
from tests.registry.web import Web

SHORT = {"type": "record", "name": "Short", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "string"}]}  # fmt: skip
PRICE = {"type": "record", "name": "Price", "fields": [
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 2}}]}  # fmt: skip
LONG = {"type": "record", "name": "Long", "fields": [{"name": "id", "type": "long"}]}
COMMON = 'syntax = "proto3"; package shop; message Money { string currency = 1; uint64 minor = 2; }'
ORDER = """syntax = "proto3"; package shop; import "common.proto";
message Order { uint64 id = 1; Money price = 2; message Line { string sku = 1; } }
message Other { Order.Line line = 1; }"""


@pytest.fixture(
    params=["schema_registry_server", pytest.param("apicurio_server", marks=pytest.mark.extended)]
)
def registry(request: pytest.FixtureRequest) -> RegistryServer:
    found: RegistryServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def s(kafka_server: KafkaServer, registry: RegistryServer) -> Iterator[bk.Session]:
    with bk.connect(kafka_server.address, registry=registry.address) as session:
        yield session


@pytest.fixture
def topic(kafka_server: KafkaServer) -> str:
    name = f"reported-{uuid.uuid4().hex[:8]}"
    with bk.connect(kafka_server.address) as session:
        session.create_topic(name)
    return name


def body(schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def framed(number: Any, data: bytes) -> bytes:
    return b"\0" + int(number).to_bytes(4, "big") + data


def write(s: bk.Session, topic: str, *payloads: Any) -> None:
    """Produce bytes as they are: values, or pairs of a key and a value."""
    producer = Producer({"bootstrap.servers": s.target.partition("://")[2], "enable.idempotence": True})
    for each in payloads:
        key, value = each if isinstance(each, tuple) else (None, each)
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0


def cells(column: Any) -> list[Any]:
    found: list[Any] = column.astype(object).where(column.notna(), None).tolist()
    return found


def test_short_avro_is_never_shown_as_text(s: bk.Session, topic: str, kafka_server: KafkaServer) -> None:
    number = s.register_schema(topic, SHORT).id
    values = [{"a": 7, "b": "x"}, {"a": 0, "b": ""}, {"a": 48, "b": "plain words"}]
    write(s, topic, *(framed(number, body(SHORT, each)) for each in values))
    frame = s.peek(topic, 10)
    assert [json.loads(each) for each in frame["value"]] == values
    assert set(frame["format"]) == {"confluent+avro"}
    with bk.connect(kafka_server.address) as without:
        bare = without.peek(topic, 10)
    assert bare["value"].isna().all()
    assert set(bare["format"]) == {"bytes"}


def test_json_rows_in_an_avro_topic_do_not_vanish(s: bk.Session, topic: str) -> None:
    number = s.register_schema(topic, LONG).id
    rows = [framed(number, body(LONG, {"id": 1})), b'{"id": 2}', b"words", b"\xff\xfe", framed(number, b"")]
    write(s, topic, *rows, *rows)
    frame = s.peek(topic, 100)
    assert cells(frame["value"]) == ['{"id":1}', '{"id": 2}', "words", None, None] * 2
    assert frame["format"].tolist() == ["confluent+avro", "json", "text", "bytes", "confluent+avro"] * 2
    assert bk.failures(frame)["row"].tolist() == [4, 9]
    assert s.scan(topic).to_pandas()["value"].notna().sum() == 6


def test_a_registry_with_nothing_but_schemas_by_their_id_is_enough(s: bk.Session, topic: str) -> None:
    number = s.register_schema(topic, LONG).id
    write(s, topic, framed(number, body(LONG, {"id": 1})))
    with (
        Web({f"/schemas/ids/{number}": {"schema": json.dumps(LONG)}}) as web,
        bk.connect(s.target, registry=web.url) as small,
    ):
        assert small.peek(topic, 10)["value"].tolist() == ['{"id":1}']


def test_how_a_row_is_read_does_not_depend_on_the_other_rows(s: bk.Session, topic: str) -> None:
    number = s.register_schema(topic, LONG).id
    kinds = [
        framed(number, body(LONG, {"id": 1})),
        b"text",
        b'{"a":1}',
        b"1234",
        b"12345678",
        b"\0\0\0\1",
        b'"',
        b"",
    ]
    write(s, topic, *kinds * 3, *reversed(kinds))
    whole = s.peek(topic, 100)
    columns = ["value", "raw", "format", "schema"]
    for start in range(0, len(whole), 5):
        part = s.peek(topic, 5, start=start)[columns].astype(object)
        same = whole.iloc[start : start + 5][columns].astype(object)
        assert part.fillna("").values.tolist() == same.fillna("").values.tolist()


def test_keys_are_read_with_their_own_schema_below_a_path_of_the_registry(
    kafka_server: KafkaServer, apicurio_server: ApicurioServer, topic: str
) -> None:
    # the address of Apicurio has a path in front, as one behind a gateway has
    assert apicurio_server.address.endswith("/apis/ccompat/v7")
    with bk.connect(kafka_server.address, registry=apicurio_server.address + "/") as s:
        key, value = s.register_schema(topic, LONG, key=True).id, s.register_schema(topic, SHORT).id
        assert key != value
        write(s, topic, (framed(key, body(LONG, {"id": 9})), framed(value, body(SHORT, {"a": 1, "b": "x"}))),
              (b"plain", b"text"))  # fmt: skip
        frame = s.peek(topic, 10)
        assert frame["key"].tolist() == ['{"id":9}', "plain"]
        assert frame["value"].tolist() == ['{"a":1,"b":"x"}', "text"]
        assert len(s.peek(topic, 10, key='{"id":9}')) == 1


def test_tombstones_are_rows_and_keep_the_schema_of_their_key(s: bk.Session, topic: str) -> None:
    number = s.register_schema(topic, LONG, key=True).id
    key = framed(number, body(LONG, {"id": 9}))
    write(s, topic, (key, b"{}"), (key, None), (None, None), (b"k", None))
    frame = s.peek(topic, 10, expand=True)
    assert cells(frame["key"]) == ['{"id":9}', '{"id":9}', None, "k"]
    assert cells(s.peek(topic, 10)["value"]) == ["{}", None, None, None]
    explained = s.explain(s.peek(topic, 10).iloc[1])
    assert explained.format is None
    assert explained.key is not None
    assert explained.key.schema == f"id {number}"
    s.create_topic(f"{topic}-again")
    s.publish_frame(f"{topic}-again", s.peek(topic, 10), progress=False)
    again = s.peek(f"{topic}-again", 10, decode="raw", decode_key="raw")
    assert cells(again["raw"]) == [b"{}", None, None, None]
    assert cells(again["raw_key"]) == [key, key, None, b"k"]


def test_whole_numbers_beyond_2_to_the_53_keep_every_digit_in_each_format(s: bk.Session, topic: str) -> None:
    big = 2**63 - 1
    proto = s.register_schema(
        f"{topic}-proto", 'syntax = "proto3"; message Big { uint64 id = 1; }', type="protobuf"
    ).id
    avro = s.register_schema(topic, LONG).id
    write(s, topic, framed(avro, body(LONG, {"id": big})), framed(proto, b"\0\x08" + b"\xff" * 9 + b"\x01"),
          f'{{"id": {2**80 + 1}}}'.encode())  # fmt: skip
    frame = s.peek(topic, 10)
    assert [int(json.loads(each)["id"]) for each in frame["value"]] == [big, 2**64 - 1, 2**80 + 1]
    expanded = s.peek(topic, 10, expand=True)
    assert [int(each) for each in expanded["value.id"]] == [big, 2**64 - 1, 2**80 + 1]
    assert len(s.peek(topic, 10, where=lambda value: value["id"] == 2**80 + 1)) == 1
    assert len(s.peek(topic, 10, where=str(big))) == 1


def test_decimals_are_numbers_and_not_bytes(s: bk.Session, topic: str) -> None:
    number = s.register_schema(topic, PRICE).id
    values = [Decimal("-0.01"), Decimal("123456789012345678901234567890123456.78"), Decimal("0.00")]
    write(s, topic, *(framed(number, body(PRICE, {"price": each})) for each in values))
    frame = s.peek(topic, 10)
    assert [json.loads(each, parse_float=Decimal)["price"] for each in frame["value"]] == values
    assert [Decimal(str(each)) for each in s.peek(topic, 10, expand=True)["value.price"]] == values


def test_avro_without_a_frame_is_read_with_a_schema_that_is_given(s: bk.Session, topic: str) -> None:
    values = [{"a": 7, "b": "x"}, {"a": -1, "b": "größe"}]
    write(s, topic, *(body(SHORT, each) for each in values))
    frame = s.peek(topic, 10, decode=bk.avro(json.dumps(SHORT)), expand=True)
    assert frame[["value.a", "value.b"]].values.tolist() == [[7, "x"], [-1, "größe"]]
    # nothing names a schema, so that it is not guessed either
    assert s.peek(topic, 10)["format"].isin(["bytes"]).all()


def test_a_registry_of_another_environment_is_said_once_with_the_subject(
    kafka_server: KafkaServer, s: bk.Session, topic: str
) -> None:
    number = s.register_schema(topic, LONG).id
    write(s, topic, *(framed(number, body(LONG, {"id": 2**40 + each})) for each in range(50)), b"{}", None)
    with (
        SchemaRegistryServer() as other,
        bk.connect(kafka_server.address, registry=other.address) as wrong,
        pytest.warns(bk.SchemasUnknownWarning) as told,
    ):
        frame = wrong.scan(topic).to_pandas()
    assert len(frame) == 52
    assert set(frame["format"].dropna()) == {"bytes", "json"}
    (said,) = [str(each.message) for each in told if each.category is bk.SchemasUnknownWarning]
    assert all(part in said for part in (other.address, f"id {number}", f"no subject '{topic}-value'"))


def test_binary_numbers_and_noise_are_not_taken_for_those_of_another_registry(
    s: bk.Session, topic: str
) -> None:
    times = [(1_796_000_000_000 + each * 1000).to_bytes(8, "big") for each in range(30)]
    write(s, topic, *times)
    with warnings.catch_warnings():
        warnings.simplefilter("error", bk.SchemasUnknownWarning)
        assert set(s.peek(topic, 100)["format"]) == {"bytes"}
        write(s, topic, *(b"\0" + bytes([0, each, 7, 9]) + b"\1noise\xff" for each in range(50)))
        assert set(s.peek(topic, 100)["format"]) == {"bytes"}


def test_single_objects_of_avro_are_read_by_the_fingerprint_of_a_registered_schema(
    s: bk.Session, topic: str
) -> None:
    money = {
        "type": "record",
        "name": "Money",
        "namespace": topic.replace("-", "_"),
        "fields": [{"name": "cents", "type": "long"}],
    }
    name = f"{money['namespace']}.Money"
    order = {
        "type": "record",
        "name": "Order",
        "fields": [{"name": "price", "type": name}, {"name": "tip", "type": name}],
    }
    s.register_schema(f"{topic}-money", money)
    s.register_schema(topic, order, references=[(name, f"{topic}-money", 1)])
    whole = {**order, "fields": [{"name": "price", "type": money}, {"name": "tip", "type": name}]}
    mark = b"\xc3\x01" + bytes.fromhex(
        fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(whole), "CRC-64-AVRO")
    )
    value = {"price": {"cents": 7}, "tip": {"cents": 0}}
    write(s, topic, mark + body(whole, value), mark + b"\2", b"\xc3\x01" + bytes(8) + b"\2", b"\xc3\x01")
    frame = s.peek(topic, 10)
    assert [each and json.loads(each) for each in cells(frame["value"])] == [value, None, None, None]
    assert frame["format"].tolist() == ["single-object+avro", "single-object+avro", "bytes", "bytes"]
    assert bk.failures(frame)["row"].tolist() == [1, 2]
    assert "fingerprint" in repr(s.explain(frame.iloc[0]))
    # what is published to the topic then is named alike, and an edited row stays what it was
    frame.loc[0, "value"] = '{"price":{"cents":8},"tip":{"cents":0}}'
    s.publish_frame(topic, frame.iloc[:1], progress=False)
    s.publish(topic, value, schema=True)
    again = s.peek(topic, 2)["raw"].tolist()
    assert again == [mark + b"\x10\0", mark + b"\x0e\0"]


def test_any_message_of_a_protobuf_file_is_found_with_its_imports(s: bk.Session, topic: str) -> None:
    s.register_schema("common.proto", COMMON, type="protobuf")
    newest = s.schema("common.proto").frame["version"].max()
    number = s.register_schema(
        topic, ORDER, type="protobuf", references=[("common.proto", "common.proto", int(newest))]
    ).id
    order = b"\x08\x07\x12\x07\x0a\x03EUR\x10\x05"
    write(s, topic, framed(number, b"\0" + order), framed(number, b"\2\0" + order), framed(number, b"\2\2\x0a\x03\x0a\x01s"),
          framed(number, b"\4\0\0\x0a\x01s"), framed(number, b"\0"))  # fmt: skip
    frame = s.peek(topic, 10)
    found = [json.loads(each) for each in frame["value"]]
    assert found[0] == found[1]
    assert (found[0]["id"], found[0]["price"]) == (7, {"currency": "EUR", "minor": 5})
    assert found[2:4] == [{"line": {"sku": "s"}}, {"sku": "s"}]
    assert set(frame["format"]) == {"confluent+protobuf"}


def test_a_row_says_which_schema_it_was_read_with_and_why_not_another(s: bk.Session, topic: str) -> None:
    number = s.register_schema(topic, LONG).id
    write(
        s, topic, framed(number, body(LONG, {"id": 1})), framed(number, body(LONG, {"id": 1}) + b"x"), b"\xff"
    )
    frame = s.peek(topic, 10)
    assert cells(frame["schema"]) == [f"id {number}", f"id {number}", None]
    assert f"schema id {number}" in repr(s.explain(frame.iloc[0]))
    assert "byte 6" in repr(s.explain(frame.iloc[1]))
    assert "json: byte 0 is not UTF-8" in repr(s.explain(frame.iloc[2]))
    failed = bk.failures(frame).iloc[0]
    assert (failed["layer"], failed["byte"]) == ("confluent+avro", 6)


@pytest.mark.parametrize(
    "send",
    [
        lambda s, topic: s.publish(topic, {"id": 1}, schema=True),
        lambda s, topic: s.publish_frame(topic, pa.table({"id": [1]}), schema=True, progress=False),
        lambda s, topic: s.publish_batch(topic, [{"id": 1}], schema=f"{topic}-value"),
    ],
    ids=["one", "a frame", "a batch"],
)
def test_a_value_without_its_subject_is_refused_and_not_sent_as_text(
    s: bk.Session, topic: str, send: Callable[[bk.Session, str], Any]
) -> None:
    with pytest.raises(BrokerError, match="register_schema"):
        send(s, topic)
    assert s.peek(topic, 10).empty


def test_a_registry_that_wants_a_password_is_asked_with_it_and_without_it_says_so(
    kafka_server: KafkaServer, topic: str, schema_registry_server: SchemaRegistryServer
) -> None:
    with (
        SchemaRegistryServer(user="ada", password="secret word") as server,
        bk.connect(kafka_server.address, registry=server.address, registry_user="ada", registry_password="secret word") as s,
        bk.connect(kafka_server.address, registry=server.address, registry_user="ada", registry_password="wrong") as wrong,
    ):  # fmt: skip
        number = s.register_schema(topic, LONG).id
        write(s, topic, framed(number, body(LONG, {"id": 1})), b"{}")
        assert s.peek(topic, 10)["value"].tolist() == ['{"id":1}', "{}"]
        frame = wrong.peek(topic, 10)
        assert cells(frame["value"]) == [None, "{}"]
        reason = bk.failures(frame)["error"].iloc[0]
        assert "403" in reason
        assert "registry_password" in reason
        assert "wrong" not in reason


def test_a_schema_of_several_megabytes_is_read(
    kafka_server: KafkaServer, apicurio_server: ApicurioServer, topic: str
) -> None:
    documented = {**LONG, "doc": 'a "word" ' * 300_000}
    with bk.connect(kafka_server.address, registry=apicurio_server.address) as s:
        number = s.register_schema(topic, documented).id
        write(s, topic, framed(number, body(LONG, {"id": 1})))
        assert s.peek(topic, 10)["value"].tolist() == ['{"id":1}']
