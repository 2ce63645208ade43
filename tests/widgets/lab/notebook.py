"""One notebook that is open in the browser, as its reader uses it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize, expect

from brokerkit.testing.waiting import eventually

from .canary import Canary
from .server import Lab

SECONDS = 30.0
"""For anything that a click brings about, on a machine that has other things to do as well."""
expect.set_options(timeout=1_000 * SECONDS)
SIZE: ViewportSize = {"width": 1280, "height": 1000}
ERRORS = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
RAISED = re.compile(r"Traceback \(most recent call last\)|^\s*(Syntax|Indentation|Tab)Error", re.MULTILINE)


class OpenNotebook:
    """A notebook of given cells in a page of its own, with a kernel that is ready.

    page: Playwright's page. canary: what must stay silent. theme: `light` or `dark`. prepare: what is done
    with the page before anything is loaded.
    """

    def __init__(
        self,
        lab: Lab,
        context: BrowserContext,
        name: str,
        cells: tuple[str, ...],
        *,
        theme: str,
        pictures: Path,
        prepare: Callable[[Page], None] = lambda page: None,
    ) -> None:
        self.name = name
        self.file = lab.write_notebook(name, cells)
        self._lab = lab
        self._pictures = pictures
        lab.use_theme(theme)
        self.page = context.new_page()
        self.page.set_default_timeout(1_000 * SECONDS)
        prepare(self.page)
        self.canary = Canary(self.page, lab.origin)
        self.page.goto(lab.url(f"lab/tree/{name}?reset"))
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        self._kernel = self._ready_kernel()
        self.page.keyboard.press("Control+b")  # the list of files, which is in no picture
        self._asking: BlockingKernelClient | None = None

    def _ready_kernel(self) -> str:
        """Wait for the kernel; its id.

        The page says idle before there is one, and what is run then is lost: ask the server first.
        """

        def ready() -> str | None:
            kernel = self._lab.kernel_of(self.name)
            if kernel is None or kernel["execution_state"] != "idle" or not kernel["connections"]:
                return None
            return str(kernel["id"])

        found = eventually(ready, "the kernel is idle and connected", within=60.0)
        assert found is not None
        expect(self.page.get_by_text(re.compile(r"\| Idle"))).to_be_visible(timeout=60_000)
        return found

    # Cells.

    def cell(self, number: int) -> Locator:
        """A cell, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> Locator:
        """What a cell has put out."""
        return self.cell(number).locator(".jp-OutputArea").first

    def panel(self, number: int) -> Locator:
        """The widget of brokerkit that a cell shows."""
        return self.cell(number).locator(".bk-panel")

    def run_all(self) -> None:
        """Run every cell, wait for all of them, and raise what one of them raised."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name=re.compile("^Run All Cells")).first.click()
        for number in range(self.page.locator(".jp-Notebook .jp-Cell").count()):
            self._finish(number, "")

    def run(self, number: int) -> None:
        """Run one cell, wait for it, and raise what it raised."""
        before = self._prompt(number).inner_text()
        editor = self.cell(number).locator(".cm-content")
        editor.scroll_into_view_if_needed()
        editor.click()
        self.page.keyboard.press("Control+Enter")
        self._finish(number, before)

    def write(self, number: int, source: str) -> None:
        """Replace the text of a cell."""
        self.cell(number).locator(".cm-content").fill(source)

    def _prompt(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-InputPrompt")

    def _finish(self, number: int, before: str) -> None:
        prompt = self._prompt(number)
        expect(prompt).to_have_text(re.compile(r"^\[\d+\]:?$"), timeout=60_000)
        if before:
            expect(prompt).not_to_have_text(before, timeout=60_000)
            expect(prompt).to_have_text(re.compile(r"^\[\d+\]:?$"), timeout=60_000)
        errors = self.cell(number).locator(ERRORS).filter(has_text=RAISED)
        if errors.count():
            raise AssertionError(f"cell {number} raised: {errors.first.inner_text()}")

    # The kernel.

    def ask(self, expression: str) -> Any:
        """The value of an expression in the notebook's kernel: JSON, as Python has it."""
        if self._asking is None:
            self._asking = BlockingKernelClient(connection_file=str(self._lab.connection_file(self._kernel)))
            self._asking.load_connection_file()
            self._asking.start_channels()
            self._asking.wait_for_ready(timeout=SECONDS)
        asked = {"answer": f"__import__('json').dumps({expression})"}
        reply = self._asking.execute(
            "", silent=True, store_history=False, user_expressions=asked, reply=True, timeout=SECONDS
        )
        answer = reply["content"]["user_expressions"]["answer"]
        if answer["status"] != "ok":
            raise AssertionError(f"{expression} raised {answer['ename']}: {answer['evalue']}")
        text = answer["data"]["text/plain"]
        return json.loads(ast.literal_eval(text))

    def do(self, expression: str) -> None:
        """Evaluate an expression in the notebook's kernel for what it does."""
        self.ask(f"({expression}, None)[1]")

    def restart_kernel(self) -> None:
        """Restart the kernel by the menu."""
        self.page.get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).first.click()
        self.page.get_by_role("button", name="Confirm Kernel Restart").click()

    # Files and pictures.

    def save(self) -> Path:
        """Save the notebook as Ctrl+S does; its file."""
        before = self.file.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        eventually(lambda: self._saved_since(before), "the notebook is saved", within=SECONDS)
        return self.file

    def _saved_since(self, before: int) -> bool:
        """Whether it was written again, to its end."""
        return self.file.stat().st_mtime_ns > before and self.file.read_bytes().endswith(b"}\n")

    def screenshot(self, name: str, what: Locator | None = None) -> Path:
        """A picture of the page, or of one part of it, in the folder of pictures."""
        file = self._pictures / f"{name}.png"
        (self.page if what is None else what).screenshot(path=file)
        return file

    def close(self) -> None:
        """Close the page and end its kernel."""
        if self._asking is not None:
            self._asking.stop_channels()
        self.page.close()
        self._lab.end_kernels()
