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


class Unfinished(Exception):
    """Sending failed after some rows were sent. Its cause says why.

    Attributes:
        outcome: The receipts so far.
    """

    def __init__(self, outcome: OutcomeFrame) -> None:
        super().__init__("sending ended early")
        self.outcome = outcome


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

    Raises:
        Unfinished: It failed after some rows were sent.
    """
    noted = note_of(to, topic, rows)
    options: dict[str, Any] = {"journal": journal} if journal else {"resume": before}
    last = to.last_interrupted
    try:
        with counted_by(count):
            made = to.publish_frame(topic, rows, rate=rate, progress=False, **options)
    except KeyboardInterrupt as stop:
        return _kept(stop), "it was stopped; what was not tried is not sent"
    except Exception as error:
        kept = None if to.last_interrupted is last else _kept(to.last_interrupted)
        known = {} if kept is None else kept.attrs.get("brokerkit") or {}
        # another thread may have kept the outcomes of something else in the session
        if kept is None or (known.get("topic"), known.get("rows")) != (topic, len(rows)):
            raise
        raise Unfinished(kept) from error
    return OutcomeFrame(made), "; ".join(noted)


def note_of(to: DataSession, topic: str, rows: MappedRows) -> list[str]:
    """Return the note that rows become JSON although their topic has a schema, unless it was said."""
    note = to.schema_notes.take(topic) if rows.roles.value is None else None
    return [] if note is None else [note]


def _kept(stop: BaseException | None) -> OutcomeFrame | None:
    """Return the receipts that an interrupt keeps."""
    frame = stop.frame if isinstance(stop, Interrupted) else None
    return frame if isinstance(frame, OutcomeFrame) else None


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
