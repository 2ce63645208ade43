"""The plan of a move: what would be sent where, without doing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.display.sanitize import plain
from brokerkit.frames.arrow import ArrowType, schema
from brokerkit.frames.dataframe import to_pandas

from .copies import Copies, Copy, sendable, up_to
from .sources import Source, why_missing

if TYPE_CHECKING:
    import pandas as pd

    from .moving import Pace, Selection

PLAN: dict[str, ArrowType] = {
    "source": pa.string(),
    "source_id": pa.string(),
    "target": pa.string(),
    "partition": pa.int64(),
    "key": pa.string(),
    "bytes": pa.int64(),
    "attributes": pa.string(),
    "redriven": pa.int64(),
    "reason": pa.string(),
    "error": pa.string(),
}
LONGEST = 80


def plan_frame(sources: Sequence[Source], copies: Copies, selection: Selection, pace: Pace) -> pd.DataFrame:
    """Return one row for each message that would be moved, with the `error` of what would be refused."""
    rows = list(_planned(sources, copies, selection, pace))
    if pace.limit is None:
        rows += [_missing(sources, *named) for named in selection.left]
    selection.warn_of_filter()
    return to_pandas(pa.Table.from_pylist(rows, schema(PLAN)))


def _planned(
    sources: Sequence[Source], copies: Copies, selection: Selection, pace: Pace
) -> Iterator[dict[str, Any]]:
    planned = 0
    for source in sources:
        try:
            for part in source.parts(5_000):
                place = source.place
                chosen = selection.rows(place.name, part.columns)
                given = selection.messages(place.name, part.columns, chosen)
                made = sendable(source, part, copies.of(place, part.columns, chosen, given))
                if pace.limit is not None:
                    made = up_to(pace.limit - planned, made)
                source.leave(part, [each.row for each in made if each.message is not None])
                planned += sum(each.message is not None for each in made)
                ids = part.ids
                yield from (_row(place.name, ids[each.row], each) for each in made)
                if pace.limit is not None and planned >= pace.limit:
                    return
        finally:
            source.close()


def _missing(sources: Sequence[Source], place: str, identity: str) -> dict[str, Any]:
    error = str(why_missing(sources, place, identity))
    return {**dict.fromkeys(PLAN), "source": place, "source_id": identity, "error": error}


def _row(place: str, identity: str, copy: Copy) -> dict[str, Any]:
    message = copy.message
    return {
        "source": place,
        "source_id": identity,
        "target": copy.target,
        "partition": None if message is None else message.partition,
        "key": None if message is None or message.key is None else _shown(message.key),
        "bytes": None if message is None or message.data is None else len(message.data),
        "attributes": None if message is None else plain(", ".join(message.attributes.names()), LONGEST),
        "redriven": copy.facts.redriven,
        "reason": None if copy.facts.reason is None else plain(copy.facts.reason, LONGEST),
        "error": None if copy.problem is None else str(copy.problem),
    }


def _shown(key: bytes) -> str:
    return plain(key.decode("utf-8", "backslashreplace"), LONGEST)
