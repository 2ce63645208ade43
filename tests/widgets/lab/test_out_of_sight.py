"""What is out of sight asks the broker for nothing: a hidden page, an output that is folded or scrolled away."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, expect

from brokerkit.testing.waiting import eventually
from brokerkit.widgets.browse import lag_looks
from brokerkit.widgets.browse.clicks import Clicks
from brokerkit.widgets.panel import Panel
from brokerkit.workbench import Session

from ..conftest import s
from .alone_page import workbench

__all__ = ["s"]
pytestmark = pytest.mark.extended

HIDE_PAGE = """(panel, hidden) => {
    Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
    Object.defineProperty(document, "visibilityState",
        {value: hidden ? "hidden" : "visible", configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
FOLD_OUTPUT = "(panel, hidden) => { panel.parentElement.style.display = hidden ? 'none' : '' }"


@pytest.fixture
def signs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of the messages that came from the view."""
    found: list[str] = []
    receive = Panel._receive

    def noted(self: Panel, outlet: object, content: dict[str, str], more: object = None) -> None:
        found.append(content["type"])
        receive(self, outlet, content, more)

    monkeypatch.setattr(Panel, "_receive", noted)
    return found


def signs_in(panel: Locator, signs: list[str], seconds: int) -> list[str]:
    """The messages that come while the timers of the page run as if seconds had passed."""
    before = len(signs)
    panel.page.clock.run_for(1_000 * seconds)
    # what was sent before a click has arrived when the click has; a hidden one can be clicked in this way
    pause = panel.get_by_role("button", name=re.compile("Pause|Go on"), include_hidden=True)
    pause.evaluate("(button) => button.click()")
    eventually(lambda: set(signs[before:]) & {"pause", "resume"}, "the click arrived", within=60)
    return [each for each in signs[before:] if each not in ("pause", "resume")]


@pytest.mark.parametrize("hide", [HIDE_PAGE, FOLD_OUTPUT], ids=["page", "output"])
def test_a_view_out_of_sight_gives_no_sign_and_comes_back_whole(
    s: Session, chromium: Browser, signs: list[str], hide: str
) -> None:
    s.create_topic("orders")
    s.publish("orders", {"id": 1})
    with workbench(s, "orders", chromium) as panel:
        page = panel.page
        page.clock.install()
        # the timers that run already are those of before
        page.reload()
        panel.get_by_role("button", name="Back to Dashboard").first.click()
        expect(panel.get_by_role("group", name="Which topics")).to_be_visible()
        page.clock.run_for(25_000)
        eventually(lambda: "here" in signs, "the view gives signs while it is seen", within=60)
        panel.evaluate(hide, True)
        eventually(lambda: signs_in(panel, signs, 100) == [], "the view gives no sign any more", within=120)
        count = len(signs)
        panel.evaluate(hide, False)
        eventually(lambda: "hello" in signs[count:], "the view asks for what it missed", within=60)


def stands_still(panel: Locator, asked: list[None]) -> bool:
    """Whether nothing is asked for ten times as long as between two looks."""
    count = len(asked)
    panel.page.wait_for_timeout(2_000)
    return len(asked) == count


@pytest.mark.parametrize("hide", [HIDE_PAGE, FOLD_OUTPUT], ids=["page", "output"])
def test_a_lag_chart_out_of_sight_asks_for_no_look(
    s: Session, chromium: Browser, monkeypatch: pytest.MonkeyPatch, hide: str
) -> None:
    monkeypatch.setattr(lag_looks, "EVERY", 0.2)
    asked: list[None] = []
    look: Callable[..., None] = Clicks._on_lag

    def noted(self: Clicks, *args: object) -> None:
        asked.append(None)
        look(self, *args)

    monkeypatch.setattr(Clicks, "_on_lag", noted)
    s.create_topic("orders")
    s.create_subscription("orders", "billing", start="earliest")
    with workbench(s, "orders", chromium) as panel:
        panel.get_by_role("tab", name="Subscriptions").click()
        panel.get_by_role("row").filter(has_text="billing").click()
        eventually(lambda: len(asked) > 2, "it looks while it is seen", within=60)
        panel.evaluate(hide, True)
        eventually(lambda: stands_still(panel, asked), "it asks for no look any more", within=60)
        count = len(asked)
        panel.evaluate(hide, False)
        eventually(lambda: len(asked) > count + 2, "it looks again", within=60)
