"""The lag of a topic's subscriptions over time, as long as a view asks for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from threading import RLock
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.freed import freed
from brokerkit.core.vocabulary.subscriptions import Progress, SubscriptionDescription

from ..latest_only_worker import LatestOnlyWorker

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

EVERY = 5.0
"""Seconds between two looks, where a look takes little."""
SLOWEST = 60.0
SHARE = 0.05
"""Looks take at most this part of the time: one that takes long is asked for less often."""
KEPT = 240
"""So many looks are kept, 20 minutes of those that take little."""
SUBSCRIPTIONS = 200
"""The lag of so many subscriptions is kept, the first by name."""
PARTITIONS = 16
"""The lag of so many partitions of the chosen subscription is kept of each look, those with most."""
RATED = 12
"""A rate is that over so many looks: a minute."""
JUMP = 10
"""A lag that falls so many times as far as between all other looks was not read: its reader was moved."""


@dataclass(frozen=True)
class Look:
    """The lag at one moment, in microseconds since 1970; None where it is not known.

    `begun` is when it was asked for, by a clock that only goes forward.
    """

    at: int
    lags: Mapping[str, int | None]
    begun: float


@dataclass(frozen=True)
class PartLook:
    """The lag of partitions of the chosen subscription at one moment."""

    at: int
    lags: Mapping[int | None, int]


class LagLooks:
    """Looks at the lag, which a view asks for. Any thread may call it.

    Nothing is looked at unless a view asks, so that it ends when the view is closed or hidden.

    Args:
        session: The session.
        worker: Asks the broker.
        tell: Called with the parts that changed.

    Attributes:
        looks: The looks that are kept, the oldest first.
        parts: The same for the partitions of the subscription `of`.
        described: That one, as the last look found it.
        took: How long the last look took, in seconds.
        problem: Why the last look failed.
    """

    def __init__(self, session: DataSession, worker: LatestOnlyWorker, tell: Callable[..., None]) -> None:
        self._session, self._worker, self._tell = session, worker, tell
        self._lock = RLock()
        self.clear()

    def clear(self) -> None:
        """Forget all looks; those of another topic are to come."""
        with freed(self._lock), self._lock:
            self._begun = float("-inf")
            self._moved: dict[str, float] = {}
            self.looks: deque[Look] = deque(maxlen=KEPT)
            self.parts: deque[PartLook] = deque(maxlen=KEPT)
            self.of = ""
            self.described: SubscriptionDescription | None = None
            self.took = 0.0
            self.problem = ""

    @property
    def every(self) -> float:
        """Seconds between two looks."""
        return min(SLOWEST, max(EVERY, self.took / SHARE))

    def look(self, topic: str, chosen: str | None, *, again: bool = False) -> None:
        """Look soon, unless another view asked a moment ago for the same; `again` looks even then."""
        now = time.monotonic()
        with freed(self._lock), self._lock:
            if not again and now - self._begun < self.every / 2 and chosen in (None, self.of):
                return
            self._begun = now
            if chosen != self.of:
                self.of, self.described = chosen or "", None
                self.parts.clear()
            looks = self.looks
        self._worker.run(partial(self._look, topic, chosen, looks))

    def _look(self, topic: str, chosen: str | None, looks: deque[Look], cancellation: Cancellation) -> None:
        begun, problem = time.monotonic(), ""
        lags: dict[str, int | None] = {}
        described = None
        try:
            subscriptions = self._session.connection.subscriptions()
            lags = {each.name: each.lag for each in subscriptions.listed(topic, oldest=False)[:SUBSCRIPTIONS]}
            if chosen is not None:
                described = subscriptions.described(topic, chosen, oldest=False)
                lags[chosen] = described.info.lag
        except (BrokerError, TimeoutError) as error:
            cancellation.raise_if_cancelled()
            problem = str(error) or "no answer in time"
        at, took = time.time_ns() // 1_000, time.monotonic() - begun
        with freed(self._lock), self._lock:
            if self.looks is not looks:
                return
            self.took, self.problem = took, problem
            if not problem:
                looks.append(Look(at, lags, begun))
                if chosen == self.of and described is not None:
                    if self.described is not None and _went_back(self.described, described):
                        self._moved[chosen] = begun
                    self.parts.append(PartLook(at, _largest(described.progress)))
                    self.described = described
        self._tell("lag")

    def moved(self, name: str) -> None:
        """Take no look that was begun before now for one at what a subscription reads: it was moved."""
        with freed(self._lock), self._lock:
            self._moved[name] = time.monotonic()

    @property
    def rate(self) -> float | None:
        """How many messages a second the lag of the chosen one grows; None while that is not known.

        Looks before it was moved do not count, be it from here or from elsewhere.
        """
        with freed(self._lock), self._lock:
            since, name = self._moved.get(self.of, float("-inf")), self.of
        found = [each for each in self.kept() if each.begun >= since]
        known = [(each.at, lag) for each in found if (lag := each.lags.get(name)) is not None]
        known = _since_jump(known[-RATED:])
        if len(known) < 2 or known[-1][0] <= known[0][0]:
            return None
        return 1_000_000 * (known[-1][1] - known[0][1]) / (known[-1][0] - known[0][0])

    def kept(self) -> list[Look]:
        """Return the looks that are kept."""
        with freed(self._lock), self._lock:
            return list(self.looks)

    def kept_parts(self) -> list[PartLook]:
        """Return the looks at the partitions of the chosen subscription."""
        with freed(self._lock), self._lock:
            return list(self.parts)


def _since_jump(known: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return moments with their lag, without those before it fell much further than it changed else."""
    changes = [after - before for (_, before), (_, after) in pairwise(known)]
    if len(changes) < 2:
        return known
    fall = min(changes)
    place = changes.index(fall)
    others = max(abs(each) for at, each in enumerate(changes) if at != place)
    return known[place + 1 :] if fall < 0 and -fall > JUMP * others else known


def _went_back(before: SubscriptionDescription, now: SubscriptionDescription) -> bool:
    """Return whether a position of a subscription is before where it was: reading only goes forward."""
    was = {each.partition: each.committed for each in before.progress}
    return any(
        each.committed is not None and (then := was.get(each.partition)) is not None and each.committed < then
        for each in now.progress
    )


def _largest(progress: tuple[Progress, ...]) -> dict[int | None, int]:
    known = [each for each in progress if each.lag is not None]
    known.sort(key=lambda each: -(each.lag or 0))
    return {each.partition: each.lag or 0 for each in known[:PARTITIONS]}
