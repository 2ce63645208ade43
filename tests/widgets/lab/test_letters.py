"""The tab of dead letters in a real browser."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

from ..conftest import s
from .alone_page import workbench

__all__ = ["s"]


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
