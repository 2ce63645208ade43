"""Payloads that are neither text nor JSON as they are: each read by its own evidence."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..arrays import choose, replaced
from ..arrow import Array
from ..decoded import Payloads
from .declared import NOTHING, declared_of
from .framed_batch import Framed
from .reading import Peeled, Problem, Reading, peel, read_inside
from .registered import RegisteredPayloads

TEXT = pa.large_string()


class Others(NamedTuple):
    """What was read: as in `Decoded`, with the problems by row."""

    texts: Array
    raw: Array
    formats: Array
    schemas: Array
    problems: dict[int, Problem]
    binary: int


def read_others(payloads: Payloads, registered: RegisteredPayloads | None) -> Others:
    """Read payloads, none of them null.

    Args:
        registered: Reads those that name their schema; None if there is no registry.
    """
    length = len(payloads)
    told = declared_of(payloads)
    layered = [row for row, one in told.items() if one.layers]
    framed = None if registered is None else registered.read(payloads, layered)
    left = np.ones(length, np.bool_) if framed is None else ~framed.done
    rows = np.flatnonzero(left).tolist()
    rest = payloads if len(rows) == length else payloads.take(rows)
    data = rest.objects()
    peeled = [peel(each or b"", told.get(row, NOTHING)) for row, each in zip(rows, data, strict=True)]
    readings: list[Reading] = []
    inside = {} if registered is None else _read_inside(registered, rest, peeled, rows, set(layered))
    for place, row in enumerate(rows):
        found = inside.get(place) or read_inside(peeled[place], told.get(row, NOTHING))
        note = None if framed is None else framed.notes.get(row)
        readings.append(found._replace(problem=note) if note and found.problem is None else found)
    kept = [None if one.verbatim else each for one, each in zip(readings, data, strict=True)]
    texts: Array = pa.array([one.text for one in readings], TEXT)
    raw: Array = pa.array(kept, pa.large_binary())
    formats: Array = pa.array([one.format for one in readings], pa.string())
    schemas: Array = pa.array([one.schema for one in readings], pa.string())
    problems = {row: one.problem for row, one in zip(rows, readings, strict=True) if one.problem}
    binary = sum(one.text is None and one.problem is None for one in readings)
    if framed is None:
        return Others(texts, raw, formats, schemas, problems, binary)
    mask = pa.array(left)
    bytes_kept = choose(pa.array(framed.verbatim), pa.scalar(None, pa.large_binary()), payloads.data)
    return Others(
        replaced(framed.texts, mask, texts),
        replaced(bytes_kept, mask, raw),
        replaced(framed.formats, mask, formats),
        replaced(framed.schemas, mask, schemas),
        problems | framed.problems,
        binary,
    )


def _read_inside(
    registered: RegisteredPayloads,
    payloads: Payloads,
    peeled: list[Peeled],
    rows: list[int],
    layered: set[int],
) -> dict[int, Reading]:
    """Read what is inside layers by the schema that it names; return the readings by the place of the row."""
    places = [
        place
        for place, one in enumerate(peeled)
        if one.problem is None and (one.layers or rows[place] in layered)
    ]
    if not places:
        return {}
    some = payloads.take(places)
    data: Any = pa.array([peeled[place].data for place in places], pa.large_binary())
    found = registered.read(Payloads(data, None, some.attributes, some.topic, some.is_key))
    return {
        places[row]: _reading(found, row, peeled[places[row]]) for row in np.flatnonzero(found.done).tolist()
    }


def _reading(found: Framed, row: int, peeled: Peeled) -> Reading:
    return Reading(
        found.texts[row].as_py(),
        f"{peeled.prefix}{found.formats[row].as_py()}",
        bool(found.verbatim[row]) and not peeled.layers,
        found.problems.get(row),
        found.schemas[row].as_py(),
    )
