"""Where in a value its problems are, its formatting, and the editor that is sent when it is needed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from brokerkit.widgets.compose.marks import marks_of, place_in
from brokerkit.widgets.compose.view import state_of
from brokerkit.workbench import Session

from .test_front_end import FRONT_END

STATIC = FRONT_END.parent / "static"


def marked(text: str, *broken: tuple[list[str | int], str]) -> list[tuple[str, str]]:
    return [(text[each["start"] : each["end"]], each["text"]) for each in marks_of(text, broken, json=True)]


def test_what_is_no_json_is_marked_at_its_line_and_column() -> None:
    assert marked('{\n  "id": 1,\n  "total" 2\n}') == [("2", "line 3, column 11: Expecting ':' delimiter")]
    assert marked('{"id": 1') == [("", "line 1, column 9: Expecting ',' delimiter")]
    assert marked('{"id": 1}') == []
    assert marks_of("no json", [], json=False) == []
    assert marked("[" * 100_000) == [] or marked("[" * 100_000)[0][0] == ""


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ('{"a": 1,\n "b": {"c": [10, 20]}}', ["b", "c", 1], "20"),
        ('{"a": 1, "a" : "twice"}', ["a"], '"twice"'),
        ('[ {"x\\"}": true} ]', [0, 'x"}'], "true"),
        ('{"a": 1}', [], "{"),
        ('{"a": {"b": 1}}', ["a", "missing"], "{"),
        ('\ufeff{"a": null}', ["a"], "null"),
        ('{"a": [],\t"b": {}, "c": -1.5e3}', ["c"], "-1.5e3"),
    ],
)
def test_what_breaks_a_schema_is_marked_at_its_path(text: str, path: list[str | int], expected: str) -> None:
    assert [part for part, _ in marked(text, (path, "wrong"))] == [expected]


def test_lines_and_columns_begin_with_one() -> None:
    assert [place_in("ab\ncd", at) for at in (0, 2, 3, 5)] == [(1, 1), (1, 3), (2, 1), (2, 3)]


def test_a_composer_says_where_a_value_breaks_its_schema(s: Session) -> None:
    pytest.importorskip("jsonschema")
    s.create_topic("orders")
    schema = {"properties": {"total": {"type": "number"}, "lines": {"items": {"required": ["sku"]}}}}
    text = '{"total": "x",\n "lines": [{"sku": 1}, {}]}'
    composer = s.compose("orders", value=text, schema=schema)
    placed = state_of(composer._model)["placed"]
    assert [(text[each["start"] : each["end"]], each["line"]) for each in placed] == [('"x"', 1), ("{", 2)]
    assert placed[0]["text"] == "line 1, column 11: $.total: 'x' is not of type 'number'"
    composer.value = '{"total": 1'
    (one,) = state_of(composer._model)["placed"]
    assert one["text"].startswith("line 1, column 12: ")
    composer.value = "plain text"
    composer.schema = None
    assert state_of(composer._model)["placed"] == []


def test_formatting_keeps_every_number_and_text(s: Session) -> None:
    s.create_topic("orders")
    text = '{"id":12345678901234567890.10,"a":[1,2],"é":"\\u00e9 \\n"}'
    composer = s.compose("orders", value=text)
    view = composer._shown_view()
    view.receive({"type": "format"})
    made = state_of(composer._model)["value"][1]
    assert "\n" in made
    assert re.sub(r"\s(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "", made) == text
    composer.value = "no json"
    view.receive({"type": "format"})
    assert "can be formatted" in state_of(composer._model)["said"]
    assert composer.value == b"no json"


def test_the_editor_is_sent_when_it_is_asked_for_and_not_before(s: Session) -> None:
    s.create_topic("orders")
    view = s.compose("orders")._shown_view()
    sent: list[dict] = []
    view.panel.widget.send = lambda message, *_: sent.append(message)
    view.receive({"type": "hello"})
    assert [each for each in sent if each["type"] == "module"] == []
    view.receive({"type": "module"})
    (module,) = [each for each in sent if each["type"] == "module"]
    assert module["text"] == (STATIC / "editor.js").read_text("utf-8")
    for name in ("browse.js", "compose.js", "tail.js"):
        assert "cm-content" not in (STATIC / name).read_text("utf-8")


def test_the_first_screen_and_all_of_it_keep_to_their_sizes() -> None:
    sizes = {
        each.name: each.stat().st_size for each in Path(STATIC).iterdir() if each.suffix in (".js", ".css")
    }
    for name in ("browse", "compose", "tail", "alone"):
        assert sizes[f"{name}.js"] + sizes[f"{name}.css"] <= 250_000, name
    assert sum(sizes.values()) <= 800_000
    assert json.loads((FRONT_END / "package.json").read_text("utf-8"))["dependencies"]["@codemirror/view"]
