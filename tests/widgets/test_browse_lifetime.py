"""A browser ends when it should, keeps nothing of what it no longer shows, and saves little."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
import weakref

import pytest

from brokerkit.testing.waiting import eventually
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session
from tests.widgets.test_browse import browse, last, say, told

PROGRAM = """
import json
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.history_manager.enabled = False
setup = '''import brokerkit as bk, threading
s = bk.connect('inmem://')
s.create_topic('orders')
s.publish_batch('orders', ['{"id": 1}'] * 3_000)
gate, browsers = threading.Event(), []'''
mine = "browsers.append(s.browse('orders', where=lambda value: gate.wait(30)))"
for cell in (setup, mine, "1 + 1", mine, "gate.set()"):
    shell.run_cell(cell, store_history=True).raise_error()
first, second = shell.user_ns["browsers"]
print(json.dumps([first.wait(60), second.wait(20), len(first.frame), len(second.frame)]))
shell.run_cell("big = lambda value: value['id'] > 0").raise_error()
second.query = {"where": shell.user_ns["big"]}
print(second.call)
from brokerkit.widgets.predicate import Predicate
shell.run_cell("least = 0").raise_error()
second.query = {"where": Predicate("value['id'] > least")}
print(len(second.frame), len(eval(second.call, shell.user_ns)))
"""


@pytest.mark.extended
def test_running_a_cell_again_ends_the_search_that_it_began_and_names_are_the_notebooks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    rows, call, again = done.stdout.splitlines()[-3:]
    assert json.loads(rows) == [True, True, 0, 100]
    assert call == "s.peek('orders', where=big)"
    assert again == "100 100"


@pytest.mark.extended
def test_a_search_ends_with_its_session(s: Session) -> None:
    s.create_topic("t", partitions=4)
    for _ in range(8):
        s.publish_batch("t", ["x"] * 5_000)
    reading = threading.Event()
    browser = s.browse("t", where=lambda value: reading.set() or False)
    assert reading.wait(60)
    s.close()
    assert browser.wait(60)
    assert not browser.running
    eventually(
        lambda: not [each for each in threading.enumerate() if "of the browser of" in each.name], "no threads"
    )


def test_earlier_results_are_not_kept(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", ["x" * 1_000] * 1_000)
    browser = browse(s, "t", limit=1_000)
    told(browser)
    say(browser, "select", place=5)
    before = [
        weakref.ref(each) for each in (browser._model.search, browser._model.rows.result, browser.message)
    ]
    browser.query = {"limit": 10}
    assert browser.wait(60)
    gc.collect()
    assert [each() for each in before] == [None, None, None]


def test_the_part_that_a_notebook_may_save_is_small(s: Session) -> None:
    pytest.importorskip("anywidget")
    s.create_topic("t")
    s.publish_batch("t", [{f"field-{number}": "x" * 1_000 for number in range(100)}] * 200)
    browser = browse(s, "t", limit=200, expand=True)
    sent = told(browser)
    say(browser, "hello")
    assert last(sent, "rows")["total"] == 200
    state = state_of(browser._model)
    assert len(json.dumps(state)) < 10_000
    saved = browser.widget.get_state()
    assert len(json.dumps({name: saved[name] for name in ("_esm", "_css")})) < 260_000
