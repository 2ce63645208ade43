"""How long each file of tests takes, so that the longest begin first.

``python -m tests.durations RUN.xml`` stores what ``pytest --junitxml RUN.xml`` measured.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
STORE = Path(__file__).with_name("durations.json")
LEAST = 5
"""Seconds below which a file is not worth its line."""
TOGETHER = ("exports", "flights", "interrupt")
"""The scenarios that read a year of flights, which each process publishes on its own."""


def file_of(nodeid: str) -> str:
    """Return the file of a test, relative to the root of the project."""
    return nodeid.split("::", 1)[0]


def stored() -> dict[str, float]:
    """Return the seconds of each file that takes long; files that are kept together have their sum."""
    seconds: dict[str, float] = json.loads(STORE.read_text("utf-8"))
    whole: Counter[str] = Counter()
    for file, each in seconds.items():
        whole[scope_of(file)] += each
    return {file: whole[scope_of(file)] for file in seconds}


def scope_of(nodeid: str) -> str:
    """Return what one process runs as a whole: the file of a test, or several files."""
    file = file_of(nodeid)
    together = {f"tests/scenarios/test_{name}.py" for name in TOGETHER}
    return "tests/scenarios" if file in together else file


def scheduler(config: Any, log: Any) -> Any:
    """Return a scheduler of pytest-xdist that gives a process one scope at a time."""
    from xdist.scheduler import LoadFileScheduling

    class ByScope(LoadFileScheduling):  # type: ignore[misc]  # pytest-xdist is imported for a run only
        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid)

    return ByScope(config, log)


def measured(report: Path) -> dict[str, int]:
    """Return the seconds of each file in a JUnit report, the longest first."""
    seconds: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        seconds[_file(case.get("classname", ""))] += float(case.get("time", "0"))
    return {file: round(each) for file, each in seconds.most_common() if round(each) >= LEAST}


def _file(name: str) -> str:
    """Return the file of a class name such as `tests.core.test_x.TestY` or `notebooks.a.ipynb`."""
    if name.endswith(".ipynb"):
        return name.removesuffix(".ipynb").replace(".", "/") + ".ipynb"
    parts = name.split(".")
    while parts and not ROOT.joinpath(*parts).with_suffix(".py").is_file():
        parts.pop()
    return "/".join(parts) + ".py"


if __name__ == "__main__":
    STORE.write_text(json.dumps(measured(Path(sys.argv[1])), indent=0) + "\n", "utf-8")
