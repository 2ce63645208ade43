"""Objects that become JSON although their topic has a schema: this is said once, and costs nothing where there is none."""

from __future__ import annotations

import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.registries import RegistryServer
from brokerkit.session import schema_notes
from tests.registry.web import Web, trickle

RECORD = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
VALUE = {"id": 1}
HANGING = trickle(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 0.05)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than a second."""
    monkeypatch.setattr(schema_notes, "ANSWER_SECONDS", 60.0)


@pytest.fixture
def topic() -> str:
    return f"orders-{uuid.uuid4().hex[:8]}"


@contextmanager
def noted() -> Iterator[list[str]]:
    """The notes of the block."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    found += [str(each.message) for each in caught if each.category is bk.SchemaIgnoredWarning]


def subject(topic: str, version: int = 3) -> dict[str, Any]:
    """The answer of a registry that has a schema for a topic."""
    answer = {"subject": f"{topic}-value", "version": version, "id": 7, "schema": '"long"'}
    return {f"/subjects/{topic}-value/versions/latest": answer}


def rows(s: bk.Session, topic: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id\n1\n")
    s.publish_frame(topic, bk.read_rows(tmp_path / "rows.csv"), progress=False)


def composed(s: bk.Session, topic: str, tmp_path: Path) -> None:
    s.compose(topic, value=VALUE).send()


def composed_later(s: bk.Session, topic: str, tmp_path: Path) -> None:
    composer = s.compose(topic)
    composer.value = [1]
    composer.send()


def composed_rows(s: bk.Session, topic: str, tmp_path: Path) -> None:
    s.compose(topic, frame=pd.DataFrame([VALUE])).send()


OBJECTS: dict[str, Callable[[bk.Session, str, Path], Any]] = {
    "publish": lambda s, topic, _: s.publish(topic, VALUE),
    "publish a list": lambda s, topic, _: s.publish(topic, [1, 2]),
    "publish_batch": lambda s, topic, _: s.publish_batch(topic, ["text", VALUE, VALUE]),
    "publish_frame": lambda s, topic, _: s.publish_frame(topic, pd.DataFrame([VALUE]), progress=False),
    "a dry run": lambda s, topic, _: s.publish_frame(topic, pd.DataFrame([VALUE]), dry_run=True),
    "rows of a file": rows,
    "compose": composed,
    "compose and set": composed_later,
    "compose rows": composed_rows,
}
MEANT: dict[str, Callable[[bk.Session, str, Path], Any]] = {
    "text": lambda s, topic, _: s.publish(topic, '{"id": 1}'),
    "bytes": lambda s, topic, _: s.publish_batch(topic, [b"\x00", None, "{}"]),
    "said": lambda s, topic, _: s.publish(topic, VALUE, schema=False),
    "said of columns": lambda s, topic, _: s.publish_frame(
        topic, pd.DataFrame([VALUE]), schema=False, progress=False
    ),
    "another format": lambda s, topic, _: s.publish(topic, VALUE, format="msgpack"),
    "read": lambda s, topic, _: s.publish_frame(topic, s.peek(topic), progress=False),
    "composed text": lambda s, topic, _: s.compose(topic, value='{"id": 1}').send(),
}


@pytest.mark.parametrize("how", OBJECTS)
def test_an_object_that_becomes_json_is_noted_once_for_its_topic(
    how: str, topic: str, tmp_path: Path
) -> None:
    with Web(subject(topic)) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic(topic)
        with noted() as notes:
            OBJECTS[how](s, topic, tmp_path)
            for again in OBJECTS.values():
                again(s, topic, tmp_path)
        (note,) = notes
        assert topic in note
        assert f"{topic}-value v3" in note
        assert "schema=True" in note
        assert "schema=False" in note
        assert len(web.asked) == 1


@pytest.mark.parametrize("how", MEANT)
def test_payloads_that_are_meant_as_they_are_ask_for_nothing(how: str, topic: str, tmp_path: Path) -> None:
    with Web(subject(topic)) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic(topic)
        s.publish(topic, b"{}")
        with noted() as notes:
            MEANT[how](s, topic, tmp_path)
        assert not notes
        assert not web.asked


def test_a_topic_without_a_schema_is_asked_for_once(topic: str, tmp_path: Path) -> None:
    with Web({}) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic(topic)
        with noted() as notes:
            for publish in OBJECTS.values():
                publish(s, topic, tmp_path)
        assert not notes
        assert len(web.asked) == 1


def test_each_topic_and_each_session_has_a_note_of_its_own(topic: str) -> None:
    other = f"{topic}-other"
    with Web(subject(topic) | subject(other)) as web:
        for _ in range(2):
            with bk.connect("inmem://", registry=web.url) as s, noted() as notes:
                for name in (topic, other, topic):
                    if name not in s.topics()["topic"].tolist():
                        s.create_topic(name)
                    s.publish(name, VALUE)
            assert len(notes) == 2


def test_without_a_registry_nothing_is_asked(topic: str, tmp_path: Path) -> None:
    connected: list[Any] = []
    watching = True

    def watch(event: str, args: Any) -> None:
        if watching and event in ("socket.connect", "socket.getaddrinfo"):
            connected.append(args)

    with bk.connect("inmem://") as s:
        s.create_topic(topic)
        sys.addaudithook(watch)
        before = set(threading.enumerate())
        try:
            with noted() as notes:
                s.publish(topic, VALUE)
                s.publish_batch(topic, [VALUE])
                s.publish_frame(topic, pd.DataFrame([VALUE]), progress=False)
        finally:
            watching = False
        assert not notes
        assert not connected
        assert not [each.name for each in set(threading.enumerate()) - before if "schema" in each.name]


@pytest.mark.extended
def test_a_registry_that_hangs_costs_one_publish_a_second_and_is_not_asked_again(
    topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_notes, "ANSWER_SECONDS", 1.0)
    answers = dict.fromkeys((*subject(topic), *subject(f"{topic}-other")), HANGING)
    with Web(answers) as web, bk.connect("inmem://", registry=web.url, registry_timeout=600) as s:
        s.create_topic(topic)
        s.create_topic(f"{topic}-other")
        begin = time.monotonic()
        with noted() as notes:
            s.publish(topic, VALUE)
            s.publish(topic, VALUE)
            s.publish(f"{topic}-other", VALUE)
        assert time.monotonic() - begin < 300
        (note,) = notes
        assert "did not answer within 1 s" in note
        assert web.url in note
        assert len(web.asked) == 1
        assert len(s.peek(topic)) == 2


@pytest.mark.parametrize("answer", [(401, {"message": "who are you"}), (500, {"message": "secret-word"})])
def test_a_registry_that_refuses_is_said_once_and_the_message_is_sent(topic: str, answer: Any) -> None:
    path = next(iter(subject(topic)))
    with Web({path: answer}) as web:
        address = web.url.replace("//", "//me:secret-word@")
        with bk.connect("inmem://", registry=address) as s, noted() as notes:
            s.create_topic(topic)
            s.publish(topic, VALUE)
            s.publish(topic, VALUE)
            assert len(s.peek(topic)) == 2
        (note,) = notes
        assert "is written as JSON" in note
        assert "secret-word" not in note
        asked = len(web.asked)
        assert asked <= 2  # a failure of the server may be asked for twice


def test_a_note_that_is_an_error_sends_nothing(topic: str) -> None:
    with Web(subject(topic)) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic(topic)
        with warnings.catch_warnings():
            warnings.simplefilter("error", bk.SchemaIgnoredWarning)
            with pytest.raises(bk.SchemaIgnoredWarning):
                s.publish(topic, VALUE)
        assert len(s.peek(topic)) == 0
        with noted() as notes:
            s.publish(topic, VALUE)
        assert not notes


def test_a_read_only_session_asks_for_nothing(topic: str) -> None:
    with Web(subject(topic)) as web, bk.connect("inmem://", registry=web.url, read_only=True) as s:
        with noted() as notes, pytest.raises(bk.NotSupported):
            s.publish(topic, VALUE)
        assert not notes
        assert not web.asked


def test_the_composer_says_it_beside_its_receipts(topic: str) -> None:
    with Web(subject(topic)) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic(topic)
        composer = s.compose(topic, value=VALUE)
        with noted() as notes:
            composer.send()
        assert notes
        assert composer._model.said == f"1 confirmed; {notes[0]}"


@pytest.mark.broker
@pytest.mark.parametrize("server", ["schema_registry_server", "apicurio_server"])
def test_a_real_registry_has_the_schema_that_is_named(
    request: pytest.FixtureRequest,
    server: str,
    kafka_server: KafkaServer,
    topic: str,
) -> None:
    registry: RegistryServer = request.getfixturevalue(server)
    with bk.connect(kafka_server.address, registry=registry.address) as s:
        s.create_topic(topic)
        with noted() as notes:
            s.publish(topic, VALUE)
        assert not notes
        s.register_schema(topic, RECORD)
    with bk.connect(kafka_server.address, registry=registry.address) as s:
        with noted() as notes, s.transaction() as tx:
            tx.publish(topic, VALUE)
            tx.publish_batch(topic, [VALUE])
            tx.publish_frame(topic, pd.DataFrame([VALUE]), progress=False)
        (note,) = notes
        assert f"{topic}-value v1" in note
        with noted() as notes:
            s.publish(topic, VALUE, schema=True)
            s.publish(topic, VALUE)
        assert not notes
        assert s.peek(topic, 10)["format"].tolist() == ["json"] * 4 + ["confluent+avro", "json"]
