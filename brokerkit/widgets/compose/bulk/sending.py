"""Sending many messages in the background, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from brokerkit.display.progress import counted_by
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.session.interrupted import Interrupted

from ...row_view import size_text

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

    from .state import Bulk


def publish(
    to: DataSession,
    topic: str,
    rows: MappedRows,
    rate: float | None,
    journal: str,
    before: OutcomeFrame | None,
    count: Callable[[int], None],
) -> tuple[OutcomeFrame | None, str]:
    """Send the rows, or what is left of them; return the receipts, and what happened in words.

    Args:
        before: The receipts of an earlier run; None for the first.
        count: Called with how many were done more. It may raise KeyboardInterrupt.
    """
    noted = note_of(to, topic, rows)
    options: dict[str, Any] = {"journal": journal} if journal else {"resume": before}
    try:
        with counted_by(count):
            made = to.publish_frame(topic, rows, rate=rate, progress=False, **options)
    except KeyboardInterrupt as stop:
        frame = stop.frame if isinstance(stop, Interrupted) else None
        kept = frame if isinstance(frame, OutcomeFrame) else None
        return kept, "it was stopped; what was not tried is not sent"
    return OutcomeFrame(made), "; ".join(noted)


def note_of(to: DataSession, topic: str, rows: MappedRows) -> list[str]:
    """Return the note that rows become JSON although their topic has a schema, unless it was said."""
    note = to.schema_notes.take(topic) if rows.roles.value is None else None
    return [] if note is None else [note]


def sent_rows(now: Bulk, before: int | None, exact: bool, notes: Iterable[str]) -> str:
    """Return in words what sending would do."""
    size = 0 if now.checked is None else now.checked.bytes
    parts = [f"{now.ready:,} of {len(now.rows or ()):,} can be sent", size_text(size)]
    if before is not None and exact:
        parts.append(f"the topic has {before:,} and will have {before + now.ready:,}")
    if now.rate is not None:
        parts.append(f"about {_duration(now.ready / now.rate)} at {now.rate:g} a second")
    return "; ".join([*parts, *notes, "nothing was sent"])


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"
