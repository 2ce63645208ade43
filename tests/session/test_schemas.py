"""Schemas of a registry through a session: listed, compared and registered, on any system."""

from __future__ import annotations

import json
import pickle
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.sandbox.registries import ApicurioServer, RegistryServer, SchemaRegistryServer
from tests.registry.web import Web, respond

pytestmark = pytest.mark.broker


def record(*fields: str) -> dict[str, Any]:
    return {"type": "record", "name": "Order", "fields": [{"name": each, "type": "int"} for each in fields]}


@pytest.fixture(params=["schema_registry_server", "apicurio_server"])
def server(request: pytest.FixtureRequest) -> RegistryServer:
    found: RegistryServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def topic(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"orders-{tmp_path.name.encode().hex()[-12:]}-{abs(hash(request.node.nodeid)) % 10**8}"


@pytest.fixture
def s(server: RegistryServer, topic: str) -> Iterator[bk.Session]:
    with bk.connect("inmem://", registry=server.address) as session:
        session.create_topic(topic)
        yield session


def demand(server: RegistryServer, subject: str, level: str) -> None:
    """Set the compatibility that a subject demands."""
    request = urllib.request.Request(
        f"{server.address}/config/{subject}",
        json.dumps({"compatibility": level}).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request, timeout=10).close()


def test_a_schema_is_registered_for_the_values_or_the_keys_of_a_topic(s: bk.Session, topic: str) -> None:
    made = s.register_schema(topic, record("id"))
    assert (made.subject, made.version, made.compatible, made.dry_run) == (f"{topic}-value", 1, True, False)
    assert s.register_schema(topic, '"string"', key=True).subject == f"{topic}-key"
    again = s.register_schema(topic, record("id"))
    assert (again.id, again.version) == (made.id, 1)
    found = s.schemas(topic)
    assert found[["subject", "type", "versions", "newest"]].values.tolist() == [
        [f"{topic}-key", "AVRO", 1, 1],
        [f"{topic}-value", "AVRO", 1, 1],
    ]
    assert found["id"].tolist()[1] == made.id
    assert set(found["subject"]) <= set(s.schemas()["subject"])


def test_a_name_that_is_no_topic_is_a_subject(s: bk.Session, topic: str) -> None:
    money = {"type": "record", "name": "Money", "fields": [{"name": "cents", "type": "long"}]}
    assert s.register_schema(f"{topic}.Money", money).subject == f"{topic}.Money"
    order = {"type": "record", "name": "Order", "fields": [{"name": "price", "type": "Money"}]}
    made = s.register_schema(topic, order, references=[("Money", f"{topic}.Money", 1)])
    assert made.version == 1
    assert s.schema(topic).frame["references"].tolist() == [f"Money: {topic}.Money version 1"]
    assert s.schema(f"{topic}.Money").versions == [1]


def test_a_schema_that_is_registered_before_its_topic_is_made_says_so(s: bk.Session, topic: str) -> None:
    early = f"{topic}-early"
    dry = repr(s.register_schema(early, record("id"), dry_run=True))
    made = s.register_schema(early, record("id"))
    for text in (dry, repr(made), made._repr_html_()):
        assert "There is no topic" in text
        assert f"{early}-value" in text
    s.create_topic(early)
    with pytest.raises(bk.ConfigError, match=f"{early}-value.*but one .*schema='{early}'"):
        s.publish(early, {"id": 1}, schema=True)
    s.publish(early, {"id": 1}, schema=early)
    assert s.register_schema(f"{early}-value", record("id")).note == ""
    s.publish(early, {"id": 2}, schema=True)
    assert s.peek(early)["value"].tolist() == ['{"id":1}', '{"id":2}']


def test_what_is_published_behind_a_message_in_json_is_binary_and_says_so(
    apicurio_server: ApicurioServer, topic: str
) -> None:
    """Apicurio's serializer writes Avro as JSON if it is asked to; the framing of the topic is that of its newest."""
    with bk.connect("inmem://", registry=apicurio_server.address) as s:
        s.create_topic(topic)
        s.register_schema(topic, record("id"))
        s.publish(topic, {"id": 1}, schema=True, framing="apicurio")
        headers = {each["name"]: each["value"] for each in s.peek(topic)["attributes"].iloc[0]}
        headers["apicurio.value.encoding"] = b"JSON"
        s.publish(topic, b'{"id":2}', attributes=headers)
        s.publish(topic, {"id": 3}, schema=True)
        outcome = s.publish_frame(topic, pd.DataFrame({"id": [4]}), schema=True, progress=False)
        assert outcome["status"].tolist() == ["confirmed"]
        found = s.peek(topic)
        assert found["value"].fillna("").tolist() == ['{"id":1}', '{"id":2}', '{"id":3}', '{"id":4}']
        assert found["format"].tolist() == ["apicurio+avro"] * 4
        # a row in JSON that was edited stays in JSON
        found["value"] = '{"id":7}'
        assert s.publish_frame(topic, found, progress=False)["status"].tolist() == ["confirmed"] * 4
        again = s.peek(topic, 4)
        assert again["value"].tolist() == ['{"id":7}'] * 4
        assert again["raw"].isna().tolist() == [False, True, False, False]


def test_versions_have_texts_and_differences(s: bk.Session, topic: str) -> None:
    for fields in (["id"], ["id", "amount"], ["amount"]):
        s.register_schema(topic, record(*fields))
    found = s.schema(topic)
    assert (found.subject, found.versions) == (f"{topic}-value", [1, 2, 3])
    assert json.loads(found.text()) == record("amount")
    assert json.loads(found.text(1)) == record("id")
    gone = [line for line in found.difference().splitlines() if line.startswith("-")]
    assert '-      "name": "id",' in gone
    added = [line for line in found.difference(1, 2).splitlines() if line.startswith("+")]
    assert '+      "name": "amount",' in added
    assert found.difference(2, 2) == ""
    assert [f"{topic}-value v1", f"{topic}-value v2"] == [
        line[4:] for line in found.difference(1, 2).splitlines()[:2]
    ]
    assert "version 3" in repr(found)
    assert "amount" in found._repr_html_()
    with pytest.raises(bk.ConfigError, match="has no version 9: it has 1, 2, 3"):
        found.text(9)
    with pytest.raises(bk.ConfigError, match="is the first version"):
        found.difference(new=1)


def test_a_dry_run_registers_nothing(s: bk.Session, topic: str) -> None:
    would = s.register_schema(topic, record("id"), dry_run=True)
    assert (would.compatible, would.id, would.version, would.dry_run) == (True, None, None, True)
    assert "would be registered" in repr(would)
    assert s.schemas(topic).empty
    s.register_schema(topic, record("id"))
    known = s.register_schema(topic, record("id"), dry_run=True)
    assert known.version == 1
    assert "is registered already as version 1" in repr(known)


def test_an_incompatible_schema_is_refused_in_words(apicurio_server: ApicurioServer, topic: str) -> None:
    with bk.connect("inmem://", registry=apicurio_server.address) as s:
        s.create_topic(topic)
        s.register_schema(topic, record("id"))
        demand(apicurio_server, f"{topic}-value", "BACKWARD")
        would = s.register_schema(topic, record("id", "must"), dry_run=True)
        assert (would.compatible, would.level) == (False, "BACKWARD")
        for text in (repr(would), would._repr_html_()):
            assert "does not fit, and would be refused" in text
            assert "must read what was written with the last one" in text
            assert "must at /fields/1" in text
        with pytest.raises(bk.ConfigError, match="does not fit the subject .*must at /fields/1"):
            s.register_schema(topic, record("id", "must"))
        assert s.schema(topic).versions == [1]


def test_a_read_only_session_asks_and_registers_nothing(server: RegistryServer, topic: str) -> None:
    with bk.connect("inmem://", registry=server.address, read_only=True) as s:
        assert s.register_schema(topic, record("id"), dry_run=True).compatible
        with pytest.raises(bk.NotSupported, match="dry_run=True"):
            s.register_schema(topic, record("id"))
        assert s.schemas(topic).empty


@pytest.mark.parametrize("kind", ["protobuf", "json"])
def test_other_types_are_registered_too(s: bk.Session, topic: str, kind: str) -> None:
    text = 'syntax = "proto3"; message Order { int64 id = 1; }'
    if kind == "json":
        text = '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}'
    assert s.register_schema(topic, text, type=kind).version == 1
    assert s.schemas(topic)["type"].tolist() == [kind.upper()]
    assert kind.upper() in repr(s.schema(topic))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"schema": "not a schema"}, "said 4"),
        ({"schema": ""}, "must be the text"),
        ({"schema": 7}, "must be the text"),
        ({"schema": "{}", "type": "thrift"}, "must be one of 'avro', 'protobuf', 'json'"),
        ({"schema": "{}", "references": ["Money"]}, r"must be \(name, subject, version\)"),
    ],
)
def test_a_wrong_argument_is_refused(s: bk.Session, topic: str, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(bk.ConfigError, match=says):
        s.register_schema(topic, **arguments)


def test_a_topic_without_a_schema_says_what_was_looked_for(s: bk.Session, topic: str) -> None:
    with pytest.raises(bk.NotFound, match=f"'{topic}-value' or '{topic}-key'"):
        s.schema(topic)
    with pytest.raises(bk.NotFound, match=f"no subject '{topic}-key'"):
        s.schema(topic, key=True)


def test_a_session_without_a_registry_says_how_to_have_one() -> None:
    with bk.connect("inmem://") as s:
        for call in (s.schemas, lambda: s.schema("t"), lambda: s.register_schema("t", "{}")):
            with pytest.raises(bk.ConfigError, match="connect with registry="):
                call()


def test_a_private_registry_ends_with_its_session(schema_registry_server: SchemaRegistryServer) -> None:
    del schema_registry_server  # where none can be started, this skips
    with bk.connect("inmem://?registry=sandbox") as s:
        s.create_topic("orders")
        s.register_schema("orders", record("id"))
        assert s.registry is not None
        assert s.registry.name in s._repr_html_()
        again = pickle.loads(pickle.dumps(s.registry))
        assert again.name == s.registry.name
        address = s.registry.name
    with pytest.raises(bk.Unavailable, match="cannot be reached"):
        bk.connect("inmem://", registry=address).schemas()


@pytest.mark.parametrize("system", ["nats", "kafka"])
def test_every_system_takes_a_registry(
    request: pytest.FixtureRequest, schema_registry_server: SchemaRegistryServer, system: str, topic: str
) -> None:
    broker = request.getfixturevalue(f"{system}_server")
    with bk.connect(broker.address, registry=schema_registry_server.address) as s:
        s.create_topic(topic)
        assert s.register_schema(topic, record("id")).subject == f"{topic}-value"
        assert s.schemas(topic)["subject"].tolist() == [f"{topic}-value"]
        s.publish(topic, {"id": 1})
        assert s.peek(topic)["value"].tolist() == ['{"id":1}']


def test_a_registry_that_is_down_does_not_keep_a_session_from_opening() -> None:
    with bk.connect("inmem://", registry="http://127.0.0.1:1") as s:
        s.create_topic("orders")
        s.publish("orders", {"id": 1})
        assert len(s.peek("orders")) == 1
        with pytest.raises(bk.Unavailable, match="http://127.0.0.1:1 cannot be reached"):
            s.schemas()


def test_the_doctor_says_whether_the_registry_answers(server: RegistryServer) -> None:
    found = bk.doctor("inmem://", registry=server.address).steps[-1]
    assert (found.name, found.status) == ("schema registry", "ok")
    assert "answers" in found.detail
    down = bk.doctor("nats://127.0.0.1:1", registry="http://127.0.0.1:1", timeout=1)
    assert [step.status for step in down.steps if step.name == "schema registry"] == ["failed"]
    wrong = bk.doctor("inmem://", registry=server.address + "/wrong").steps[-1]
    assert "there is no schema registry at" in wrong.detail
    assert "schema registry" not in [step.name for step in bk.doctor("inmem://").steps]


def test_ctrl_c_ends_a_list_of_schemas_at_once() -> None:
    def slowly(handler: Any) -> None:
        threading.Event().wait(5.0)
        respond(handler, 200, b"[1]")

    subjects = [f"s{number}" for number in range(400)]
    answers: dict[str, Any] = {"/subjects": subjects} | {
        f"/subjects/{each}/versions": slowly for each in subjects
    }
    answers |= {
        f"/subjects/{each}/versions/latest": {"schema": "{}", "id": 1, "version": 1} for each in subjects
    }
    with Web(answers) as web, bk.connect("inmem://", registry=web.url) as s:
        timer = threading.Timer(
            1.0, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        )
        timer.start()
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            s.schemas()
        assert time.monotonic() - begin < 20
        asked = len(web.asked)
        threading.Event().wait(1.0)
        assert len(web.asked) == asked


def test_a_topic_that_cannot_be_described_has_its_values_registered(
    pulsar_server: PulsarServer, schema_registry_server: SchemaRegistryServer, topic: str
) -> None:
    """Without its REST endpoint, Pulsar does not say whether there is a topic."""
    with bk.connect(pulsar_server.url, registry=schema_registry_server.address) as s:
        assert s.register_schema(topic, record("id"), dry_run=True).subject == f"{topic}-value"
