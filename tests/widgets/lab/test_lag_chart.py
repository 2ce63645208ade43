"""The lag of a subscription in a real browser: drawn while it is in sight, and by no look when it is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from brokerkit.widgets.browse import lag_looks
from brokerkit.widgets.browse.clicks import Clicks
from brokerkit.workbench import Session

from ..conftest import s
from .alone_page import violations, workbench

__all__ = ["s"]


@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1440), pytest.param("dark", 900, marks=pytest.mark.extended)]
)
def test_lag_is_drawn_while_its_tab_is_in_sight(
    s: Session, chromium: Browser, pictures: Path, monkeypatch: pytest.MonkeyPatch, theme: str, width: int
) -> None:
    monkeypatch.setattr(lag_looks, "EVERY", 0.2)
    s.create_topic("orders", partitions=3)
    for name in ("audit", "billing"):
        s.create_subscription("orders", name, start="earliest")
    s.publish_batch("orders", [{"id": n} for n in range(40)])
    with workbench(s, "orders", chromium, width=width, color_scheme=theme) as panel:
        panel.get_by_role("tab", name="Subscriptions").click()
        panel.get_by_role("row").filter(has_text="billing").click()
        chart = panel.get_by_role("img", name=re.compile("^Lag 40 messages, at most 40 in the last"))
        expect(chart).to_be_visible()
        s.publish_batch("orders", [{"id": n} for n in range(25)])
        chart = panel.get_by_role("img", name=re.compile("^Lag 65 messages"))
        expect(chart).to_be_visible()
        expect(panel.get_by_text("65, growing by")).to_be_visible()
        panel.get_by_role("button", name="By partition").click()
        expect(chart.locator("path")).to_have_count(3)
        expect(panel.get_by_text("Messages are not read.")).to_be_visible()
        expect(panel.get_by_text("s.lag('billing', 'orders')")).to_be_visible()
        chart.press("ArrowLeft")
        expect(
            panel.get_by_role("status").filter(has_text=re.compile(r"UTC: p0 \d+, p1 \d+"))
        ).to_be_visible()
        panel.page.screenshot(path=pictures / f"lag-{theme}-{width}.png")
        assert violations(panel.page) == []
        asked: list[None] = []
        monkeypatch.setattr(Clicks, "_on_lag", lambda *_: asked.append(None))
        panel.get_by_role("tab", name="Partitions").click()
        # what was sent before has arrived
        expect(panel.get_by_text("s.describe('orders').partitions")).to_be_visible()
        count = len(asked)
        # five times as long as between two looks
        panel.page.wait_for_timeout(1_000)
        assert len(asked) == count
