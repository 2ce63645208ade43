"""The fields of values that complete a condition while it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from brokerkit.widgets import fields_seen as module
from brokerkit.widgets.fields_seen import MOST, fields_seen


def pythons(*values: Any) -> list[str]:
    return [each["python"] for each in fields_seen(values)]


def test_fields_of_any_depth_are_python_that_reads_them() -> None:
    value = {"id": 1, "customer": {"name": "Ada", "tags": ["x"]}, 'say "hi"\\\n': None, "é": True}
    found = fields_seen([json.dumps(value)])
    for each in found:
        eval(each["python"], {"value": value})
    assert {each["name"]: each["kind"] for each in found} == {
        "id": "number",
        "customer": "object",
        'say "hi"\\\\n': "",
        "é": "true or false",
        "customer.name": "text",
        "customer.tags": "list",
        "customer.tags.0": "text",
    }
    assert 'value["customer"]["tags"][0]' in pythons(json.dumps(value))


def test_the_kind_is_that_of_a_value_that_is_not_null() -> None:
    assert [each["kind"] for each in fields_seen(['{"a": null}', '{"a": 1.5}'])] == ["number"]


def test_what_is_not_json_has_no_fields_and_what_is_parsed_has() -> None:
    assert pythons("text", b"\xff", None, "3", "[]", '"x"') == []
    assert pythons({"a": [{"b": 1}]}) == ['value["a"]', 'value["a"][0]', 'value["a"][0]["b"]']


def test_hostile_names_are_safe_to_show_and_to_write() -> None:
    (found,) = fields_seen([json.dumps({"a\u202eb\x1b[31m": 1})])
    assert found["name"].isprintable()
    assert found["python"].isprintable()
    assert eval(found["python"], {"value": {"a\u202eb\x1b[31m": 7}}) == 7


def test_the_look_is_bounded() -> None:
    wide = {f"field {n}": n for n in range(10_000)}
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"in": deep}
    assert len(fields_seen([json.dumps({f"{k} {n}": 1 for k in wide}) for n in range(3)])) <= MOST
    assert len(fields_seen([deep])) == module.DEEPEST
    assert pythons({"n" * 10_000: 1}) == []
    asked = 0

    def values() -> Iterator[str]:
        nonlocal asked
        while True:
            asked += 1
            yield " " * 100_000

    assert fields_seen(values()) == []
    assert asked <= module.LOOKED_AT_BYTES // 100_000 + 1
