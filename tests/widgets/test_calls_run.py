"""Every call shown in a tab runs as it stands in the notebook, however the notebook keeps the widget."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json
import tests.early
from typing import get_args
from IPython.core.interactiveshell import InteractiveShell
from brokerkit.widgets.protocol.browse import Tab

shell = InteractiveShell.instance()
shell.history_manager.enabled = False
names = shell.user_ns
SETUP = '''import brokerkit as bk
s = bk.connect('inmem://')
s.create_topic('orders')
s.create_subscription('orders', 'billing', start='earliest')
s.create_topic('orders-dead-letters')
s.publish_batch('orders', [{"id": n} for n in range(5)])
s.publish('orders-dead-letters', 'broken')'''
shell.run_cell(SETUP).raise_error()
found = []
# a session that the notebook has no variable for
import brokerkit as bk
elsewhere = bk.connect("inmem://elsewhere")
elsewhere.create_topic("orders")

def run(where, call):
    try:
        exec(call, dict(names))
        wrong = ""
    except BaseException as error:
        wrong = repr(error)
    found.append([where, call, wrong])

def tabs(browser, where):
    panel, sent = browser._shown_view().panel, []
    panel.widget.send = lambda message, *_: sent.append(message)
    say = lambda kind, **more: panel._receive(None, {"type": kind, **more})
    assert browser.wait(60)
    browser.selected = [0]
    say("compose", what="edit", replace=True)
    say("follow")
    assert browser.tail is not None
    run(where, browser.tail.call)
    for rows in ([0], [0, 1, 2]):
        browser.selected = rows
        say("compose", what="edit", replace=True)
        assert len(browser.composer) == len(rows)
        run(where, browser.composer.call)
        browser.composer.row = len(rows) - 1
        run(where, browser.composer.call)
        if len(rows) == 1:
            browser.composer.value = "x" * 5_000
            run(where, browser.composer.call)
            browser.composer.value, browser.composer.key = "x", "k" * 5_000
            run(where, browser.composer.call)
        browser.composer.schema = {"type": "object", "title": "t" * 3_000}
        run(where, browser.composer.call)
    say("compose", what="new", replace=True)
    run(where, browser.composer.call)
    browser.composer._model.write_many(True)
    run(where, browser.composer.call)
    browser.tail.where = lambda value: True
    run(where, browser.tail.call)
    browser.tail._shown_view().receive({"type": "formats", "decode": "text", "decode_key": "raw"})
    run(where, browser.tail.call)
    browser.tail.decode = bk.Decoder(len, __import__("pyarrow").int64(), "size")
    run(where, browser.tail.call)
    browser.selected = [0]
    plan = dict(of="rows", to="orders", rate="", keep=False, most="", session=elsewhere.token)
    say("plan_change", verb="send", **plan)
    browser.wait(60)
    change = [each["change"] for each in sent if each["type"] == "change"][-1]
    assert change["places"], change
    run(where, change["call"])
    assert f"{browser.target.target}" == elsewhere.target
    for tab in get_args(Tab):
        say("open", tab=tab)
        browser.wait(60)
        calls = [each for each in sent if each["type"] == "call" and each["tab"] == tab]
        if tab not in ("messages", "compose", "live"):
            run(where, calls[-1]["call"])
    run(where, browser.call)
    run(where, browser.fixed_call)
    run(where, browser.message_call)
    browser.query = {"where": lambda value: True}
    browser.wait(60)
    run(where, browser.call)

for where, cell, way in (
    ("a variable", "browser = s.browse('orders')", "browser"),
    ("another name", "mine = s.browse('orders')", "mine"),
    ("a dashboard", "board = s.dashboard()", "board"),
    ("the first screen", "first = bk.open()", "first"),
    ("no variable", "kept = s.browse('orders')", "kept"),
):
    shell.run_cell(cell).raise_error()
    thing = names[way]
    thing._shown_view()
    if where == "no variable":
        # as IPython keeps what a cell shows and gives to no variable
        names["_1"] = names.pop(way)
    if where == "a dashboard":
        thing._open("orders", "messages")
        thing = thing.browser
    elif where == "the first screen":
        thing._model._opened(names["s"])
        thing = thing.browser
        thing.query = "orders"
    tabs(thing, where)
    thing.put_away()
print(json.dumps(found))
"""


@pytest.mark.extended
def test_every_call_in_a_tab_runs() -> None:
    pytest.importorskip("IPython")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) > 60
    assert [each for each in found if each[2]] == []
    # what a browser holds is named through it, wherever that is
    calls = {where: [call for each, call, _ in found if each == where] for where, *_ in found}
    for where, way in (
        ("a variable", "browser"),
        ("another name", "mine"),
        ("a dashboard", "board.browser"),
        ("the first screen", "first.browser"),
        ("no variable", "_1"),
    ):
        assert any(f"message={way}.composer.message" in call for call in calls[where]), where
        assert any(f"frame={way}.composer.frame" in call for call in calls[where]), where
        assert any(f"where={way}.tail.where" in call for call in calls[where]), where
        assert any(".target.publish_frame(" in call for call in calls[where]), where
