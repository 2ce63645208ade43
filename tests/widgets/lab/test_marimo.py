"""The widgets, clicked in marimo, which shows them by its own way."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from brokerkit.sandbox.process import ServerProcess, free_ports

from .alone_page import violations

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import brokerkit as bk

    s = bk.connect("inmem://")
    s.create_topic("orders", partitions=2)
    for n in range(30):
        s.publish("orders", {"id": n, "mark": f"mark-{n}"})
    return bk, s


@app.cell
def _(bk, s):
    SHOWN
    return
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Browser, folder: Path) -> Iterator[Page]:
    """A notebook of marimo that shows one widget."""
    pytest.importorskip("marimo")
    file = folder / "notebook.py"
    file.write_text(NOTEBOOK.replace("SHOWN", request.param), "utf-8")
    port = free_ports(1)[0]
    command = [
        *(sys.executable, "-m", "marimo", "run", str(file), "--headless", "--no-token"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    environment = os.environ | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
    server = ServerProcess(command, folder=folder, log=folder / "marimo.log", environment=environment)
    try:
        server.wait_until(lambda: _answers(port), timeout=60, what="marimo")
        opened = chromium.new_page()
        opened.goto(f"http://127.0.0.1:{port}/")
        yield opened
        opened.close()
    finally:
        server.terminate()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except OSError:
        return False


@pytest.mark.extended
@pytest.mark.parametrize("page", ['s.tail("orders", start="earliest")'], indirect=True)
def test_a_tail_follows_and_is_paused_and_stopped_by_clicking(page: Page) -> None:
    expect(page.get_by_text('"mark":"mark-29"').first).to_be_visible(timeout=60_000)
    status = page.get_by_role("status").first
    page.get_by_role("button", name="Pause").click()
    expect(status).to_contain_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(status).to_contain_text("Following")
    page.get_by_label("Only where", exact=True).fill("mark-17")
    expect(page.locator("tbody tr[tabindex]")).to_have_count(1)
    page.get_by_role("button", name="Stop").click()
    expect(status).to_contain_text("Stopped: you stopped it")


@pytest.mark.parametrize("page", ['s.browse("orders")'], indirect=True)
def test_a_browser_finds_a_message_by_clicking(page: Page) -> None:
    row = page.get_by_role("row").filter(has_text="mark-23").first
    expect(row).to_be_visible(timeout=60_000)
    row.click()
    # numbers are shown as they are written
    expect(page.get_by_role("tree")).to_contain_text("id: 23")
    page.get_by_role("tab", name="hex").click()
    expect(page.get_by_text("7b 22 69 64").first).to_be_visible()
    page.get_by_role("button", name="Next row").click()
    expect(page.get_by_text("7b 22 69 64 22 3a 32 32").first).to_be_visible()
    page.get_by_role("button", name="Rows over time").click()
    expect(page.get_by_text("30 messages").first).to_be_visible()
    page.get_by_placeholder("a text in the value").fill("mark-17")
    page.get_by_role("button", name="Search").click()
    expect(row).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="mark-17").first).to_be_visible()


@pytest.mark.extended
@pytest.mark.parametrize("page", ['s.compose("orders", value="hello")'], indirect=True)
def test_a_composer_sends_what_was_typed(page: Page) -> None:
    send = page.get_by_role("button", name="Send").first
    expect(send).to_be_enabled(timeout=60_000)
    send.click()
    expect(page.get_by_text("1 confirmed").first).to_be_visible()


@pytest.mark.extended
@pytest.mark.parametrize("page", ['s.compose("orders", value="{}")'], indirect=True)
def test_a_value_is_edited_in_the_editor_and_the_keyboard_leads_out(page: Page) -> None:
    page.get_by_role("button", name="JSON editor").click(timeout=60_000)
    editor = page.get_by_role("textbox", name="Value as JSON")
    expect(editor).to_be_focused()
    editor.press("Control+a")
    editor.press_sequentially('{"ma')
    page.get_by_role("option", name="mark").click()
    editor.press_sequentially('"by hand"}')
    expect(page.get_by_text("ready to send")).to_be_visible()
    assert violations(page) == []
    editor.press("Escape")
    expect(page.get_by_role("button", name="JSON editor")).to_be_focused()
    page.get_by_role("button", name="Send").first.click()
    expect(page.get_by_text("1 confirmed").first).to_be_visible()


@pytest.mark.extended
@pytest.mark.parametrize("page", ['s.compose("orders", many=True)'], indirect=True)
def test_a_composer_sends_the_good_rows_of_a_file(page: Page) -> None:
    lines = [f"{n};{n},50" for n in range(20)]
    lines[7] = "7;n/a"
    file = {"name": "some.csv", "mimeType": "text/csv", "buffer": "\n".join(["order;total", *lines]).encode()}
    page.get_by_label("A file with messages").set_input_files(file, timeout=60_000)  # type: ignore[arg-type]  # a file
    expect(page.get_by_role("region", name="Rows")).to_contain_text("19 ready")
    expect(page.get_by_role("table", name="Bad lines")).to_contain_text("'n/a' is not a number")
    page.get_by_role("button", name="Send 19").click()
    expect(page.get_by_text("19 confirmed").first).to_be_visible()


@pytest.mark.extended
@pytest.mark.parametrize("page", ["bk.open()"], indirect=True)
def test_the_first_screen_opens_a_broker(page: Page) -> None:
    page.get_by_label("Servers").fill("inmem://", timeout=60_000)
    expect(page.get_by_role("list", name="What the doctor found")).to_contain_text("list topics")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text("No topic is chosen").first).to_be_visible()


@pytest.mark.extended
@pytest.mark.parametrize("page", ["s.dashboard(every=1)"], indirect=True)
def test_a_dashboard_lists_the_topics_and_opens_one(page: Page) -> None:
    # a topic without traffic or subscription is not among the busy ones
    page.get_by_role("button", name="All 1").click(timeout=60_000)
    page.get_by_role("button", name="orders").click()
    expect(page.get_by_text("mark-29").first).to_be_visible()
    page.get_by_role("button", name="Back to Dashboard").first.click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
