"""The workbench of `s.browse()`, clicked in JupyterLab: tabs, rows that say what they are, fields, banners."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from brokerkit.testing.waiting import eventually

from .busy_kernel import SlowLine
from .canary import PAYLOADS
from .conftest import Opening
from .notebook import OpenNotebook
from .test_browse import button, call, lines
from .test_hostile import assert_dead

SETUP = """
import gzip, json
import brokerkit as bk
from brokerkit.core import OutboundMessage
s = bk.connect("inmem://")
s.create_topic("orders", partitions=3)
s.create_subscription("orders", "billing", start="earliest")
s.publish_batch("orders", [
    OutboundMessage(json.dumps({"id": n, "state": ["new", "paid"][n % 2], "who": {"name": f"n{n % 5}"}}), key=f"c{n % 7}")
    for n in range(200)])
"""
ODD = """
s.publish("orders", None, key="gone")
s.publish("orders", b"\\x89PNG\\r\\n\\x1a\\n" + bytes(range(60)))
s.publish("orders", gzip.compress(b'{"id": 1}' * 20)[:-6] + b"xxxxxx")
s.publish("orders", gzip.compress(b'{"id": 777}'))
None
"""
BROWSE = 'browser = s.browse("orders")\nbrowser'


def opened(open_notebook: Opening, setup: str = SETUP + ODD) -> tuple[OpenNotebook, Locator]:
    notebook = open_notebook(setup, BROWSE)
    notebook.run_all()
    panel = notebook.panel(1).first
    expect(lines(panel).first).to_be_visible()
    return notebook, panel


def tab(panel: Locator, name: str) -> Locator:
    return panel.get_by_role("tab", name=re.compile(f"^{name}"))


@pytest.mark.extended
def test_rows_say_what_they_are(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook)
    zipped, broken, binary, gone = (lines(panel).nth(place) for place in range(4))
    expect(zipped).to_contain_text("gzip+json")
    expect(broken.get_by_role("img", name="Not decoded")).to_be_visible()
    expect(broken).to_contain_text("Not decoded: gzip")
    expect(binary.get_by_role("img", name="Binary")).to_be_visible()
    expect(binary).to_contain_text("89 50 4e 47")
    expect(gone.get_by_role("img", name="Tombstone")).to_be_visible()
    zipped.click()
    message = panel.get_by_role("region", name="The chosen message")
    message.get_by_role("tab", name="Layers").click()
    expect(message.get_by_role("row").filter(has_text="recognised by its first bytes")).to_be_visible()
    # the form that was chosen stays where a message has it, and another suits where not
    message.get_by_role("tab", name="Tree").click()
    binary.click()
    expect(message.get_by_role("tab", name="Hex")).to_have_attribute("aria-selected", "true")
    notebook.screenshot("workbench-rows", panel)


@pytest.mark.extended
def test_a_field_becomes_a_column_and_a_filter(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook, SETUP)
    lines(panel).first.click()
    message = panel.get_by_role("region", name="The chosen message")
    state = message.get_by_role("treeitem").filter(has_text="state").last
    state.hover()
    state.get_by_role("button", name="+ column").click()
    expect(panel.get_by_role("columnheader").filter(has_text=".state")).to_be_visible()
    assert notebook.ask("browser.columns[browser.columns.index('value') - 1]") == "value.state"
    press = notebook.page.keyboard.press
    message.get_by_role("treeitem").first.focus()
    press("End")
    press("ArrowRight")
    name = message.get_by_role("treeitem").filter(has_text="name").last
    expect(name).to_be_visible()
    press("ArrowRight")
    expect(name).to_be_focused()
    name.get_by_role("button", name="+ column").click()
    expect(panel.get_by_role("columnheader").filter(has_text=".who.name")).to_be_visible()
    assert notebook.ask("browser.frame.equals(eval(browser.call))")
    name.hover()
    name.get_by_role("button", name="= filter").click()
    expect(panel.get_by_text(re.compile("^Complete: 40 rows"))).to_be_visible()
    expect(call(panel)).to_contain_text("lambda value: value['who']['name'] == 'n4'")
    assert notebook.ask("len(eval(browser.call)) == 40")


def test_every_tab_shows_its_facts_and_a_call_that_runs(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook, SETUP)
    tab(panel, "Partitions").click()
    expect(panel.locator(".bk-card tbody tr")).to_have_count(3)
    runs(notebook, panel, "s.describe('orders').partitions")
    tab(panel, "Subscriptions").click()
    panel.get_by_role("row").filter(has_text="billing").click()
    expect(panel.get_by_text("lag 200 messages")).to_be_visible()
    expect(panel.get_by_text("None is attached now.")).to_be_visible()
    runs(notebook, panel, "s.describe_subscription('billing', 'orders')")
    notebook.screenshot("workbench-subscriptions", panel)
    tab(panel, "Configuration").click()
    panel.get_by_label("Find a setting").fill("max")
    expect(panel.get_by_role("row").filter(has_text="max_message_bytes")).to_contain_text("8 MiB")
    runs(notebook, panel, "s.describe('orders').settings")
    tab(panel, "Schema").click()
    expect(panel.get_by_text(re.compile("this session has no schema registry"))).to_be_visible()
    tab(panel, "Messages").click()
    expect(lines(panel).first).to_be_visible()


LETTERS = f"""
import brokerkit as bk
s = bk.connect("inmem://", production=True, allow_changes=True)
s.create_topic("orders")
s.create_topic("orders-dlq")
for each in {PAYLOADS!r}:
    s.publish("orders-dlq", each, key=each, attributes=[("dead-letter-reason", each), (each, each)])
None
"""


def test_dead_letters_are_sent_again_by_a_plan_and_are_text(open_notebook: Opening) -> None:
    notebook = open_notebook(LETTERS, BROWSE)
    notebook.run_all()
    panel = notebook.panel(1).first
    tab(panel, "Dead letters").click()
    lines_of = panel.locator(".bk-letters tbody tr")
    expect(lines_of.first).to_be_visible()
    count = lines_of.count()
    lines_of.first.click()
    panel.get_by_label("The value to send").fill('{"mended": 1}')
    button(panel, "Send this instead").click()
    expect(panel.get_by_role("img", name="Edited")).to_be_visible()
    panel.get_by_label("Choose all that are listed").click()
    panel.get_by_label("Back to").fill("orders")
    button(panel, "Dry run").click()
    expect(panel.get_by_text("1 edited")).to_be_visible()
    again = button(panel, f"Redrive {count}")
    expect(again).to_be_disabled()
    panel.get_by_label("The name of the topic, to confirm it").fill("orders")
    again.click()
    expect(panel.get_by_text(f"{count} confirmed")).to_be_visible()
    assert_dead(panel)
    notebook.screenshot("workbench-letters", panel)
    assert notebook.ask("len(s.dead_letters('orders'))") == 0
    assert notebook.ask("len(s.peek('orders', where='mended'))") == 1


def runs(notebook: OpenNotebook, panel: Locator, expected: str) -> None:
    expect(call(panel)).to_have_text(expected)
    notebook.do(expected)


@pytest.mark.extended
def test_values_are_read_in_a_format_chosen_from_the_list(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook)
    panel.get_by_label("Read values as").select_option("json")
    expect(call(panel)).to_contain_text("decode='json'")
    expect(panel.get_by_role("img", name="Not decoded").first).to_be_visible()
    assert notebook.ask("browser.frame.equals(eval(browser.call))")


def test_a_new_message_is_written_into_an_empty_topic(open_notebook: Opening) -> None:
    notebook = open_notebook(
        "import brokerkit as bk\ns = bk.connect('inmem://')\ns.create_topic('orders')", BROWSE
    )
    notebook.run_all()
    panel = notebook.panel(1).first
    expect(panel.get_by_text("No messages.")).to_be_visible()
    button(panel, "Write the first one").click()
    composer = notebook.panel(1).nth(1)
    value = composer.get_by_role("textbox", name="Value", exact=True)
    expect(value).to_be_focused()
    notebook.page.keyboard.type("hello")
    # what was not sent stays, whatever is clicked
    tab(panel, "Partitions").click()
    button(panel, "New message").click()
    expect(value).to_have_value("hello")
    expect(panel.get_by_text("This message was not sent,")).to_be_visible()
    composer.get_by_role("button", name="Send", exact=True).click()
    expect(composer).to_contain_text("1 confirmed")
    expect(composer.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    tab(panel, "Messages").click()
    button(panel, "Search").click()
    expect(lines(panel)).to_have_count(1)


def test_a_closed_session_and_a_dead_kernel_are_said(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook, SETUP)
    notebook.do("s.close()")
    expect(panel.get_by_text("This session was closed.")).to_be_visible()
    notebook.screenshot("workbench-closed", panel)
    notebook.restart_kernel()
    expect(panel.get_by_role("alert")).to_contain_text("The kernel has stopped.")
    expect(lines(panel).first).to_be_visible()
    notebook.screenshot("workbench-dead", panel)


def test_everything_is_reached_by_single_keys_and_none_of_them_is_the_notebooks(
    open_notebook: Opening,
) -> None:
    notebook, panel = opened(open_notebook, SETUP)
    press = notebook.page.keyboard.press
    panel.get_by_role("grid").focus()
    press("ArrowDown")
    first = notebook.ask("browser.selected['id'].iloc[0]")
    press("j")
    eventually(lambda: notebook.ask("browser.selected['id'].iloc[0]") != first, "the next one is chosen")
    press("x")
    expect(panel.get_by_role("tab", name="Hex")).to_have_attribute("aria-selected", "true")
    press("3")
    expect(tab(panel, "Subscriptions")).to_have_attribute("aria-selected", "true")
    press("1")
    expect(tab(panel, "Messages")).to_have_attribute("aria-selected", "true")
    press("/")
    expect(panel.get_by_label("Search topics")).to_be_focused()
    press("Escape")
    panel.get_by_role("grid").focus()
    press("e")
    expect(panel.get_by_role("group", name="Export")).to_be_visible()
    press("Escape")
    panel.get_by_role("grid").focus()
    press("?")
    expect(panel.get_by_role("dialog", name="Keys")).to_be_visible()
    press("Escape")
    expect(panel.get_by_role("dialog", name="Keys")).to_have_count(0)
    expect(panel.get_by_role("grid")).to_be_focused()
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == 2


@pytest.mark.extended
def test_nothing_is_lost_that_is_pressed_and_typed_before_the_kernel_answers(open_notebook: Opening) -> None:
    kernel = SlowLine()
    notebook = open_notebook(SETUP, BROWSE, prepare=kernel.attend)
    notebook.run_all()
    panel = notebook.panel(1).first
    expect(lines(panel).first).to_be_visible()
    press = notebook.page.keyboard.press
    panel.get_by_role("grid").focus()
    kernel.hold()
    for key in ("ArrowDown", "j", "x"):
        press(key)
    kernel.let_go()
    expect(panel.get_by_role("tab", name="Hex")).to_have_attribute("aria-selected", "true")
    expect(panel.locator(".bk-hex")).to_be_visible()
    button(panel, "New message").click()
    value = notebook.panel(1).nth(1).get_by_role("textbox", name="Value", exact=True)
    expect(value).to_be_focused()
    kernel.hold()
    notebook.page.keyboard.type("hello")
    tab(panel, "Partitions").click()
    button(panel, "New message").click()
    expect(value).to_be_focused()
    press("End")
    notebook.page.keyboard.type(" world")
    kernel.let_go()
    eventually(lambda: notebook.ask("browser.composer.value.decode()") == "hello world", "all of it is known")
    expect(value).to_have_value("hello world")


@pytest.mark.extended
@pytest.mark.parametrize("made", ["s.tail('orders')", "s.compose('orders')"])
def test_single_keys_in_a_tail_or_composer_are_none_of_the_notebooks(
    open_notebook: Opening, made: str
) -> None:
    notebook = open_notebook(SETUP, made)
    notebook.run_all()
    panel = notebook.panel(1).first
    panel.get_by_role("button", disabled=False).last.focus()
    for key in ("x", "d", "d", "b", "a", "m"):
        notebook.page.keyboard.press(key)
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == 2
    expect(panel).to_be_visible()
