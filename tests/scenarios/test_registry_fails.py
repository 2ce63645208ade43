"""A registry that is down, slow, refusing or no registry at all costs rows, and never a read or a wrong guess."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.proxy import Proxy
from brokerkit.sandbox.registries import SchemaRegistryServer
from brokerkit.testing import eventually
from tests.registry.web import Web, body

LONG = {"type": "record", "name": "Long", "fields": [{"name": "id", "type": "long"}]}
ROWS = 40


@pytest.fixture
def topic(kafka_server: KafkaServer, schema_registry_server: SchemaRegistryServer) -> Iterator[str]:
    """A topic whose rows are in turn Avro and JSON."""
    name = f"unanswered-{uuid.uuid4().hex[:8]}"
    with bk.connect(kafka_server.address, registry=schema_registry_server.address) as s:
        s.create_topic(name)
        number = s.register_schema(name, LONG).id
        assert isinstance(number, int)
        framed = b"\0" + number.to_bytes(4, "big")
        s.publish_batch(
            name, [framed + bytes([2 * row]) if row % 2 else f'{{"id": {row}}}' for row in range(ROWS)]
        )
        yield name


def check_rows(frame: Any, *, decoded: bool) -> None:
    values = [None if each is None else json.loads(each)["id"] for each in frame["value"].astype(object).where(frame["value"].notna(), None)]  # fmt: skip
    assert values == [row if decoded or row % 2 == 0 else None for row in range(ROWS)]
    if not decoded:
        assert frame["raw"].notna().sum() == ROWS // 2


@pytest.mark.parametrize(
    "fault",
    [lambda proxy: proxy.refuse(), lambda proxy: proxy.stall(), lambda proxy: proxy.half_open()],
    ids=["refused", "silent", "half open"],
)
def test_rows_of_a_registry_that_is_away_fail_until_it_answers(
    kafka_server: KafkaServer,
    schema_registry_server: SchemaRegistryServer,
    topic: str,
    fault: Callable[[Proxy], None],
) -> None:
    proxy = schema_registry_server.proxy()
    address = schema_registry_server.address_of(proxy)
    with bk.connect(kafka_server.address, registry=address, registry_timeout=1) as s:
        fault(proxy)
        began = time.monotonic()
        frame = s.peek(topic, ROWS)
        assert time.monotonic() - began < 35
        check_rows(frame, decoded=False)
        failures = bk.failures(frame)
        assert len(failures) == ROWS // 2
        assert failures["error"].str.contains(address, regex=False).all()
        assert frame.attrs["brokerkit"]["counts"]["failures"] == ROWS // 2
        assert "cannot be reached" in repr(s.explain(frame.iloc[1]))
        proxy.mend()
        proxy.cut()
        # it is not asked again at once, so that a batch of rows costs one timeout
        eventually(
            lambda: s.peek(topic, ROWS)["value"].notna().all(), "the registry is asked again", within=60
        )
        check_rows(s.peek(topic, ROWS), decoded=True)


def test_a_connection_that_breaks_once_costs_no_row(
    kafka_server: KafkaServer, schema_registry_server: SchemaRegistryServer, topic: str
) -> None:
    proxy = schema_registry_server.proxy()
    with bk.connect(kafka_server.address, registry=schema_registry_server.address_of(proxy)) as s:
        proxy.reset(20)
        check_rows(s.peek(topic, ROWS), decoded=True)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (body(b'{"message": "no token"}', 401), "401"),
        (body(b'{"message": "forbidden"}', 403), "403"),
        (body(b"<html><h1>Not here</h1></html>", 404), "no schema registry at"),
        (body(b"oops", 500), "500"),
        (body(b"<html>gateway</html>", 502), "502"),
        (body(b"<html><form>Sign in</form></html>", 200), "not JSON"),
        (body(b'{"schema": 7}', 200), "without a schema"),
        (body(b'{"schema": "{"}', 200), "Avro schema cannot be used"),
        (body(b'{"schema": "\\"string\\""}', 200), "left over|byte"),
        (body(b"", 302, Location="https://login.example.com/?token=x"), "redirects"),
    ],
    ids=[
        "401",
        "403",
        "404 everywhere",
        "500",
        "502",
        "a page",
        "no text",
        "no schema",
        "another schema",
        "redirect",
    ],
)
def test_an_answer_that_is_no_schema_fails_the_rows_with_what_was_said(
    kafka_server: KafkaServer, topic: str, answer: Any, says: str
) -> None:
    class Everything(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            return answer

    with Web(Everything()) as web, bk.connect(kafka_server.address, registry=web.url) as s:
        frame = s.peek(topic, ROWS)
        check_rows(frame, decoded=False)
        failures = bk.failures(frame)
        assert len(failures) == ROWS // 2
        assert failures["error"].str.contains(says).all(), failures["error"][0]
