"""A broker that is marked as production is changed by a person, or by code that says so."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import brokerkit as bk
from brokerkit.core.runtime.registry import address_of

CHANGE = """
import brokerkit as bk
s = bk.connect("inmem://", production=True{extra})
s.topics()
try:
    s.create_topic("t")
    print("changed")
except bk.NotSupported as refused:
    print("refused:", refused)
"""
USES = {
    "create": lambda s: s.create_topic("new"),
    "publish": lambda s: s.publish("t", "x"),
    "pull": lambda s: s.pull("t", subscription="me", start="earliest"),
    "delete": lambda s: s.delete_topic("t", confirm="t"),
    "native": lambda s: s.native,
}


def without_ci() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "CI"}


def in_a_terminal(program: str, environment: dict[str, str]) -> str:
    """Run a program in a terminal of its own and return what it printed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment,
        text=True,
    ) as running:
        os.close(theirs)
        printed, _ = running.communicate(timeout=60)
    os.close(ours)
    return printed


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=without_ci(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.extended
def test_a_script_without_a_terminal_changes_nothing_unless_its_code_says_so() -> None:
    said = run(CHANGE.format(extra="") + CHANGE.format(extra=", allow_changes=True")).splitlines()
    assert said[0].startswith("refused: this session is marked as production")
    assert said[-1] == "changed"


@pytest.mark.extended
def test_a_person_at_a_terminal_may_change_and_ci_may_not() -> None:
    steps = [f"import os; os.environ['CI'] = {ci!r}" + CHANGE.format(extra="") for ci in ("true", "false")]
    said = in_a_terminal("\n".join([CHANGE.format(extra=""), *steps]), without_ci()).splitlines()
    assert (said[0], said[-1]) == ("changed", "changed")
    assert said[1].startswith("refused")


@pytest.mark.parametrize("use", USES)
def test_every_change_is_refused_and_reading_is_not(use: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"inmem://unattended-{use}"
    monkeypatch.setenv("CI", "1")
    with bk.connect(name) as writer, bk.connect(name, production=True) as live:
        writer.create_topic("t")
        writer.publish("t", "x")
        assert live.peek("t")["value"].tolist() == ["x"]
        with pytest.raises(bk.NotSupported, match=r"no person sees this run.*allow_changes=True"):
            USES[use](live)
        assert writer.describe("t").messages == 1
        assert writer.topics()["topic"].tolist() == ["t"]


def test_only_code_allows_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "connections.toml"
    file.write_text('[live]\nurl = "inmem://x"\nallow_changes = true\n')
    monkeypatch.setenv("BROKERKIT_CONFIG", str(file))
    for target in ("live", "inmem://x?allow_changes=true"):
        with pytest.raises(bk.ConfigError, match="stands in the code"):
            bk.connect(target)
    with pytest.raises(bk.ConfigError, match="stands in the code"):
        bk.save_connection("live", "inmem://x", allow_changes=True)
    monkeypatch.setenv("BROKERKIT_NATS_ALLOW_CHANGES", "true")
    with pytest.raises(bk.ConfigError, match="stands in the code"):
        bk.connect("nats://host")
    assert "allow" not in address_of("inmem://x", {"production": True, "allow_changes": True}).public_url


@pytest.mark.extended
def test_a_notebook_that_runs_by_itself_changes_nothing() -> None:
    import nbformat
    from nbclient import NotebookClient

    cell = nbformat.v4.new_code_cell(CHANGE.format(extra=""))
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert "refused" in notebook.cells[0].outputs[0]["text"]


@pytest.mark.extended
def test_a_notebook_with_a_person_before_it_may_change() -> None:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    printed: list[str] = []
    try:
        client.execute_interactive(
            CHANGE.format(extra=""),
            allow_stdin=True,
            timeout=60,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "".join(printed) == "changed\n"
