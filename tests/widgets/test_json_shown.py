"""JSON in the widgets: numbers as they were sent, and what is almost JSON."""

from __future__ import annotations

import pytest

from brokerkit.backends.inmem import capabilities
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.widgets.browse import tree
from brokerkit.widgets.compose.checks import problems_of, validator
from brokerkit.widgets.indenting import indented
from brokerkit.workbench import Session

EXACT = '{"a":1.10,"b":12345678901234567.89,"c":1e1000000000,"d":1000000000000000000001,"e":-0.0}'


def test_numbers_are_laid_out_and_shown_as_they_were_sent() -> None:
    lines = indented(EXACT)
    assert lines is not None
    assert "".join(lines.split()) == EXACT
    shown = [each["text"] for each in tree.children(tree.parsed(EXACT), [])["items"]]
    assert shown == ["1.10", "12345678901234567.89", "1e1000000000", "1000000000000000000001", "-0.0"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"a":NaN,"b":-Infinity}', ["NaN", "-Infinity"]),
        ('\ufeff{"a":1}', ["1"]),
        ('{"a":1}\0\0', ["1"]),
        ('{"a":[],"b":"x\ty"}', ["[0 items]", '"x\\ty"']),
    ],
)
def test_almost_json_has_a_tree_and_lines(text: str, values: list[str]) -> None:
    assert [
        each["text"].replace("\t", "\\t") for each in tree.children(tree.parsed(text), [])["items"]
    ] == values
    lines = indented(text)
    assert lines is not None
    assert lines.startswith("\ufeff") == text.startswith("\ufeff")


def test_a_message_that_is_almost_json_says_what_makes_it_so(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", [b'{"price":NaN}', b'{"price":1}'])
    browser = s.browse("t")
    assert browser.wait(60)
    browser.selected = browser.frame["id"].iloc[0]
    assert browser.message is not None
    assert browser.message.view()["decoder"] == "auto: JSON object, read leniently: it has NaN"
    browser.close()


def test_almost_json_can_be_sent_and_is_said_to_be_so() -> None:
    def problems(data: bytes) -> list[tuple[str, str]]:
        found = problems_of(OutboundMessage(data), capabilities, json=True, validate=None)
        return [(each.level, each.text) for each in found]

    assert problems(b'{"n":1e400}') == []
    assert problems(b'{"n":NaN}') == [("warning", "JSON that many programs refuse: it has NaN")]
    [(level, text)] = problems(b"{")
    assert level == "error"
    assert text.startswith("not JSON: ")


def test_a_schema_is_checked_against_the_exact_number() -> None:
    pytest.importorskip("jsonschema")
    validate = validator({"properties": {"n": {"maximum": 10**21}}})

    def problems(data: bytes) -> int:
        return len(problems_of(OutboundMessage(data), capabilities, json=True, validate=validate))

    assert problems(b'{"n":%d}' % 10**21) == 0
    assert problems(b'{"n":%d}' % (10**21 + 1)) == 1
    assert problems(b'{"n":1000000000000000000000.01}') == 1
