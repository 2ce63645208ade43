"""Conditions in a real browser: completed with the fields seen, in the query, the tail and a redrive."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from brokerkit.workbench import Session
from tests.session.letters import desk

from ..conftest import s
from .alone_page import violations, workbench

__all__ = ["desk", "s"]


def options(panel: Locator) -> Locator:
    return panel.get_by_role("listbox", name="Fields seen").get_by_role("option")


def test_only_the_letters_that_match_are_sent_again(desk: Session, chromium: Browser, pictures: Path) -> None:
    with workbench(desk, "orders", chromium) as panel:
        panel.get_by_role("tab", name="Dead letters").click()
        panel.get_by_label("Choose all that are listed").click()
        only = panel.get_by_label("Only where", exact=True)
        only.press_sequentially("value.i")
        expect(options(panel)).to_have_text(["idnumber"])
        assert violations(panel.page) == []
        panel.page.screenshot(path=pictures / "only-where-completion.png")
        only.press("ArrowDown")
        only.press("Enter")
        expect(only).to_have_value('value["id"]')
        only.press_sequentially(" < 4")
        expect(panel.get_by_text("4 of 12 chosen match; 8 stay")).to_be_visible()
        only.press("Enter")
        again = panel.get_by_role("button", name="Redrive 4")
        expect(again).to_be_visible()
        assert violations(panel.page) == []
        panel.page.screenshot(path=pictures / "only-where-plan.png")
        again.click()
        expect(panel.get_by_text("4 confirmed")).to_be_visible()
    assert len(desk.dead_letters("orders")) == 8


@pytest.mark.extended
def test_the_filters_of_messages_and_of_a_tail_are_completed_too(
    desk: Session, chromium: Browser, pictures: Path
) -> None:
    with workbench(desk, "orders", chromium) as panel:
        panel.get_by_role("group", name="How the value is filtered").get_by_text("Python").click()
        where = panel.get_by_label("Filter of the value")
        where.press_sequentially("7 == i")
        expect(options(panel)).to_have_text(["idnumber"])
        options(panel).first.click()
        expect(where).to_have_value('7 == value["id"]')
        expect(options(panel)).to_have_count(0)
        where.press("Enter")
        expect(panel.locator(".bk-messages [role=row]").filter(has_text='{"id": 7}')).to_have_count(1)
        panel.get_by_role("tab", name="Live").click()
        panel.get_by_role("group", name="How the condition is written").get_by_text("Python").click()
        only = panel.get_by_label("Only where", exact=True)
        only.fill('value["')
        expect(options(panel)).to_have_text(["idnumber"])
        only.press("Escape")
        expect(options(panel)).to_have_count(0)
        only.fill('value["id"] in (3, 4)')
        rows = panel.get_by_role("region", name="Messages, the newest last").locator("tbody tr[tabindex]")
        expect(rows).to_have_count(2)
        only.fill("value[")
        expect(panel.get_by_text("not a Python expression")).to_be_visible()
        panel.page.screenshot(path=pictures / "tail-condition.png")
        assert violations(panel.page) == []


def test_fields_of_rows_that_come_while_it_is_typed_complete_it(desk: Session, chromium: Browser) -> None:
    desk.create_topic("late")
    with workbench(desk, "late", chromium) as panel:
        panel.get_by_role("group", name="How the value is filtered").get_by_text("Python").click()
        where = panel.get_by_label("Filter of the value")
        where.press_sequentially("True or i")
        expect(options(panel)).to_have_count(0)
        desk.publish("late", {"id": 7})
        where.press("Enter")
        expect(options(panel)).to_have_text(["idnumber"])
