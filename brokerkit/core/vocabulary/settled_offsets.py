"""Which offsets of a partition are settled, where a subscription keeps one position for each partition.

A position says that everything before it is settled. Offsets behind it that are settled too, because others
were left where they are, are written into the note that such a position may carry.
"""

from __future__ import annotations

import re
import zlib
from base64 import b85decode, b85encode
from bisect import bisect_left
from collections.abc import Iterable, Set
from dataclasses import dataclass

from .errors import NotSupported

MARK = "bk1:"
LONGEST_NOTE = 4_000
"""Brokers accept notes of 4,096 bytes by default."""

Range = tuple[int, int]
"""The first offset, and the one after the last."""

_BYTES = re.compile(rb"\xff+|[^\x00]", re.DOTALL)


@dataclass
class SettledOffsets:
    """The settled offsets of one partition.

    Attributes:
        next: Every offset before this one is settled.
        beyond: The settled offsets behind it, as ranges in order.
    """

    next: int
    beyond: tuple[Range, ...] = ()

    @classmethod
    def read(cls, position: int, note: str | None) -> SettledOffsets:
        """Return what a position and its note say. A note that is not one of ours says nothing."""
        if not note or not note.startswith(MARK):
            return cls(position)
        try:
            bits = zlib.decompress(b85decode(note.removeprefix(MARK)))
        except (ValueError, zlib.error):
            return cls(position)
        return cls(position, _joined(_ranges_of(bits, position), position))

    def __contains__(self, offset: int) -> bool:
        return offset < self.next or self._beyond(offset)

    def _beyond(self, offset: int) -> bool:
        place = bisect_left(self.beyond, (offset + 1,))
        return place > 0 and offset < self.beyond[place - 1][1]

    def after(self, seen: Iterable[tuple[int, bool]], *, left: bool = False) -> SettledOffsets:
        """Return the state after some offsets, in order, were settled (true) or left (false).

        Args:
            seen: The offsets, without a gap where there is a message.
            left: Whether one before them was left.
        """
        position, beyond = self.next, list(self.beyond)
        for offset, settled in seen:
            if not settled:
                left = True
            elif left:
                beyond.append((offset, offset + 1))
            else:
                position = max(position, offset + 1)
        return SettledOffsets(position, _joined(beyond, position))

    def without(self, offsets: Set[int]) -> SettledOffsets:
        """Return the state in which these offsets are not settled."""
        position = min([self.next, *offsets])
        left, settled = sorted(offsets), list[Range]()
        for begin, end in _joined([(position, self.next), *self.beyond], position):
            inside = left[bisect_left(left, begin) : bisect_left(left, end)]
            begins = [begin, *(offset + 1 for offset in inside)]
            settled += zip(begins, [*inside, end], strict=True)
        return SettledOffsets(position, _joined(settled, position))

    @property
    def note(self) -> str:
        """The settled offsets behind the position, as text. Empty if there are none.

        Raises:
            NotSupported: They are too many to be written.
        """
        if not self.beyond:
            return ""
        bits = bytearray((self.beyond[-1][1] - self.next + 7) // 8)
        for begin, end in self.beyond:
            first, last = begin - self.next, end - self.next - 1
            bits[first // 8 + 1 : last // 8] = b"\xff" * (last // 8 - first // 8 - 1)
            for place in {first // 8, last // 8}:
                low, high = max(first - 8 * place, 0), min(last - 8 * place, 7)
                bits[place] |= (2 << high) - (1 << low)
        text = MARK + b85encode(zlib.compress(bytes(bits), 9)).decode()
        if len(text) > LONGEST_NOTE:
            count = sum(end - begin for begin, end in self.beyond)
            raise NotSupported(
                f"{count:,} messages behind offset {self.next:,}, which is left, are more than a "
                "position can tell apart: take those before it first, or fewer at a time"
            )
        return text


def _ranges_of(bits: bytes, position: int) -> list[Range]:
    """Return the offsets whose bits are set, as ranges in order."""
    found = list[Range]()
    for match in _BYTES.finditer(bits):
        begin = position + 8 * match.start()
        if match[0][0] == 0xFF:
            found.append((begin, position + 8 * match.end()))
        else:
            found += [(begin + bit, begin + bit + 1) for bit in range(8) if match[0][0] >> bit & 1]
    return found


def _joined(ranges: Iterable[Range], position: int) -> tuple[Range, ...]:
    """Return ranges in order, without what is before a position, and with no two that touch."""
    joined = list[Range]()
    for first, end in sorted(ranges):
        begin = max(first, position)
        if begin >= end:
            continue
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((begin, end))
    return tuple(joined)
