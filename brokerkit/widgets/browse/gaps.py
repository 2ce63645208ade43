"""Positions that hold no message: said where positions are looked at, for nothing was lost there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.topics import EXACT

from .message import MessageView
from .query import Query

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

LOOKED_BACK = 500
"""So many rows before those shown are looked at for the last position of each partition."""


def gap_text(unseen: str, first: int, last: int) -> str:
    """Return that positions hold no message, and what may be there; empty where there are none.

    Args:
        unseen: What may be at positions without a message; see `Capabilities.unseen`.
    """
    if last < first or last >= EXACT or not unseen:
        return ""
    which = f"offset {first} holds" if first == last else f"offsets {first} to {last} hold"
    return f"{which} no message: {unseen}"


def stepped_over(session: DataSession, message: MessageView, found: pa.Table, along: str) -> str:
    """Return what lies between a message and its neighbour; nothing unless all are stepped along."""
    here, there = message.offset, found.column("offset")[0].as_py()
    if along != "partition" or not isinstance(here, int) or not isinstance(there, int):
        return ""
    return gap_text(session.capabilities.unseen, min(here, there) + 1, max(here, there) - 1)


def beyond(session: DataSession, topic: str, partition: int | None, place: int, by: int) -> str:
    """Return what is known of the positions after (1) or before (-1) the last message of a partition."""
    try:
        ranges = {each.partition: each for each in session.inspector.bounds(topic)}
    except (BrokerError, TimeoutError):
        return ""
    known = ranges.get(partition)
    if known is None:
        return ""
    first, last = (place + 1, known.end - 1) if by > 0 else (known.start, place - 1)
    text = gap_text(session.capabilities.unseen, first, last)
    return f"; {text}" if text else ""


def gaps_before(query: Query | None, unseen: str, rows: pa.Table, first: int, count: int) -> dict[int, str]:
    """Return what lies before rows, by their places: only where all messages of a range were read.

    Args:
        query: What the rows were read by.
        unseen: See `gap_text`.
        rows: All rows, in the order of their positions.
        first: The first that is shown.
        count: How many are.
    """
    if query is None or not unseen or query.filtering or not _by_position(query):
        return {}
    begin = max(0, first - LOOKED_BACK)
    part = rows.slice(begin, first + count - begin)
    offsets, partitions = part.column("offset").to_pylist(), part.column("partition").to_pylist()
    last: dict[Any, int] = {}
    asked = _begins(query.start) if begin == 0 else {}
    found: dict[int, str] = {}
    for place, (partition, offset) in enumerate(zip(partitions, offsets, strict=True), start=begin):
        if not isinstance(offset, int):
            continue
        before = last.get(partition, asked.get(partition, asked.get(None, offset)) - 1)
        text = gap_text(unseen, before + 1, offset - 1)
        if text and place >= first:
            found[place] = text
        last[partition] = offset
    return found


def _by_position(query: Query) -> bool:
    """Return whether a range has no times for its ends: a window of time leaves out what is not in it."""
    return all(
        each is None or each in ("earliest", "latest") or isinstance(each, int | Mapping)
        for each in (query.start, query.end)
    )


def _begins(start: Any) -> dict[int | None, int]:
    """Return the offsets that were asked for, by partition; None is any partition."""
    if isinstance(start, int) and start >= 0:
        return {None: start}
    known = start.items() if isinstance(start, Mapping) else ()
    return {int(each): place for each, place in known if isinstance(place, int) and place >= 0}
