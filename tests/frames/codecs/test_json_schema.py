"""JSON texts checked against a JSON Schema."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from brokerkit import ConfigError
from brokerkit.frames.codecs.extras import MissingExtra
from brokerkit.frames.codecs.json_schema import JsonSchema, check

pytest.importorskip("jsonschema_rs")

ORDER = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer"},
        "total": {"type": "number", "multipleOf": 0.01},
        "note": {"type": ["string", "null"]},
        "lines": {"type": "array", "items": {"properties": {"price": {"type": "number"}}}},
    },
}


def test_each_text_that_does_not_fit_is_one_failure_with_its_place() -> None:
    texts = ['{"id": 1}', None, '{"id": 1, "lines": [{"price": 2}, {"price": "x"}]}', "{}", b'{"id": 2}']
    found = check(texts, ORDER)
    assert [(one.row, one.path) for one in found] == [(2, "lines[1].price"), (3, "id")]
    assert found[0].reason == '"x" is not of type "number"'
    assert found[1].reason == '"id" is a required property'
    assert check(texts, json.dumps(ORDER)) == found


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('{"id": 9007199254740993}', True),
        ('{"id": 123456789012345678901234567890}', True),
        ('{"id": 1.0}', True),
        ('{"id": 1.00000000000000000001}', False),
        ('{"id": 1, "total": 0.07}', True),
        ('{"id": 1, "total": 12345678901234567.11}', True),
        ('{"id": 1, "total": 0.0700000000000000000001}', False),
        ('{"id": 1, "note": null}', True),
        ('{"id": 1, "note": NaN}', False),
        ('{"id": NaN}', False),
        ('{"id": 1', False),
        ("", False),
    ],
)
def test_numbers_are_judged_with_every_digit(text: str, fits: bool) -> None:
    assert (check([text], ORDER) == []) is fits


def test_a_long_value_leaves_room_for_what_is_wrong() -> None:
    (failure,) = check([json.dumps({"id": "x" * 5000})], ORDER)
    assert len(failure.reason) <= 200
    assert failure.reason.endswith('is not of type "integer"')


def test_further_violations_are_counted() -> None:
    (failure,) = check(['{"id": "a", "total": "b", "note": 1}'], ORDER)
    assert failure.reason.endswith("; and 2 more")


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"properties": {"x": {"$ref": "money.json"}}}, "money.json"),
        ({"$id": "http://shop/p/order", "properties": {"x": {"$ref": "money.json"}}}, "money.json"),
        ({"properties": {"x": {"$ref": "http://shop/money"}}}, "http://shop/money"),
    ],
)
def test_references_are_those_that_are_given(schema: dict[str, Any], name: str) -> None:
    given = {name: '{"type": "integer"}'}
    assert check(['{"x": 1}'], schema, given) == []
    assert [one.path for one in check(['{"x": {"y": 1}}'], schema, given)] == ["x"]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/other"},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "other.json"},
        {"$ref": "#/definitions/missing"},
        {"type": "nonsense"},
        {"pattern": "(("},
        {"$schema": "http://127.0.0.1:9/schema"},
        "[]",
        "{",
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_and_nothing_is_loaded(schema: Any) -> None:
    with pytest.raises(ConfigError, match="the JSON Schema cannot be used: "):
        check(["1"], schema)


def test_the_draft_is_that_of_the_schema() -> None:
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": True}
    assert [one.row for one in check(["2", "3"], old)] == [1]
    assert [one.row for one in check(["2", "3"], {"exclusiveMaximum": 3})] == [1]


def test_hostile_texts_and_patterns_are_failures_of_their_rows() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    found = check([deep, '"' + "a" * 50 + 'b"', '"\\ud800"'], {"type": "string", "pattern": "^(a+)+$"})
    assert [one.row for one in found] == [0, 1, 2]
    assert check(["[[[[1]]]]"], {"items": {"$ref": "#"}}) == []


def test_a_missing_library_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    with pytest.raises(MissingExtra, match=r'pip install "brokerkit-notebook\[schema\]"'):
        JsonSchema("{}")
