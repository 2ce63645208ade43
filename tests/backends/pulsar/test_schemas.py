"""Topics with messages of several schemas: each message is read by its own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.workbench import Session
from tests.brokers.java_program import run_java

pytestmark = pytest.mark.broker

Send = Callable[..., None]
TEXTS_THAT_LOOK_ENCODED = ["abcd", "user1234"]


@pytest.fixture(scope="module")
def namespace(pulsar_server: PulsarServer) -> str:
    """A namespace in which a topic may have any schemas."""
    name = f"public/mixed-{uuid.uuid4().hex[:8]}"
    at = f"{pulsar_server.admin}/admin/v2/namespaces/{name}"
    httpx.put(at, json={}).raise_for_status()
    httpx.put(f"{at}/schemaCompatibilityStrategy", json="ALWAYS_COMPATIBLE").raise_for_status()
    return name


@pytest.fixture
def session(pulsar_server: PulsarServer) -> Iterator[Session]:
    with bk.connect(pulsar_server.url, admin=pulsar_server.admin) as opened:
        yield opened


@pytest.fixture
def topic(session: Session, namespace: str) -> str:
    name = f"persistent://{namespace}/topic-{uuid.uuid4().hex[:8]}"
    session.create_topic(name)
    return name


@pytest.fixture
def send(pulsar_server: PulsarServer) -> Send:
    """Publishes (kind, key, value) triples with the official client."""

    def run(topic: str, *triples: tuple[str, str, str]) -> None:
        words = [word for triple in triples for word in triple]
        run_java(Path(__file__).with_name("Pairs.java"), pulsar_server.url, topic, *words)

    return run


def keys(frame: pd.DataFrame) -> list[str | None]:
    """The keys, none of which is bytes."""
    assert frame["raw_key"].isna().all(), frame["raw_key"]
    return [None if pd.isna(key) else str(key) for key in frame["key"]]


def reads(session: Session, topic: str, count: int) -> Iterator[list[str | None]]:
    """The keys as each way of reading returns them."""
    whole = session.scan(topic, progress=False).to_pandas()
    yield keys(whole)
    yield keys(session.peek(topic))
    yield keys(session.reread(whole))
    for kind in ("shared", "failover"):
        yield keys(session.pull(topic, count, subscription=kind, start="earliest", subscription_type=kind))


@pytest.mark.parametrize("last", ["SEPARATED", "text", "INLINE"])
def test_a_key_is_decoded_only_where_the_schema_of_its_own_message_says_so(
    session: Session, topic: str, send: Send, last: str
) -> None:
    looks, alike = TEXTS_THAT_LOOK_ENCODED
    send(topic, ("text", looks, "1"), ("SEPARATED", "kk", "2"), ("text", alike, "3"), (last, "größe", "4"))
    for found in reads(session, topic, 4):
        assert found == [looks, "kk", alike, None if last == "INLINE" else "größe"]


def test_an_empty_key_of_a_pair_is_an_empty_key(session: Session, topic: str, send: Send) -> None:
    send(topic, ("SEPARATED", "", "1"), ("SEPARATED", "a", "2"), ("text", "", "3"))
    for found in reads(session, topic, 3):
        assert found == ["", "a", None]


@pytest.mark.extended
def test_keys_are_those_of_their_schemas_in_a_topic_with_hundreds_of_versions(
    session: Session, pulsar_server: PulsarServer, topic: str, send: Send
) -> None:
    path = topic.removeprefix("persistent://")
    send(topic, ("text", "abcd", "1"))
    for number in range(140):
        schema = {"type": "record", "name": f"R{number}", "fields": []}
        body = {"type": "AVRO", "schema": json.dumps(schema), "properties": {}}
        httpx.post(f"{pulsar_server.admin}/admin/v2/schemas/{path}/schema", json=body).raise_for_status()
    send(topic, ("SEPARATED", "kk", "2"), ("text", "user1234", "3"))
    for found in reads(session, topic, 3):
        assert found == ["abcd", "kk", "user1234"]


def test_a_topic_that_is_created_again_is_read_by_its_new_schemas(
    session: Session, topic: str, send: Send
) -> None:
    send(topic, ("SEPARATED", "kk", "1"))
    assert keys(session.peek(topic)) == ["kk"]
    session.delete_topic(topic, confirm=topic)
    session.create_topic(topic)
    send(topic, ("text", "abcd", "1"))
    assert keys(session.peek(topic)) == ["abcd"]


def test_keys_are_decoded_while_the_schema_of_a_topic_changes_under_a_consumer(
    session: Session, topic: str, send: Send
) -> None:
    send(topic, ("text", "abcd", "1"))
    with session.consumer(topic, "me", start="earliest") as consumer:
        (first,) = consumer.next_batch(1, 60)
        send(topic, ("SEPARATED", "kk", "2"))
        (second,) = consumer.next_batch(1, 60)
        first.ack()
        second.ack()
    assert [first.key, second.key] == [b"abcd", b"kk"]
