"""Which offsets of a partition are settled, where a subscription keeps one position for each partition.

A position says that everything before it is settled. Offsets behind it that are settled too, because others
were left where they are, are written into the note that such a position may carry.
"""

from __future__ import annotations

import zlib
from base64 import b85decode, b85encode
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from .errors import NotSupported

MARK = "bk1:"
LONGEST_NOTE = 4_000
"""Brokers accept notes of 4,096 bytes by default."""


@dataclass
class SettledOffsets:
    """The settled offsets of one partition.

    Attributes:
        next: Every offset before this one is settled.
        beyond: The settled offsets behind it.
    """

    next: int
    beyond: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, position: int, note: str | None) -> SettledOffsets:
        """Return what a position and its note say. A note that is not one of ours says nothing."""
        if not note or not note.startswith(MARK):
            return cls(position)
        try:
            bits = zlib.decompress(b85decode(note.removeprefix(MARK)))
        except (ValueError, zlib.error):
            return cls(position)
        settled = {
            position + 8 * place + bit
            for place, byte in enumerate(bits)
            if byte
            for bit in range(8)
            if byte >> bit & 1
        }
        return cls(position, settled)

    def __contains__(self, offset: int) -> bool:
        return offset < self.next or offset in self.beyond

    def after(self, seen: Iterable[tuple[int, bool]], *, left: bool = False) -> SettledOffsets:
        """Return the state after some offsets, in order, were settled (true) or left (false).

        Args:
            seen: The offsets, without a gap where there is a message.
            left: Whether one before them was left.
        """
        position, beyond = self.next, set(self.beyond)
        for offset, settled in seen:
            if not settled:
                left = True
            elif left:
                beyond.add(offset)
            else:
                position = max(position, offset + 1)
        return SettledOffsets(position, {offset for offset in beyond if offset >= position})

    def without(self, offsets: Set[int]) -> SettledOffsets:
        """Return the state in which these offsets are not settled."""
        position = min([self.next, *offsets])
        settled = (self.beyond | set(range(position, self.next))) - offsets
        return SettledOffsets(position, settled)

    @property
    def note(self) -> str:
        """The settled offsets behind the position, as text. Empty if there are none.

        Raises:
            NotSupported: They are too many to be written.
        """
        if not self.beyond:
            return ""
        bits = bytearray((max(self.beyond) - self.next) // 8 + 1)
        for offset in self.beyond:
            bits[(offset - self.next) // 8] |= 1 << (offset - self.next) % 8
        text = MARK + b85encode(zlib.compress(bytes(bits), 9)).decode()
        if len(text) > LONGEST_NOTE:
            raise NotSupported(
                f"{len(self.beyond):,} messages behind offset {self.next:,}, which is left, are more than a "
                "position can tell apart: take those before it first, or fewer at a time"
            )
        return text
