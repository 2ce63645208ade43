"""Small parts of a read put together, since each batch that is decoded has its cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames.build import BATCH_ROWS, SMALL_ROWS

BATCH_BYTES = 16_000_000
"""Bytes of messages that wait for others at most, and the last part of them."""
SECONDS = 0.25
"""How long messages wait for others at most, while others come."""


def gathered(parts: Iterable[Columns], wanted: Callable[[], int | None]) -> Iterator[Columns]:
    """Yield the rows of the parts, in order, in parts of up to `BATCH_ROWS` rows where they are small.

    What was read before an error or an interrupt is yielded before it is raised.

    Args:
        wanted: Returns how many rows are enough; None if all are wanted.
    """
    small: list[Columns] = []
    rows, room, since = 0, BATCH_BYTES, 0.0
    try:
        for part in parts:
            if not small:
                if part.length >= SMALL_ROWS:
                    yield part
                    continue
                rows, room, since = 0, BATCH_BYTES, time.monotonic()
            small.append(part)
            rows += part.length
            room -= part.size(0, part.length)
            enough = wanted()
            full = rows >= BATCH_ROWS or room <= 0 or (enough is not None and rows >= enough)
            if full or time.monotonic() - since >= SECONDS:
                whole, small = Columns.concat(small), []
                yield whole
    except (Exception, KeyboardInterrupt):
        if small:
            yield Columns.concat(small)
        raise
    if small:
        yield Columns.concat(small)
