"""The composer, clicked and typed into in JupyterLab."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from brokerkit.testing.waiting import eventually

from .conftest import Opening
from .notebook import OpenNotebook

SCHEMA = {
    "type": "object",
    "required": ["order"],
    "properties": {"copies": {"type": "integer", "minimum": 1}},
}
INMEM = "import brokerkit as bk\ns = bk.connect('inmem://'{options})\ntopic = 'orders'\ns.create_topic(topic)"


def button(panel: Locator, name: str) -> Locator:
    return panel.get_by_role("button", name=name, exact=True)


def checks(panel: Locator) -> Locator:
    return panel.get_by_role("list", name="Checks")


def value(panel: Locator) -> Locator:
    return panel.get_by_role("textbox", name="Value", exact=True)


def stored(notebook: OpenNotebook, what: str = "value", topic: str = "topic") -> list[str]:
    found = notebook.ask(f"s.peek({topic})[{what!r}].tolist()")
    assert isinstance(found, list)
    return found


def test_a_message_is_checked_while_it_is_typed_tried_and_sent(open_notebook: Opening, connect: str) -> None:
    notebook = open_notebook(connect, f"composer = s.compose(topic, json=True, schema={SCHEMA!r})\ncomposer")
    notebook.run_all()
    panel = notebook.panel(1)
    expect(checks(panel)).to_contain_text("✕ error: not JSON")
    expect(button(panel, "Send")).to_be_disabled()
    value(panel).fill('{"order": 1, "copies": "one"}')
    expect(checks(panel)).to_contain_text("'one' is not of type 'integer'")
    notebook.screenshot("compose-schema", panel)
    value(panel).fill('{"order": 1, "copies": 2}')
    panel.get_by_label("Key", exact=True).fill("c1")
    expect(checks(panel)).to_contain_text("✓ ready to send")

    button(panel, "Dry run").click()
    expect(panel).to_contain_text("dry run: nothing was sent")
    expect(panel.locator("table").first).to_contain_text('{"order": 1, "copies": 2}')
    assert stored(notebook) == []
    button(panel, "Send").dblclick()
    expect(panel).to_contain_text("1 confirmed")
    expect(panel.locator("table").last).to_contain_text("confirmed")
    notebook.screenshot("compose-sent", panel)
    assert stored(notebook) == ['{"order": 1, "copies": 2}']
    assert notebook.ask("list(s.peek(topic)['key'])") == ["c1"]
    assert notebook.ask("composer.outcome['status'].tolist()") == ["confirmed"]


def test_a_message_that_was_read_is_edited_and_sent_again(open_notebook: Opening, connect: str) -> None:
    notebook = open_notebook(
        connect,
        "s.publish(topic, '{\"copies\": one}', key='c7', attributes={'source': 'till-7', 'try': '1'})",
        "composer = s.compose(topic, message=s.peek(topic))\ncomposer",
    )
    notebook.run_all()
    panel = notebook.panel(2)
    expect(value(panel)).to_have_value('{"copies": one}')
    expect(panel.get_by_label("Key", exact=True)).to_have_value("c7")
    expect(checks(panel)).to_contain_text("▲ warning: not JSON")
    panel.get_by_label("Header value").last.fill("2")
    button(panel, "+ Header").click()
    value(panel).fill('{"copies": 1}')
    expect(checks(panel)).to_contain_text("✓ ready to send")
    expect(panel.get_by_label("Header name")).to_have_count(3)
    panel.get_by_label("Header name").last.fill("by")
    panel.get_by_label("Header value").last.fill("hand")
    panel.get_by_role("button", name="Remove this header").first.click()
    expect(checks(panel)).to_contain_text("✓ ready to send")
    notebook.screenshot("compose-edited", panel)
    button(panel, "Send").click()
    expect(panel).to_contain_text("1 confirmed")
    assert stored(notebook)[-1] == '{"copies": 1}'
    asked = "[[pair['name'], pair['value'].decode()] for pair in s.peek(topic, 1)['attributes'][0]]"
    assert notebook.ask(asked) == [["try", "2"], ["by", "hand"]]
    assert notebook.ask("s.peek(topic, 1)['key'][0]") == "c7"


def test_a_file_is_looked_through_repaired_and_sent(
    open_notebook: Opening, connect: str, tmp_path: Path
) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text('{"order": 1}\n{"order": two}\n{"order": 3}\n')
    notebook = open_notebook(connect, f"composer = s.compose(topic, file={str(file)!r}, json=True)\ncomposer")
    notebook.run_all()
    panel = notebook.panel(1)
    expect(panel).to_contain_text("message 1 of 3")
    panel.get_by_role("button", name="Next").click()
    expect(panel).to_contain_text("message 2 of 3")
    expect(checks(panel)).to_contain_text("✕ error: not JSON")
    value(panel).fill('{"order": 2}')
    expect(checks(panel)).to_contain_text("✓ ready to send")
    panel.get_by_role("button", name="Previous").click()
    expect(value(panel)).to_have_value('{"order": 1}')
    button(panel, "Dry run").click()
    expect(panel.locator("table").first.locator("tbody tr")).to_have_count(3)
    button(panel, "Send all 3").click()
    expect(panel).to_contain_text("3 confirmed")
    notebook.screenshot("compose-file", panel)
    assert sorted(stored(notebook)) == ['{"order": 1}', '{"order": 2}', '{"order": 3}']


@pytest.mark.extended
def test_it_goes_to_another_topic_of_another_session(open_notebook: Opening) -> None:
    notebook = open_notebook(
        INMEM.format(options=""),
        "other = bk.connect('inmem://elsewhere')\nother.create_topic('copies')",
        "composer = s.compose(topic, value='x', sessions=[other])\ncomposer",
    )
    notebook.run_all()
    panel = notebook.panel(2)
    panel.get_by_role("combobox", name="on", exact=True).select_option("inmem://elsewhere")
    panel.get_by_label("Topic", exact=True).fill("copies")
    button(panel, "Send").click()  # at once: what was typed last counts all the same
    expect(panel).to_contain_text("1 confirmed")
    expect(panel).to_contain_text("Sending adds 1 message to copies on inmem://elsewhere")
    assert notebook.ask("other.peek('copies')['value'].tolist()") == ["x"]
    assert stored(notebook) == []


@pytest.mark.extended
def test_values_set_in_code_are_shown_and_those_typed_by_hand_are_in_code(open_notebook: Opening) -> None:
    notebook = open_notebook(INMEM.format(options=""), "composer = s.compose(topic)\ncomposer", "0")
    notebook.run_all()
    panel = notebook.panel(1)
    notebook.write(2, "composer.value = {'order': 9007199254740993}")
    notebook.run(2)
    expect(value(panel)).to_have_value('{"order":9007199254740993}')
    value(panel).fill("größe\n\t2")
    eventually(lambda: notebook.ask("composer.value.decode()") == "größe\n\t2", "the edit arrived")
    panel.get_by_label("Value: how it is written").select_option("escaped")
    value(panel).fill("\\xff\\x00")
    eventually(lambda: notebook.ask("list(composer.value)") == [255, 0], "the bytes arrived")


@pytest.mark.extended
def test_production_asks_for_the_topic_s_name_before_it_sends(open_notebook: Opening) -> None:
    notebook = open_notebook(
        INMEM.format(options=", production=True"), "composer = s.compose(topic, value='x')\ncomposer"
    )
    notebook.run_all()
    panel = notebook.panel(1)
    expect(panel.locator(".bk-mark")).to_have_text("PRODUCTION")
    button(panel, "Send").click()
    name = panel.get_by_label(re.compile("Type the topic's name"))
    expect(name).to_be_focused()
    expect(button(panel, "Publish")).to_be_disabled()
    name.fill("order")
    expect(button(panel, "Publish")).to_be_disabled()
    notebook.screenshot("compose-production", panel)
    button(panel, "Cancel").click()
    expect(name).to_be_hidden()
    assert stored(notebook) == []
    button(panel, "Send").click()
    name.fill("orders")
    button(panel, "Publish").click()
    expect(panel).to_contain_text("1 confirmed")
    assert stored(notebook) == ["x"]


@pytest.mark.extended
def test_read_only_offers_no_sending_and_says_why(open_notebook: Opening) -> None:
    notebook = open_notebook(
        "import brokerkit as bk\nbk.connect('inmem://shared').create_topic('orders')",
        "s = bk.connect('inmem://shared', read_only=True)\ns.compose('orders', value='x')",
    )
    notebook.run_all()
    panel = notebook.panel(1)
    expect(button(panel, "Send")).to_be_disabled()
    expect(panel).to_contain_text("Not offered: this session is read-only")
    expect(panel.locator(".bk-mark")).to_have_text("read-only")
    notebook.screenshot("compose-read-only", panel)


@pytest.mark.extended
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_are_readable(open_notebook: Opening, theme: str) -> None:
    notebook = open_notebook(
        INMEM.format(options=", production=True"),
        "s.publish(topic, {'order': 1, 'book': 'Dune'}, key='c1', attributes={'source': 'web'})\ntail = s.tail(topic)\ntail",
        "s.compose(topic, message=s.peek(topic))",
        theme=theme,
    )
    notebook.run_all()
    rows = notebook.panel(1).locator("tbody tr[tabindex]")
    rows.first.click()
    expect(notebook.panel(1).get_by_role("region", name="Selected message")).to_be_visible()
    for number, name in ((1, "tail"), (2, "compose")):
        notebook.screenshot(f"{name}-{theme}", notebook.panel(number))
        text, ground = (brightness(notebook.panel(number), what) for what in ("color", "backgroundColor"))
        assert (ground - text > 0.6) if theme == "light" else (text - ground > 0.6)


def brightness(panel: Locator, what: str) -> float:
    """Of its text or its ground, from 0 for black to 1 for white."""
    colour = panel.evaluate("(e, what) => getComputedStyle(e)[what]", what)
    red, green, blue = (int(each) / 255 for each in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
