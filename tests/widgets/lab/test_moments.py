"""A moment says what it is in the zone of the person and in UTC: under the mouse and under the keyboard."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Locator, expect

from brokerkit.workbench import Session
from tests.session.letters import desk

from ..conftest import s
from .alone_page import violations, workbench

__all__ = ["desk", "s"]
BOTH = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} America/St_Johns \(GMT-3:30\)\s\d{4}-.* UTC")


def said(panel: Locator) -> Locator:
    return panel.get_by_role("tooltip")


def test_moments_are_shown_in_both_zones(desk: Session, chromium: Browser, pictures: Path) -> None:
    desk.publish("orders", "{}")
    with workbench(desk, "orders", chromium, timezone_id="America/St_Johns") as panel:
        page = panel.page
        # the rows of the messages, once the keys rest on one
        expect(panel.get_by_role("grid").get_by_role("row")).not_to_have_count(1)
        panel.get_by_role("grid").focus()
        page.keyboard.press("ArrowDown")
        expect(said(panel)).to_have_text(BOTH)
        panel.get_by_role("tab", name="Dead letters").click()
        expect(said(panel)).to_have_count(0)
        letter = panel.locator(".bk-letters tbody tr").first
        letter.locator("time").hover()
        expect(said(panel)).to_have_text(BOTH)
        page.screenshot(path=pictures / "moment-hovered.png")
        assert violations(page) == []
        page.mouse.move(0, 0)
        expect(said(panel)).to_have_count(0)
        # a row takes the keyboard for all that is in it
        letter.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        expect(said(panel)).to_have_text(BOTH)
        letter.press("Enter")
        field = panel.locator("dd time").first
        field.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        expect(said(panel)).to_have_text(BOTH)
        for name, place in (("Subscriptions", "tbody"), ("Live", "[role=region] tbody")):
            panel.get_by_role("tab", name=name).click()
            panel.locator(place).locator("time").first.hover()
            expect(said(panel).first).to_have_text(BOTH)
            page.mouse.move(0, 0)
        panel.get_by_role("button", name="Dashboard").click()
        panel.get_by_text("refreshed").locator("time").hover()
        expect(said(panel)).to_have_text(BOTH)
