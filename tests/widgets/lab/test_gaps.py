"""Offsets without a message in a real browser: by a sign and words, at the row and at a step."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

from ..conftest import s
from .alone_page import violations, workbench

__all__ = ["s"]
GAP = "offsets 3 to 4 hold no message: messages that were removed"


def test_a_gap_in_the_offsets_is_explained_where_it_is_seen(
    s: Session, chromium: Browser, pictures: Path
) -> None:
    s.create_topic("orders")
    s.publish_batch("orders", [OutboundMessage(f"m{n}") for n in range(8)])
    s.purge("orders", rows=s.peek("orders").iloc[[3, 4]], confirm="orders", progress=False)
    with workbench(s, "orders", chromium) as panel:
        row = panel.get_by_role("row").filter(has_text="m5")
        expect(row.get_by_role("img", name=f"Before it, {GAP}")).to_be_visible()
        expect(panel.get_by_role("img", name="Before it,")).to_have_count(1)
        row.click()
        panel.get_by_role("button", name="Previous by position").click()
        expect(panel.get_by_role("region", name="The chosen message").get_by_text(GAP)).to_be_visible()
        panel.page.screenshot(path=pictures / "gap.png")
        assert violations(panel.page) == []
