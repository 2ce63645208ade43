"""The editor of a value in a real browser: in a page with a policy, and where Python sends its source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from brokerkit.widgets.alone import server
from brokerkit.workbench import Session

from ..conftest import s
from .alone_page import violations, workbench
from .conftest import Opening

__all__ = ["s"]
SCHEMA = {"properties": {"total": {"type": "number"}}}


def edited(panel: Locator) -> Locator:
    panel.get_by_role("button", name="JSON editor").click()
    editor = panel.get_by_role("textbox", name="Value as JSON")
    expect(editor).to_be_focused()
    return editor


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.extended)])
def test_a_value_is_edited_as_json(s: Session, chromium: Browser, pictures: Path, theme: str) -> None:
    s.create_topic("orders")
    with workbench(s, "orders", chromium, color_scheme=theme) as panel:
        panel.get_by_role("button", name="New message").click()
        panel.get_by_label("Value", exact=True).fill('{"id":1,"tags":["a","b"],"total" 3}')
        expect(panel.get_by_role("button", name="line 1, column 34")).to_be_visible()
        editor = edited(panel)
        expect(panel.locator(".cm-lintRange")).to_have_count(1)
        panel.page.screenshot(path=pictures / f"json-editor-{theme}-wrong.png")
        assert violations(panel.page) == []
        # single keys are text, not commands of the workbench
        editor.press("Control+End")
        editor.press("ArrowLeft")
        editor.press("ArrowLeft")
        editor.press("ArrowLeft")
        editor.press_sequentially(":")
        expect(panel.locator(".cm-lintRange")).to_have_count(0)
        expect(panel.get_by_text("ready to send")).to_be_visible()
        panel.get_by_role("button", name="Format").click()
        expect(panel.locator(".cm-line")).to_have_count(8)
        panel.page.screenshot(path=pictures / f"json-editor-{theme}.png")
        assert violations(panel.page) == []
        editor.press("Escape")
        expect(panel.get_by_role("button", name="JSON editor")).to_be_focused()
        panel.get_by_role("button", name="Send", exact=True).click()
        expect(panel.get_by_text("confirmed").first).to_be_visible()
    (value,) = s.peek("orders")["value"]
    assert value.replace(" ", "").replace("\n", "") == '{"id":1,"tags":["a","b"],"total":3}'


@pytest.mark.parametrize("height", [620, 720])
def test_the_checks_and_send_stay_in_sight_below_a_long_value(
    s: Session, chromium: Browser, height: int
) -> None:
    s.create_topic("orders")
    with workbench(s, "orders", chromium, height=height) as panel:
        panel.get_by_role("button", name="New message").click()
        panel.get_by_label("Value", exact=True).fill(json.dumps(list(range(60)), indent=1))
        edited(panel)
        # all of it is there before where things are is looked at
        expect(panel.locator(".cm-line").first).to_be_visible()
        expect(panel.get_by_text("ready to send")).to_be_in_viewport(ratio=1)
        expect(panel.get_by_role("button", name="Send", exact=True)).to_be_in_viewport(ratio=1)
        if height > 700:
            panel.get_by_role("button", name="+ Header").click()
            expect(panel.get_by_role("button", name="Send", exact=True)).to_be_in_viewport(ratio=1)


def after_a_moment(panel: Locator) -> None:
    """A list of names takes no key in its first 75 ms, so that none is taken by chance."""
    began = panel.page.evaluate("performance.now()")
    panel.page.wait_for_function("began => performance.now() - began > 80", arg=began)


@pytest.mark.extended
def test_names_of_fields_are_completed_and_the_keyboard_leads_out(
    s: Session, chromium: Browser, pictures: Path
) -> None:
    s.create_topic("orders")
    hostile = "<img src=x onerror=alert(1)>"
    s.publish("orders", {"total": 1, "buyer": {"city": "Bern"}, hostile: 1, "a\u202eb": 2})
    with workbench(s, "orders", chromium) as panel:
        panel.get_by_role("button", name="New message").click()
        editor = edited(panel)
        names = panel.locator(".cm-tooltip-autocomplete").get_by_role("option")
        editor.press_sequentially("{")
        editor.press("Enter")
        editor.press_sequentially('"')
        expect(names.filter(has_text="total")).to_be_visible()
        expect(names).to_have_count(4)
        expect(names.filter(has_text=hostile)).to_be_visible()
        expect(names.filter(has_text="a\\u202eb")).to_be_visible()
        panel.page.screenshot(path=pictures / "json-editor-names.png")
        assert violations(panel.page) == []
        # the first Escape ends the list, the second leads out
        editor.press("Escape")
        expect(names).to_have_count(0)
        expect(editor).to_be_focused()
        editor.press_sequentially("buy")
        expect(names).to_have_count(1)
        after_a_moment(panel)
        editor.press("Enter")
        expect(names).to_have_count(0)
        editor.press_sequentially('{"c')
        expect(names).to_have_text("citytext")
        after_a_moment(panel)
        editor.press("Tab")
        editor.press_sequentially('"Bonn"}}')
        expect(panel.get_by_text("ready to send")).to_be_visible()
        assert editor.inner_text().replace("\n", "").replace(" ", "") == '{"buyer":{"city":"Bonn"}}'
        editor.press("Escape")
        expect(panel.get_by_role("button", name="JSON editor")).to_be_focused()
        panel.page.keyboard.press("Tab")
        expect(panel.get_by_role("button", name="Format")).to_be_focused()


# typed and left within one task of the browser, so that no timer of the editor comes between
TYPED_AND_LEFT = """async (editor) => {
    document.execCommand("insertText", false, "1");
    for (let turn = 0; turn < 10; turn += 1) await new Promise(queueMicrotask);
    const key = {key: "Escape", keyCode: 27, bubbles: true, cancelable: true, composed: true};
    editor.dispatchEvent(new KeyboardEvent("keydown", key));
    return editor.textContent;
}"""


def test_escape_leaves_the_editor_at_once_while_names_are_only_looked_for(
    s: Session, chromium: Browser
) -> None:
    s.create_topic("orders")
    s.publish("orders", {"total": 1})
    with workbench(s, "orders", chromium) as panel:
        panel.get_by_role("button", name="New message").click()
        editor = edited(panel)
        editor.press("Control+a")
        assert editor.evaluate(TYPED_AND_LEFT) == "1"
        expect(panel.get_by_role("button", name="JSON editor")).to_be_focused()
        expect(panel.locator(".cm-tooltip-autocomplete")).to_have_count(0)


def test_the_plain_field_stays_where_the_editor_cannot_be_loaded(
    s: Session, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STATIC", tuple(each for each in server.STATIC if each != "editor.js"))
    s.create_topic("orders")
    with workbench(s, "orders", chromium) as panel:
        panel.get_by_role("button", name="New message").click()
        panel.get_by_label("Value", exact=True).fill("{}")
        panel.get_by_role("button", name="JSON editor").click()
        expect(panel.get_by_text("The editor cannot be loaded here")).to_be_visible()
        expect(panel.get_by_label("Value", exact=True)).to_have_value("{}")


@pytest.mark.extended
def test_a_notebook_gets_the_editor_from_python(open_notebook: Opening) -> None:
    setup = 'import brokerkit as bk\ns = bk.connect("inmem://")\ns.create_topic("orders")'
    made = f'composer = s.compose("orders", value=\'{{"total": "x"}}\', schema={SCHEMA!r})\ncomposer'
    notebook = open_notebook(setup, made)
    notebook.run_all()
    panel = notebook.panel(1).first
    editor = edited(panel)
    expect(panel.locator(".cm-lintRange")).to_have_text(['"x"'])
    editor.press("Control+a")
    editor.press_sequentially('{"total": 5}')
    expect(panel.get_by_text("ready to send")).to_be_visible()
    notebook.screenshot("json-editor-lab", panel)
    assert notebook.ask("composer.message.data.decode()") == '{"total": 5}'
