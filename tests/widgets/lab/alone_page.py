"""A workbench of a session of this process, alone in a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from brokerkit.widgets.alone.outlet import SocketOutlet
from brokerkit.widgets.alone.server import PageServer
from brokerkit.workbench import Session

from ..test_front_end import FRONT_END
from .notebook import SECONDS

AXE = FRONT_END / "node_modules" / "axe-core" / "axe.min.js"
not_looked_at: list[str] = []
"""Pages that axe would have looked at; the test says so when it ends."""


@contextmanager
def workbench(
    s: Session, topic: str, chromium: Browser, *, width: int = 1440, height: int = 900, **context: Any
) -> Iterator[Locator]:
    """The panel of a workbench that shows a topic: it is opened from a dashboard."""
    dashboard, outlet = s.dashboard(), SocketOutlet()
    dashboard._show_at(outlet)
    size: Any = {"width": width, "height": height}
    try:
        with PageServer(outlet) as server, chromium.new_context(viewport=size, **context) as opened:
            page = opened.new_page()
            page.set_default_timeout(1_000 * SECONDS)
            page.goto(server.url)
            panel = page.locator(".bk-panel")
            panel.get_by_role("group", name="Which topics").get_by_text("All").click()
            panel.get_by_role("button", name=topic, exact=True).first.click()
            expect(panel.get_by_role("tab", name="Messages")).to_be_visible()
            yield panel
    finally:
        dashboard.close()


def violations(page: Page) -> list[str]:
    """What axe finds in the widget; where it is not installed, nothing, and the test ends as skipped too."""
    if not AXE.is_file():
        not_looked_at.append(page.url)
        return []
    page.evaluate(AXE.read_text("utf-8"))
    found: list[str] = page.locator(".bk-panel").first.evaluate(
        """(panel) => axe.run(panel, {resultTypes: ["violations"]}).then(
            ({violations}) => violations.map(
                ({id, impact, nodes}) => `${id} (${impact}): ${nodes[0].html.slice(0, 200)}`))"""
    )
    return found
