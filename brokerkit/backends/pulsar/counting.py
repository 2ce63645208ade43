"""Count messages. Positions do not tell: an entry may hold thousands of them, or a part of one."""

from __future__ import annotations

import time
from collections import deque

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, Unavailable
from brokerkit.core.vocabulary.topics import Bounds, Slice

from .admin import Topics
from .reader import PulsarReader

STEP_SECONDS = 0.2
FEW = 50
"""The number of messages expected in an entry before one was read."""


def counted(topics: Topics, topic: str, bounds: Bounds, position: int, count: int, timeout: float) -> int:
    """Return the position `count` messages after another, or before it if negative, within the bounds."""
    deadline = Deadline(timeout)
    if count >= 0:
        found = _positions(topics, Slice(topic, bounds.partition, position, bounds.end), count + 1, timeout)
        return found[-1] if len(found) > count else bounds.end
    missing, end, entries = -count, position, 1 + -count // FEW
    while missing > 0 and end > bounds.start:
        start = max(bounds.start, bounds.before(end, entries))
        found = _positions(topics, Slice(topic, bounds.partition, start, end), None, deadline.remaining())
        if len(found) >= missing:
            return found[-missing]
        missing -= len(found)
        share = max(len(found) / max(1, entries), 1 / 8)
        entries, end = min(4 * entries, 1 + int(1.1 * missing / share)), start
    return end


def _positions(topics: Topics, piece: Slice, most: int | None, timeout: float) -> list[int]:
    """Return the positions of the messages of a slice, limited to `most`."""
    deadline = Deadline(timeout)
    found: deque[int] = deque()
    reader = PulsarReader(topics)
    try:
        reader.start(piece, attributes=False)
        while (columns := _fetched(reader, deadline)) is not None:
            found.extend(columns.positions())
            if most is not None and len(found) >= most:
                return list(found)[:most]
            if deadline.passed:
                raise Unavailable(f"counting messages of {piece.topic!r} took longer than {timeout:.3g} s")
        return list(found)
    finally:
        reader.stop()


def _fetched(reader: PulsarReader, deadline: Deadline) -> Columns | None:
    """Return the next rows, also after a lost connection."""
    while True:
        try:
            return reader.fetch(STEP_SECONDS)
        except BrokerError as error:
            if not error.retryable or deadline.passed:
                raise
            time.sleep(STEP_SECONDS)
