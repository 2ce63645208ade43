"""The topic browser, clicked in JupyterLab."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, expect

from brokerkit.sandbox.pubsub import EmulatorServer
from brokerkit.testing.waiting import eventually
from tests.backends.pubsub.conftest import new_name, url_of

from .canary import PAYLOADS
from .conftest import Opening
from .notebook import OpenNotebook

BROWSE = "browser = s.browse(topic)\nbrowser"
FILL = """
from brokerkit.core import OutboundMessage
import json
s.publish_batch(topic, [
    OutboundMessage(json.dumps({"id": number, "total": number * 1.5, "who": {"name": f"n{number % 5}"}}),
                    key=f"c{number % 7}", attributes={"source": "web" if number % 2 else "app"})
    for number in range(400)
])
None
"""
INMEM = "import brokerkit as bk\ns = bk.connect('inmem://')\ntopic = 'orders'\ns.create_topic(topic, partitions=3)"


def lines(panel: Locator) -> Locator:
    return panel.locator(".bk-messages .bk-lines .bk-row")


def options(panel: Locator) -> Locator:
    return panel.get_by_role("listbox", name="Topics").get_by_role("option")


def form(panel: Locator) -> Locator:
    return panel.get_by_role("form", name="What to read")


def button(panel: Locator, name: str) -> Locator:
    return panel.get_by_role("button", name=name, exact=True)


def call(panel: Locator) -> Locator:
    return panel.get_by_role("group", name="The Python call that gives these rows").locator("code")


def opened(
    open_notebook: Opening, connect: str = INMEM, cell: str = BROWSE, **options: str
) -> tuple[OpenNotebook, Locator]:
    """A notebook of 400 orders with the browser at them."""
    notebook = open_notebook(connect + FILL, cell, "None", **options)
    notebook.run_all()
    panel = notebook.panel(1).first
    expect(lines(panel).first).to_contain_text('"id": 399')
    return notebook, panel


def way(panel: Locator, mode: str) -> None:
    """Choose how the value is filtered: Text or Python."""
    group = panel.get_by_role("group", name="How the value is filtered")
    group.get_by_role("button", name=mode, exact=True).click()


def which(panel: Locator, order: str) -> None:
    """Choose which messages are read: Newest first or Oldest first."""
    group = panel.get_by_role("group", name="Which messages")
    group.get_by_role("button", name=order, exact=True).click()


def filtered(panel: Locator, mode: str, where: str) -> None:
    way(panel, mode)
    panel.get_by_label("Filter of the value").fill(where)
    panel.get_by_label("Filter of the value").press("Enter")


def test_a_message_is_found_by_a_predicate_looked_at_and_handed_to_the_next_cell(
    open_notebook: Opening, connect: str
) -> None:
    notebook, panel = opened(open_notebook, connect)
    expect(options(panel).and_(panel.page.locator("[aria-selected=true]"))).to_contain_text("400")
    expect(panel.get_by_title(re.compile("Reading only: no position moves"))).to_be_visible()
    way(panel, "Python")
    panel.get_by_label("Filter of the value").fill('value["total"] == 30')
    expect(panel.get_by_text("matches 0 of 100 rows shown now")).to_be_visible()
    button(panel, "Search").click()
    expect(lines(panel)).to_have_count(1)
    expect(panel.get_by_text("Complete: 1 row of 400 read")).to_be_visible()
    expect(call(panel)).to_have_text(
        re.compile(r"s\.peek\('.*', where=lambda value: value\[\"total\"\] == 30\)")
    )
    lines(panel).first.click()
    message = panel.get_by_role("region", name="The chosen message")
    expect(message.get_by_role("tree")).to_contain_text("total: 30.0")
    expect(message.get_by_label("Headers")).to_contain_text("source")
    notebook.screenshot("browse-found", panel)
    assert notebook.ask("[json.loads(each)['id'] for each in browser.selected['value']]") == [20]
    assert notebook.ask("len(browser.frame)") == 1
    assert notebook.ask("browser.frame.equals(eval(browser.call))")


def test_every_one_of_many_quick_keys_counts(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook)
    lines(panel).first.click()
    for _ in range(19):
        panel.page.keyboard.press("Shift+ArrowDown")
    expect(panel.get_by_text("20 rows chosen")).to_be_visible()
    assert notebook.ask("len(browser.selected)") == 20


def test_a_window_of_time_is_brushed_and_read(open_notebook: Opening, connect: str, url: str) -> None:
    notebook, panel = opened(open_notebook, connect)
    notebook.do("__import__('time').sleep(1.2)")  # the window of time lies between the two
    notebook.do("s.publish_batch(topic, ['late'] * 30)")
    button(panel, "Topic over time").click()
    # the times of producers are in no order, so that an index of them tells too little
    how = "every message counted" if url.startswith("kafka") else "from the broker's time index"
    chart = panel.get_by_role("img", name=re.compile(f"430 messages from .* {how}"))
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    mouse = notebook.page.mouse
    mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20)
    mouse.down()
    mouse.move(box["x"] + box["width"] - 2, box["y"] + 20, steps=4)
    notebook.screenshot("browse-brush", panel)
    mouse.up()
    expect(lines(panel)).to_have_count(30)
    expect(call(panel)).to_contain_text("start=")
    expect(call(panel)).to_contain_text("newest=True")
    assert notebook.ask("browser.frame.equals(eval(browser.call))")
    button(panel, "Whole topic").click()
    expect(panel.get_by_text(re.compile("^(Newest|First) 100 of"))).to_be_visible()
    button(panel, "Rows over time").click()
    expect(
        panel.get_by_role("img", name=re.compile("100 messages from .* of the rows found"))
    ).to_be_visible()
    # the same with keys
    panel.locator(".bk-histogram").press("ArrowRight")
    panel.locator(".bk-histogram").press("Shift+ArrowRight")
    panel.locator(".bk-histogram").press("Enter")
    expect(call(panel)).to_contain_text("start=")


def test_topics_are_found_chosen_described_and_refreshed(open_notebook: Opening, connect: str) -> None:
    notebook = open_notebook(
        connect + FILL + "for n in range(3): s.create_topic(f'{topic}-other-{n}')",
        "browser = s.browse()\nbrowser",
    )
    notebook.run_all()
    panel = notebook.panel(1).first
    names = options(panel)
    expect(panel.get_by_text("Choose a topic.", exact=True)).to_be_visible()
    panel.get_by_label("Search topics").fill("OTHER-1")
    expect(names.first).to_contain_text("other-1")
    notebook.do("s.publish(f'{topic}-other-1', 'hello')")
    button(panel, "Refresh").click()
    # the list of Kafka counts offsets, which may have no message; the chosen topic is counted
    listed = "up to 1 message" if "kafka://" in connect else "1 message"
    expect(names.first.get_by_label(listed, exact=True)).to_be_visible()
    panel.get_by_label("Search topics").press("Enter")
    expect(lines(panel)).to_have_count(1)
    expect(panel.get_by_role("region", name="The chosen topic")).to_contain_text("1 message ·")
    notebook.screenshot("browse-topics", panel)
    panel.get_by_label("Search topics").fill(notebook.ask("topic"))
    panel.get_by_label("Order of the topics").select_option("messages")
    expect(names.first).to_contain_text("400")
    names.first.click()
    expect(panel.get_by_text(re.compile("^(Newest|First) 100 of"))).to_be_visible()


def test_json_fields_columns_and_order(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook)
    panel.get_by_label("JSON fields").check()
    heads = panel.get_by_role("columnheader")
    total = heads.and_(panel.get_by_title("value.total", exact=True))
    total.get_by_role("button").click()
    expect(total).to_have_attribute("aria-sort", "ascending")
    total.get_by_role("button").click()
    expect(call(panel)).to_contain_text(".sort_values('value.total', ascending=False, kind='stable')")
    expect(lines(panel).first).to_contain_text("598.5")
    button(panel, "Columns").click()
    panel.get_by_role("group", name="Columns").get_by_label("publish_time").uncheck()
    expect(heads.filter(has_text="Time")).to_have_count(0)
    expect(call(panel)).to_contain_text("[['partition', 'offset',")
    notebook.screenshot("browse-columns", panel)
    assert notebook.ask("browser.frame.equals(eval(browser.call))")
    panel.get_by_role("button", name="Usual ones").click()
    expect(heads.filter(has_text="Time")).to_be_visible()


def test_where_to_read_is_typed(open_notebook: Opening) -> None:
    _, panel = opened(open_notebook)
    for label, text in (
        ("at most", "20"),
        ("from", "10"),
        ("to", "60"),
        ("partitions", "0-1"),
        ("key", "c3"),
        ("header", "source=web"),
    ):
        form(panel).get_by_label(label, exact=True).fill(text)
    which(panel, "Oldest first")
    expect(call(panel)).to_have_text(
        "s.peek('orders', 20, start=10, end=60, partitions=[0, 1], key='c3', header={'source': 'web'})"
    )
    form(panel).get_by_label("at most", exact=True).fill("many")
    button(panel, "Search").click()
    expect(panel.get_by_role("alert")).to_contain_text("At most: expected a whole number")


def test_two_messages_are_compared_field_by_field(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook)
    lines(panel).nth(3).click()
    lines(panel).nth(5).click(modifiers=["Control"])
    expect(panel.get_by_text("2 rows chosen")).to_be_visible()
    button(panel, "Compare two").click()
    compared = panel.get_by_role("region", name="Two messages compared")
    expect(compared.get_by_role("row", name="value.id")).to_be_visible()
    expect(compared.get_by_role("row", name="topic")).to_have_count(0)
    compared.get_by_label("differences only").uncheck()
    expect(compared.get_by_role("row", name="topic")).to_contain_text("=")
    notebook.screenshot("browse-compare", panel)
    # it has the place of the rows
    expect(panel.get_by_role("grid")).to_be_hidden()
    compared.get_by_role("button", name="Back to the rows").click()
    expect(compared).to_be_hidden()
    expect(panel.get_by_role("grid")).to_be_focused()
    expect(lines(panel).nth(3)).to_be_visible()
    expect(panel.get_by_text("2 rows chosen")).to_be_visible()


def test_the_value_is_shown_as_tree_text_hex_and_layers_and_copied(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook)
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lines(panel).first.click()
    message = panel.get_by_role("region", name="The chosen message")
    message.get_by_role("button", name="Open who").click()
    expect(message.get_by_role("tree")).to_contain_text('name: "n4"')
    message.get_by_role("tab", name="Text").click()
    expect(message.locator("pre")).to_contain_text('"total": 598.5')
    message.get_by_role("tab", name="Hex").click()
    expect(message.locator("pre")).to_contain_text("00000000  7b 22 69 64")
    notebook.screenshot("browse-hex", panel)
    message.get_by_role("tab", name="Layers").click()
    expect(message.locator("pre")).to_contain_text("auto: JSON object")
    expect(message.get_by_role("row").filter(has_text="one JSON value")).to_be_visible()
    message.get_by_role("button", name="Copy the value").click()
    expect(message.get_by_text("copied", exact=True)).to_be_visible()
    copied = notebook.page.evaluate("navigator.clipboard.readText()")
    assert json.loads(copied)["id"] == 399


def test_everything_is_reached_by_keys(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook)
    page = notebook.page
    grid = panel.get_by_role("grid")
    grid.focus()
    page.keyboard.press("Home")
    expect(lines(panel).first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(lines(panel).nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Shift+ArrowDown")
    expect(panel.get_by_text("2 rows chosen")).to_be_visible()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("tab", name="Tree")).to_be_focused()
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel.locator(".bk-messages [aria-selected=true]")).to_have_count(0)
    page.keyboard.press("f")
    expect(panel.get_by_label("Filter of the value")).to_be_focused()
    page.keyboard.type('"id": 7,')
    page.keyboard.press("Enter")
    expect(lines(panel)).to_have_count(1)
    # the notebook's own shortcuts did not take them
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == 3


def test_the_message_before_and_after_by_rows_positions_and_key(open_notebook: Opening, connect: str) -> None:
    notebook, panel = opened(open_notebook, connect)
    filtered(panel, "Text", '"id": 200,')
    expect(lines(panel)).to_have_count(1)
    lines(panel).first.click()
    message = panel.get_by_role("region", name="The chosen message")
    expect(message.get_by_role("tree")).to_contain_text("id: 200")
    message.get_by_role("button", name="Next with this key").click()
    expect(message.get_by_role("tree")).to_contain_text("id: 207")
    message.get_by_role("button", name="Previous by position").click()
    expect(message.get_by_role("tree")).not_to_contain_text("id: 207")
    assert notebook.ask("browser.selected.equals(eval(browser.message_call))")


@pytest.mark.extended
def test_a_repaired_message_is_sent_from_the_browser_and_the_topic_followed(
    open_notebook: Opening, connect: str
) -> None:
    notebook, panel = opened(open_notebook, connect)
    lines(panel).first.click()
    button(panel, "Edit and resend").click()
    composer = notebook.panel(1).nth(1)
    expect(composer.get_by_label("Value", exact=True)).to_have_value(re.compile('"id": 399'))
    composer.get_by_label("Value", exact=True).fill('{"id": 399, "repaired": true}')
    composer.get_by_role("button", name="Send", exact=True).click()
    expect(composer).to_contain_text("confirmed")
    notebook.screenshot("browse-compose", notebook.output(1))
    button(panel, "Close the composer").click()
    expect(notebook.panel(1)).to_have_count(1)
    panel.get_by_role("tab", name="Live").click()
    tail = notebook.panel(1).nth(1)
    expect(tail).to_contain_text("Following")
    expect(tail).to_contain_text('"repaired": true')
    panel.get_by_role("tab", name="Messages").click()
    button(panel, "Search").click()
    expect(lines(panel).first).to_contain_text('"repaired": true')


@pytest.mark.extended
def test_a_search_is_stopped_and_continued(open_notebook: Opening) -> None:
    notebook = open_notebook(
        INMEM + "\nimport threading\ngate = threading.Event()\n"
        "for n in range(0, 60_000, 10_000): s.publish_batch(topic, [str(i) for i in range(n, n + 10_000)])\n"
        "def wanted(value):\n    if value == 30_000: gate.wait()\n    return value % 1000 == 0",
        "browser = s.browse(topic, start='earliest', limit=10_000, where=wanted)\nbrowser",
    )
    notebook.run_all()
    panel = notebook.panel(1).first
    expect(panel.get_by_text(re.compile("^Reading: "))).to_be_visible()
    expect(panel.get_by_role("progressbar")).to_be_visible()
    notebook.screenshot("browse-search", panel)
    button(panel, "Stop").click()
    notebook.do("gate.set()")
    expect(panel.get_by_text(re.compile("^Stopped: "))).to_be_visible()
    found = notebook.ask("len(browser.frame)")
    assert 0 < found < 60
    assert notebook.ask("sorted(browser.frame['value']) == sorted(eval(browser.call)['value'])")
    panel.get_by_role("button", name="Continue").click()
    expect(panel.get_by_text(re.compile("^Complete: 60 rows of"))).to_be_visible()
    expect(call(panel)).to_contain_text("where=wanted")


@pytest.mark.extended
def test_running_the_cell_again_stops_its_search(open_notebook: Opening) -> None:
    notebook = open_notebook(
        INMEM
        + "\nimport threading\ngate = threading.Event()\ns.publish_batch(topic, ['x'] * 5_000)\nbrowsers = []",
        "browsers.append(s.browse(topic, where=lambda value: gate.wait()))\nbrowsers[-1]",
    )
    notebook.run_all()
    assert notebook.ask("browsers[0].running") is True
    notebook.run(1)
    notebook.do("gate.set()")
    eventually(lambda: notebook.ask("browsers[0].wait(0)"), "the first one stopped", within=60)
    assert notebook.ask("[len(each.frame) for each in browsers]") == [0, 100]


def test_state_set_in_code_moves_the_widget_and_the_call_is_copied(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook)
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook.do("setattr(browser, 'query', {'key': 'c2', 'limit': 10})")
    expect(form(panel).get_by_label("key", exact=True)).to_have_value("c2")
    expect(lines(panel)).to_have_count(10)
    notebook.do("setattr(browser, 'selected', browser.frame['id'].iloc[4])")
    expect(lines(panel).nth(5)).to_have_attribute("aria-selected", "true")  # the newest is on top
    bar = panel.get_by_role("group", name="The Python call that gives these rows")
    bar.get_by_role("button", name="Copy the Python call").click()
    expect(bar).to_contain_text("copied")
    notebook.write(2, notebook.page.evaluate("navigator.clipboard.readText()"))
    notebook.run(2)
    expect(notebook.output(2).locator("tbody tr")).to_have_count(10)


def test_nothing_of_hostile_topics_and_messages_comes_alive(open_notebook: Opening) -> None:
    notebook = open_notebook(
        "import brokerkit as bk\nfrom brokerkit.core import OutboundMessage\ns = bk.connect('inmem://')\n"
        f"texts = {PAYLOADS!r}\n"
        "for text in texts: s.create_topic(text)\n"
        "s.create_subscription(texts[0], texts[1], start='earliest')\n"
        "for text in texts:\n"
        "    s.publish_batch(texts[0], [OutboundMessage(text, key=text, attributes={text: text}),\n"
        "                               OutboundMessage(__import__('json').dumps({text: [text, {text: text}]}))])\n"
        "s.publish_batch(texts[0], ['[' * 20_000, 'x' * 8_000_000, b'\\xff\\xfe\\x00'])",
        "browser = s.browse()\nbrowser",
        "browser.call",
    )
    notebook.run_all()
    panel = notebook.panel(1).first
    listed = options(panel)
    expect(listed).to_have_count(len(PAYLOADS))
    for number in range(len(PAYLOADS)):
        listed.nth(number).click()
        expect(listed.nth(number)).to_have_attribute("aria-selected", "true")
    notebook.do("setattr(browser, 'query', texts[0])")
    expect(lines(panel).first).to_be_visible()
    panel.get_by_role("grid").focus()
    message = panel.get_by_role("region", name="The chosen message")
    total = notebook.ask("len(browser.frame)")
    for place in range(total):
        notebook.do(f"setattr(browser, 'selected', browser.frame['id'].iloc[{place}])")
        expect(message.locator("strong").get_by_text(re.compile(rf"offset {place}$"))).to_be_visible()
        for form in ("Tree", "Text", "Hex", "Layers"):
            message.get_by_role("tab", name=form).click()
            expect(message.get_by_role("tab", name=form)).to_have_attribute("aria-selected", "true")
    notebook.screenshot("browse-hostile", panel)
    panel.get_by_label("JSON fields").check()
    expect(panel.get_by_role("columnheader").filter(has_text="script").first).to_be_visible()
    filtered(panel, "Python", f"{PAYLOADS[0]!r}[0][9]")
    expect(panel.get_by_text(re.compile("The filter could not look at"))).to_be_visible()
    filtered(panel, "Text", PAYLOADS[1])
    expect(panel.get_by_text(re.compile("Complete"))).to_be_visible()
    assert notebook.canary.seen == []


@pytest.mark.extended
def test_it_is_read_in_the_dark_and_without_a_kernel(open_notebook: Opening) -> None:
    notebook, panel = opened(open_notebook, theme="dark")
    lines(panel).nth(2).click()
    button(panel, "Topic over time").click()
    expect(panel.locator(".bk-histogram")).to_be_visible()
    notebook.screenshot("browse-dark", panel)
    saved = json.loads(notebook.save().read_text("utf-8"))
    data = saved["cells"][1]["outputs"][0]["data"]
    assert "<script" not in "".join(data["text/html"])
    assert "s.peek(" in "".join(data["text/html"])
    assert "".join(data["text/plain"]) == "<TopicBrowser of inmem:// at orders>"
    assert len(json.dumps(saved)) < 150_000


@pytest.mark.extended
def test_many_rows_are_paged(open_notebook: Opening) -> None:
    notebook = open_notebook(
        "import brokerkit as bk\ns = bk.connect('inmem://')\ntopic = 'orders'\ns.create_topic(topic)\n"
        "for n in range(20): s.publish_batch(topic, ['{\"id\": %d}' % i for i in range(n * 10_000, (n + 1) * 10_000)])",
        "browser = s.browse(topic, limit=1_000_000)\nbrowser",
    )
    notebook.run_all()
    panel = notebook.panel(1).first
    expect(panel.get_by_text(re.compile("^Complete: 200,000 rows"))).to_be_visible(timeout=120_000)
    grid = panel.get_by_role("grid")
    expect(lines(panel).first).to_contain_text("199999")
    grid.focus()
    notebook.page.keyboard.press("End")
    expect(panel.locator(".bk-messages [aria-selected=true]").last).to_contain_text('{"id": 0}')
    notebook.page.keyboard.press("Home")
    expect(panel.locator(".bk-messages [aria-selected=true]").last).to_contain_text('{"id": 199999}')
    grid.evaluate("node => { node.scrollTop = node.scrollHeight / 2 }")
    expect(lines(panel).first).to_contain_text(re.compile(r'\{"id": (99|100)\d\d\d\}'))
    assert lines(panel).count() < 100


@pytest.mark.extended
@pytest.mark.broker
def test_where_a_look_is_not_free_the_side_effect_is_chosen_and_confirmed(
    open_notebook: Opening, pubsub_emulator: EmulatorServer
) -> None:
    url = url_of(pubsub_emulator)
    notebook = open_notebook(
        f"import brokerkit as bk\ns = bk.connect({url!r}, production=True)\ntopic = {new_name()!r}\n"
        "s.create_topic(topic, retention=3600)\ns.publish_batch(topic, [{'id': n} for n in range(5)])\nNone",
        BROWSE,
    )
    notebook.run_all()
    panel = notebook.panel(1).first
    expect(panel).to_contain_text("PRODUCTION")
    expect(panel.get_by_title(re.compile("cannot show messages without a side effect"))).to_be_visible()
    button(panel, "Search").click()
    expect(panel.get_by_role("alert")).to_contain_text("choose a side effect")
    panel.get_by_label("give back").check()
    expect(panel.get_by_label("Subscription to take from")).to_be_visible()
    panel.get_by_label("temporary subscription").check()
    button(panel, "Search").click()
    expect(panel.get_by_role("alert")).to_contain_text("type the topic's name")
    expect(lines(panel)).to_have_count(0)
    panel.get_by_label("Production: type").fill(notebook.ask("topic"))
    notebook.screenshot("browse-side-effects", panel)
    button(panel, "Search").click()
    expect(lines(panel)).to_have_count(5, timeout=60_000)
    expect(call(panel)).to_contain_text("side_effects='temporary subscription'")
    lines(panel).first.click()
    expect(panel.get_by_role("region", name="The chosen message").get_by_role("tree")).to_contain_text("id:")
    # what was confirmed was one read: neither a list nor another Search repeats it
    expect(panel.get_by_label("Production: type")).to_have_value("")
    panel.get_by_label("Read values as").select_option("text")
    expect(panel.get_by_role("alert")).to_have_count(0)
    expect(call(panel)).not_to_contain_text("decode=")
    button(panel, "Search").click()
    expect(panel.get_by_role("alert")).to_contain_text("type the topic's name")
