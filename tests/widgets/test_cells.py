"""A tail belongs to its cell: run again, the cell stops the tail of before; other cells do not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, time
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.history_manager.enabled = False
setup = "import brokerkit as bk; s = bk.connect('inmem://'); s.create_topic('orders'); tails = []"
mine = "tails.append(s.tail('orders', interval=0.02))"
seen = []
for cell in (setup, mine, "1 + 1", mine, "2 + 2", "s.close()"):
    result = shell.run_cell(cell, store_history=True)
    result.raise_error()
    seen.append([each.running for each in shell.user_ns.get("tails", [])])
deadline = time.monotonic() + 10
while any(each.running for each in shell.user_ns["tails"]) and time.monotonic() < deadline:
    time.sleep(0.02)
seen.append([each.running for each in shell.user_ns["tails"]])
print(json.dumps([seen[:5], seen[-1], shell.user_ns["tails"][0]._model.status_text()]))
"""


@pytest.mark.extended
def test_running_a_cell_again_stops_the_tail_that_it_began() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    seen, at_the_end, why = json.loads(done.stdout.splitlines()[-1])
    assert seen == [[], [True], [True], [False, True], [False, True]]
    assert at_the_end == [False, False]
    assert why == "Stopped: its cell was run again"
