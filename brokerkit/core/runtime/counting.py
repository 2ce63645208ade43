"""Counting messages by reading them, where offsets have gaps that only reading finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic

from ..vocabulary.columns import Columns
from ..vocabulary.errors import BrokerError
from ..vocabulary.topics import Bounds, Counted, Slice, SubscriptionInfo, TopicDescription

Read = Callable[[Slice], Iterator[Columns]]
WIDEN = 4
"""How much further back each step looks if the one before found too few messages."""
WIDEST = 100_000
SLACK = 1.2
"""How much more to read than the share of the topic, where messages of other topics lie between."""
COUNTED_OFFSETS = 1_000
"""The longest range, in offsets, that is counted for a description. Of longer ones the offsets are shown."""
COUNTED_BYTES = 8_000_000
COUNTED_SECONDS = 2.0


def last_messages(count: int, topic: str, bounds: Bounds, read: Read) -> int:
    """Return the offset at which the last `count` messages of a partition begin."""
    if bounds.dense:
        return max(bounds.start, bounds.advance(bounds.end, -count))
    if bounds.exact and count >= bounds.estimate:
        return bounds.start
    density = bounds.estimate / max(1, bounds.end - bounds.start)
    slack = 1.0 if density >= 1.0 else SLACK
    stop, missing, width = bounds.end, count, count
    while stop > bounds.start:
        offsets_wide = max(1, round(slack * width / max(density, 1e-9)))
        begin = max(bounds.start, min(stop - 1, bounds.advance(stop, -offsets_wide)))
        slice_ = Slice(topic, bounds.partition, begin, stop)
        found = [place for columns in read(slice_) for place in columns.positions()]
        if len(found) >= missing:
            return int(found[-missing])
        missing -= len(found)
        stop, width = begin, min(width * WIDEN, max(WIDEST, missing))
    return bounds.start


def rest(topic: str, bounds: Bounds, position: int, read: Read) -> tuple[int, Counted]:
    """Return how many messages lie from a position to the end, and how far that can be relied on."""
    if position <= bounds.start and bounds.exact:
        return bounds.estimate, "exact"
    if position >= bounds.end:
        return 0, "exact"
    lag = bounds.between(position, bounds.end)
    if bounds.dense:
        return lag, "exact"
    if bounds.end - position <= COUNTED_OFFSETS:
        slice_ = Slice(topic, bounds.partition, position, bounds.end)
        offsets = _offsets(slice_, read, monotonic() + COUNTED_SECONDS)
        if offsets is not None:
            return len(offsets), "exact"
    return lag, "at most" if bounds.messages is None else "about"


def counted(described: TopicDescription, read: Read) -> TopicDescription:
    """Return the description with exact counts where the broker has none and there is little to read."""
    deadline = monotonic() + COUNTED_SECONDS
    partitions: list[Bounds] = []
    rests: dict[int | None, list[int] | None] = {}
    for each in described.partitions:
        offsets = None
        begin = _begin_of_count(each, described.subscriptions)
        if begin is not None and monotonic() < deadline:
            offsets = _offsets(Slice(described.name, each.partition, begin, each.end), read, deadline)
        whole = offsets is not None and begin == each.start and not each.exact
        partitions.append(replace(each, messages=len(offsets or ()), counted="exact") if whole else each)
        rests[each.partition] = offsets
    subscriptions = tuple(_with_lag(each, partitions, rests) for each in described.subscriptions)
    return replace(described, partitions=tuple(partitions), subscriptions=subscriptions)


def _begin_of_count(bounds: Bounds, subscriptions: Sequence[SubscriptionInfo]) -> int | None:
    """Return from where to read a partition to count its messages. None if nothing is to be counted."""
    if bounds.end <= bounds.start:
        return None
    if not bounds.exact and bounds.estimate <= COUNTED_OFFSETS:
        return bounds.start
    positions = [_position(each, bounds) for each in subscriptions if _countable(each)]
    near = [each for each in positions if 0 < bounds.end - each <= COUNTED_OFFSETS]
    return min(near, default=None)


def _countable(subscription: SubscriptionInfo) -> bool:
    """Tell whether the lag of a subscription can be counted from its positions."""
    return subscription.kind == "group" and subscription.lag is not None and subscription.counted != "exact"


def _position(subscription: SubscriptionInfo, bounds: Bounds) -> int:
    return max(bounds.start, subscription.position.get(bounds.partition) or bounds.start)


def _offsets(slice_: Slice, read: Read, deadline: float) -> list[int] | None:
    """Return the offsets of the messages of a slice. None if that takes too long or cannot be read."""
    found: list[int] = []
    size = 0
    try:
        for columns in read(slice_):
            found += columns.positions()
            size += sum(len(value or b"") for value in columns.values("value"))
            if size > COUNTED_BYTES or monotonic() > deadline:
                return None
    except (BrokerError, TimeoutError):
        # permission to describe a topic does not include permission to read it
        return None
    return found


def _with_lag(
    subscription: SubscriptionInfo,
    partitions: Sequence[Bounds],
    rests: Mapping[int | None, list[int] | None],
) -> SubscriptionInfo:
    """Return the subscription with an exact lag if everything after its positions was read."""
    if not _countable(subscription):
        return subscription
    lag, exact = 0, True
    for each in partitions:
        position, offsets = _position(subscription, each), rests[each.partition]
        begin = _begin_of_count(each, [subscription])
        if position >= each.end:
            continue
        if each.dense:
            lag += each.end - position
        elif offsets is None or begin is None:
            lag, exact = lag + each.end - position, False
        else:
            lag += sum(offset >= position for offset in offsets)
    return replace(subscription, lag=lag, counted="exact" if exact else "at most")
