"""A tail as Python calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerkit.frames.masking.mask import as_mask

from ..call_text import Name, call_text, variable_of
from ..predicate import Predicate

if TYPE_CHECKING:
    from .model import TailModel


def tail_call(tail: TailModel) -> str:
    """Return the Python call that makes the same tail."""
    where, reading = tail.where, tail.reading
    if isinstance(where, Predicate):
        where = Name(where.text)
    elif where is not None and not isinstance(where, str):
        where = Name(f"{tail.name()}.where")
    return call_text(
        f"{variable_of(tail.session, 's')}.tail",
        tail.topic,
        start=tail.start,
        key=tail.key,
        where=where,
        rows=None if tail.kept.rows == 1_000 else tail.kept.rows,
        decode=_format(reading.decode, f"{tail.name()}.decode"),
        decode_key=_format(reading.decode_key, f"{tail.name()}.decode_key"),
        mask=None if reading.mask is None else Name(f"bk.Mask.parse({str(as_mask(reading.mask))!r})"),
        unmask=reading.unmask or None,
        paused=tail.paused or None,
    )


def selected_call(tail: TailModel) -> str:
    """Return the Python call that writes a message from the selected row."""
    row = Name(f"{tail.name()}.selected")
    return call_text(f"{variable_of(tail.session, 's')}.compose", tail.topic, message=row)


def _format(decode: Any, mine: str) -> str | None:
    """Return a format as it is written into a call; None for the usual one."""
    if not isinstance(decode, str):
        return Name(mine)
    return None if decode == "auto" else decode
