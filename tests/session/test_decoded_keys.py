"""Keys by the official serializers on a real broker, read with the schemas of a real registry."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.registries import RegistryServer

pytest.importorskip("confluent_kafka")
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

pytestmark = pytest.mark.broker

KEY = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]}


@dataclass
class Keyed:
    """A topic with keys, and the texts that they are to be read as."""

    session: bk.Session
    topic: str
    keys: list[bytes | None]
    texts: list[str | None]


@pytest.fixture(params=["schema_registry_server", "apicurio_server"])
def registry(request: pytest.FixtureRequest) -> RegistryServer:
    found: RegistryServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def keyed(kafka_server: KafkaServer, registry: RegistryServer) -> Iterator[Keyed]:
    topic = f"keyed-{uuid.uuid4().hex[:8]}"
    serializer = AvroSerializer(SchemaRegistryClient({"url": registry.address}), json.dumps(KEY))

    def avro(number: int) -> bytes:
        framed: bytes = serializer({"id": number}, SerializationContext(topic, MessageField.KEY))
        return framed

    keys = [avro(7), b"c1", avro(8), None, b"\xff\x00", avro(7), b""]
    texts = ['{"id":7}', "c1", '{"id":8}', None, None, '{"id":7}', ""]
    with bk.connect(kafka_server.address, registry=registry.address) as session:
        session.create_topic(topic, partitions=3)
        producer = Producer({"bootstrap.servers": kafka_server.address.partition("://")[2]})
        for number, key in enumerate(keys):
            producer.produce(topic, f'{{"n":{number}}}', key)
        assert producer.flush(30) == 0
        yield Keyed(session, topic, keys, texts)


def check(frame: object, keyed: Keyed) -> None:
    found = bk.expand(frame).sort_values("value.n")  # type: ignore[union-attr]
    assert found["value.n"].tolist() == list(range(len(keyed.keys)))
    texts = found["key"].astype(object).where(found["key"].notna(), None).tolist()
    raws = found["raw_key"].astype(object).where(found["raw_key"].notna(), None).tolist()
    assert texts == keyed.texts
    own = [None if text is None else text.encode() for text in texts]
    assert [text if raw is None else raw for raw, text in zip(raws, own, strict=True)] == keyed.keys


def test_every_way_to_read_decodes_keys(keyed: Keyed) -> None:
    s, topic = keyed.session, keyed.topic
    frame = s.peek(topic, 100)
    check(frame, keyed)
    check(s.scan(topic).to_pandas(), keyed)
    check(s.reread(frame), keyed)
    check(s.pull(topic, len(keyed.keys), subscription=f"{topic}-pull", start="earliest", timeout=20), keyed)
    for batch in s.batches(topic, subscription=f"{topic}-batches", start="earliest", idle=2):
        with batch:
            check(batch.frame, keyed)
    tail = s.tail(topic, start="earliest")
    try:
        check(tail.frame, keyed)
    finally:
        tail.stop()


def test_a_key_is_found_by_its_text_and_by_its_bytes(keyed: Keyed) -> None:
    s, topic = keyed.session, keyed.topic
    for key, rows in (
        ('{"id":7}', 2),
        (keyed.keys[0], 2),
        ("c1", 1),
        (b"\xff\x00", 1),
        ("", 1),
        ('{"id":9}', 0),
    ):
        assert len(s.peek(topic, 100, key=key)) == rows
        assert s.scan(topic, key=key).to_arrow().num_rows == rows
    assert not len(s.peek(topic, 100, key='{"id":7}', decode_key="text"))


def test_decoded_keys_go_back_as_their_bytes_into_their_partitions(keyed: Keyed) -> None:
    s, topic = keyed.session, keyed.topic
    frame = s.peek(topic, 100)
    partitions = placed(frame)
    sends: list[Callable[[str], object]] = [
        lambda target: s.publish_frame(target, frame),
        lambda target: s.copy(topic, s, target),
    ]
    for number, send in enumerate(sends):
        target = f"{topic}-{number}"
        s.create_topic(target, partitions=3)
        send(target)
        again = s.peek(target, 100)
        check(again, keyed)
        assert placed(again) == partitions


def placed(frame: pd.DataFrame) -> set[tuple[bytes, int]]:
    """Return each decoded key with its partition."""
    found = frame[(frame["key"].notna() & frame["raw_key"].notna()).astype(bool)]
    return set(zip(found["raw_key"], found["partition"], strict=True))


def test_typed_keys_come_from_every_read(keyed: Keyed) -> None:
    s, topic = keyed.session, keyed.topic
    decode = bk.avro(json.dumps(KEY), skip=5)
    found = s.peek(topic, 100, decode_key=decode)
    read = [key["id"] for key in found["key"].dropna()]
    assert sorted(read) == [7, 7, 8]
    assert set(bk.failures(found)["column"]) == {"key"}
    assert s.scan(topic, decode_key=decode).to_arrow().schema.field("key").type == decode.type


def test_explain_shows_the_schema_of_a_key_and_why_others_are_rejected(keyed: Keyed) -> None:
    s = keyed.session
    frame = bk.expand(s.peek(keyed.topic, 100)).sort_values("value.n")
    avro, text, binary = (s.explain(frame.iloc[row]) for row in (0, 1, 4))
    assert avro.format == "json"
    assert avro.key is not None
    assert avro.key.format == "confluent+avro"
    assert avro.key.schema == f"id {int.from_bytes((keyed.keys[0] or b'')[1:5], 'big')}"
    assert [layer.bytes for layer in avro.key.layers] == [6, 1]
    assert s.registry is not None
    assert s.registry.name in avro.key.layers[1].evidence
    assert "key: format confluent+avro" in repr(avro)
    assert text.key is not None
    assert text.key.format == "text"
    assert binary.key is not None
    assert binary.key.format == "bytes"


def test_explain_says_why_a_value_does_not_fit_its_schema(keyed: Keyed) -> None:
    s, topic = keyed.session, keyed.topic
    first = keyed.keys[0] or b""
    gold = f"{topic}-values"
    s.create_topic(gold)
    payloads = [first, first[:5], gzip.compress(first), b"\0\0\0\x27\x0f\x02"]
    s.publish_batch(gold, [bk.OutboundMessage(payload) for payload in payloads])
    good, short, packed, unknown = (
        s.explain(row) for _, row in s.peek(gold, 10).sort_values("offset").iterrows()
    )
    assert (good.format, good.failure) == ("confluent+avro", "")
    assert "byte 0" in short.failure or "byte 5" in short.failure
    assert packed.format == "gzip+confluent+avro"
    assert [layer.name for layer in packed.layers] == ["gzip", "confluent", "avro"]
    assert unknown.format == "bytes"
    assert any("9999" in reason for _, reason in unknown.rejected)


def test_the_browser_finds_filters_and_publishes_what_was_decoded(keyed: Keyed) -> None:
    s, topic = keyed.session, keyed.topic
    browser = s.browse(topic, key='{"id":7}')
    assert browser.wait(60)
    assert sorted(bk.expand(browser.frame)["value.n"]) == [0, 5]
    browser.selected = browser.frame["id"].iloc[0]
    message = browser._model.rows.message
    assert message is not None
    assert message.key == keyed.keys[0]
    assert message.view()["fields"][0] == ("key", '{"id":7}')
    assert eval(browser.call, {"s": s, "browser": browser})["raw_key"].tolist() == [keyed.keys[0]] * 2


def test_the_browser_shows_decoded_values_with_their_schema(keyed: Keyed) -> None:
    s, topic = keyed.session, f"{keyed.topic}-shown"
    s.create_topic(topic, partitions=1)
    s.publish_batch(topic, [bk.OutboundMessage(key) for key in (keyed.keys[0], keyed.keys[2], b"\xff\x00")])
    browser = s.browse(topic, where='"id":8')
    assert browser.wait(60)
    assert browser.frame["value"].tolist() == ['{"id":8}']
    browser.selected = browser.frame["id"].iloc[0]
    message = browser._model.rows.message
    assert message is not None
    view = message.view()
    assert ("schema", browser.frame["schema"].iloc[0]) in view["fields"]
    assert view["payload"]["form"] == "tree"
    tail = s.tail(topic, start="earliest", where='"id":8')
    try:
        assert tail.frame["value"].tolist() == ['{"id":8}']
    finally:
        tail.stop()


def test_a_text_filter_says_which_payloads_it_could_not_look_into(keyed: Keyed) -> None:
    s, topic = keyed.session, f"{keyed.topic}-bytes"
    s.create_topic(topic, partitions=1)
    broken = (keyed.keys[0] or b"")[:5] + b"\xff"
    payloads = [keyed.keys[0], b"\xff\x00", broken, b"text"]
    s.publish_batch(topic, [bk.OutboundMessage(payload) for payload in payloads])
    with pytest.warns(bk.FilterWarning, match=r"could not look into 2 of 4 payloads \(not UTF-8 text\)"):
        found = s.peek(topic, 10, where='"id":7')
    assert found["value"].tolist() == ['{"id":7}']
