"""The suite itself: its documentation works, and it can fail."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

import brokerkit.testing
from brokerkit.backends import inmem
from brokerkit.core.vocabulary.capabilities import MESSAGE_BEHAVIOURS, RECORD_BEHAVIOURS, Gap
from brokerkit.testing import Conformance, Harness
from brokerkit.testing.behaviour import behaviours_of


def _example() -> str:
    """The test module that the documentation shows."""
    lines = inspect.getdoc(brokerkit.testing).splitlines()  # type: ignore[union-attr]  # it has one
    first = lines.index("    import uuid")
    last = next(number for number in range(first, len(lines)) if lines[number].startswith("Every test"))
    return textwrap.dedent("\n".join(lines[first:last]))


def _run(folder: Path, module: str, *arguments: str) -> str:
    (folder / "test_example.py").write_text(module, "utf-8")
    (folder / "conftest.py").write_text('pytest_plugins = ["brokerkit.testing.plugin"]\n', "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow: slow\n  soak: soak\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
    )
    return done.stdout + done.stderr


def test_the_documented_harness_of_forty_lines_proves_a_backend(tmp_path: Path) -> None:
    example = _example()
    assert len([line for line in example.splitlines() if line.strip()]) <= 40
    # one for everything that a harness says or does
    chosen = " or ".join(f"conformance_{number:02}" for number in (1, 20, 27, 31, 33, 67, 71, 72))
    said = _run(tmp_path, example, "-k", chosen)
    assert re.search(r"^inmem: 7 shown, 1 declared, 0 broken$", said, re.MULTILINE), said


def test_a_broken_backend_and_an_expired_declaration_fail(tmp_path: Path) -> None:
    lossy = _example() + textwrap.dedent("""
        from brokerkit.backends.inmem.store import Store
        from brokerkit.core import Gap, OutboundMessage

        publish = Store.publish

        def changing(self, batch):
            changed = [(topic, OutboundMessage(b"changed")) for topic, _ in batch[-1:]]
            return publish(self, [*batch[:-1], *changed] if len(batch) > 1 else batch)

        Store.publish = changing
        inmem.capabilities.gaps[4] = Gap("not yet", "claimed by a test")
    """)
    said = _run(tmp_path, lossy, "-k", "conformance_01 or conformance_04")
    assert "the declaration of 4 for inmem has expired: remove it" in said
    assert re.search(r"^inmem: 0 shown, 0 declared, 2 broken$", said, re.MULTILINE), said


def test_a_child_ends_when_the_run_that_began_it_is_killed() -> None:
    order = {"url": "inmem://", "options": {}, "in_process": True, "topic": "orders", "subscription": "me",
             "model": "message", "payloads": ["1"]}  # fmt: skip
    program = textwrap.dedent(f"""
        import signal
        from brokerkit.testing.processes import Child
        with Child("interrupt", {order!r}) as child:
            child.hear("waiting")
            print(child._process.pid, flush=True)
            signal.pause()
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    psutil.wait_procs([child], timeout=10)
    # an ended process stays as a zombie where nobody waits for orphans
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_every_number_is_there_once() -> None:
    assert [each.number for each in behaviours_of(Conformance)] == list(range(1, 79))
    assert all(f"_{each.number:02}_" in each.body.__name__ for each in behaviours_of(Conformance))


def test_the_gaps_of_a_system_with_one_model_are_those_of_the_other() -> None:
    by_model = {"message": MESSAGE_BEHAVIOURS, "record": RECORD_BEHAVIOURS}
    for model, numbers in by_model.items():
        assert tuple(each.number for each in behaviours_of(Conformance) if each.model == model) == numbers


def test_a_gap_of_another_kind_of_server_is_none_here(monkeypatch: pytest.MonkeyPatch) -> None:
    class Here(Harness):
        name, url = "here", "inmem://"

    gaps = {3: Gap("never", "only there", server="emulator"), 4: Gap("never", "everywhere")}
    monkeypatch.setattr(inmem, "capabilities", inmem.capabilities.but(gaps=gaps))
    (three, four) = [each for each in behaviours_of(Conformance) if each.number in gaps]
    assert three.check(Conformance(), Here()) is None
    with pytest.raises(AssertionError, match="has expired"):
        four.check(Conformance(), Here())
