"""Several ways of reading the same rows, in turns, so that what else the machine does strikes all alike."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

ROUNDS = 5


@dataclass
class Way:
    """One way of reading, and what each round of it took.

    Attributes:
        name: What is done, in a few words.
        work: Does it, and returns how many rows it looked at.
        wanted: The ratio of its speed to that of the first way that is wanted, if any.
    """

    name: str
    work: Callable[[], int]
    wanted: float | None = None
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)

    def run(self, rows: int) -> None:
        """Do it once, and note seconds per million rows."""
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        found = self.work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert found == rows, f"{self.name}: {found:,} rows instead of {rows:,}"
        self.walls.append(wall * 1e6 / rows)
        self.cpus.append(cpu * 1e6 / rows)


@dataclass
class FreshWay(Way):
    """A way that begins in a process of its own; `script` prints rows, wall and CPU seconds.

    The seconds of the process begin after its imports.
    """

    script: str = ""

    def run(self, rows: int) -> None:
        done = subprocess.run([sys.executable, "-c", self.script], capture_output=True, text=True, check=True)
        found, wall, cpu = done.stdout.split()
        assert int(found) == rows, f"{self.name}: {found} rows instead of {rows:,}"
        self.walls.append(float(wall) * 1e6 / rows)
        self.cpus.append(float(cpu) * 1e6 / rows)


def compared(title: str, ways: Sequence[Way], rows: int, rounds: int = ROUNDS) -> str:
    """Run all ways in turns, and return a table: medians, and the median ratio of each to the first.

    The first turn warms up and does not count.
    """
    for _ in range(rounds + 1):
        for way in ways:
            way.run(rows)
    for way in ways:
        del way.walls[0], way.cpus[0]
    first = ways[0]
    lines = [
        f"{title} ({rows:,} rows, {rounds} rounds)",
        f"  {'':44} {'rows/s':>12} {'CPU s/M':>8} {'speed':>7} {'CPU':>6} {'wanted':>7}",
    ]
    for way in ways:
        speed = median(other / own for other, own in zip(first.walls, way.walls, strict=True))
        cpu = median(own / other for other, own in zip(first.cpus, way.cpus, strict=True))
        wanted = "" if way.wanted is None else f"{way.wanted:.1f}x"
        lines.append(
            f"  {way.name:44} {1e6 / median(way.walls):>12,.0f} {median(way.cpus):>8.2f} "
            f"{speed:>6.2f}x {cpu:>5.2f}x {wanted:>7}"
        )
    return "\n".join(lines)
