"""The fields that an editor completes: of the schemas, of the newest messages, and of what is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.sandbox.registries import RegistryServer
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.compose.known_fields import known_fields
from brokerkit.widgets.compose.schema_fields import fields_of_schema
from brokerkit.workbench import Session

NODE = {
    "type": "object",
    "properties": {
        "id": {"type": ["integer", "null"]},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
        "next": {"$ref": "#"},
    },
    "allOf": [{"properties": {"city": {"type": "string"}}}],
    "$defs": {"part": {"properties": {"name": {"type": "string"}}}},
}
ORDER = {
    "type": "record",
    "name": "shop.Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "buyer", "type": ["null", {"type": "record", "name": "Buyer", "fields": []}]},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {"type": "record", "name": "Line", "fields": [{"name": "book", "type": "string"}]},
            },
        },
        {"name": "before", "type": ["null", "shop.Order"]},
    ],
}


def known(s: Session, topic: str, **options: Any) -> dict[tuple[Any, ...], str]:
    composer = s.compose(topic, **options)
    return {tuple(each["path"]): each["kind"] for each in known_fields(composer._model)}


def test_fields_of_the_newest_messages_and_of_what_is_written_are_known(s: Session) -> None:
    s.create_topic("orders")
    s.publish_batch("orders", [{"id": 1, "tags": [{"name": "a"}]}, "text", None, b"\xff", {"total": 2.5}])
    assert known(s, "orders", value='{"mine": true}') == {
        ("id",): "number",
        ("tags",): "list",
        ("total",): "number",
        ("mine",): "true or false",
        ("tags", 0): "object",
        ("tags", 0, "name"): "text",
    }
    assert known(s, "orders", value="{broken")[("id",)] == "number"
    assert known(s, "no-such", value="{}") == {}


def test_a_json_schema_says_its_fields_and_ends_where_it_names_itself(s: Session) -> None:
    s.create_topic("orders")
    found = known(s, "orders", value="{}", schema=NODE)
    assert found[("id",)] == "number"
    assert found[("city",)] == "text"
    assert found[("parts", 0, "name")] == "text"
    assert found[("next", "next", "id")] == "number"
    assert max(map(len, found)) <= 6


def test_an_avro_schema_says_its_fields() -> None:
    found = fields_of_schema("AVRO", json.dumps(ORDER))
    assert list(found.items())[:4] == [
        (("id",), "number"),
        (("buyer",), "object"),
        (("lines",), "list"),
        (("before",), "object"),
    ]
    assert found[("lines", 0, "book")] == "text"
    assert found[("before", "before", "id")] == "number"


@pytest.mark.parametrize("kind", ["JSON", "AVRO", "PROTOBUF"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 5_000,
        "null",
        '{"$ref": "#"}',
        '{"$ref": "#/allOf/0", "allOf": [{"$ref": "#"}, 5, null]}',
        '{"properties": 5, "items": [1], "type": {"type": {"type": "record", "fields": 5}}}',
        '{"type": "record", "name": 5, "fields": [5, {"name": 7, "type": [[], {}]}, {}]}',
    ],
)
def test_a_schema_of_any_shape_is_read_to_an_end(kind: str, text: str) -> None:
    assert set(fields_of_schema(kind, text)) <= {("7",)}


def test_a_wide_schema_that_names_itself_is_bounded() -> None:
    wide = {"properties": {f"f{n}": {"$ref": "#"} for n in range(500)}, "oneOf": [{"$ref": "#"}] * 50}
    assert len(fields_of_schema("JSON", wide)) <= 200


def test_a_view_gets_the_fields_when_it_asks(s: Session) -> None:
    s.create_topic("orders")
    s.publish("orders", {"total": 1})
    composer, sent = s.compose("orders", value="{}"), []
    view = composer._shown_view()
    view.panel.widget.send = lambda message, *_: sent.append(message)
    view.receive({"type": "fields"})
    eventually(lambda: sent, "the fields were sent", within=60)
    assert sent == [{"type": "fields_known", "fields": [{"path": ["total"], "kind": "number"}]}]


def test_nothing_is_looked_at_where_that_has_a_side_effect(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    s.create_topic("orders")
    s.publish("orders", {"total": 1})
    effects = {**s.capabilities.side_effects, "peek": "raises delivery count"}
    monkeypatch.setattr(s.connection, "_capabilities", s.capabilities, raising=False)
    composer = s.compose("orders", value="{}")
    with monkeypatch.context() as patched:
        patched.setitem(s.capabilities.side_effects, "peek", effects["peek"])  # type: ignore[arg-type]
        assert known_fields(composer._model) == []


@pytest.mark.broker
@pytest.mark.extended
def test_the_schema_of_the_registry_says_its_fields(schema_registry_server: RegistryServer) -> None:
    with bk.connect("inmem://", registry=schema_registry_server.address) as s:
        s.create_topic("known-fields")
        s.register_schema("known-fields", ORDER)
        assert known(s, "known-fields", value="{}")[("lines", 0, "book")] == "text"
