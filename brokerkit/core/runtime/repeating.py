"""Choosing the messages of unknown outcome that can be sent again without being stored twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..vocabulary.messages import OutboundMessage
from ..vocabulary.results import PublishResult

MARGIN_SECONDS = 10.0
"""How long a repeated message may be on its way. Half the window where that is less."""


def known_rows(
    chunk: Sequence[tuple[str, OutboundMessage]],
    results: Sequence[PublishResult],
    rows: Sequence[int],
    elapsed: Callable[[], float],
    window: Callable[[str], float | None],
) -> tuple[list[int], bool]:
    """Choose the rows that may be sent again now.

    A message that was surely not stored may be sent again, unless an earlier one of its topic has to wait:
    it would overtake that one.

    Args:
        chunk: (topic, message) pairs.
        results: The outcome of each.
        rows: The rows to choose from.
        elapsed: Returns the seconds since the first attempt. Called after all windows are known.
        window: Returns for how many seconds a topic remembers a `dedup_id`. None if that is not known now.

    Returns:
        The chosen rows, and whether others may follow once their window is known.
    """
    topics = dict.fromkeys(chunk[row][0] for row in rows if results[row].status == "unknown")
    windows = {topic: window(topic) for topic in topics}
    gone = elapsed()
    known = {
        topic
        for topic, seconds in windows.items()
        if seconds is not None and gone <= seconds - min(MARGIN_SECONDS, seconds / 2)
    }
    waiting = {topic for topic, seconds in windows.items() if seconds is None}
    held: set[str] = set()
    safe: list[int] = []
    for row in rows:
        topic, unknown = chunk[row][0], results[row].status == "unknown"
        if unknown and topic in waiting:
            held.add(topic)
        if topic not in held and (not unknown or topic in known):
            safe.append(row)
    return safe, bool(waiting)


def after(before: PublishResult, again: PublishResult) -> PublishResult:
    """Return the outcome after two attempts. A second one that failed says nothing about the first."""
    doubtful = before.status == "unknown" and again.status == "failed"
    return replace(again, status="unknown") if doubtful else again
