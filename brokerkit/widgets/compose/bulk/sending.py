"""Sending many messages in the background, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.display.progress import counted_by
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.session.interrupted import Interrupted

from ...row_view import size_text

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

    from .state import Bulk


MOST_PARTITIONS = 12
"""So many partitions are counted one by one."""


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
    now: Bulk,
    before: OutcomeFrame | None,
    count: Callable[[int], None],
) -> tuple[OutcomeFrame | None, str]:
    """Send the rows, or what is left of them; return the receipts, and what happened in words.

    Args:
        now: How they are sent: the rate, the journal and the schema.
        before: The receipts of an earlier run; None for the first.
        count: Called with how many were done more. It may raise KeyboardInterrupt.

    Raises:
        Unfinished: It failed after some rows were sent.
    """
    noted = note_of(to, topic, rows) if now.schema is None else []
    options: dict[str, Any] = {"journal": now.journal} if now.journal else {"resume": before}
    if now.schema is not None:
        options["schema"] = now.schema.text
    last = to.last_interrupted
    try:
        with counted_by(count):
            made = to.publish_frame(topic, rows, rate=now.rate, progress=False, **options)
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
    shares = partitions_of_rows(now)
    if shares:
        parts.append(shares)
    if before is not None and exact:
        parts.append(f"the topic has {before:,} and will have {before + now.ready:,}")
    if now.rate is not None:
        parts.append(f"about {_duration(now.ready / now.rate)} at {now.rate:g} a second")
    return "; ".join([*parts, *notes, "nothing was sent"])


def partitions_of_rows(now: Bulk) -> str:
    """Return in words how many rows go to each partition, where a column says it; empty where none does."""
    if now.checked is None:
        return ""
    numbers = now.checked.outbound.columns.get("partition")
    if numbers is None:
        return ""
    counts: Counter[int | None] = Counter()
    for row, cell in enumerate(numbers):
        if row not in now.checked.wrong:
            counts[cell.as_py() if isinstance(cell, pa.Scalar) else cell] += 1
    chosen = sorted((number, count) for number, count in counts.items() if number is not None)
    named = [f"{number}: {count:,}" for number, count in chosen[:MOST_PARTITIONS]]
    if len(chosen) > MOST_PARTITIONS:
        named.append(f"{sum(count for _, count in chosen[MOST_PARTITIONS:]):,} to others")
    if counts[None]:
        named.append(f"{counts[None]:,} by their key")
    return f"by partition {', '.join(named)}" if chosen else ""


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"
