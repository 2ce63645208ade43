"""Following and searching for long: neither the memory of the kernel nor what a notebook saves of the widgets grows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MESSAGES, SEARCHES = 100_000, 500


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_hundred_thousand_messages_and_five_hundred_searches_leave_no_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "tests.widgets.flat_child", str(MESSAGES), str(SEARCHES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    found = json.loads(child.stdout.splitlines()[-1])
    with capsys.disabled():
        print(
            f"\n{found['read']:,} followed, {found['searched']} searches; kernel "
            f"{', '.join(f'{each / 1e6:.0f}' for each in found['memory'])} MB; "
            f"state {found['states'][0]:,} to {found['states'][-1]:,} bytes"
        )
    assert found["read"] + found["skipped"] == MESSAGES
    assert found["searched"] == SEARCHES
    # the first fifth warms up; the broker in memory remembers an id of each message, some 16 MB of 100,000
    assert found["memory"][-1] - found["memory"][0] < 40_000_000
    assert found["states"][-1] - found["states"][0] < 1_000
