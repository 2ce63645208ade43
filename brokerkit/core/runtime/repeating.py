"""Which messages of unknown outcome may be sent again: those that are surely stored once all the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..vocabulary.messages import OutboundMessage
from ..vocabulary.results import PublishResult

MARGIN_SECONDS = 10.0
"""What is sent again may be on its way for so long; half the window where that is less."""


def known_rows(
    chunk: Sequence[tuple[str, OutboundMessage]],
    results: Sequence[PublishResult],
    rows: Sequence[int],
    elapsed: Callable[[], float],
    window: Callable[[str], float | None],
) -> tuple[list[int], bool]:
    """Those of the rows that may be sent again now, and whether others may be later.

    elapsed: seconds since they were sent first, asked when all windows are known. window: for how many
    seconds a topic knows a name again; None: not known now. What was not stored needs no name.
    """
    topics = dict.fromkeys(chunk[row][0] for row in rows if results[row].status == "unknown")
    windows = {topic: window(topic) for topic in topics}
    gone = elapsed()
    known = {
        topic
        for topic, seconds in windows.items()
        if seconds is not None and gone <= seconds - min(MARGIN_SECONDS, seconds / 2)
    }
    safe = [row for row in rows if results[row].status != "unknown" or chunk[row][0] in known]
    return safe, None in windows.values()


def after(before: PublishResult, again: PublishResult) -> PublishResult:
    """What is known after two attempts: one that surely failed says nothing of the one before."""
    doubtful = before.status == "unknown" and again.status == "failed"
    return replace(again, status="unknown") if doubtful else again
