"""An export that two start, that is killed, or that finds no room: nothing is ruined, and it goes on exactly."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from brokerkit.testing.processes import Child
from brokerkit.testing.waiting import eventually

from .conftest import ON_ONE_SYSTEM
from .flights import Flights
from .systems import System

SLICE_ROWS = 40_000


def _exporting(system: System, topic: str, path: Path) -> Child:
    order = {"url": system.fast_url, "topic": topic, "slice_rows": SLICE_ROWS, "path": str(path)}
    return Child("export", order, module="tests.scenarios.program")


def _is_exact(path: Path, flights: Flights) -> bool:
    assert all(file.suffix == ".parquet" for file in path.iterdir())
    rows = pd.read_parquet(path, columns=["value"])["value"].map(lambda value: json.loads(value)["row"])
    return sorted(rows) == list(range(len(flights.source)))


@pytest.mark.extended
@ON_ONE_SYSTEM
@pytest.mark.timeout(120)
def test_of_two_exports_into_one_folder_one_is_refused_by_name_and_the_other_is_whole(
    system: System, flights: Flights, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    with _exporting(system, flights.topic, path) as first, _exporting(system, flights.topic, path) as second:
        both = [first, second]
        for child in both:
            child.hear("working")
        said = [child._said.get(timeout=90) for child in both]
        refused = [one for one in said if one is not None and one["what"] == "refused"]
        exported = [one for one in said if one is not None and one["what"] == "exported"]
        winner = both[1 - said.index(refused[0])]._process.pid
    assert [one["rows"] for one in exported] == [len(flights.source)]
    assert refused[0]["kind"] == "InUse"
    assert f"process {winner} on " in refused[0]["text"]
    assert "wait for it, or give another folder" in refused[0]["text"]
    assert _is_exact(path, flights)


@pytest.mark.extended
@pytest.mark.timeout(120)
def test_an_export_that_stands_still_is_not_taken_over_and_ends_whole(
    system: System, flights: Flights, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    with _exporting(system, flights.topic, path) as first:
        first.hear("working")
        eventually((path / "_brokerkit.json").exists, "the plan is written", within=60)
        first.signal(signal.SIGSTOP)
        with _exporting(system, flights.topic, path) as second:
            second.hear("working")
            assert second.hear("refused")["kind"] == "InUse"
        first.signal(signal.SIGCONT)
        assert first.hear("exported", 60)["rows"] == len(flights.source)
    assert _is_exact(path, flights)


@pytest.mark.extended
@pytest.mark.timeout(180)
def test_an_export_that_is_killed_again_and_again_is_exact_in_the_end(
    system: System, flights: Flights, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    for seed in range(5):
        with _exporting(system, flights.topic, path) as child:
            child.hear("working")
            time.sleep(random.Random(seed).uniform(0.05, 1.2))  # the moment is what is varied
            child.signal(signal.SIGKILL)
            child._process.wait(60)
    with _exporting(system, flights.topic, path) as child:
        child.hear("working")
        assert child.hear("exported", 60)["rows"] == len(flights.source)
    assert _is_exact(path, flights)


@ON_ONE_SYSTEM
@pytest.mark.timeout(120)
@pytest.mark.parametrize("options", ["size=3m", pytest.param("ro", marks=pytest.mark.extended)])
def test_a_disk_that_is_full_or_read_only_is_said_and_the_export_continues_afterwards(
    system: System, flights: Flights, tmp_path: Path, options: str
) -> None:
    path = tmp_path / "out"
    mount, move = tmp_path / "disk", tmp_path / "moved"
    mount.mkdir()
    order = {"url": system.fast_url, "topic": flights.topic, "slice_rows": SLICE_ROWS, "path": f"{mount}/out"}
    program = f"{sys.executable} -m tests.scenarios.program export '{json.dumps(order)}'"
    script = f"mount -t tmpfs -o {options} none {mount} && {{ {program}; cp -r {mount} {move}; }}"
    _needs_mounts(mount)
    done = _run(script)
    said = [json.loads(line) for line in done.splitlines()]
    assert said[-1]["what"] == "refused", done
    assert said[-1]["kind"] == "StorageError"
    assert "to_parquet on the same folder goes on" in said[-1]["text"]
    assert ("no room left" if options != "ro" else "read-only") in said[-1]["text"]
    if (move / "out").exists():
        shutil.copytree(move / "out", path)
        assert not list(path.glob("*.new"))
    with _exporting(system, flights.topic, path) as child:
        child.hear("working")
        assert child.hear("exported", 60)["rows"] == len(flights.source)
    assert _is_exact(path, flights)


def _needs_mounts(folder: Path) -> None:
    tried = _outcome(f"mount -t tmpfs -o size=1m none {folder}")
    if tried.returncode:
        pytest.skip(f"file systems cannot be mounted here: {tried.stderr.strip()}")


def _run(script: str) -> str:
    done = _outcome(script)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _outcome(script: str) -> Any:
    """Run a script in a mount namespace of its own, with an open standard input."""
    read, write = os.pipe()
    try:
        return subprocess.run(
            ["unshare", "-rm", "sh", "-c", script], stdin=read, capture_output=True, text=True, timeout=90
        )
    finally:
        os.close(read)
        os.close(write)
