"""Groups as subscriptions: a group without a committed position in a topic does not exist there."""

from __future__ import annotations

import time

from brokerkit.core.cancellation import Deadline
from brokerkit.core.errors import AlreadyExists, BrokerError, NotFound, StaleAck
from brokerkit.core.positions import Earliest, Position, resolve
from brokerkit.core.topics import Bounds

from .cluster import Cluster

RETRY_SECONDS = 0.1


def create_subscription(cluster: Cluster, topic: str, group: str, start: Position, timeout: float) -> None:
    """Commit the positions at which a group begins. Raises AlreadyExists when it has some."""
    deadline = Deadline(timeout)
    if not _ensure(cluster, topic, group, start, deadline):
        raise AlreadyExists(f"group {group!r} has positions in {topic!r} already; it goes on from there")


def ensure_subscription(
    cluster: Cluster, topic: str, group: str, start: Position | None, timeout: float
) -> bool:
    """See that a group has positions; whether it was created now.

    start: where to begin when it has none; None raises NotFound then.
    """
    return _ensure(cluster, topic, group, start, Deadline(timeout))


def _ensure(cluster: Cluster, topic: str, group: str, start: Position | None, deadline: Deadline) -> bool:
    while True:
        bounds = cluster.bounds_of(topic, deadline)
        numbers = [each.partition for each in bounds if each.partition is not None]
        if cluster.committed(group, topic, numbers, deadline):
            return False
        if start is None:
            raise NotFound(
                f"group {group!r} has no position in {topic!r}: create it with "
                f'create_subscription({topic!r}, {group!r}, start="earliest"), or give start= to this call'
            )
        try:
            offsets = start_offsets(cluster, topic, bounds, start, deadline)
            cluster.set_positions(group, topic, offsets, deadline)
        except StaleAck as error:
            # the group has members that have committed nothing: one of them may be creating it right now
            if deadline.passed:
                raise BrokerError(
                    f"group {group!r} has members but no position in {topic!r}, so none can be set; "
                    "close its other consumers first",
                ) from error
            time.sleep(RETRY_SECONDS)
        else:
            return True


def start_offsets(
    cluster: Cluster, topic: str, bounds: list[Bounds], start: Position, deadline: Deadline
) -> dict[int, int]:
    """The offset of a position in each partition."""
    found = resolve(
        start, bounds, lambda moment: cluster.offsets_at(topic, moment, deadline), otherwise=Earliest()
    )
    return {number: offset for number, offset in found.items() if number is not None}
