"""What is typed, pressed and chosen while the kernel is busy: it is neither lost nor undone by a late answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.browse import TopicBrowser
from brokerkit.workbench import Session

from .busy_kernel import BusyOutlet
from .page import page_of
from .test_browse import button, lines


class Opened(NamedTuple):
    page: Page
    browser: TopicBrowser
    kernel: BusyOutlet

    @property
    def panel(self) -> Locator:
        return self.page.locator(".bk-panel").first

    def tab(self, name: str) -> Locator:
        return self.panel.get_by_role("tab", name=re.compile(f"^{name}"))

    @property
    def value(self) -> Locator:
        return self.panel.get_by_role("textbox", name="Value", exact=True)

    def field(self, name: str) -> Locator:
        return self.panel.get_by_role("textbox", name=name, exact=True)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture
def session() -> Iterator[Session]:
    with bk.connect("inmem://") as s:
        for name in ("invoices", "orders", "returns"):
            s.create_topic(name)
        values = [{"id": n, "state": "new", "who": {"name": f"n{n}"}} for n in range(50)]
        s.publish_batch("orders", [OutboundMessage(json.dumps(each), key="c1") for each in values])
        yield s


@pytest.fixture
def width() -> int:
    return 1440


@pytest.fixture
def opened(session: Session, chromium: Browser, width: int) -> Iterator[Opened]:
    kernel = BusyOutlet()
    browser = session.browse("orders")
    with page_of(browser, chromium, width, kernel) as page:
        shown = Opened(page, browser, kernel)
        expect(lines(shown.panel).first).to_be_visible()
        yield shown
    browser.put_away()
    browser.stop()


def compose(opened: Opened) -> None:
    """Open the composer, and wait until it takes the keyboard."""
    button(opened.panel, "New message").click()
    expect(opened.value).to_be_focused()


def test_what_was_typed_is_there_when_its_tab_is_opened_again_before_the_kernel_knows_it(
    opened: Opened,
) -> None:
    compose(opened)
    opened.kernel.busy = True
    opened.type("hello")
    opened.tab("Partitions").click()
    button(opened.panel, "New message").click()
    expect(opened.value).to_have_value("hello")
    expect(opened.value).to_be_focused()
    opened.press("End")
    opened.type(" world")
    opened.kernel.go_on()
    composer = opened.browser.composer
    assert composer is not None
    eventually(lambda: composer.value == b"hello world", "all of it is known")
    expect(opened.panel.get_by_text("11 B", exact=True)).to_be_visible()
    expect(opened.value).to_have_value("hello world")


def test_what_is_typed_after_a_click_on_new_message_is_in_the_message(opened: Opened) -> None:
    opened.kernel.busy = True
    button(opened.panel, "New message").click()
    opened.type("hello")
    opened.kernel.go_on()
    expect(opened.value).to_be_focused()
    opened.type(" world")
    expect(opened.value).to_have_value("hello world")
    composer = opened.browser.composer
    assert composer is not None
    eventually(lambda: composer.value == b"hello world", "all of it is known")


@pytest.mark.extended
def test_a_tab_that_is_opened_after_the_composer_was_asked_for_stays_open(opened: Opened) -> None:
    opened.kernel.busy = True
    button(opened.panel, "New message").click()
    opened.tab("Partitions").click()
    opened.kernel.go_on()
    expect(opened.panel.locator(".bk-card tbody tr")).to_have_count(1)
    expect(opened.tab("Partitions")).to_have_attribute("aria-selected", "true")


@pytest.mark.extended
def test_what_cannot_be_sent_is_corrected_where_it_stands(opened: Opened) -> None:
    compose(opened)
    opened.panel.get_by_label("Value: how it is written").select_option("escaped")
    opened.value.fill("\\xZ")
    opened.field("Key").fill("c9")
    expect(opened.panel.get_by_role("list", name="Checks")).to_contain_text("not sent as it is typed")
    expect(opened.value).to_have_value("\\xZ")
    opened.tab("Partitions").click()
    opened.tab("Compose").click()
    expect(opened.value).to_have_value("\\xZ")
    opened.value.fill("\\x01")
    composer = opened.browser.composer
    assert composer is not None
    eventually(lambda: (composer.problems, composer.key) == ([], b"c9"), "both are taken")
    assert composer.value == b"\x01"


@pytest.mark.extended
def test_an_editor_that_loads_slowly_takes_no_keyboard_from_another_field(opened: Opened) -> None:
    compose(opened)
    opened.type('{"id": 1}')
    held: list[Route] = []
    opened.page.route("**/editor.js", lambda route: held.append(route))
    button(opened.panel, "JSON editor").click()
    opened.field("Key").click()
    opened.type("c")
    eventually(lambda: opened.page.title() and bool(held), "the editor is asked for")
    held[0].continue_()
    expect(opened.panel.get_by_role("textbox", name="Value as JSON")).to_be_visible()
    opened.type("9")
    expect(opened.field("Key")).to_have_value("c9")
    expect(opened.panel.get_by_role("textbox", name="Value as JSON")).to_have_text('{"id": 1}')


@pytest.mark.parametrize(("key", "form"), [("x", "Hex"), ("l", "Layers")])
def test_a_key_for_a_message_that_is_on_its_way_acts_on_it(opened: Opened, key: str, form: str) -> None:
    opened.panel.get_by_role("grid").focus()
    opened.kernel.busy = True
    opened.press("ArrowDown", key)
    opened.kernel.go_on()
    shown = opened.panel.get_by_role("region", name="The chosen message")
    expect(shown.get_by_role("tab", name=form)).to_have_attribute("aria-selected", "true")


@pytest.mark.extended
def test_enter_leads_into_a_message_that_is_on_its_way(opened: Opened) -> None:
    opened.panel.get_by_role("grid").focus()
    opened.kernel.busy = True
    opened.press("ArrowDown", "Enter")
    opened.kernel.go_on()
    shown = opened.panel.get_by_role("region", name="The chosen message")
    expect(shown.get_by_role("tab", selected=True)).to_be_focused()
    # every arrow counts, although the kernel answers none of them yet
    opened.kernel.busy = True
    opened.press("ArrowRight", "ArrowRight")
    opened.kernel.go_on()
    expect(shown.get_by_role("tab", name="Hex")).to_have_attribute("aria-selected", "true")
    expect(shown.locator(".bk-hex")).to_be_visible()


@pytest.mark.extended
def test_escape_closes_a_message_that_is_on_its_way(opened: Opened) -> None:
    opened.panel.get_by_role("grid").focus()
    opened.kernel.busy = True
    opened.press("ArrowDown", "Escape")
    opened.kernel.go_on()
    expect(opened.panel.get_by_role("region", name="The chosen message")).to_have_count(0)
    assert not len(opened.browser.selected)


def test_keys_go_on_in_the_workbench_where_what_had_the_keyboard_is_gone(opened: Opened) -> None:
    opened.panel.get_by_role("grid").focus()
    for key, name in (("2", "Partitions"), ("4", "Configuration"), ("1", "Messages")):
        opened.press(key)
        expect(opened.tab(name)).to_have_attribute("aria-selected", "true")


def test_what_is_typed_after_a_search_was_begun_stays(opened: Opened) -> None:
    opened.kernel.busy = True
    key = opened.panel.get_by_role("textbox", name="key")
    key.click()
    opened.type("c1")
    opened.press("Enter")
    opened.type("2")
    opened.kernel.wait_for("query")
    opened.kernel.go_on()
    expect(opened.panel.get_by_text(re.compile("^Complete"))).to_be_visible()
    expect(key).to_have_value("c12")
    query = opened.browser.query
    assert query is not None
    assert query.key == "c1"


@pytest.mark.extended
def test_the_letters_that_follow_the_key_for_a_field_are_typed_into_it(opened: Opened) -> None:
    opened.panel.get_by_role("grid").focus()
    # all in one turn, as from a person who types faster than a slow browser draws
    opened.page.evaluate("""() => {
        const press = (key) => {
            const root = document.activeElement;
            root.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
        };
        return Promise.resolve(press("/")).then(() => document.activeElement.getAttribute("aria-label"))
            .then((name) => { document.title = name ?? "nothing"; });
    }""")
    assert opened.page.title() == "Search topics"


def test_enter_chooses_the_topic_that_was_typed_and_not_the_one_that_is_listed(opened: Opened) -> None:
    opened.kernel.busy = True
    opened.panel.get_by_role("grid").focus()
    opened.press("/")
    opened.type("return")
    opened.press("Enter")
    opened.kernel.go_on()
    expect(opened.panel.get_by_role("region", name="The chosen topic")).to_contain_text("returns")


@pytest.mark.extended
def test_each_of_several_columns_is_chosen(opened: Opened) -> None:
    button(opened.panel, "Columns").click()
    columns = opened.panel.get_by_role("group", name="Columns")
    before = opened.browser.columns
    opened.kernel.busy = True
    for name in ("id", "schema"):
        columns.get_by_role("checkbox", name=name, exact=True).check()
    opened.kernel.go_on()
    eventually(lambda: opened.browser.columns == [*before, "id", "schema"], "both are columns")


@pytest.mark.extended
def test_a_limit_that_was_typed_stays_in_sight_until_the_kernel_knows_it(opened: Opened) -> None:
    compose(opened)
    opened.panel.get_by_text("Many, from a file or frame").click()
    rate = opened.panel.get_by_label("At most so many a second")
    rate.click()
    opened.kernel.busy = True
    opened.type("25")
    opened.press("Tab")
    expect(rate).not_to_be_focused()
    expect(rate).to_have_value("25")
    rate.click()
    opened.press("End")
    opened.type("0")
    opened.press("Tab")
    opened.kernel.wait_for("bulk set", 2)
    opened.kernel.go_on()
    composer = opened.browser.composer
    assert composer is not None
    eventually(lambda: "rate=250" in composer.call, "both are known")
    expect(rate).to_have_value("250")


@pytest.mark.extended
def test_each_click_on_next_counts(opened: Opened) -> None:
    lines(opened.panel).nth(0).click()
    lines(opened.panel).nth(3).click(modifiers=["Shift"])
    button(opened.panel, "Edit and resend").click()
    expect(opened.panel.get_by_text("message 1 of 4")).to_be_visible()
    opened.kernel.busy = True
    for _ in range(2):
        opened.panel.get_by_role("button", name=re.compile("^Next")).click()
    # what stands here is another message than the one to come: nothing is typed into it
    expect(opened.value).to_be_disabled()
    opened.kernel.go_on()
    expect(opened.value).to_be_enabled()
    composer = opened.browser.composer
    assert composer is not None
    assert composer.row == 2


@pytest.mark.extended
def test_a_filter_of_a_tail_is_not_replaced_by_the_answer_to_an_earlier_one(opened: Opened) -> None:
    opened.tab("Live").click()
    where = opened.panel.get_by_label("Only where")
    expect(where).to_be_enabled()
    opened.kernel.busy = True
    where.click()
    opened.type("n1")
    opened.kernel.wait_for("filter")
    opened.type("2")
    opened.press("Tab")
    opened.kernel.wait_for("filter", 2)
    call = opened.panel.get_by_role("group", name=re.compile("Python call"))
    while "n1" not in call.inner_text():
        opened.kernel.answer_one()
        opened.page.wait_for_function("() => new Promise((done) => setTimeout(() => done(true)))")
    expect(where).to_have_value("n12")
    opened.kernel.go_on()
    tail = opened.browser.tail
    assert tail is not None
    eventually(lambda: "'n12'" in tail.call, "the whole filter is known")
    expect(where).to_have_value("n12")


@pytest.mark.extended
@pytest.mark.parametrize("width", [900])
def test_a_list_of_topics_that_was_opened_is_not_closed_by_the_topic_chosen_before(opened: Opened) -> None:
    opened.panel.get_by_role("grid").focus()
    opened.press("/")
    opened.type("return")
    expect(opened.panel.get_by_text("1 of 3")).to_be_visible()
    opened.kernel.busy = True
    opened.press("Enter")
    opened.press("Escape")
    opened.type("inv")
    opened.kernel.go_on()
    expect(opened.panel.get_by_role("region", name="The chosen topic")).to_contain_text("returns")
    expect(opened.panel.get_by_label("Search topics")).to_have_value("inv")


@pytest.mark.extended
def test_each_format_of_a_tail_that_is_chosen_counts(opened: Opened) -> None:
    opened.tab("Live").click()
    expect(opened.panel.get_by_label("Only where")).to_be_enabled()
    opened.kernel.busy = True
    opened.panel.get_by_label("Read values as").select_option("json")
    opened.panel.get_by_label("Read keys as").select_option("text")
    expect(opened.panel.get_by_label("Read values as")).to_have_value("json")
    opened.kernel.go_on()
    tail = opened.browser.tail
    assert tail is not None
    eventually(lambda: (tail.decode, tail.decode_key) == ("json", "text"), "both are chosen")
