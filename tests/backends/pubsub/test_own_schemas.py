"""Messages of topics with a schema are read by the revision that they name in the schema service."""

from __future__ import annotations

import json
import uuid
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import grpc
import pandas as pd
import pytest
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.schema_service import SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport
from google.pubsub_v1.types import Encoding, Schema

import brokerkit as bk
from brokerkit.sandbox.pubsub import EmulatorServer, PubSubServer
from brokerkit.session import schema_notes
from brokerkit.workbench import Session

from .conftest import PROJECT, url_of

pytestmark = pytest.mark.broker

NUMBER = json.dumps({"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]})
NOTED = json.dumps(
    {
        "type": "record",
        "name": "R",
        "fields": [{"name": "id", "type": "long"}, {"name": "note", "type": "string", "default": ""}],
    }
)
PROTO = 'syntax = "proto3"; message Order { int64 id = 1; message Line { string book = 1; } repeated Line lines = 2; }'
BOOK = b"\x08\x07\x12\x09\x0a\x07Ulysses"


class Service:
    """Google's own clients of one server."""

    def __init__(self, server: PubSubServer) -> None:
        channel = grpc.insecure_channel(server.host)
        self.schemas = SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=channel))
        self.topics = PublisherClient(transport=PublisherGrpcTransport(channel=channel))

    def schema(self, kind: Any, definition: str) -> tuple[str, str]:
        """The name and the revision of a new schema."""
        made = self.schemas.create_schema(
            parent=f"projects/{PROJECT}",
            schema_id=f"s-{uuid.uuid4().hex[:8]}",
            schema=Schema(type_=kind, definition=definition),
        )
        return made.name, made.revision_id

    def publish(self, topic: str, data: bytes, **attributes: str) -> None:
        path = f"projects/{PROJECT}/topics/{topic}"
        self.topics.publish(request={"topic": path, "messages": [{"data": data, "attributes": attributes}]})


def naming(schema: tuple[str, str], encoding: str = "BINARY") -> dict[str, str]:
    """The attributes that the service adds to a message of a topic with a schema."""
    name, revision = schema
    found = {"googclient_schemaname": name, "googclient_schemaencoding": encoding}
    return {**found, "googclient_schemarevisionid": revision} if revision else found


@pytest.fixture
def service(server: PubSubServer) -> Service:
    return Service(server)


@pytest.fixture
def session(server: PubSubServer) -> Iterator[Session]:
    with bk.connect(url_of(server)) as opened:
        yield opened


@pytest.fixture
def topic(session: Session) -> str:
    """A topic without a schema, and a subscription of the same name."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    session.create_topic(name)
    session.create_subscription(name, name, start="earliest")
    return name


def pulled(session: Session, topic: str, count: int) -> pd.DataFrame:
    frame = session.pull(topic, count, subscription=topic, timeout=60, idle=20)
    assert len(frame) == count
    return frame.sort_values("id", key=lambda ids: ids.str.removeprefix("m").astype(int))


def texts(frame: pd.DataFrame, column: str = "value") -> list[str | None]:
    return [None if pd.isna(each) else str(each) for each in frame[column]]


def test_avro_is_read_by_the_revision_in_the_attributes(
    session: Session, service: Service, topic: str
) -> None:
    first = service.schema(Schema.Type.AVRO, NUMBER)
    second = service.schema(Schema.Type.AVRO, NOTED)
    service.publish(topic, b"\x0e", **naming(first))
    service.publish(topic, b"\x0e\x02x", **naming(second))
    service.publish(topic, b'{"id":7}', **naming(first, "JSON"))
    service.publish(topic, b"\x0e", **naming((first[0], "")))
    service.publish(topic, b"\x0e", plain="yes")
    frame = pulled(session, topic, 5)
    assert texts(frame) == ['{"id":7}', '{"id":7,"note":"x"}', '{"id":7}', '{"id":7}', None]
    assert texts(frame, "format") == ["pubsub+avro"] * 4 + ["bytes"]
    one, two = "@".join(first), "@".join(second)
    assert texts(frame, "schema") == [one, two, one, first[0], None]


def test_what_does_not_fit_its_schema_is_a_failure_of_its_row(
    session: Session, service: Service, topic: str
) -> None:
    schema = service.schema(Schema.Type.AVRO, NUMBER)
    service.publish(topic, b'{"id":7}', **naming(schema))
    service.publish(topic, b"\x0e", **naming(schema, "JSON"))
    service.publish(topic, b"\x0e", **naming((f"projects/{PROJECT}/schemas/none", "")))
    service.publish(topic, b"\x0e", **naming(("_deleted-schema_", "")))
    service.publish(topic, b"\x0e", **naming(schema))
    frame = pulled(session, topic, 5)
    assert texts(frame) == [None] * 4 + ['{"id":7}']
    assert bk.failures(frame)["row"].tolist() == [0, 1, 2, 3]
    assert frame["raw"].notna().all()


def test_a_topic_with_a_schema_is_read_without_a_word(pubsub_emulator: EmulatorServer) -> None:
    service = Service(pubsub_emulator)
    name, _ = service.schema(Schema.Type.AVRO, NUMBER)
    with bk.connect(url_of(pubsub_emulator)) as session:
        for encoding, data in ((Encoding.BINARY, b"\x0e"), (Encoding.JSON, b'{"id": 7}')):
            topic = f"t-{uuid.uuid4().hex[:8]}"
            settings = {"schema": name, "encoding": encoding}
            service.topics.create_topic(
                request={"name": f"projects/{PROJECT}/topics/{topic}", "schema_settings": settings}
            )
            session.create_subscription(topic, topic, start="earliest")
            service.publish(topic, data)
            (row,) = pulled(session, topic, 1).itertuples()
            assert json.loads(row.value) == {"id": 7}
            assert (row.format, row.schema.partition("@")[0]) == ("pubsub+avro", name)


def test_protobuf_is_read_as_the_first_message_of_its_schema(pstest_server: PubSubServer) -> None:
    service = Service(pstest_server)
    schema = service.schema(Schema.Type.PROTOCOL_BUFFER, PROTO)
    with bk.connect(url_of(pstest_server)) as session:
        topic = f"t-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic)
        session.create_subscription(topic, topic, start="earliest")
        service.publish(topic, BOOK, **naming(schema))
        service.publish(topic, b'{"id": "7"}', **naming(schema, "JSON"))
        service.publish(topic, b"\x08", **naming(schema))
        frame = pulled(session, topic, 3)
        assert texts(frame) == ['{"id":7,"lines":[{"book":"Ulysses"}]}', '{"id": "7"}', None]
        assert texts(frame, "format") == ["pubsub+protobuf"] * 3


def test_revisions_in_both_encodings_are_values_of_one_type(
    session: Session, service: Service, topic: str
) -> None:
    first = service.schema(Schema.Type.AVRO, NUMBER)
    second = service.schema(Schema.Type.AVRO, NOTED)
    service.publish(topic, b"\x0e", **naming(first))
    service.publish(topic, b"\x0e\x02x", **naming(second))
    service.publish(topic, b'{"id":7,"note":"y"}', **naming(second, "JSON"))
    service.publish(topic, b'{"id":"7"}', **naming(first, "JSON"))
    decode = bk.avro(reader=NOTED)
    frame = session.pull(topic, 4, subscription=topic, timeout=60, idle=20, decode=decode, expand=True)
    frame = frame.sort_values("id", key=lambda ids: ids.str.removeprefix("m").astype(int))
    assert frame["value.note"].tolist()[:3] == ["", "x", "y"]
    assert frame["value.id"].tolist()[:3] == [7, 7, 7]
    assert frame.attrs["brokerkit"]["counts"]["failures"] == 1


def test_the_schema_of_a_topic_is_the_type_of_a_decoder_by_name(pstest_server: PubSubServer) -> None:
    service = Service(pstest_server)
    name, revision = service.schema(Schema.Type.PROTOCOL_BUFFER, PROTO)
    with bk.connect(url_of(pstest_server)) as session:
        topic = f"t-{uuid.uuid4().hex[:8]}"
        settings = {"schema": name, "encoding": Encoding.BINARY}
        path = f"projects/{PROJECT}/topics/{topic}"
        service.topics.create_topic(request={"name": path, "schema_settings": settings})
        session.create_subscription(topic, topic, start="earliest")
        service.publish(topic, BOOK, **naming((name, revision)))
        service.publish(topic, b'{"id": "7"}', **naming((name, revision), "JSON"))
        frame = session.pull(topic, 2, subscription=topic, timeout=60, idle=20, decode="protobuf")
        assert sorted(frame["value"], key=str) == [
            {"id": 7, "lines": []}, {"id": 7, "lines": [{"book": "Ulysses"}]}]  # fmt: skip


@pytest.mark.parametrize("encoding", ["BINARY", "JSON"])
def test_an_object_that_becomes_json_is_noted_where_the_topic_wants_none(
    pubsub_emulator: EmulatorServer, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_notes, "ANSWER_SECONDS", 60.0)  # a busy machine takes longer than a second
    service = Service(pubsub_emulator)
    name, _ = service.schema(Schema.Type.AVRO, NUMBER)
    topic = f"t-{uuid.uuid4().hex[:8]}"
    settings = {"schema": name, "encoding": Encoding[encoding]}
    service.topics.create_topic(
        request={"name": f"projects/{PROJECT}/topics/{topic}", "schema_settings": settings}
    )
    with bk.connect(url_of(pubsub_emulator)) as session:
        assert session.describe(topic).details["schema_encoding"] == encoding
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with suppress(bk.PublishFailed):  # the service may check what it is sent
                session.publish(topic, {"id": 1})
    notes = [str(each.message) for each in caught if each.category is bk.SchemaIgnoredWarning]
    assert len(notes) == (encoding == "BINARY")
    assert all(name in note and "(AVRO)" in note for note in notes)
