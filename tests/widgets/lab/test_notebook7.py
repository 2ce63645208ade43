"""The widgets, clicked in Notebook 7, which has a page of its own for each notebook."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from brokerkit.testing.waiting import eventually
from tests.conftest import missing

from .canary import PAYLOADS, Canary
from .server import Lab

pytestmark = pytest.mark.extended
VARIABLE = "BROKERKIT_NOTEBOOK"
ENABLE = f"pip install 'notebook>=7', or {VARIABLE}=/path/to/python of an environment that has it"
CELLS = (
    """
import brokerkit as bk
s = bk.connect("inmem://")
s.create_topic("orders", partitions=2)
for n in range(30):
    s.publish("orders", {"id": n, "mark": f"mark-{n}"}, key=f"k{n}")
""",
    "s.browse('orders')",
    "s.tail('orders', start='earliest')",
    "s.compose('orders')",
)


class Notebook7(Lab):
    """Notebook 7 with its kernels, perhaps of another environment; the kernels are those of this one."""

    kernel = "brokerkit"

    def __init__(self, python: str) -> None:
        super().__init__()
        self._python = python
        place = self.folder / "data" / "kernels" / self.kernel
        place.mkdir(parents=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        found = {"argv": command, "display_name": "Python 3", "language": "python"}
        (place / "kernel.json").write_text(json.dumps(found), "utf-8")

    def _command(self) -> list[str]:
        return [self._python, "-m", "notebook", *self._arguments()]

    def _environment(self) -> dict[str, str]:
        # the widgets of this environment are shown, whichever the server is of
        return {**super()._environment(), "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter")}


@pytest.fixture(scope="module")
def notebook7(chromium: Browser) -> Iterator[Notebook7]:
    """A running Notebook 7."""
    python = os.environ.get(VARIABLE) or (sys.executable if importlib.util.find_spec("notebook") else None)
    if python is None:
        missing("notebook", ENABLE, "installation")
    with Notebook7(python) as server:
        yield server


def opened(server: Notebook7, page: Page, name: str, cells: tuple[str, ...]) -> Canary:
    """Open a notebook of these cells, and run all of them."""
    server.write_notebook(name, cells)
    canary = Canary(page, server.origin)
    page.goto(server.url(f"notebooks/{name}"))
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)

    def ready() -> bool:
        kernel = server.kernel_of(name)
        return kernel is not None and kernel["execution_state"] == "idle" and kernel["connections"] > 0

    eventually(ready, "the kernel is idle and connected", within=60.0)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells")).first.click()
    return canary


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_browse_tail_and_compose_in_notebook_7(
    notebook7: Notebook7, chromium: Browser, pictures: Path, theme: str
) -> None:
    notebook7.use_theme(theme)
    with chromium.new_context(viewport={"width": 1440, "height": 1000}) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        canary = opened(notebook7, page, f"widgets-{theme}.ipynb", CELLS)
        panels = page.locator(".bk-panel")
        expect(panels).to_have_count(3, timeout=60_000)
        browser, tail, composer = (panels.nth(place) for place in range(3))
        rows = browser.get_by_role("grid").get_by_role("row")
        expect(rows.filter(has_text="mark-29").first).to_be_visible()
        expect(page.locator(f"[data-theme={theme}]").first).to_be_visible()
        rows.filter(has_text="mark-29").first.click()
        expect(browser.get_by_role("region", name="The chosen message")).to_be_visible()
        # its keys are its own: the notebook's commands do not hear them
        page.keyboard.press("ArrowDown")
        page.keyboard.press("x")
        expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(CELLS))
        browser.screenshot(path=pictures / f"notebook7-browse-{theme}.png")
        tail.scroll_into_view_if_needed()
        expect(tail.get_by_text('"mark":"mark-29"').first).to_be_visible()
        tail.get_by_role("button", name="Pause").click()
        expect(tail.get_by_role("button", name="Resume").first).to_be_visible()
        tail.screenshot(path=pictures / f"notebook7-tail-{theme}.png")
        composer.scroll_into_view_if_needed()
        composer.get_by_label("Value", exact=True).fill('{"id": 30}')
        composer.get_by_role("button", name="Send", exact=True).click()
        expect(composer).to_contain_text("1 confirmed")
        composer.screenshot(path=pictures / f"notebook7-compose-{theme}.png")
        assert canary.seen == []
        page.close()
        notebook7.end_kernels()


def test_hostile_payloads_stay_text_in_notebook_7(notebook7: Notebook7, chromium: Browser) -> None:
    publish = f"""
import brokerkit as bk
s = bk.connect("inmem://")
s.create_topic("orders")
for payload in {PAYLOADS!r}:
    s.publish("orders", payload, key=payload[:200])
"""
    with chromium.new_context(viewport={"width": 1440, "height": 1000}) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        canary = opened(notebook7, page, "hostile.ipynb", (publish, *CELLS[1:3]))
        panels = page.locator(".bk-panel")
        expect(panels).to_have_count(2, timeout=60_000)
        rows = panels.first.get_by_role("grid").get_by_role("row")
        expect(rows.filter(has_text="canary('onerror')").first).to_be_visible()
        rows.nth(2).click()
        expect(panels.first.get_by_role("region", name="The chosen message")).to_be_visible()
        expect(panels.last.get_by_text("canary('onerror')").first).to_be_visible()
        assert canary.seen == []
        page.close()
        notebook7.end_kernels()
