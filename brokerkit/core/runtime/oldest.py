"""Finding the time of the oldest message that a subscription has not settled, by reading it."""

from __future__ import annotations

from collections.abc import Sequence

from ..vocabulary.cancellation import Deadline
from ..vocabulary.errors import BrokerError
from ..vocabulary.topics import Bounds, Slice, SubscriptionInfo
from .inspector import ConnectedInspector

ALL_SECONDS = 3.0
"""How long the reading for one list may take. What is not known by then stays unknown."""
ONE_SECONDS = 1.5
FEW = 20
"""How many messages are looked at before the whole rest, which may begin with a gap."""


class OldestMessages:
    """The times of messages at positions of subscriptions.

    Each is read once, and all reading takes three seconds at most.
    """

    def __init__(self, inspector: ConnectedInspector) -> None:
        self._inspector = inspector
        self._deadline = Deadline(ALL_SECONDS)
        self._bounds: dict[str, Sequence[Bounds]] = {}
        self._times: dict[tuple[str, int | None, int], int | None] = {}

    def of(self, info: SubscriptionInfo) -> int | None:
        """Return the time of the oldest message that counts as lag, in microseconds. None if not known."""
        if not info.lag or info.topic is None or not info.position:
            return None
        times = []
        for each in self._bounds_of(info.topic):
            position = info.position.get(each.partition)
            start = each.start if position is None else position
            if start < each.end:
                found = self.at(info.topic, each, start)
                if found is None:
                    # an unread partition may have an older one
                    return None
                times.append(found)
        return min(times, default=None)

    def at(self, topic: str, bounds: Bounds, position: int | None) -> int | None:
        """Return the time of the first message at or after a position, in microseconds. None if not known."""
        start = bounds.start if position is None else max(bounds.start, position)
        place = (topic, bounds.partition, start)
        if place not in self._times:
            self._times[place] = self._read(topic, bounds, start)
        return self._times[place]

    def _bounds_of(self, topic: str) -> Sequence[Bounds]:
        if topic not in self._bounds:
            self._bounds[topic] = ()
            if not self._deadline.passed:
                try:
                    self._bounds[topic] = self._inspector.bounds(topic, timeout=self._deadline.remaining())
                except (BrokerError, TimeoutError):
                    # permission to list a subscription does not include permission to read its topic
                    return ()
        return self._bounds[topic]

    def _read(self, topic: str, bounds: Bounds, start: int) -> int | None:
        near = min(bounds.end, bounds.after(start, FEW))
        for begin, stop in ((start, near), (near, bounds.end)):
            if begin >= stop:
                continue
            if self._deadline.passed:
                return None
            slice_ = Slice(topic, bounds.partition, begin, stop)
            seconds = min(ONE_SECONDS, self._deadline.remaining())
            try:
                for columns in self._inspector.read(slice_, attributes=False, stall=seconds):
                    times = columns.values("publish_time")
                    return next((each for each in times if each is not None), None)
            except (BrokerError, TimeoutError):
                return None
        return None
