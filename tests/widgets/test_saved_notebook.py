"""What a saved notebook shows without a kernel: the HTML beside each widget, and what nbconvert makes of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import brokerkit as bk
from brokerkit.workbench import Session

CELLS = {
    "b = s.browse('orders'); b.wait(60); b": ["mark-0", "mark-4"],
    "s.tail('orders')": ["mark-0", "as it was followed"],
    "s.compose('orders', value={'mark': 'mark-7'})": ["mark-7", "ready to send"],
    "c = s.compose('orders', rows=frame); c.wait(60); c": ["2 ready, 0 bad", "field"],
    "d = s.dashboard(); d._model.looked.wait(60); d": ["orders", "as it was watched"],
    "bk.open()": ["Saved connections", "bk.open()"],
}
SETUP = """import pandas as pd
import brokerkit as bk
frame = pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})
s = bk.connect('inmem://')
s.create_topic('orders')
s.publish_batch('orders', [{'mark': f'mark-{n}'} for n in range(5)])
hostile = s.publish('orders', '<img src=x onerror=alert(1)>')"""


def test_a_dashboard_shows_the_topics_of_its_first_look(s: Session) -> None:
    s.create_topic("orders")
    with_first_look = s.dashboard()
    assert with_first_look._model.looked.wait(60)
    assert "<td" in with_first_look._repr_html_()
    assert "orders" in with_first_look._repr_html_()
    with_first_look._shown_view()
    with_first_look._open("orders", "messages")
    assert with_first_look.browser is not None
    assert with_first_look.browser.wait(60)
    assert "Dashboard" not in with_first_look._repr_html_()
    with_first_look.close()


def test_many_messages_show_their_columns_and_bad_lines(s: Session, tmp_path: Path) -> None:
    s.create_topic("orders")
    (tmp_path / "some.csv").write_text("id;total\n1;<b>2\n2;3\n3;4\n4;5\n")
    rows = bk.read_rows(tmp_path / "some.csv", key="id", fields=["id", "total"], types={"total": "integer"})
    composer = s.compose("orders", rows=rows)
    assert composer.wait(60)
    shown = composer._repr_html_()
    for text in ("some.csv: 4 rows", "3 ready, 1 bad", "key and field", "bad line", "&lt;b&gt;2"):
        assert text in shown, text
    assert "<b>2" not in shown
    assert "Composer of" in s.compose("orders", many=True)._repr_html_()
    broken = s.compose("orders", rows=[1, 2])
    assert broken.wait(60)
    assert "list" in broken._repr_html_()


@pytest.mark.extended
@pytest.mark.timeout(300)
def test_each_widget_leaves_what_it_shows_in_the_notebook_and_in_the_page_of_it(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    export = pytest.importorskip("nbconvert")
    cells = [nbformat.v4.new_code_cell(each) for each in [SETUP, *CELLS]]
    notebook = nbformat.v4.new_notebook(cells=cells)
    # as JupyterLab saves it: without the state of widgets
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    client.NotebookClient(notebook, timeout=200, store_widget_state=False).execute(env=environment)
    for cell, expected in zip(notebook.cells[1:], CELLS.values(), strict=True):
        (output,) = cell["outputs"]
        html = output["data"]["text/html"]
        for text in expected:
            assert text in html, (cell["source"], text, html)
        assert "<img" not in html
    page, _ = export.HTMLExporter(embed_images=True).from_notebook_node(notebook)
    for texts in CELLS.values():
        assert all(text in page for text in texts), texts
    assert not re.search(r"<img src=x", page)
