"""A live tail, clicked in JupyterLab."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from brokerkit.sandbox.nats import NatsServer
from brokerkit.testing.waiting import eventually

from .conftest import Opening
from .notebook import OpenNotebook

TAIL = "tail = s.tail(topic, interval=0.2)\ntail"


def rows(panel: Locator) -> Locator:
    return panel.locator("tbody tr[tabindex]")


def button(panel: Locator, name: str) -> Locator:
    return panel.get_by_role("button", name=name)


def publish(notebook: OpenNotebook, *numbers: int) -> None:
    values = [{"id": number, "book": "Dune"} for number in numbers]
    notebook.do(f"s.publish_batch(topic, {values!r})")


def test_new_messages_appear_marked_and_pausing_holds_them_back(open_notebook: Opening, connect: str) -> None:
    notebook = open_notebook(connect, TAIL)
    notebook.run_all()
    panel = notebook.panel(1)
    expect(panel).to_contain_text("No messages yet")
    publish(notebook, 1, 2)
    expect(rows(panel)).to_have_count(2)
    expect(rows(panel).last).to_contain_text('{"id":2,"book":"Dune"}')
    expect(panel.locator("tbody .bk-fresh", has_text="+")).to_have_count(2)
    expect(panel.locator("svg.bk-chart")).to_have_attribute("aria-label", re.compile("messages a second"))

    button(panel, "Pause").click()
    expect(panel.get_by_role("status").first).to_contain_text("Paused")
    publish(notebook, 3, 4, 5)
    expect(panel.get_by_role("status").first).to_contain_text("3 waiting")
    expect(rows(panel)).to_have_count(2)
    notebook.screenshot("tail-paused", panel)
    button(panel, "Resume").click()
    expect(rows(panel)).to_have_count(5)
    expect(panel.locator("tbody .bk-fresh", has_text="+")).to_have_count(3)
    notebook.screenshot("tail-resumed", panel)
    button(panel, "Clear").click()
    expect(rows(panel)).to_have_count(0)
    button(panel, "Stop").click()
    expect(panel.get_by_role("status").first).to_contain_text("Stopped: you stopped it")
    assert notebook.ask("tail.running") is False


@pytest.mark.extended
def test_a_filter_typed_by_hand_looks_back_and_a_chosen_row_is_shown_in_full(
    open_notebook: Opening, connect: str
) -> None:
    notebook = open_notebook(connect, TAIL)
    notebook.run_all()
    panel = notebook.panel(1)
    publish(notebook, *range(40))
    expect(rows(panel)).to_have_count(40)
    panel.get_by_label("Only where", exact=True).fill('"id":17,')
    expect(rows(panel)).to_have_count(1)
    publish(notebook, 17, 18)
    expect(rows(panel)).to_have_count(2)
    expect(panel.get_by_role("group", name="The Python call of this tail")).to_contain_text("where=")
    assert notebook.ask("tail.where") == '"id":17,'

    rows(panel).first.click()
    detail = panel.get_by_role("region", name="Selected message")
    expect(detail.locator("pre")).to_have_text('{\n  "id": 17,\n  "book": "Dune"\n}')
    expect(detail).to_contain_text("s.compose(")
    assert notebook.ask("tail.selected['value'].tolist()") == ['{"id":17,"book":"Dune"}']
    notebook.screenshot("tail-filtered", panel)
    rows(panel).first.press("Enter")
    expect(detail).to_be_hidden()

    panel.get_by_label("Only where", exact=True).fill("")
    panel.get_by_label("Key is").fill("missing")
    expect(rows(panel)).to_have_count(0)
    notebook.do("setattr(tail, 'key', None)")
    expect(rows(panel)).to_have_count(42)


@pytest.mark.extended
def test_another_format_is_chosen_and_the_last_messages_are_read_again(
    open_notebook: Opening, connect: str
) -> None:
    notebook = open_notebook(connect, TAIL)
    notebook.run_all()
    panel = notebook.panel(1)
    notebook.do(r"s.publish_batch(topic, [b'\x81\xa1a\x01', 'text'])")
    expect(rows(panel)).to_have_count(2)
    panel.get_by_label("Read values as").select_option("json")
    expect(rows(panel).first).to_contain_text("bytes: ")
    expect(panel.get_by_role("group", name="The Python call of this tail")).to_contain_text("decode='json'")
    panel.get_by_label("Read values as").select_option("avro")
    expect(panel.get_by_text("this session has no schema registry")).to_be_visible()
    expect(panel.get_by_label("Read values as")).to_have_value("json")
    panel.get_by_label("Read values as").select_option("auto")
    expect(rows(panel).first).to_contain_text('{"a":1}')
    notebook.screenshot("tail-formats", panel)
    assert notebook.ask("tail.decode") == "auto"


@pytest.mark.extended
def test_the_call_below_it_can_be_copied_and_makes_the_same_tail(
    open_notebook: Opening, connect: str
) -> None:
    notebook = open_notebook(connect, TAIL, "None")
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook.run_all()
    panel = notebook.panel(1)
    publish(notebook, 1, 2)
    panel.get_by_label("Only where", exact=True).fill('"id":2')
    expect(rows(panel)).to_have_count(1)
    bar = panel.get_by_role("group", name="The Python call of this tail")
    bar.get_by_role("button").click()
    expect(bar).to_contain_text("copied")
    notebook.write(2, notebook.page.evaluate("navigator.clipboard.readText()"))
    notebook.run(2)
    expect(rows(notebook.panel(2))).to_have_count(1)


@pytest.mark.extended
def test_running_its_cell_again_stops_the_tail_of_before(open_notebook: Opening) -> None:
    notebook = open_notebook(
        "import brokerkit as bk\ns = bk.connect('inmem://')\ntopic = 'orders'\ns.create_topic(topic)\ntails = []",
        "tails.append(s.tail(topic))\ntails[-1]",
        "tails[0].widget",
    )
    notebook.run_all()
    publish(notebook, 1)
    expect(rows(notebook.panel(1))).to_have_count(1)
    notebook.run(1)
    eventually(
        lambda: notebook.ask("[each.running for each in tails]") == [False, True], "the first one stopped"
    )
    expect(notebook.panel(2).get_by_role("status").first).to_contain_text("its cell was run again")
    publish(notebook, 2)
    expect(rows(notebook.panel(1))).to_have_count(2)


def test_a_tail_blocks_no_other_cell(open_notebook: Opening, connect: str) -> None:
    notebook = open_notebook(connect, TAIL, "6 * 7")
    notebook.run_all()
    expect(notebook.output(2)).to_contain_text("42")
    notebook.write(
        2, "for number in range(3):\n    s.publish(topic, str(number))\n    __import__('time').sleep(0.5)"
    )
    notebook.run(2)
    expect(rows(notebook.panel(1))).to_have_count(3)


@pytest.fixture
def server(nats_server: NatsServer) -> Iterator[NatsServer]:
    """A server of its own to kill; `nats_server` skips where there is none."""
    with NatsServer() as own:
        yield own


@pytest.mark.broker
@pytest.mark.extended
def test_a_restart_of_the_broker_leaves_a_note_between_the_rows(
    open_notebook: Opening, server: NatsServer
) -> None:
    notebook = open_notebook(
        f"import brokerkit as bk\ns = bk.connect({server.url!r})\ntopic = 'orders'\ns.create_topic(topic)",
        TAIL,
    )
    notebook.run_all()
    panel = notebook.panel(1)
    publish(notebook, 1, 2)
    expect(rows(panel)).to_have_count(2)
    server.kill()
    status = panel.get_by_role("status").first
    expect(status).to_contain_text("Waiting for the broker", timeout=60_000)
    notebook.screenshot("tail-waiting", panel)
    server.start()
    expect(status).to_contain_text("Following", timeout=60_000)
    publish(notebook, 3)
    expect(rows(panel)).to_have_count(3)
    expect(panel.locator(".bk-note")).to_contain_text("The broker could not be reached from")
    expect(panel.locator("tbody tr")).to_have_count(4)
    notebook.screenshot("tail-gap", panel)
