"""Ten everyday tasks, done by hand in JupyterLab; notebooks/README.md says how many clicks and keys each takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Opening
from .notebook import OpenNotebook

TABLE = Path(__file__).parents[3] / "notebooks" / "README.md"
SETUP = """
import json, time
from datetime import UTC, datetime
import brokerkit as bk
s = bk.connect("inmem://")
s.create_topic("orders")
s.create_topic("again")
s.create_subscription("orders", "billing", start="earliest")
books = ["Dune", "Emma", "Kim", "Walden"]
def publish(first, last, version):
    s.publish_batch("orders", [
        bk.OutboundMessage(json.dumps({"order": n, "book": books[n % 4], "version": version}), key=f"c{n % 50}")
        for n in range(first, last)])
publish(0, 1_500, 1)
s.publish("orders", '{"order": 1500, "book": "Emma", "version": one}', key="c0")
publish(1_501, 2_000, 1)
time.sleep(1.1)  # it lies between two seconds
deployed = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}.5"
time.sleep(1.1)
publish(2_000, 3_000, 2)
"""
BROWSE = 's.browse("orders")'


class Desk:
    """A notebook with an open browser, and hands that count what they do.

    A field that is typed into is one click and the keys of its text.
    """

    def __init__(self, notebook: OpenNotebook) -> None:
        self.notebook = notebook
        self.clicks = self.keys = 0
        notebook.write(1, "browser = " + BROWSE + "\nbrowser")
        notebook.run(1)
        expect(self.lines.first).to_be_visible()

    @property
    def panel(self) -> Locator:
        return self.notebook.panel(1).first

    @property
    def beside(self) -> Locator:
        """The composer or tail in its tab."""
        return self.notebook.panel(1).nth(1)

    @property
    def lines(self) -> Locator:
        return self.panel.locator(".bk-messages .bk-lines .bk-row")

    @property
    def message(self) -> Locator:
        return self.panel.get_by_role("region", name="The chosen message")

    def field(self, name: str) -> Locator:
        return self.panel.get_by_role("form", name="What to read").get_by_label(name, exact=True)

    def click(self, what: Locator | str, *, key: str | None = None, where: Locator | None = None) -> None:
        """Click something, or the button of that name; with a key held down, where there is one."""
        if isinstance(what, str):
            what = (where or self.panel).get_by_role("button", name=what, exact=True)
        what.click(modifiers=[key] if key else [])  # type: ignore[list-item]  # one of four names
        self.clicks += 1
        self.keys += key is not None

    def type(self, what: Locator, text: str, *, enter: bool = False) -> None:
        what.fill(text)
        self.clicks += 1
        self.keys += len(text)
        if enter:
            what.press("Enter")
            self.keys += 1

    def python(self, source: str) -> Locator:
        """Type a cell and run it; its output."""
        self.notebook.write(2, source)
        self.notebook.run(2)
        self.clicks += 1
        self.keys += len(source) + 2
        return self.notebook.output(2)

    def complete(self, text: str) -> None:
        """Wait until a search ended with these words."""
        expect(self.panel.get_by_text(re.compile(text))).to_be_visible()


def newest_poison(desk: Desk) -> None:
    desk.click("Python", where=desk.panel.get_by_role("group", name="How the value is filtered"))
    desk.type(desk.panel.get_by_label("Filter of the value"), "isinstance(value, str)", enter=True)
    desk.complete("^Complete: 1 row of")
    desk.click(desk.lines.first)
    expect(desk.message).to_contain_text("offset 1500")


def all_of_a_key_in_an_hour(desk: Desk) -> None:
    desk.type(desk.field("key"), "c7")
    desk.type(desk.field("from"), "-1h", enter=True)
    desk.complete("^Complete: 60 rows")
    assert desk.notebook.ask("set(browser.frame['key']) == {'c7'}")


def first_after_a_deployment(desk: Desk) -> None:
    desk.type(desk.field("from"), desk.notebook.ask("deployed"))
    desk.click("Oldest first")
    desk.complete("^First 100 of")
    desk.click(desk.lines.first)
    expect(desk.message).to_contain_text("offset 2000")


def what_changed_between_two(desk: Desk) -> None:
    desk.click(desk.lines.nth(2))
    desk.click(desk.lines.nth(4), key="Control")
    desk.click("Compare two")
    compared = desk.panel.get_by_role("region", name="Two messages compared")
    expect(compared.get_by_role("row", name="value.order")).to_be_visible()


def count_by_a_field(desk: Desk) -> None:
    desk.click(desk.panel.get_by_label("JSON fields"))
    expect(desk.panel.get_by_role("columnheader").filter(has_text=".book")).to_be_visible()
    output = desk.python('browser.frame["value.book"].value_counts()')
    expect(output).to_contain_text("Walden")


def resend_one_repaired(desk: Desk) -> None:
    desk.click(desk.lines.first)
    desk.click("Edit and resend")
    value = desk.beside.get_by_role("textbox", name="Value", exact=True)
    value.wait_for()
    value.press("Control+End")
    desk.notebook.page.keyboard.press("Backspace")
    desk.notebook.page.keyboard.type(', "late": 1}')
    desk.clicks, desk.keys = desk.clicks + 1, desk.keys + 14
    desk.click("Send", where=desk.beside)
    expect(desk.beside).to_contain_text("1 confirmed")
    assert desk.notebook.ask("s.peek('orders', 1)['value'][0]").endswith('"version": 2, "late": 1}')


def move_twenty(desk: Desk) -> None:
    desk.click(desk.lines.first)
    desk.panel.get_by_role("grid").focus()
    for count in range(2, 21):
        desk.notebook.page.keyboard.press("Shift+ArrowDown")
        expect(desk.panel.get_by_text(f"{count} rows chosen")).to_be_visible()
    desk.keys += 20
    desk.click("Edit and resend")
    desk.type(desk.beside.get_by_label("Topic", exact=True), "again")
    desk.click("Send all 20", where=desk.beside)
    expect(desk.beside).to_contain_text("20 confirmed")
    assert desk.notebook.ask("len(s.peek('again'))") == 20


def watch_for_an_id(desk: Desk) -> None:
    desk.type(desk.panel.get_by_label("Filter of the value"), '"order": 4711,', enter=True)
    desk.complete("^Complete: 0 rows")
    desk.click(desk.panel.get_by_role("tab", name="Live"))
    expect(desk.beside).to_contain_text("Following")
    desk.notebook.do("publish(4_700, 4_720, 2)")
    expect(desk.beside.locator("tbody tr[tabindex]")).to_have_count(1)


def lag_of_a_group(desk: Desk) -> None:
    expect(desk.panel.get_by_role("region", name="The chosen topic")).to_contain_text("billing")


def export_a_window(desk: Desk) -> None:
    desk.python('s.scan("orders", start="-15min").to_parquet("window")')
    assert desk.notebook.ask("len(__import__('pandas').read_parquet('window'))") > 3_000


TASKS: dict[str, Callable[[Desk], None]] = {
    "the newest poison message of a topic": newest_poison,
    "all messages of one key in the last hour": all_of_a_key_in_an_hour,
    "the first message after a deployment": first_after_a_deployment,
    "what differs between two messages": what_changed_between_two,
    "count the messages by a JSON field": count_by_a_field,
    "repair one and send it again": resend_one_repaired,
    "send 20 to another topic": move_twenty,
    "watch for an id": watch_for_an_id,
    "the lag of a group": lag_of_a_group,
    "export a window to Parquet": export_a_window,
}


def table() -> dict[str, tuple[int, int]]:
    """What notebooks/README.md says: task -> clicks, keys."""
    rows = re.findall(r"^\| (.+?) \|.*\| (\d+) \| (\d+) \|$", TABLE.read_text("utf-8"), re.MULTILINE)
    return {task: (int(clicks), int(keys)) for task, clicks, keys in rows}


@pytest.mark.extended
@pytest.mark.timeout(600)
def test_each_task_takes_the_clicks_and_keys_that_the_table_says(open_notebook: Opening) -> None:
    notebook = open_notebook(SETUP, "None", "None")
    notebook.run(0)
    counted = {}
    for task, act in TASKS.items():
        desk = Desk(notebook)
        act(desk)
        notebook.screenshot(f"task-{act.__name__}")
        counted[task] = (desk.clicks, desk.keys)
    assert counted == table()
