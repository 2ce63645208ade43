"""What is remembered of a topic and of a subscription from look to look, and the rates that follow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from brokerkit.core.vocabulary.topics import Bounds, SubscriptionInfo, TopicInfo

SAMPLES = 120
"""So many looks are remembered; memory is bounded by them and by the number of topics."""
RATE_SAMPLES = 6
"""A rate is that over so many looks."""
GROWING = 3
"""A backlog that grew over so many looks in a row grows."""


class Series:
    """Values with their times, of a monotonic clock; the oldest are dropped.

    One thread adds; any thread may read.
    """

    def __init__(self) -> None:
        # replaced, never changed: others read it meanwhile
        self._known: tuple[tuple[float, float], ...] = ()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, now: float, value: float) -> None:
        self._known = (*self._known, (now, value))[-SAMPLES:]

    @property
    def last(self) -> float:
        """The newest value; 0 before the first."""
        known = self._known
        return known[-1][1] if known else 0.0

    def rate(self, samples: int = RATE_SAMPLES) -> float | None:
        """Return how much a second it grew over the last samples; None before the second one."""
        known = self._known[-samples:]
        if len(known) < 2:
            return None
        (before, first), (after, last) = known[0], known[-1]
        return (last - first) / (after - before) if after > before else None

    def rates(self) -> list[float]:
        """Return how much a second it grew between any two samples, the oldest first."""
        return [
            (value - before) / (now - then)
            for (then, before), (now, value) in pairwise(self._known)
            if now > then
        ]

    @property
    def growing_since(self) -> float | None:
        """Since when each sample is larger than the one before; None if the last few are not."""
        since, later = None, None
        grown = 0
        for now, value in reversed(self._known):
            if later is not None and value >= later:
                break
            since, later, grown = now, value, grown + 1
        return since if grown > GROWING else None


class TopicTrack:
    """One topic from look to look.

    Attributes:
        info: What the last list of topics said.
        came: How many messages have come since the first look.
        gone: How many its subscriptions have settled since then.
        held: How many it holds.
        bounds: The range of each partition; None where it is not told.
        fresh: How many came between the last two looks.
    """

    def __init__(self, number: int, info: TopicInfo) -> None:
        self.number = number
        self.info = info
        self.came, self.gone, self.held = Series(), Series(), Series()
        self.fresh = 0.0
        self.bounds: dict[int | None, Bounds] | None = None

    def measure(self, now: float, bounds: Sequence[Bounds]) -> None:
        """Take the ends of the partitions."""
        before = self.bounds
        self.bounds = {each.partition: each for each in bounds}
        fresh = 0.0
        if before is not None:
            for each in bounds:
                earlier = before.get(each.partition)
                # a smaller end is that of a topic that was made again
                if earlier is not None and each.end > earlier.end:
                    fresh += each.between(earlier.end, each.end)
        self._take(now, fresh, sum(each.estimate for each in bounds))

    def count(self, now: float, messages: int) -> None:
        """Take the number of messages, where ends are not told."""
        fresh = max(0.0, messages - self.held.last) if len(self.held) else 0.0
        self._take(now, fresh, messages)

    def _take(self, now: float, fresh: float, held: int) -> None:
        self.fresh = fresh
        self.came.add(now, self.came.last + fresh)
        self.held.add(now, held)


class SubscriptionTrack:
    """One subscription from look to look.

    Attributes:
        info: What the last list of subscriptions said.
        lag: Its lag.
    """

    def __init__(self, info: SubscriptionInfo) -> None:
        self.info = info
        self.lag = Series()

    def take(self, now: float, info: SubscriptionInfo, topic: TopicTrack | None) -> float:
        """Take what is known now, and return how many messages it settled since the look before."""
        earlier, known, before = self.info, len(self.lag) > 0, self.lag.last
        self.info = info
        if info.lag is not None:
            self.lag.add(now, info.lag)
        if topic is None or not known:
            return 0.0
        passed = _passed(earlier, info, topic)
        if passed is not None:
            return passed
        # lag and ends are of slightly different moments: what is too much now is too little later
        return topic.fresh + before - self.lag.last

    @property
    def behind(self) -> bool:
        """Whether its lag grows, or nothing reads it."""
        return bool(self.info.lag) and (self.lag.growing_since is not None or self.info.members == 0)


def _passed(before: SubscriptionInfo, now: SubscriptionInfo, topic: TopicTrack) -> float | None:
    """Return how many messages lie between the places of a subscription; None where it tells no places."""
    total = 0.0
    if not now.position or topic.bounds is None:
        return None
    for partition, place in now.position.items():
        earlier, bounds = before.position.get(partition), topic.bounds.get(partition)
        if place is None or earlier is None or bounds is None:
            continue
        # it goes back when it is reset, which settles nothing
        total += bounds.between(earlier, place) if place > earlier else 0.0
    return total
