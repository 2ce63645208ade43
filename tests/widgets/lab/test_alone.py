"""`brokerkit browse` in a browser tab: the first screen, and the workbench in its place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

import brokerkit as bk
from brokerkit.widgets.alone.outlet import SocketOutlet
from brokerkit.widgets.alone.server import PageServer
from tests.conftest import missing

from ..test_front_end import ENABLE, FRONT_END
from .canary import PAYLOADS, Canary
from .notebook import SECONDS

AXE = FRONT_END / "node_modules" / "axe-core" / "axe.min.js"
TABS = ("Partitions", "Subscriptions", "Configuration", "Schema", "Dead letters", "Compose", "Live")

SETUP = """
import brokerkit as bk
from brokerkit.command_line import main
s = bk.connect("inmem://alone")
for name in ("orders", "orders.dlq", "orders.import"):
    s.create_topic(name)
s.publish("orders.dlq", "one")
bk.save_connection("old", "inmem://old")
for payload in {payloads!r}:
    s.publish("orders", payload, key=payload[:200])
main(["browse", "--no-open"])
"""
"""The broker is in the process of the command, and full of what must not come alive."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """What the command prints, once it listens on the loopback and on nothing else."""
    environment = {**os.environ, "BROKERKIT_CONFIG": str(tmp_path / "connections.toml")}
    environment.pop("BROKERKIT_URL", None)
    command = [sys.executable, "-c", SETUP.format(payloads=PAYLOADS)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            printed = process.stdout.readline().strip()
            connections = psutil.Process(process.pid).net_connections("inet")
            listening = {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
            assert listening == {"127.0.0.1"}
            yield printed
        finally:
            process.terminate()


def test_the_first_screen_and_the_workbench_alone_in_a_tab(address: str, chromium: Browser) -> None:
    place = urlsplit(address)
    origin = f"http://{place.netloc}"
    with chromium.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(1_000 * SECONDS)
        refused = page.goto(origin)
        assert refused is not None
        assert refused.status == 403
        expect(page.locator("body")).to_contain_text("with its token")
        canary = Canary(page, origin)
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        # the token is not in the history
        assert page.url == f"{origin}/"
        panel = page.locator(".bk-panel")
        # a saved connection goes by a click, once it was asked
        panel.get_by_role("button", name="Delete old").click()
        question = panel.get_by_role("group", name="Delete old?")
        # the question takes the focus once, Escape ends it, and the focus is where it was before
        expect(question.get_by_role("button", name="Keep")).to_be_focused()
        page.keyboard.press("Escape")
        expect(question).to_have_count(0)
        expect(panel.get_by_role("button", name="Delete old")).to_be_focused()
        page.keyboard.press("Enter")
        servers = panel.get_by_label("Servers")
        servers.fill("inmem://not-taken-away")
        expect(panel.get_by_role("list", name="What the doctor found")).to_contain_text("list topics")
        expect(servers).to_be_focused()
        expect(question).to_have_count(1)
        question.get_by_role("button", name="Delete").click()
        expect(panel.get_by_text("None yet.")).to_be_visible()
        panel.get_by_label("Servers").fill("inmem://alone")
        expect(panel.get_by_role("list", name="What the doctor found")).to_contain_text(
            "list topics 3 topics"
        )
        panel.get_by_role("button", name="Connect", exact=True).click()
        # the topics as a tree, opened and chosen with the keyboard alone
        panel.get_by_role("button", name="Group by prefix").click()
        branch = panel.get_by_role("treeitem").first
        expect(branch).to_have_attribute("aria-expanded", "false")
        expect(branch).to_contain_text("orders 3")
        panel.get_by_role("tree", name="Topics").focus()
        page.keyboard.press("ArrowRight")
        expect(panel.get_by_role("treeitem")).to_have_count(4)
        expect(panel.get_by_role("treeitem").nth(1)).to_contain_text("orders")
        expect(panel.get_by_role("treeitem").nth(1).get_by_label("1 dead letters")).to_be_visible()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        rows = panel.get_by_role("grid").get_by_role("row")
        expect(rows.filter(has_text="canary('onerror')")).to_be_visible()
        # a window is chosen from the calendar, and what its ends mean is said
        panel.get_by_role("button", name="All that is kept").click()
        window = panel.get_by_role("group", name="The window to read")
        window.get_by_label("To: a place").fill("what")
        expect(window.get_by_role("alert")).to_contain_text("Try yesterday 13:00")
        expect(window.get_by_role("button", name="Read this window")).to_be_disabled()
        window.get_by_label("To: a place").fill("")
        window.get_by_label("From: date").fill("2026-01-31T12:00:00")
        expect(window.get_by_label("From: a place")).to_have_value("2026-01-31T12:00:00Z")
        expect(window).to_contain_text("2026-01-31 12:00:00.000 UTC")
        # what is typed key by key stays as it is typed, and Enter reads it once it is judged
        calendar, place = window.get_by_label("From: date"), window.get_by_label("From: a place")
        calendar.focus()
        for key in ("0", "2", "1", "5", "2", "0", "2", "5"):
            page.keyboard.press(key)
        expect(calendar).to_have_value("2025-02-15T12:00")
        expect(place).to_have_value("2025-02-15T12:00:00Z")
        calendar.evaluate("field => field.blur()")
        calendar.focus()
        for _ in range(4):
            page.keyboard.press("ArrowUp")
        expect(place).to_have_value("2025-06-15T12:00:00Z")
        # an answer that comes once it has the focus is shown, since nothing was typed in it
        place.fill("2026-05-05T05:05:00Z")
        calendar.focus()
        expect(calendar).to_have_value("2026-05-05T05:05")
        # Enter does not take what was not judged yet
        window.get_by_label("To: a place").fill("2024-01-01")
        page.keyboard.press("Enter")
        expect(window.get_by_role("alert")).to_contain_text("not after the beginning")
        window.get_by_label("To: a place").fill("")
        place.fill("2026-01-31T12:00:00Z")
        page.keyboard.press("Enter")
        read = "s.peek('orders', start='2026-01-31T12:00:00Z', newest=True)"
        expect(panel.get_by_title(read).first).to_be_visible()
        expect(rows.nth(1).get_by_title(re.compile("UTC$"))).to_be_visible()
        page.reload()
        expect(rows.filter(has_text="canary('onerror')")).to_be_visible()
        assert canary.seen == []
        assert wrong == []


def violations(page: Page) -> list[str]:
    """What axe finds in the widget."""
    found: list[str] = page.evaluate(
        """() => axe.run(document.querySelector(".bk-panel"), {resultTypes: ["violations"]}).then(
            ({violations}) => violations.map(
                ({id, impact, nodes}) => `${id} (${impact}): ${nodes[0].html.slice(0, 200)}`))"""
    )
    return found


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.extended)])
def test_axe_finds_nothing_in_a_dashboard(chromium: Browser, theme: str) -> None:
    if not AXE.is_file():
        missing("axe", ENABLE, "in node_modules")
    with bk.connect("inmem://") as s, chromium.new_context(color_scheme=theme) as context:
        for name in ("orders", "orders-dlq"):
            s.create_topic(name)
            s.publish_batch(name, ["{}"] * 3)
        s.create_subscription("orders", "billing", start="earliest")
        dashboard, outlet = s.dashboard(), SocketOutlet()
        dashboard._show_at(outlet)
        with PageServer(outlet) as server:
            page = context.new_page()
            page.set_default_timeout(1_000 * SECONDS)
            page.goto(server.url)
            panel = page.locator(".bk-panel")
            expect(panel.get_by_text("holds 3 dead letters")).to_be_visible()
            expect(panel.get_by_role("button", name="orders", exact=True)).to_be_visible()
            page.evaluate(AXE.read_text("utf-8"))
            assert violations(page) == []
        dashboard.close()


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.extended)])
def test_axe_finds_nothing_in_any_tab(address: str, chromium: Browser, theme: str) -> None:
    if not AXE.is_file():
        missing("axe", ENABLE, "in node_modules")
    found: dict[str, list[str]] = {}
    with chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme) as context:
        page = context.new_page()
        page.set_default_timeout(1_000 * SECONDS)
        page.goto(address)
        panel = page.locator(".bk-panel")
        panel.get_by_label("Servers").fill("inmem://alone")
        expect(panel.get_by_role("list", name="What the doctor found")).to_contain_text("list topics")
        page.evaluate(AXE.read_text("utf-8"))
        panel.get_by_role("button", name="Delete old").click()
        found["first screen"] = violations(page)
        # in a notebook it would be the banner of the page, inside of the landmarks of the notebook
        expect(panel.locator("header")).to_have_count(0)
        panel.get_by_role("button", name="Connect", exact=True).click()
        panel.get_by_role("option").filter(has_text=re.compile("^orders[0-9]")).click()
        panel.get_by_role("button", name="Group by prefix").click()
        expect(panel.get_by_role("treeitem").first).to_be_visible()
        panel.get_by_role("grid").get_by_role("row").nth(2).click()
        expect(panel.get_by_role("region", name="The chosen message")).to_be_visible()
        found["Messages"] = violations(page)
        expect(panel.locator("header")).to_have_count(0)
        for name in TABS:
            panel.get_by_role("tab", name=name).click()
            expect(panel.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
            found[name] = violations(page)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
