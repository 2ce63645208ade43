"""What the benchmarks found: comparisons, single facts, and what was asked of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """One thing that was asked, and what came of it. `kept` is None where it was not measured."""

    asked: str
    found: str
    kept: bool | None


@dataclass(frozen=True)
class Result:
    """The medians of one way.

    Attributes:
        name: The way.
        rate: Rows per second.
        cpu: CPU seconds per million rows.
        peak: By how many MB the memory grew at most.
        speed: Its speed, in that of the first way.
        processor: Its CPU seconds, in those of the first way.
    """

    name: str
    rate: float
    cpu: float
    peak: float | None
    speed: float
    processor: float


@dataclass(frozen=True)
class Goal:
    """What is asked of one way against another.

    Attributes:
        way, against: The names of the ways.
        speed: How many times as fast it is wanted to be, at least.
        processor: How many times the CPU seconds it may take.
        seconds: How many seconds longer it may take, as a whole.
        peak: By how many MB its memory may grow; `against` has no part in that.
        asked: The words for it.
    """

    asked: str
    way: str
    against: str
    speed: float | None = None
    processor: float | None = None
    seconds: float | None = None
    peak: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Several ways of doing the same.

    Attributes:
        title: What was done.
        rows, rounds: How many.
        results: One for each way; ratios are to the first.
        goals: What was asked.
        failed: The ways that did not work, with the reason.
    """

    title: str
    rows: int
    rounds: int
    results: tuple[Result, ...]
    goals: tuple[Goal, ...] = ()
    failed: tuple[str, ...] = ()

    def verdicts(self) -> Iterator[Verdict]:
        ways = {each.name: each for each in self.results}
        for goal in self.goals:
            if goal.way not in ways or goal.against not in ways:
                yield Verdict(goal.asked, "not measured", None)
                continue
            yield self._verdict(goal, ways[goal.way], ways[goal.against])

    def _verdict(self, goal: Goal, way: Result, against: Result) -> Verdict:
        found, kept = [], []
        if goal.speed is not None:
            ratio = way.speed / against.speed
            found.append(f"{ratio:.2f} x as fast")
            kept.append(ratio >= goal.speed)
        if goal.processor is not None:
            ratio = way.processor / against.processor
            found.append(f"{ratio:.2f} x the CPU seconds")
            kept.append(ratio <= goal.processor)
        if goal.seconds is not None:
            longer = self.rows / way.rate - self.rows / against.rate
            found.append(f"{longer:+.2f} s")
            kept.append(longer <= goal.seconds)
        if goal.peak is not None:
            if way.peak is None:
                return Verdict(goal.asked, "memory is not measured on this system", None)
            found.append(f"{way.peak:.0f} MB above its start")
            kept.append(way.peak <= goal.peak)
        return Verdict(f"{goal.asked} ({self.rows:,} rows)", ", ".join(found), all(kept))


@dataclass(frozen=True)
class Line:
    """Two ways of doing the same, of which the best rates are compared."""

    what: str
    naive: float
    ours: float
    wanted: float

    @property
    def ratio(self) -> float:
        return self.ours / self.naive

    def verdicts(self) -> Iterator[Verdict]:
        yield Verdict(f"{self.what}: {self.wanted:g} x", f"{self.ratio:.2f} x", self.ratio >= self.wanted)


@dataclass(frozen=True)
class Fact:
    """A single number, and how large it may be."""

    what: str
    value: float
    unit: str
    most: float

    def verdicts(self) -> Iterator[Verdict]:
        yield Verdict(
            f"{self.what}: at most {self.most:g} {self.unit}",
            f"{self.value:.3g} {self.unit}",
            self.value <= self.most,
        )


@dataclass(frozen=True)
class Missing:
    """A part that did not run, and the reason."""

    what: str
    reason: str

    def verdicts(self) -> Iterator[Verdict]:
        yield Verdict(self.what, f"not measured: {self.reason}", None)


Found = Comparison | Line | Fact | Missing
