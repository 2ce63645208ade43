"""How many messages came in each second."""

from __future__ import annotations

from collections import deque

SECONDS = 120


class RateMeter:
    """Counts per second of the last `seconds` seconds; times are of a monotonic clock."""

    def __init__(self, now: float, seconds: int = SECONDS) -> None:
        self._counts: deque[float] = deque([0.0] * seconds, maxlen=seconds)
        self._second = int(now)
        self._known_from = int(now)

    def add(self, count: int, since: float, now: float) -> None:
        """Add `count` messages between `since` and `now`; they are spread over that time."""
        self._move_to(now)
        if now - since < 1e-6:
            self._counts[-1] += count
            return
        first = max(int(since), self._second - len(self._counts) + 1)
        for second in range(first, self._second + 1):
            part = min(now, second + 1.0) - max(since, float(second))
            self._counts[second - self._second - 1] += count * max(0.0, part) / (now - since)

    def _move_to(self, now: float) -> None:
        behind = int(now) - self._second
        if behind > 0:
            self._counts.extend([0.0] * min(behind, len(self._counts)))
            self._second = int(now)

    def counts(self, now: float) -> list[int]:
        """Return the messages in each whole second, the oldest first, without the current second."""
        self._move_to(now)
        known = max(0, min(len(self._counts), self._second - self._known_from + 1))
        shown = list(self._counts)[len(self._counts) - known : -1] if known else []
        return [round(count) for count in shown]

    def current(self, now: float) -> float:
        """Return the messages per second over the last five whole seconds."""
        recent = self.counts(now)[-5:]
        return sum(recent) / len(recent) if recent else 0.0
