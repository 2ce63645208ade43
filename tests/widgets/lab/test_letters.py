"""The tab of dead letters in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

from ..conftest import s
from .alone_page import workbench

__all__ = ["s"]
CLOSED = "this session was closed: connect again, and run the cell"
VERBS = ("Redrive", "Move", "Delete")


def test_letters_that_tell_nothing_of_tries_have_no_column_of_them(s: Session, chromium: Browser) -> None:
    for name in ("orders", "orders.dlq"):
        s.create_topic(name)
    s.publish("orders.dlq", "x")
    with workbench(s, "orders", chromium) as panel:
        panel.get_by_role("tab", name="Dead letters").click()
        expect(panel.get_by_role("columnheader", name="Position")).to_be_visible()
        expect(panel.get_by_role("columnheader", name="Tries")).to_have_count(0)
        s.publish_batch("orders.dlq", [OutboundMessage("y", attributes={"bk-redriven": "2"})])
        panel.get_by_role("button", name="Read the dead letters again").click()
        expect(panel.get_by_role("columnheader", name="Tries")).to_be_visible()
        expect(panel.get_by_role("cell", name="+2")).to_be_visible()


def test_a_closed_session_offers_no_change(s: Session, chromium: Browser, pictures: Path) -> None:
    s.create_topic("orders")
    s.create_topic("orders.dlq")
    s.publish_batch("orders", ["x", "y"])
    s.publish("orders.dlq", "x")
    with workbench(s, "orders", chromium) as panel:
        panel.get_by_role("row").filter(has_text="y").click()
        for name in VERBS:
            expect(panel.get_by_role("button", name=f"{name} the chosen rows")).to_be_enabled()
        panel.get_by_role("tab", name="Dead letters").click()
        panel.get_by_role("checkbox", name="Choose all that are listed").click()
        expect(panel.get_by_role("button", name="Dry run")).to_be_enabled()
        s.close()
        expect(panel.get_by_text("This session was closed.")).to_be_visible()
        for name in ("Dry run", "Read the dead letters again"):
            expect(panel.get_by_role("button", name=name)).to_be_disabled()
        expect(panel.get_by_text(CLOSED)).to_be_visible()
        panel.page.screenshot(path=pictures / "closed-letters.png")
        panel.get_by_role("tab", name="Messages").click()
        for name in VERBS:
            button = panel.get_by_role("button", name=f"{name} the chosen rows")
            expect(button).to_be_disabled()
            expect(button).to_have_attribute("title", CLOSED)
        panel.page.screenshot(path=pictures / "closed.png")
