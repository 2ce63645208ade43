"""Whether a frame still has the content that an earlier outcome belongs to.

Rows that were not stored may be mended before `resume=` sends them. The rows that are done must be the same:
their outcomes would otherwise be told of other messages. An outcome frame therefore keeps two checksums for
each part of the frame: one of all its rows, and one of those that are done.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage

DONE = frozenset({"confirmed", "duplicate", "unknown"})
"""The statuses of rows that are, or may be, stored."""

PART_ROWS = "part_rows"
ALL = "all"
DONE_ROWS = "done"


class FrameContent:
    """The checksums of the rows of a frame, as far as they were read."""

    def __init__(self) -> None:
        self._rows = array("I")

    def add(self, begin: int, items: Iterable[object]) -> None:
        """Take in the next rows; rows that were taken in before are left out."""
        if begin == len(self._rows):
            self._rows.extend(map(_checksum, items))

    def summary(self, part_rows: int, done: Collection[int]) -> dict[str, Any]:
        """Return the checksums for an outcome frame to keep.

        Args:
            part_rows: The rows of each part.
            done: The numbers of the rows that are, or may be, stored.
        """
        parts = range(0, len(self._rows), part_rows)
        return {
            PART_ROWS: part_rows,
            ALL: [crc32(self._rows[begin : begin + part_rows]) for begin in parts],
            DONE_ROWS: [self._of(range(begin, begin + part_rows), done) for begin in parts],
        }

    def check(self, known: Mapping[str, Any], done: Collection[int]) -> None:
        """Compare with the checksums of an earlier outcome.

        Args:
            known: What `summary` returned then.
            done: The rows that are done by that outcome, as it is now.

        Raises:
            ConfigError: Rows that are done have another content now.
        """
        part_rows = known[PART_ROWS]
        now = self.summary(part_rows, done)
        each: Iterable[tuple[int, Sequence[int]]] = enumerate(
            zip(known[ALL], now[ALL], known[DONE_ROWS], now[DONE_ROWS], strict=False)
        )
        for number, (all_then, all_now, done_then, done_now) in each:
            if all_then != all_now and done_then != done_now:
                first = number * part_rows
                last = min(first + part_rows, len(self._rows)) - 1
                raise ConfigError(
                    f"resume= belongs to another frame: between rows {first:,} and {last:,}, rows that are "
                    "confirmed or unknown have another content now. Publish the same frame again (rows that "
                    "failed may be mended), or publish this one without resume="
                )

    def _of(self, rows: Iterable[int], done: Collection[int]) -> int:
        return crc32(array("I", [self._rows[row] for row in rows if row in done]))


def _checksum(item: object) -> int:
    if not isinstance(item, OutboundMessage):
        return crc32(str(item).encode("utf-8", "backslashreplace"))
    found = crc32(item.data, 1) if item.data is not None else 0
    if item.key is not None:
        found = crc32(item.key, found)
    if item.attributes:
        # our own depend on the topic and the time of sending
        given = [pair for pair in item.attributes if not pair[0].startswith("bk-")]
        found = crc32(repr(given).encode("utf-8", "backslashreplace"), found)
    return found
