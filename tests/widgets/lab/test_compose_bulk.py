"""Many messages of a dropped file, in JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Opening

SETUP = """
import brokerkit as bk, pandas as pd
s = bk.connect("inmem://")
s.create_topic("refunds", partitions=3)
df = pd.DataFrame({"order": [1, 2]})
composer = s.compose("refunds", many=True, rate=2)
"""
EVIL = "<img src=x onerror=fired()>"
LINES = [f"ord-{n};c-{n % 7};{n},50;{EVIL if n == 3 else 'damaged'};=1+1" for n in range(120)]
LINES[30] = "ord-30;c-1;n/a;late;"
LINES[70] = 'ord-70;c-1;70,50;"late;'
REFUNDS = "\n".join(["order_id;customer;amount;reason;note", *LINES])
DROP = """(zone, [name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const type of ["dragover", "drop"])
    zone.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
}"""


def button(panel: Locator, name: str) -> Locator:
    return panel.get_by_role("button", name=name, exact=True)


@pytest.mark.extended
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_dropped_csv_with_two_bad_lines_is_mapped_sent_stopped_and_gone_on_with(
    open_notebook: Opening, theme: str
) -> None:
    notebook = open_notebook(SETUP, "composer", theme=theme)
    notebook.page.set_viewport_size({"width": 1440 if theme == "light" else 900, "height": 1000})
    notebook.run_all()
    panel = notebook.panel(1)
    notebook.screenshot(f"bulk-empty-{theme}", panel)
    panel.get_by_role("group", name="Where the messages come from").evaluate(DROP, ["refunds.csv", REFUNDS])
    rows = panel.get_by_role("region", name="Rows")
    expect(rows).to_contain_text("118 ready")
    expect(rows).to_contain_text("2 left out")
    bad = panel.get_by_role("table", name="Bad lines").locator("tbody tr")
    expect(bad.first).to_contain_text("32")
    expect(bad.first).to_contain_text("'n/a' is not a number with a decimal comma")
    expect(bad.last).to_contain_text("a quote is not closed")
    panel.get_by_label("What customer becomes").select_option("key")
    panel.get_by_label("What reason becomes").select_option("header")
    panel.get_by_label("The name of amount there").fill("total")
    panel.get_by_label("The name of amount there").press("Tab")
    preview = panel.get_by_role("region", name="Preview")
    expect(preview).to_contain_text('"total":0.5')
    for row in range(3, 6):
        button(panel, "Next row").click()
        expect(preview).to_contain_text(f"line {row}")
    expect(preview).to_contain_text(EVIL)
    button(panel, "Dry run").click()
    expect(panel).to_contain_text("118 of 120 can be sent")
    notebook.screenshot(f"bulk-ready-{theme}", panel)
    assert notebook.ask("len(s.peek('refunds'))") == 0

    button(panel, "Send 118").click()
    expect(panel).to_contain_text("rows tried")
    notebook.screenshot(f"bulk-sending-{theme}", panel)
    button(panel, "Stop").click()
    expect(panel).to_contain_text("what was not tried is not sent")
    notebook.screenshot(f"bulk-stopped-{theme}", panel)
    panel.get_by_label("At most so many a second").fill("")
    panel.get_by_label("At most so many a second").press("Tab")
    panel.get_by_role("button", name="Go on with").click()
    expect(panel).to_contain_text("118 confirmed")
    notebook.screenshot(f"bulk-sent-{theme}", panel)
    found = "sorted(s.peek('refunds', 200)['value'].str.extract(r'ord-(\\d+)\"')[0].astype(int))"
    assert notebook.ask(found) == [n for n in range(120) if n not in (30, 70)]
    assert notebook.ask("composer.outcome.counts") == {"confirmed": 118, "failed": 2, "unknown": 0}


@pytest.mark.extended
def test_a_file_is_chosen_bad_lines_are_saved_and_a_frame_is_taken(open_notebook: Opening) -> None:
    notebook = open_notebook(SETUP, "composer")
    notebook.run_all()
    panel = notebook.panel(1)
    panel.get_by_label("A file with messages").set_input_files(
        {"name": "some.jsonl", "mimeType": "text/plain", "buffer": b'{"id":1,"who":"a"}\nbroken\n' * 900}
    )
    expect(panel.get_by_role("region", name="Rows")).to_contain_text("900 left out")
    with notebook.page.expect_download() as saved:
        button(panel, "Save the 900 as CSV").click()
    text = saved.value.path().read_text()
    assert text.count("it is not JSON") == 900
    panel.get_by_label("A frame of the notebook").select_option("df")
    expect(panel.get_by_role("region", name="Rows")).to_contain_text("2 ready")
    button(panel, "Send 2").click()
    expect(panel).to_contain_text("2 confirmed")
    assert notebook.ask("sorted(s.peek('refunds')['value'])") == ['{"order":1}', '{"order":2}']
