"""The messages of a Protobuf file that payloads with one framing hold, without an object for each row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arrays import bytes_of
from ..arrow import Array
from .bodies import Rows
from .framing import LONGEST_NAME, Framing, with_message
from .row_failure import RowFailure

_HEAD = LONGEST_NAME + 100


def framed_messages(
    payloads: Array, framing: Framing, message: str | None, failures: dict[int, RowFailure]
) -> list[tuple[Framing, Rows]]:
    """Return the messages that rows may hold, with the rows.

    Args:
        framing: The framing of all rows.
        message: The name of the message, where the framing does not say it.
        failures: Takes the rows whose bytes name no message.
    """
    rows = np.arange(len(payloads), dtype=np.int64)
    if framing.declared:
        return [(replace(framing, message=framing.message or message), rows)]
    offsets, data = bytes_of(payloads)
    places = offsets[:-1] + framing.start
    inside = places < offsets[1:]
    first = np.zeros(len(payloads), np.bool_)
    first[inside] = data[places[inside]] == 0
    groups: dict[Framing, list[int]] = {}
    for row in rows[~first].tolist():
        head = bytes(data[offsets[row] : min(offsets[row + 1], offsets[row] + framing.start + _HEAD)])
        try:
            for each in with_message(framing, head):
                groups.setdefault(each, []).append(row)
        except ValueError as error:
            failures[row] = RowFailure(framing.start, "", str(error))
    found = [(each, np.array(some, np.int64)) for each, some in groups.items()]
    if first.any():
        # the usual case: a zero byte stands for the first message of the file
        found.append((replace(framing, indexes=(0,), start=framing.start + 1), rows[first]))
    return found
