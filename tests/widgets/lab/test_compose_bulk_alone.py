"""Many messages of a file in the workbench alone in a tab: every select and button is tried by clicking."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

import brokerkit as bk
from brokerkit.widgets.compose.bulk.clicks import BulkClicks
from tests.registry.web import Web

from ..test_compose_bulk import record, registered
from .page import page_of

LINES = "1,1.5\n2,2\n3,3\n"


@pytest.fixture
def panel(chromium: Browser) -> Iterator[Locator]:
    answers = registered({1: record("double"), 2: record("long")})
    with Web(answers) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic("refunds")
        browser = s.browse("refunds")
        with page_of(browser, chromium, 1440) as page:
            page.get_by_role("tab", name="Compose").click()
            shown = page.get_by_role("tabpanel", name="Compose")
            shown.get_by_text("Many, from a file or frame").click()
            yield shown
        browser.put_away()
        browser.stop()


def give(panel: Locator, text: str) -> None:
    panel.get_by_label("A file with messages").set_input_files(
        {"name": "refunds.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )


def test_it_is_said_what_the_first_line_is(panel: Locator) -> None:
    give(panel, LINES)
    rows = panel.get_by_role("region", name="Rows")
    expect(rows).to_contain_text("3 ready")
    columns = panel.get_by_role("region", name="Columns")
    expect(columns).to_contain_text("column 1")
    panel.get_by_label("What the first line is").select_option("has names")
    expect(rows).to_contain_text("2 ready")
    expect(columns).to_contain_text("1.5")
    panel.get_by_label("What the first line is").select_option("is a row")
    expect(rows).to_contain_text("3 ready")
    panel.get_by_label("What column 1 becomes").select_option("key and field")
    preview = panel.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("key")
    expect(preview).to_contain_text('{"column 1":1,"column 2":1.5}')


def test_a_file_that_arrives_is_cancelled(panel: Locator, monkeypatch: pytest.MonkeyPatch) -> None:
    give(panel, f"n\n{LINES}")
    expect(panel.get_by_role("region", name="Rows")).to_contain_text("ready")
    received = BulkClicks._received

    def silent(clicks: BulkClicks, number: int, at: int) -> None:
        """Do not ask for what follows the first part."""
        if at <= 0:
            received(clicks, number, at)

    monkeypatch.setattr(BulkClicks, "_received", silent)
    give(panel, "order,amount\n" + LINES * 100_000)
    source = panel.get_by_role("group", name="Where the messages come from")
    cancel = source.get_by_role("button", name="Cancel")
    cancel.click()
    expect(cancel).to_have_count(0)
    expect(source).to_contain_text("refunds.csv")
    expect(panel.get_by_role("region", name="Rows")).to_contain_text("ready")
    # and another one is taken afterwards
    monkeypatch.undo()
    give(panel, f"order,amount\n{LINES}")
    expect(panel.get_by_role("region", name="Rows")).to_contain_text("3 ready")


def test_a_version_of_a_schema_is_chosen(panel: Locator) -> None:
    give(panel, f"order,amount\n{LINES}")
    rows = panel.get_by_role("region", name="Rows")
    expect(rows).to_contain_text("3 ready")
    panel.get_by_label("The subject of the registry").select_option("refunds-value")
    expect(panel.get_by_role("table", name="Bad lines")).to_contain_text("amount")
    expect(rows).to_contain_text("2 ready")
    panel.get_by_label("The version of the subject").select_option("1")
    expect(rows).to_contain_text("3 ready")
    expect(panel.get_by_role("region", name="Preview")).to_contain_text("with refunds-value:1")
    panel.get_by_role("button", name="Send 3").click()
    expect(panel).to_contain_text("3 confirmed")
    expect(panel.get_by_label("The subject of the registry")).to_be_disabled()
