"""A broker that is lost, in a real browser: it is said, and what was read stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from brokerkit.core.vocabulary.errors import Unavailable
from brokerkit.session.read.peek import Peek
from brokerkit.workbench import Session

from ..conftest import s
from .alone_page import workbench

__all__ = ["s"]


def test_rows_stay_when_the_same_search_finds_no_broker(
    s: Session, chromium: Browser, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s.create_topic("orders")
    s.publish_batch("orders", ["x", "y"])

    def lost(*_: object, **__: object) -> None:
        raise Unavailable("the broker does not answer")

    with workbench(s, "orders", chromium) as panel:
        row = panel.get_by_role("row").filter(has_text="y")
        expect(row).to_be_visible()
        with monkeypatch.context() as patch:
            patch.setattr(Peek, "plan", lost)
            panel.get_by_role("button", name="Search").click()
            expect(panel.get_by_text("the broker does not answer")).to_be_visible()
            expect(panel.get_by_text(re.compile(r"as of \d\d:\d\d:\d\d UTC"))).to_be_visible()
            expect(row).to_be_visible()
            panel.page.screenshot(path=pictures / "lost.png")
        panel.get_by_role("button", name="Try again").click()
        expect(panel.get_by_text("the broker does not answer")).to_have_count(0)
        expect(row).to_be_visible()
