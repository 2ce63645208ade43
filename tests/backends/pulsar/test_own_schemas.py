"""Messages that name a schema of their topic are read by it, as the official clients wrote them."""

from __future__ import annotations

import json
import pickle
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames.build import FrameBuilder
from brokerkit.registry import SchemaRef, SchemasUnknownWarning, SystemSchemas
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.session import schema_notes
from brokerkit.testing import eventually
from brokerkit.workbench import Session
from tests.brokers.java_program import run_java

pytestmark = pytest.mark.broker

LINE = '{"book":"Ulysses","price":12.5}'
ORDER = '{"counts":{"a":1},"id":%d,"lines":[%s],"note":"größe"}'
AS_JSON = '{"id":%d,"note":"größe","lines":[%s],"counts":{"a":1}}'
ODD = 9007199254740993
VALUES: dict[str, tuple[str, list[str | None]]] = {
    "avro": ("avro", [ORDER % (7, LINE), ORDER % (ODD, LINE), None]),
    "json": ("json", [AS_JSON % (7, LINE), AS_JSON % (ODD, LINE)]),
    "protobuf": ("protobuf", ['{"seconds":1700000000,"nanos":5}']),
    "protobuf-native": ("protobuf", ['{"seconds":1700000000,"nanos":5}']),
    "bool": ("boolean", ["true", "false"]),
    "int8": ("int8", ["5", "-128"]),
    "int16": ("int16", ["5", "-32768"]),
    "int32": ("int32", ["5", "-2147483648", "1094861636"]),
    "int64": ("int64", ["5", "-9223372036854775808", "4702394921427289928"]),
    "float": ("float", ["0.1", "NaN", "-Infinity"]),
    "double": ("double", ["0.1", "NaN", "1e+300"]),
    "string": ("text", ["größe", "", "7", '{"a": 1}', "a\0b"]),
    "date": ("date", ['"2023-11-14T22:13:20.123Z"', '"1969-12-31T23:59:59.999Z"']),
    "time": ("time", ['"12:34:56.789"']),
    "timestamp": ("timestamp", ['"2023-11-14T22:13:20.123Z"', '"1969-12-31T23:59:59.999Z"']),
    "instant": ("instant", ['"2023-11-14T22:13:20.123456789Z"', '"1969-12-31T23:59:59.000000001Z"']),
    "local-date": ("local-date", ['"2026-02-28"', '"1900-01-01"']),
    "local-time": ("local-time", ['"12:34:56.000000007"', '"00:00:00.000000000"']),
    "local-date-time": ("local-date-time", ['"2026-02-28T12:34:56.000000007"']),
    "pair-avro-inline": (
        "pair",
        [f'{{"key":{LINE},"value":{ORDER % (7, LINE)}}}', f'{{"key":{LINE},"value":null}}'],
    ),
    "pair-avro-separated": ("avro", [ORDER % (7, LINE), None]),
    "pair-plain-inline": ("pair", ['{"key":"abcd","value":1}', '{"key":"größe","value":-2}']),
    "pair-plain-separated": ("int64", ["1", "-2"]),
    "pair-json-inline": ("pair", [f'{{"key":5,"value":{LINE}}}', f'{{"key":-1,"value":{LINE}}}']),
    "pair-json-separated": ("json", [LINE, LINE]),
}
"""What the Java program sends, by topic: the word for the format, and the values."""


@pytest.fixture(scope="module")
def namespace(pulsar_server: PulsarServer) -> str:
    """A namespace with a topic of each schema, written by the official Java client."""
    name = f"public/own-{uuid.uuid4().hex[:8]}"
    at = f"{pulsar_server.admin}/admin/v2/namespaces/{name}"
    httpx.put(at, json={}).raise_for_status()
    httpx.put(f"{at}/schemaCompatibilityStrategy", json="ALWAYS_COMPATIBLE").raise_for_status()
    run_java(Path(__file__).with_name("Schemas.java"), pulsar_server.url, name)
    return name


@pytest.fixture
def session(pulsar_server: PulsarServer, namespace: str) -> Iterator[Session]:
    url = f"{pulsar_server.url}/{namespace}"
    with bk.connect(url, admin=pulsar_server.admin) as opened:
        yield opened


def texts(frame: pd.DataFrame, column: str = "value") -> list[str | None]:
    return [None if pd.isna(each) else str(each) for each in frame[column]]


@pytest.mark.parametrize("topic", VALUES)
def test_a_value_of_each_schema_is_read_as_the_java_client_wrote_it(
    session: Session, namespace: str, topic: str
) -> None:
    word, values = VALUES[topic]
    frame = session.peek(topic)
    assert texts(frame) == values
    full = f"persistent://{namespace}/{topic}"
    for row, value in zip(frame.itertuples(), values, strict=True):
        if value is not None:
            assert (row.format, row.schema) == (f"pulsar+{word}", f"{full}@0")
        assert pd.isna(row.raw) == (word in ("json", "text") or value is None)
    assert len(bk.failures(frame)) == 0


def test_a_oneof_and_nested_messages_are_read(session: Session) -> None:
    (value,) = session.peek("protobuf-nested")["value"]
    assert json.loads(value)["number_value"] == 1.5


def test_a_topic_of_bytes_is_read_as_without_a_schema(session: Session) -> None:
    frame = session.peek("bytes")
    assert texts(frame, "format") == ["bytes", "text"]
    assert frame["schema"].isna().all()


def test_every_way_of_reading_uses_the_schemas(session: Session) -> None:
    values = VALUES["avro"][1]
    plan = session.scan("avro", progress=False)
    assert texts(plan.to_pandas()) == values
    assert texts(session.pull("avro", 3, subscription="me", start="earliest")) == values
    assert texts(session.reread(plan.to_pandas())) == values
    assert texts(session.peek("avro", where='"id":7,')) == values[:1]
    expanded = session.peek("avro", expand=True)
    assert expanded["value.id"].tolist()[:2] == [7, ODD]


def test_a_worker_of_dask_reads_the_same(session: Session) -> None:
    assert (
        texts(session.scan("avro", progress=False).to_dask().compute(scheduler="threads"))
        == VALUES["avro"][1]
    )


def test_sources_of_schemas_are_found_again_behind_a_pickle(session: Session, namespace: str) -> None:
    source = session.schema_source
    assert isinstance(source, SystemSchemas)
    assert pickle.loads(pickle.dumps(source)) is source
    parts = source.__reduce__()
    elsewhere = parts[0]("another process", *parts[1][1:])
    ref = SchemaRef("pulsar", f"persistent://{namespace}/avro@0")
    try:
        assert elsewhere.resolve(ref) == source.resolve(ref)
    finally:
        elsewhere._inspect().close()


def records(topic: str, session: Session, *many: tuple[type, dict[str, Any]]) -> None:
    """Publish records of Python's client, each with a producer of its own class."""
    from pulsar.schema import AvroSchema

    for kind, fields in many:
        producer = session.connection.native.create_producer(topic, schema=AvroSchema(kind))
        producer.send(kind(**fields))
        producer.close()


def test_each_row_is_read_by_the_version_that_it_names_and_not_by_the_newest(
    session: Session, namespace: str
) -> None:
    from pulsar.schema import Double, Long, Record, String

    class First(Record):  # type: ignore[misc]  # the library has no types
        id = Long(required=True)

    class Second(Record):  # type: ignore[misc]
        note = String(required=True)
        id = Long(required=True)

    class Third(Record):  # type: ignore[misc]
        price = Double(required=True)

    topic = f"persistent://{namespace}/versions-{uuid.uuid4().hex[:8]}"
    records(
        topic,
        session,
        (First, {"id": 7}),
        (Second, {"id": 8, "note": "x"}),
        (Third, {"price": 0.5}),
        (First, {"id": ODD}),
    )
    plain = session.connection.native.create_producer(topic)
    plain.send(b'{"id":9}')
    plain.close()
    frame = session.peek(topic)
    assert texts(frame) == [
        '{"id":7}',
        '{"note":"x","id":8}',
        '{"price":0.5}',
        f'{{"id":{ODD}}}',
        '{"id":9}',
    ]
    assert texts(frame, "schema") == [f"{topic}@0", f"{topic}@1", f"{topic}@2", f"{topic}@0", None]
    assert texts(frame, "format")[-1] == "json"


def test_a_topic_that_is_created_again_is_read_by_its_new_schema(session: Session, namespace: str) -> None:
    from pulsar.schema import Long, Record, String

    class Number(Record):  # type: ignore[misc]
        n = Long(required=True)

    class Text(Record):  # type: ignore[misc]
        t = String(required=True)

    topic = f"persistent://{namespace}/again-{uuid.uuid4().hex[:8]}"
    session.create_topic(topic)
    records(topic, session, (Number, {"n": -3}))
    assert texts(session.peek(topic)) == ['{"n":-3}']
    session.delete_topic(topic, confirm=topic)
    session.create_topic(topic)
    records(topic, session, (Text, {"t": "ab"}))
    assert texts(session.peek(topic)) == ['{"t":"ab"}']


def test_without_the_administration_it_is_said_once_and_payloads_stay_as_they_are(
    pulsar_server: PulsarServer, namespace: str
) -> None:
    with bk.connect(f"{pulsar_server.url}/{namespace}") as session:
        with pytest.warns(SchemasUnknownWarning, match="admin=http://HOST:8080") as told:
            frame = session.peek("avro")
        assert len([each for each in told if each.category is SchemasUnknownWarning]) == 1
        assert texts(frame, "format") == ["bytes", "bytes", None]
        assert len(bk.failures(frame)) == 0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert texts(session.peek("json")) == VALUES["json"][1]


def _read_again(session: Session, columns: list[Columns]) -> list[str | None]:
    builder = FrameBuilder(schemas=session.schema_source)
    found: list[str | None] = builder.to_table(builder.batches(columns))["value"].to_pylist()
    return found


def test_an_administration_that_does_not_answer_is_a_failure_of_the_rows(
    pulsar_server: PulsarServer, namespace: str
) -> None:
    with bk.connect(f"{pulsar_server.url}/{namespace}", admin=pulsar_server.admin) as session:
        columns = list(session.inspector.read(session.scan("avro", progress=False).slices[0]))
        rest = session.inspector._driver._topics.rest  # type: ignore[attr-defined]
        right, rest._base = rest._base, "http://127.0.0.1:9/admin/v2/"
        builder = FrameBuilder(schemas=session.schema_source)
        failed = builder.to_table(builder.batches(columns))
        rest._base = right
        assert failed["value"].null_count == failed.num_rows
        assert failed["raw"].null_count == 1
        assert builder.counts.failures == 2
        assert "cannot be reached" in builder.failures.samples[0].error
        eventually(lambda: _read_again(session, columns) == VALUES["avro"][1], "it is asked again")


def test_a_property_that_only_looks_like_a_schema_asks_for_nothing_else(
    session: Session, namespace: str
) -> None:
    topic = f"persistent://{namespace}/looks-{uuid.uuid4().hex[:8]}"
    producer = session.connection.native.create_producer(topic)
    for name in (
        "x",
        "../../../clusters@0",
        f"persistent://{namespace}/../x@0",
        f"persistent://{namespace}/none@0",
    ):
        producer.send(b'{"id":7}', properties={"$pulsar.schema": name})
    producer.close()
    assert texts(session.peek(topic)) == ['{"id":7}'] * 4


CARRIED = ("avro", "json", "protobuf-native", "string")
LEFT = (
    "int64",
    "double",
    "bool",
    "date",
    "protobuf",
    "pair-avro-inline",
    "pair-plain-separated",
    "pair-json-separated",
)


def raw(session: Session, topic: str) -> list[bytes | None]:
    return [None if pd.isna(each) else each for each in session.peek(topic, decode="raw")["raw"]]


def schemas_of(session: Session, topic: str) -> set[str]:
    rows = session.peek(topic, decode="raw")["attributes"]
    names = {pair["name"]: pair["value"].decode() for row in rows for pair in row}
    return {text for name, text in names.items() if name.endswith("$pulsar.schema")}


@pytest.mark.parametrize("way", ["copy", "publish_frame"])
@pytest.mark.parametrize("name", CARRIED)
def test_a_message_that_is_sent_again_has_the_schema_that_it_had(
    session: Session, namespace: str, name: str, way: str
) -> None:
    source, topic = (f"persistent://{namespace}/{each}" for each in (name, f"copy-{uuid.uuid4().hex[:8]}"))
    session.create_topic(topic)
    if way == "copy":
        outcome = session.copy(source, session, topic, progress=False)
    else:
        outcome = session.publish_frame(topic, session.peek(source), progress=False)
    assert set(outcome["status"]) == {"confirmed"}
    assert raw(session, topic) == raw(session, source)
    assert schemas_of(session, topic) == {f"{topic}@0"}
    assert texts(session.peek(topic)) == texts(session.peek(source))


@pytest.mark.parametrize("name", LEFT)
def test_a_schema_that_cannot_be_set_is_named_and_the_bytes_are_the_same(
    session: Session, namespace: str, name: str
) -> None:
    source, topic = (f"persistent://{namespace}/{each}" for each in (name, f"copy-{uuid.uuid4().hex[:8]}"))
    session.create_topic(topic)
    outcome = session.copy(source, session, topic, progress=False)
    assert all("without the version of its schema" in each for each in outcome["note"])
    assert raw(session, topic) == raw(session, source)
    rows = session.peek(topic, decode="raw")["attributes"]
    assert [
        [pair["value"].decode() for pair in row if pair["name"] == "bk-$pulsar.schema"] for row in rows
    ] == [[f"{source}@0"]] * len(rows)


def test_each_message_has_the_version_of_its_own_schema(
    session: Session, pulsar_server: PulsarServer, namespace: str
) -> None:
    source, topic = (f"persistent://{namespace}/versions-{uuid.uuid4().hex[:8]}" for _ in range(2))
    for each in (source, topic):
        session.create_topic(each)
    for name in ("string", "json", "avro", "string"):
        session.publish_frame(source, session.peek(name), progress=False)
    session.copy(source, session, topic, progress=False)

    def versions(each: str) -> list[str]:
        rows = session.peek(each, decode="raw")["attributes"]
        found = [pair["value"].decode() for row in rows for pair in row if pair["name"] == "$pulsar.schema"]
        return [text.rpartition("@")[2] for text in found]

    assert versions(topic) == versions(source) == ["0"] * 5 + ["1"] * 2 + ["2"] * 3 + ["0"] * 5
    assert raw(session, topic) == raw(session, source)


def test_a_schema_of_other_brokers_is_not_taken_for_one_of_these(
    session: Session, pulsar_server: PulsarServer, namespace: str
) -> None:
    topic = f"persistent://{namespace}/others-{uuid.uuid4().hex[:8]}"
    session.create_topic(topic)
    with bk.connect(f"{pulsar_server.url}/public/default", admin=pulsar_server.admin) as other:
        outcome = session.publish_frame(topic, other.peek(f"persistent://{namespace}/avro"), progress=False)
        assert all("from these brokers" in each for each in outcome["note"])
        other.copy(f"persistent://{namespace}/avro", session, topic, progress=False)
    assert schemas_of(session, topic) == {f"persistent://{namespace}/avro@0"}
    path = topic.removeprefix("persistent://")
    assert httpx.get(f"{pulsar_server.admin}/admin/v2/schemas/{path}/schema").status_code == 404


def test_a_topic_that_does_not_allow_a_schema_gets_the_messages_without_it(
    session: Session, pulsar_server: PulsarServer, namespace: str
) -> None:
    topic = f"persistent://public/default/strict-{uuid.uuid4().hex[:8]}"
    session.create_topic(topic)
    session.publish_frame(topic, session.peek(f"persistent://{namespace}/string"), progress=False)
    outcome = session.publish_frame(topic, session.peek(f"persistent://{namespace}/avro"), progress=False)
    assert set(outcome["status"]) == {"confirmed"}
    assert all("which the topic does not take" in each for each in outcome["note"])


def test_an_edited_value_is_written_with_the_schema_of_its_row(session: Session, namespace: str) -> None:
    topic = f"persistent://{namespace}/edited-{uuid.uuid4().hex[:8]}"
    session.create_topic(topic)
    frame = session.peek("avro").head(1)
    before = frame["raw"][0]
    frame["value"] = frame["value"].str.replace('"id":7', '"id":8')
    assert session.publish_frame(topic, frame, progress=False).counts["confirmed"] == 1
    assert session.peek(topic, decode="raw")["raw"].tolist() == [before.replace(b"\x0e", b"\x10", 1)]
    single = session.peek("int64").head(1)
    single["value"] = "6"
    outcome = session.publish_frame(topic, single, progress=False)
    assert outcome["status"].tolist() == ["failed"]


def test_a_decoder_by_name_gives_the_type_of_the_newest_schema(session: Session) -> None:
    frame = session.peek("avro", decode="avro", expand=True)
    assert frame["value.id"].tolist()[:2] == [7, ODD]
    assert frame["value.lines"].tolist()[0] == [{"book": "Ulysses", "price": 12.5}]
    assert frame["format"].tolist()[:2] == ["pulsar+avro"] * 2
    moments = session.peek("protobuf-native", decode="protobuf", expand=True)
    assert moments["value.seconds"].tolist() == [1_700_000_000]
    pairs = session.peek("pair-avro-separated", decode="avro", decode_key="avro")
    assert pairs["key"].tolist()[0] == {"book": "Ulysses", "price": 12.5}
    assert pairs["value"].tolist()[0]["id"] == 7


def test_versions_of_a_topic_are_values_of_the_newest_or_of_all(
    pulsar_server: PulsarServer, namespace: str
) -> None:
    first = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "id", "type": "int"}, {"name": "old", "type": "int"}],
    }
    second = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]}
    topic = f"versions-{uuid.uuid4().hex[:8]}"
    at = f"{pulsar_server.admin}/admin/v2/schemas/{namespace}/{topic}/schema"
    with bk.connect(f"{pulsar_server.url}/{namespace}", admin=pulsar_server.admin) as s:
        s.create_topic(topic)
        for schema in (first, second):
            content = {"type": "AVRO", "schema": json.dumps(schema), "properties": {}}
            httpx.post(at, json=content).raise_for_status()
        full = f"persistent://{namespace}/{topic}"
        assert s.inspector.schema_names(topic) == [f"{full}@0", f"{full}@1"]
        assert s.peek(topic, decode="avro")["value"].dtype.pyarrow_dtype.names == ["id"]
        both = s.peek(topic, decode=bk.avro(reader="union"))
        assert both["value"].dtype.pyarrow_dtype.names == ["id", "old"]


def test_an_object_that_becomes_json_is_noted_where_the_payloads_of_the_topic_are_not(
    pulsar_server: PulsarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_notes, "ANSWER_SECONDS", 60.0)  # a busy machine takes longer than a second
    topics = {kind: f"noted-{kind.lower()}-{uuid.uuid4().hex[:8]}" for kind in ("AVRO", "JSON", "none")}
    record = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]}

    def notes_of(s: Session) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for topic in topics.values():
                s.publish_batch(topic, [{"id": 1}, {"id": 2}])
        return [str(each.message) for each in caught if each.category is bk.SchemaIgnoredWarning]

    with bk.connect(pulsar_server.url, admin=pulsar_server.admin) as s:
        for kind, topic in topics.items():
            s.create_topic(topic)
            if kind != "none":
                content = {"type": kind, "schema": json.dumps(record), "properties": {}}
                at = f"{pulsar_server.admin}/admin/v2/schemas/public/default/{topic}/schema"
                httpx.post(at, json=content, timeout=60).raise_for_status()
        (note,) = notes_of(s)
        assert f"persistent://public/default/{topics['AVRO']}@0 (AVRO)" in note
        assert "schema=brokerkit.avro(...)" in note
        assert "schema=False" in note
    with bk.connect(pulsar_server.url) as s:
        # schemas cannot be asked for without the REST endpoint
        assert not notes_of(s)
