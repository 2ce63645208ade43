"""The widgets alone in a tab: nothing is cut or lies beside the page, however narrow or wide it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

import brokerkit as bk
from brokerkit.workbench import Session

from .page import page_of

pytestmark = pytest.mark.extended
NAMES = ("orders.eu.created", "orders.eu.paid", "orders.us.created", "orders.us.created.dlq", "plain")


@pytest.fixture
def shop() -> Iterator[Session]:
    with bk.connect("inmem://") as s:
        for name in NAMES:
            s.create_topic(name)
            s.publish_batch(name, ["{}"] * 17)
        yield s


def edges(part: Locator) -> tuple[float, float]:
    """Where a part begins and ends, from the left."""
    box = part.bounding_box()
    assert box is not None
    return box["x"], box["x"] + box["width"]


def cut(part: Locator) -> bool:
    """Whether a text is cut."""
    return bool(part.evaluate("each => each.scrollWidth > each.clientWidth"))


@pytest.mark.parametrize("width", [360, 1440])
def test_the_window_has_room_to_type_in(shop: Session, chromium: Browser, width: int) -> None:
    browser = shop.browse(NAMES[0])
    with page_of(browser, chromium, width) as page:
        page.locator(".bk-window-button").click()
        window = page.get_by_role("group", name="The window to read")
        for field in window.locator("input").all():
            begin, end = edges(field)
            assert end - begin > 120
            assert 0 <= begin < end <= width
        window.get_by_label("From: a place").fill("yesterday 13:00")
        expect(window.locator(".bk-meant").first).to_be_visible()
        assert edges(window.locator(".bk-meant").first)[1] <= width
    browser.stop()


@pytest.mark.parametrize("width", [360, 1440])
def test_the_lines_of_a_tree_are_told_apart(shop: Session, chromium: Browser, width: int) -> None:
    browser = shop.browse(NAMES[0])
    with page_of(browser, chromium, width) as page:
        if width == 360:
            page.get_by_role("button", name="Topics").first.click()
        page.get_by_role("button", name="Group by prefix").click()
        tree = page.get_by_role("tree", name="Topics")
        lines = page.get_by_role("treeitem")
        expect(lines).to_have_count(2)
        tree.focus()
        page.keyboard.press("ArrowRight")
        expect(lines).to_have_count(4)
        # into the branch, and open what is first in it
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(lines).to_have_count(6)
        texts = lines.locator(".bk-topic-name bdi")
        begins = [edges(texts.nth(place))[0] for place in range(4)]
        assert begins[0] < begins[1] < begins[2] == begins[3]
        active = tree.evaluate("each => each.getAttribute('aria-activedescendant')")
        assert active == lines.nth(1).get_attribute("id")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowLeft")
        expect(tree).to_have_attribute("aria-activedescendant", active)
        for head in page.locator(".bk-topic-head > span").all():
            assert not cut(head)
        expect(page.locator(".bk-topic-head")).to_contain_text("Dead")
        assert not cut(page.get_by_role("status").filter(has_text=re.compile("topics|of")).first)
    browser.stop()


@pytest.mark.parametrize("width", [360, 1440])
def test_it_is_said_what_is_deleted(
    chromium: Browser, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKERKIT_CONFIG", str(tmp_path / "connections.toml"))
    for name in ("old", "prod-shop"):
        bk.save_connection(name, "kafka://broker-with-a-long-name.example.com:9092", production=name != "old")
    with page_of(bk.open(), chromium, width) as page:
        page.get_by_role("button", name="Delete prod-shop").click()
        question = page.get_by_role("group", name="Delete prod-shop?")
        # there is no secret of it in the keyring
        expect(question.locator("span").first).to_have_text("Delete prod-shop?")
        for part in (question.locator("b"), *question.get_by_role("button").all()):
            begin, end = edges(part)
            assert 0 <= begin < end <= width
        for row in page.get_by_role("row").all():
            box = row.bounding_box()
            assert box is not None
            assert box["height"] < 90


@pytest.mark.parametrize("width", [360, 900, 2200])
def test_the_figures_of_a_dashboard_leave_no_place_empty(
    shop: Session, chromium: Browser, width: int
) -> None:
    dashboard = shop.dashboard()
    with page_of(dashboard, chromium, width) as page, ExitStack() as stack:
        stack.callback(dashboard.close)
        stats = page.locator(".bk-stats")
        expect(stats.locator("> div").first).to_be_visible()
        inside = edges(stats)[1]
        ends = [edges(each)[1] for each in stats.locator("> div").all()]
        tops = [each.evaluate("each => each.offsetTop") for each in stats.locator("> div").all()]
        # the last of each line ends where the figures end
        for place, top in enumerate(tops):
            if place + 1 == len(tops) or tops[place + 1] != top:
                assert abs(ends[place] - inside) < 2.5
        assert not cut(page.get_by_role("heading", name="Topics"))


@pytest.mark.parametrize("width", [900, 1440])
def test_the_name_of_a_session_stands_beside_its_marks(chromium: Browser, width: int) -> None:
    with bk.connect("inmem://marked", production=True, read_only=True) as s:
        browser = s.browse()
        with page_of(browser, chromium, width) as page:
            name = page.get_by_text("inmem://marked").locator("visible=true").first
            expect(name).to_be_visible()
            assert not cut(name)
            for mark in ("PRODUCTION", "read-only"):
                assert edges(page.get_by_text(mark, exact=True).locator("visible=true").first)[1] < width
        browser.stop()


@pytest.mark.parametrize("width", [900, 1440])
def test_a_tail_takes_the_height_of_its_tab(shop: Session, chromium: Browser, width: int) -> None:
    browser = shop.browse(NAMES[0])
    with page_of(browser, chromium, width) as page:
        page.get_by_role("tab", name="Live").click()
        tab = page.get_by_role("tabpanel", name="Live")
        box, rows = tab.bounding_box(), tab.locator(".bk-scroll").first.bounding_box()
        assert box is not None
        assert rows is not None
        assert rows["height"] > box["height"] / 2
    browser.put_away()
    browser.stop()


def test_a_condition_has_room_beside_the_topics(shop: Session, chromium: Browser) -> None:
    browser = shop.browse(NAMES[0])
    with page_of(browser, chromium, 1_100) as page:
        expect(page.get_by_role("listbox", name="Topics")).to_be_visible()
        begin, end = edges(page.get_by_label("Filter of the value"))
        assert end - begin > 240
    browser.stop()


@pytest.mark.parametrize(("width", "bytes_"), [(1_440, 8), (2_200, 16)])
def test_hex_has_as_many_bytes_a_line_as_there_is_room(
    shop: Session, chromium: Browser, width: int, bytes_: int
) -> None:
    shop.publish("plain", bytes(range(128, 178)))
    browser = shop.browse("plain")
    with page_of(browser, chromium, width) as page:
        page.get_by_role("img", name="Binary").click()
        lines = page.locator(".bk-hex")
        expect(lines).to_contain_text(f"{bytes_:08x}  ")
        assert len(lines.inner_text().splitlines()) == -(-50 // bytes_)
        assert not cut(lines)
    browser.stop()
