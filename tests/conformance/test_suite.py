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
from brokerkit.testing import Conformance, Gap, Harness
from brokerkit.testing.behaviour import Behaviour, behaviours_of, declared


def _example() -> str:
    """The test module that the documentation shows."""
    lines = inspect.getdoc(brokerkit.testing).splitlines()  # type: ignore[union-attr]  # it has one
    first = lines.index("    import uuid")
    last = next(number for number in range(first, len(lines)) if lines[number].startswith("Every test"))
    return textwrap.dedent("\n".join(lines[first:last]))


def _run(folder: Path, module: str, *arguments: str) -> str:
    (folder / "test_example.py").write_text(module, "utf-8")
    (folder / "conftest.py").write_text('pytest_plugins = ["brokerkit.testing.plugin"]\n', "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n", "utf-8")
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


@pytest.mark.extended
def test_the_documented_harness_of_forty_lines_proves_a_backend(tmp_path: Path) -> None:
    example = _example()
    assert len([line for line in example.splitlines() if line.strip()]) <= 40
    # one for everything that a harness says or does
    chosen = " or ".join(f"conformance_{number:02}" for number in (1, 20, 27, 31, 33, 67, 71, 72))
    said = _run(tmp_path, example, "-k", chosen)
    assert re.search(r"^inmem: 7 shown, 1 declared, 0 broken$", said, re.MULTILINE), said


@pytest.mark.extended
def test_a_broken_backend_and_an_expired_declaration_fail(tmp_path: Path) -> None:
    lossy = _example() + textwrap.dedent("""
        from brokerkit.backends.inmem.store import Store
        from brokerkit.core import OutboundMessage

        publish = Store.publish

        def changing(self, batch):
            changed = [(topic, OutboundMessage(b"changed")) for topic, _ in batch[-1:]]
            return publish(self, [*batch[:-1], *changed] if len(batch) > 1 else batch)

        Store.publish = changing
        InmemHarness.gaps = {"a payload that is not utf8 is exact": Gap("not yet", "claimed by a test")}
    """)
    said = _run(tmp_path, lossy, "-k", "conformance_01 or conformance_04")
    assert "the gap 'a payload that is not utf8 is exact' of inmem has expired: remove it" in said
    assert re.search(r"^inmem: 0 shown, 0 declared, 2 broken$", said, re.MULTILINE), said


@pytest.mark.extended
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
    # an ended process stays as a zombie where no process waits for orphans
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_every_number_is_there_once() -> None:
    assert [each.number for each in behaviours_of(Conformance)] == list(range(1, 90))
    assert all(f"_{each.number:02}_" in each.body.__name__ for each in behaviours_of(Conformance))


class Here(Harness):
    """The in-memory broker."""

    name, url = "here", "inmem://"


def numbered(number: int) -> Behaviour:
    return next(each for each in behaviours_of(Conformance) if each.number == number)


def test_behaviours_of_a_model_that_a_system_lacks_are_gaps_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ordered, resumed = numbered(31), numbered(39)
    assert (ordered.model, resumed.model) == ("message", "record")
    assert [declared(Here(), each) for each in (ordered, resumed)] == [None, None]
    for model, gap in (("message", resumed), ("record", ordered)):
        monkeypatch.setattr(inmem, "capabilities", inmem.capabilities.but(models=(model,), by_model={}))
        lacking = [each for each in (ordered, resumed) if declared(Here(), each)]
        assert lacking == [gap]


def test_a_gap_is_declared_by_the_name_of_its_behaviour() -> None:
    class Claiming(Here):
        gaps = {numbered(4).name: Gap("never", "claimed by a test")}  # noqa: RUF012  # as the base class has it

    assert numbered(3).check(Conformance(), Claiming()) is None
    with pytest.raises(AssertionError, match="'a payload that is not utf8 is exact' of here has expired"):
        numbered(4).check(Conformance(), Claiming())


def test_a_gap_that_names_no_behaviour_fails() -> None:
    class Misspelt(Here):
        gaps = {"a payload is exact": Gap("never", "misspelt")}  # noqa: RUF012  # as the base class has it

    Conformance().test_every_gap_names_a_behaviour(Here())
    with pytest.raises(AssertionError):
        Conformance().test_every_gap_names_a_behaviour(Misspelt())
