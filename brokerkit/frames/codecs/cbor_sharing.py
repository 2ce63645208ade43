"""How large a CBOR payload is with what it shares written out: few bytes can stand for any number of values.

Tag 28 marks a value and tag 29 stands for it again; tag 25 does the same for the texts within tag 256.
"""

from __future__ import annotations

from dataclasses import dataclass

LARGEST = 65_536
TIMES = 10
"""Written out, a payload may have so many bytes, or so many times its own."""

_MARKED, _AGAIN, _TEXT_AGAIN, _TEXTS = 28, 29, 25, 256
_SHORTEST = ((24, 3), (256, 4), (65_536, 5), (2**32, 7))
"""Up to which number of texts those of so many bytes are counted."""


@dataclass(slots=True)
class _Open:
    """A value that is being read: how many values are left in it, -1 without a count, and its size."""

    left: int
    size: int = 1
    marked: int | None = None
    names_texts: bool = False


def refuse_endless(payload: bytes) -> None:
    """Raise ValueError if a payload contains itself, or is much larger with what it shares written out."""
    if b"\x1d" in payload or b"\x01\x00" in payload:
        _Scan(payload).run()


class _Scan:
    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0
        self._most = max(LARGEST, TIMES * len(payload))
        self._open: list[_Open] = [_Open(1)]
        self._sizes: list[int | None] = []
        self._texts: list[list[int]] = []

    def run(self) -> None:
        # what is not valid CBOR ends it: reading the payload says what is wrong
        while self._open and self._at < len(self._payload):
            if self._payload[self._at] == 0xFF:
                self._at += 1
                if self._open[-1].left >= 0:
                    return
                self._add(self._closed())
                continue
            head = self._head()
            if head is None or not self._value(*head):
                return

    def _head(self) -> tuple[int, int] | None:
        """Return the kind of the next value and its number, -1 where none is given."""
        first = self._payload[self._at]
        kind, number = first >> 5, first & 31
        self._at += 1
        if number == 31:
            return kind, -1
        if number > 27:
            return None
        if number >= 24:
            size = 1 << (number - 24)
            number = int.from_bytes(self._payload[self._at : self._at + size], "big")
            self._at += size
        return kind, number

    def _value(self, kind: int, number: int) -> bool:
        """Read one value, or the beginning of one, and return whether it can be CBOR."""
        if kind in (2, 3) and number >= 0:
            self._at += number
            self._count_text(number)
            return self._add(1 + number)
        if kind in (2, 3, 4, 5):
            self._open.append(_Open(number * (2 if kind == 5 and number > 0 else 1)))
            return number != 0 or self._add(self._closed())
        if kind == 6 and number in (_AGAIN, _TEXT_AGAIN):
            return self._again(number)
        if kind == 6:
            self._open.append(_Open(1, names_texts=number == _TEXTS))
            if number == _MARKED:
                self._open[-1].marked = len(self._sizes)
                self._sizes.append(None)
            if number == _TEXTS:
                self._texts.append([])
            return True
        return self._add(1)

    def _again(self, tag: int) -> bool:
        head = self._head() if self._at < len(self._payload) else None
        known = self._sizes if tag == _AGAIN else self._texts[-1] if self._texts else []
        if head is None or head[0] != 0 or head[1] >= len(known):
            return False
        size = known[head[1]]
        if size is None:
            raise ValueError("a shared value contains itself")
        return self._add(size)

    def _count_text(self, length: int) -> None:
        if self._texts:
            known = self._texts[-1]
            shortest = next((size for most, size in _SHORTEST if len(known) < most), 11)
            if length >= shortest:
                known.append(1 + length)

    def _add(self, size: int) -> bool:
        """Add a value that is complete to what it is in, and leave what is complete with it."""
        while self._open:
            inside = self._open[-1]
            inside.size += size
            if inside.size > self._most:
                raise ValueError(f"with its shared values written out it is larger than {self._most:,} bytes")
            inside.left -= inside.left > 0
            if inside.left:
                break
            size = self._closed()
        return True

    def _closed(self) -> int:
        """Leave the innermost value, and return its size."""
        done = self._open.pop()
        if done.marked is not None:
            self._sizes[done.marked] = done.size
        if done.names_texts:
            self._texts.pop()
        return done.size
