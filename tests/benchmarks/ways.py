"""Several ways of doing the same, in turns, so that what else the machine does strikes all alike."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .measured import Measured, measure
from .results import Comparison, Goal, Result

ROOT = Path(__file__).parents[2]
SECONDS = 1800
"""How long a process of its own may take."""


@dataclass
class Way:
    """One way, and what each turn of it took.

    Attributes:
        name: What is done, in a few words.
        work: Does it, and returns how many rows it looked at.
    """

    name: str
    work: Callable[[], int] | None = None
    turns: list[Measured] = field(default_factory=list)

    def run(self) -> Measured:
        assert self.work is not None
        return measure(self.work)


@dataclass
class FreshWay(Way):
    """A way that runs in a process of its own, which prints what it measured after its imports.

    Attributes:
        command: The module of the process and its arguments.
        python: Its interpreter.
    """

    command: Sequence[object] = ()
    python: Path = Path(sys.executable)

    def run(self) -> Measured:
        command = [str(self.python), "-m", *map(str, self.command)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr.strip().splitlines()[-1:]}")
        return Measured(**json.loads(done.stdout.splitlines()[-1]))


def compared(
    title: str, ways: Sequence[Way], rows: int, rounds: int, goals: Sequence[Goal] = (), *, warm: bool = True
) -> Comparison:
    """Run all ways in turns, and return the medians, and those of the ratios to the first way.

    A way that fails is named with its reason and left out.

    Args:
        warm: Whether a first turn warms up and does not count.
    """
    failed: dict[str, str] = {}
    for turn in range(rounds + warm):
        for way in ways:
            if way.name in failed:
                continue
            try:
                measured = way.run()
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                failed[way.name] = str(error)
                continue
            if measured.rows != rows:
                failed[way.name] = f"{way.name}: {measured.rows:,} rows instead of {rows:,}"
            elif turn or not warm:
                way.turns.append(measured)
    done = [way for way in ways if way.name not in failed]
    first = ways[0]
    if first not in done:
        return Comparison(title, rows, rounds, (), tuple(goals), tuple(failed.values()))
    results = tuple(_result(way, first, rows) for way in done)
    return Comparison(title, rows, rounds, results, tuple(goals), tuple(failed.values()))


def _result(way: Way, first: Way, rows: int) -> Result:
    pairs = list(zip(first.turns, way.turns, strict=True))
    peaks = [each.peak for each in way.turns if each.peak is not None]
    return Result(
        way.name,
        rows / median(each.wall for each in way.turns),
        median(each.cpu for each in way.turns) * 1e6 / rows,
        median(peaks) if peaks else None,
        median(other.wall / own.wall for other, own in pairs),
        median(own.cpu / other.cpu if other.cpu else 1.0 for other, own in pairs),
    )
