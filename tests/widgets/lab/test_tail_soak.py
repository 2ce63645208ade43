"""A tail that runs for long: neither the notebook's file nor the kernel grows with what passes by."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil
import pytest
from playwright.sync_api import expect

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer

from .conftest import Opening
from .server import Lab

MINUTES = 10
A_SECOND = 1_000
BATCH = 100
WARM_SECONDS = 60.0
SAVING = "@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"


@pytest.fixture
def saving_widgets(lab: Lab) -> Iterator[None]:
    """JupyterLab saves the state of widgets with the notebook, which it does not by itself."""
    lab.use_setting(SAVING, {"saveState": True})
    yield
    lab.use_setting(SAVING, {"saveState": False})


@pytest.mark.soak
@pytest.mark.broker
@pytest.mark.timeout(1_500)
@pytest.mark.usefixtures("saving_widgets")
def test_ten_minutes_at_a_thousand_messages_a_second_leave_no_trace(
    open_notebook: Opening, nats_server: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with bk.connect(nats_server.url) as s:
        s.create_topic("soak", max_msgs=200_000)
        notebook = open_notebook(
            f"import os, brokerkit as bk\ns = bk.connect({nats_server.url!r})", "tail = s.tail('soak')\ntail"
        )
        notebook.run_all()
        kernel = psutil.Process(notebook.ask("os.getpid()"))
        status = notebook.panel(1).get_by_role("status").first
        began = time.monotonic()
        published = 0
        memory: list[int] = []
        sizes = [notebook.save().stat().st_size]
        while (passed := time.monotonic() - began) < WARM_SECONDS + 60 * MINUTES:
            if published < passed * A_SECOND:
                value = {"order": published, "book": "Dune", "text": "x" * 100}
                s.publish_batch("soak", [value] * BATCH)
                published += BATCH
            else:
                notebook.page.wait_for_timeout(20)
            if passed >= WARM_SECONDS + 30 * len(memory):
                memory.append(kernel.memory_info().rss)
                expect(status).to_contain_text("Following")
        sizes.append(notebook.save().stat().st_size)
        read, skipped = notebook.ask("[tail.read, tail.skipped]")
    growth, rise = sizes[1] - sizes[0], memory[-1] - memory[0]
    with capsys.disabled():
        print(
            f"\n{published:,} published, {read:,} read, {skipped:,} skipped; file {sizes[0]:,} to {sizes[1]:,} bytes; "
            f"kernel {memory[0] / 1e6:.0f} to {memory[-1] / 1e6:.0f} MB, at most {max(memory) / 1e6:.0f}"
        )
    assert growth < 200_000
    assert rise < 20_000_000
    assert read + skipped > 0.9 * published
