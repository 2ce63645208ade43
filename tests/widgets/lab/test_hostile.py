"""Whatever a payload holds, nothing of it comes alive in the browser; `open_notebook` fails where it does."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from brokerkit.testing.waiting import eventually

from .canary import PAYLOADS
from .conftest import Opening
from .notebook import OpenNotebook

ALIVE = (
    "script, img, iframe, object, embed, link, a[href], form, [onerror], [onload], .MathJax, mjx-container"
)
PUBLISH = f"""
payloads = {PAYLOADS!r}
heavy = ["[" * 20_000 + "]" * 20_000, "x" * large, b"\\xff\\xfe" * 50_000]
for each in payloads:
    name = each.replace(chr(0), "")  # no system carries that in a name
    s.publish(topic, each, key=each, attributes=[(name, each), (name, each)] if headers else {{}})
for each in heavy:
    s.publish(topic, each)
"""
INMEM = f"""
import brokerkit as bk
s = bk.connect("inmem://")
topic, headers, large = " ".join({PAYLOADS!r}), True, 8_000_000  # about what one may have
s.create_topic(topic)
"""
PROGRESS = """
from brokerkit.display import progress
progress.SHOW_AFTER_SECONDS = 0.0
shown = progress.bar(f"copy {topic} to {topic}", 10)
shown.update(5)
"""
STATIC = {
    "session": "s",
    "description": "s.describe(topic)",
    "scan": "s.scan(topic, where=payloads[0], key=payloads[1])",
    "batch": "batches = s.batches(topic, subscription=topic, start='earliest')\nnext(batches)",
    "outcome": "s.publish_frame(topic + 'nope', s.peek(topic, key=payloads[0]))",
}


def rows(panel: Locator) -> Locator:
    return panel.locator("tbody tr[tabindex]")


def assert_dead(what: Locator) -> None:
    expect(what.locator(ALIVE)).to_have_count(0)


@pytest.mark.extended
def test_a_tail_of_hostile_messages_shows_them_as_text(open_notebook: Opening) -> None:
    notebook = open_notebook(INMEM + PUBLISH, "tail = s.tail(topic)\ntail")
    notebook.run_all()
    panel = notebook.panel(1)
    expect(rows(panel)).to_have_count(len(PAYLOADS) + 3)
    detail = panel.get_by_role("region", name="Selected message")
    for number in range(len(PAYLOADS) + 3):
        rows(panel).nth(number).click()
        expect(rows(panel).nth(number)).to_have_attribute("aria-selected", "true")
        eventually(
            lambda n=number: notebook.ask("int(tail.selected['offset'].iloc[0])") == n, "the row is selected"
        )  # type: ignore[misc]
        expect(detail).to_be_visible()
        assert_dead(panel)
    panel.get_by_label("Only where", exact=True).fill(PAYLOADS[0])
    expect(rows(panel)).to_have_count(1)
    rows(panel).first.hover()
    assert_dead(panel)
    notebook.screenshot("hostile-tail", panel)


@pytest.mark.extended
def test_a_composer_of_hostile_messages_shows_them_as_text_and_sends_them_unchanged(
    open_notebook: Opening,
) -> None:
    notebook = open_notebook(
        INMEM + PUBLISH,
        "before = s.peek(topic, start='earliest')\ncomposer = s.compose(topic, frame=before, kind='messages')\ncomposer",
    )
    notebook.run_all()
    panel = notebook.panel(1)
    count = len(PAYLOADS) + 3
    for number in range(2, count + 1):
        assert_dead(panel)
        panel.get_by_role("button", name="Next").click()
        expect(panel).to_contain_text(f"message {number} of {count}")
    panel.get_by_role("button", name="Dry run").click()
    expect(panel).to_contain_text("nothing was sent")
    assert_dead(panel)
    panel.get_by_role("button", name=f"Send all {count}").click()
    expect(panel).to_contain_text(f"{count} confirmed")
    assert_dead(panel)
    notebook.screenshot("hostile-compose", panel)
    same = "s.peek(topic, start='earliest')[['key', 'value', 'raw']].astype(object).where(lambda f: f.notna(), None)"
    assert notebook.ask(
        f"(lambda f: f.iloc[:{count}].values.tolist() == f.iloc[{count}:].values.tolist())({same})"
    )


def test_text_typed_into_a_composer_stays_text(open_notebook: Opening) -> None:
    notebook = open_notebook(INMEM + PUBLISH, "composer = s.compose(topic)\ncomposer")
    notebook.run_all()
    panel = notebook.panel(1)
    payload = PAYLOADS[0] + PAYLOADS[1]
    panel.get_by_role("textbox", name="Value", exact=True).fill(payload)
    panel.get_by_label("Key", exact=True).fill(payload)
    panel.get_by_role("button", name="+ Header").click()
    panel.get_by_label("Header name").fill(payload)
    panel.get_by_label("Header value").fill(payload)
    panel.get_by_label("Topic", exact=True).fill(payload)
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(panel).to_contain_text("there is no topic")
    assert_dead(panel)


def test_a_saved_notebook_keeps_text(open_notebook: Opening) -> None:
    notebook = open_notebook(INMEM + PUBLISH, *STATIC.values())
    notebook.run_all()
    check_static(notebook, 1)
    notebook.save()
    notebook.page.reload()
    notebook.output(len(STATIC)).wait_for()
    check_static(notebook, 1)


def check_static(notebook: OpenNotebook, first: int) -> None:
    for number, name in enumerate(STATIC, first):
        output = notebook.output(number)
        expect(output.locator("table, pre").first).to_be_visible()
        assert_dead(output)
        notebook.screenshot(f"static-{name}", output)


@pytest.mark.extended
def test_a_progress_bar_and_frames_and_errors_run_nothing(open_notebook: Opening) -> None:
    notebook = open_notebook(
        INMEM + PUBLISH,
        PROGRESS,
        "s.peek(topic)",
        "s.topics()",
        "try:\n    s.peek(topic + 'nope')\nexcept bk.BrokerError as error:\n    print(error)",
        "bk.failures(s.peek(topic, decode='json'))",
    )
    notebook.run_all()
    expect(notebook.output(1)).to_contain_text("copy")
    assert_dead(notebook.output(1))
    expect(notebook.output(2).locator("table")).to_be_visible()
    notebook.screenshot("hostile-progress", notebook.output(1))


@pytest.mark.extended
@pytest.mark.parametrize("url", [pytest.param("kafka", marks=pytest.mark.extended), "nats"], indirect=True)
@pytest.mark.broker
def test_hostile_messages_of_real_brokers_are_text_too(
    open_notebook: Opening, connect: str, url: str
) -> None:
    headers = url.startswith("kafka")  # NATS has names of few characters, once each
    notebook = open_notebook(
        connect + f"\nheaders, large = {headers}, 900_000" + PUBLISH,
        "tail = s.tail(topic)\ntail",
        "s.describe(topic)",
    )
    notebook.run_all()
    panel = notebook.panel(1)
    expect(rows(panel)).to_have_count(len(PAYLOADS) + 3)
    for number in range(len(PAYLOADS) + 3):
        rows(panel).nth(number).click()
        expect(rows(panel).nth(number)).to_have_attribute("aria-selected", "true")
    assert_dead(panel)
    assert_dead(notebook.output(2))
