"""What one piece of work takes: wall, CPU seconds, and by how much the memory of its process grows."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

CLEAR = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        rows: How many rows there were.
        wall, cpu: Seconds. Those of child processes are among the CPU seconds.
        peak: By how many MB the memory of the process grew at most, where the system says it (Linux).
    """

    rows: int
    wall: float
    cpu: float
    peak: float | None

    def json(self) -> str:
        return json.dumps(asdict(self))


def measure(work: Callable[[], int]) -> Measured:
    """Run the work once; it returns how many rows it looked at."""
    gc.collect()
    start = _begin_peak()
    wall, cpu = time.perf_counter(), _cpu_seconds()
    rows = work()
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    return Measured(rows, wall, cpu, None if start is None else _kilobytes("VmHWM") / 1000 - start)


def _begin_peak() -> float | None:
    """Forget the peak of before, and return the MB of now."""
    try:
        CLEAR.write_text("5")
    except OSError:
        return None
    return _kilobytes("VmRSS") / 1000


def _kilobytes(name: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


def _cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its children that run."""
    import psutil

    seconds = time.process_time()
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system
    return seconds
