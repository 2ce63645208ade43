"""Whether a frame still has the content that an earlier outcome belongs to.

Rows that were not stored may be mended before `resume=` sends them. The rows that are done must be the same:
their outcomes would otherwise be told of other messages. An outcome frame therefore keeps two checksums for
each part of the frame: one of all its rows, and one of those that are done.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.outbound_rows import OutboundRows

Done: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"
DONE = frozenset({"confirmed", "duplicate", "unknown"})
"""The statuses of rows that are, or may be, stored."""

NO_DATA = 2**32 - 1
"""The checksum of no payload."""
PART_ROWS = "part_rows"
ALL = "all"
DONE_ROWS = "done"


class FrameContent:
    """The checksums of the rows of a frame, as far as they were read."""

    def __init__(self) -> None:
        self._rows = array("I")

    def add(self, begin: int, rows: OutboundRows) -> None:
        """Take in the next rows; rows that were taken in before are left out."""
        if begin == len(self._rows):
            self._rows.extend(_checksums(rows))

    def summary(self, part_rows: int, done: Done) -> dict[str, Any]:
        """Return the checksums for an outcome frame to keep.

        Args:
            part_rows: The rows of each part.
            done: For each row of the frame whether it is, or may be, stored.
        """
        rows = np.frombuffer(self._rows, np.uint32) if self._rows else np.zeros(0, np.uint32)
        chosen = done[: len(rows)]
        parts = [slice(begin, begin + part_rows) for begin in range(0, len(rows), part_rows)]
        return {
            PART_ROWS: part_rows,
            ALL: [crc32(rows[part].tobytes()) for part in parts],
            DONE_ROWS: [crc32(rows[part][chosen[part]].tobytes()) for part in parts],
        }

    def check(self, known: Mapping[str, Any], done: Done) -> None:
        """Compare with the checksums of an earlier outcome.

        Args:
            known: What `summary` returned then.
            done: For each row whether it is done by that outcome, as it is now.

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


def _checksums(rows: OutboundRows) -> list[int]:
    """Return a checksum of each row."""
    # each part begins with its length: "ab" and "c" are not "a" and "bc"
    if None in rows.data:
        found = [NO_DATA if data is None else crc32(data, len(data)) for data in rows.data]
    else:
        found = list(map(crc32, rows.data, map(len, rows.data)))  # type: ignore[arg-type]  # there is no None
    if rows.keys is not None:
        found = [
            one if key is None else crc32(key, one + 1 + len(key))
            for one, key in zip(found, rows.keys, strict=True)
        ]
    if rows.attributes is not None:
        found = [
            _with_attributes(one, each) if each else one
            for one, each in zip(found, rows.attributes, strict=True)
        ]
    for name, column in (("partition", rows.partitions), ("time", rows.times)):
        for row, place in enumerate(column or ()):
            if place is not None:
                found[row] = crc32(f"2:{name}:{place}".encode(), found[row])
    for row, error in rows.wrong.items():
        found[row] = crc32(str(error).encode("utf-8", "backslashreplace"))
    return found


def _before_bytes(name: str, size: int) -> bytes | None:
    """Return what stands before an attribute of so many bytes; None if it does not count."""
    if name.startswith("bk-"):
        return None
    title = name.encode("utf-8", "backslashreplace")
    return b"1:%d:%d:%b" % (len(title), size, title)


_known_before_bytes = lru_cache(maxsize=1_000)(_before_bytes)
_KNOWN_NAME = 100
"""Longer names are not kept."""


def _with_attributes(found: int, attributes: Attributes) -> int:
    for name, value in attributes:
        if type(value) is bytes:
            find = _known_before_bytes if len(name) <= _KNOWN_NAME else _before_bytes
            before = find(name, len(value))
            if before is not None:
                found = crc32(value, crc32(before, found))
            continue
        # our own depend on the topic and the time of sending
        if name.startswith("bk-"):
            continue
        told = repr(value).encode("utf-8", "backslashreplace")
        title = name.encode("utf-8", "backslashreplace")
        found = crc32(b"0:%d:%d:%b%b" % (len(title), len(told), title, told), found)
    return found
