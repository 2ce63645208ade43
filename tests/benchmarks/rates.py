"""Rows per second of work that is done in this process."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def rate(work: Callable[[], int], rounds: int = 3, clock: Callable[[], float] = time.perf_counter) -> float:
    """Rows per second of the best round; `work` returns how many rows it made.

    Args:
        clock: `time.process_time` where the machine has other work.
    """
    best = 0.0
    for _ in range(rounds):
        gc.collect()
        began = clock()
        rows = work()
        best = max(best, rows / (clock() - began))
    return best


def medians(
    works: dict[str, Callable[[], int]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Rows per second of each way, the median of rounds in which all ways take turns.

    On a machine with other work, all of them have it likewise.

    Args:
        clock: As for `rate`.
    """
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(rate(work, rounds=1, clock=clock))
    return {name: statistics.median(rates) for name, rates in found.items()}
