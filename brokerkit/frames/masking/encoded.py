"""Base64 within a text, also of what is compressed or in base64 once more, for detectors to look into."""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..codecs.compression import decompress, recognised
from ..codecs.extras import MissingExtra

DEEPEST = 8
"""How many times base64 may be around a text."""
SHORTEST = 10
"""Letters that base64 of an address has at least."""
EACH, LEAST = 32, 2**12
"""What may be spent on each character of a text, and on any text."""
_CLOSE_LOOK = 4
_GROUP = 16
_STEP = 1024
_HEAD = 4096
_SMALL = 1024

_LETTERS = "[A-Za-z0-9+/_-]"
_BREAK = r"(?:\r|\\+r)?(?:\n|\\+n)[ \t]*+"
_RUN = re.compile(rf"{_LETTERS}{{{SHORTEST},}}+={{0,2}}")
_LONG = rf"{_LETTERS}{{{SHORTEST},}}+(?:{_BREAK}{_LETTERS}++)*+"
_LINES = re.compile(rf"{_LONG}={{0,2}}")
_ALL_LINES = re.compile(rf"(?:{_LONG}|{_LETTERS}++(?:{_BREAK}{_LETTERS}++)++)={{0,2}}")
_SHORT_LINE = rf"[ \t]*+{_LETTERS}{{1,{SHORTEST}}}+(?:[\r\n\\=\"]|$)"
_SHORT_LINES = (re.compile("\n" + _SHORT_LINE), re.compile(r"\\n" + _SHORT_LINE))
_ESCAPED = re.compile(r"\\+[nr]")
_PLAIN = str.maketrans("-_", "+/", "\r\n\t =")
_PART = re.compile(rf"[A-Za-z0-9]{{{SHORTEST},}}+")
# all ones: bytes that are neither letters nor digits, behind up to three that belong to the run
_PADS = ("/" * 8, "/" * 7, "/" * 6, "/" * 5)
_MARKS = ("H4sI", "KLUv", "BCJN", "/wYAAHNO")
_ZLIB = re.compile(r"e(?:J[w-z]|N[o-r]|A[E-H]|F[4-7])")
_MARK = re.compile("|".join([*_MARKS, _ZLIB.pattern]))
_MAY_BE_RUN = bytes(
    97 if (chr(each).isalnum() and each < 128) or each in b"+/_-\r\n\t \\" else 0 for each in range(256)
)
_SHORTEST_RUN = b"a" * SHORTEST


class Exhausted(Exception):
    """A text holds more than is looked into."""


class Budget:
    """What may still be spent on one text, in characters looked at, over all layers and runs of it."""

    def __init__(self, text: str, share: int = 1) -> None:
        self.left = share * (LEAST + EACH * len(text))

    def spend(self, size: int) -> None:
        """Take something away.

        Raises:
            Exhausted: There is not as much.
        """
        self.left -= size
        if self.left < 0:
            raise Exhausted


def encoded_spans(
    text: str, may_hold: Callable[[bytes], bool], holds: Callable[[bytes], bool]
) -> Iterator[tuple[int, int]]:
    """Yield where a text has base64 of bytes that hold something.

    Where base64 begins is not known: words in front of it have the same letters. All runs of letters are
    decoded together, from each of their first four letters on, and one by one only if something is found.

    Args:
        may_hold: Whether bytes that are not encoded may hold it; this is asked of all of them.
        holds: Whether they do.

    Raises:
        Exhausted: Looking into all of it takes too much, or it cannot be decompressed.
    """
    runs = list(_runs(text))
    if not runs or not _Look(may_hold, holds, Budget(text)).finds(each.group() for each in runs):
        return
    look = _Look(may_hold, holds, Budget(text, share=2))
    for at in range(0, len(runs), _GROUP):
        group = runs[at : at + _GROUP]
        if look.finds(each.group() for each in group):
            yield from (each.span() for each in group if len(group) == 1 or look.finds([each.group()]))


def _runs(text: str) -> Iterator[re.Match[str]]:
    if "\n" not in text and "\\n" not in text:
        return _RUN.finditer(text)
    if all(each.search(text) is None for each in _SHORT_LINES):
        return _LINES.finditer(text)
    # encoded in short lines: these are slower to tell from the words of a text
    return (each for each in _ALL_LINES.finditer(text) if each.end() - each.start() >= SHORTEST)


class _Look:
    """A look at runs of letters, layer by layer."""

    def __init__(
        self, may_hold: Callable[[bytes], bool], holds: Callable[[bytes], bool], budget: Budget
    ) -> None:
        self._may_hold = may_hold
        self._holds = holds
        self._budget = budget

    def finds(self, runs: Iterable[str]) -> bool:
        found = list(runs)
        for _ in range(DEEPEST):
            if not found:
                return False
            layer = self._decoded(_plain(found))
            found = []
            for data in layer:
                if self._may_hold(data) and self._held(data):
                    return True
                if _SHORTEST_RUN in data.translate(_MAY_BE_RUN):
                    found += [each.group() for each in _runs(data.decode("latin-1"))]
        if found:
            raise Exhausted
        return False

    def _held(self, data: bytes) -> bool:
        self._budget.spend(_CLOSE_LOOK * len(data))
        return self._holds(data)

    def _decoded(self, runs: Sequence[str]) -> list[bytes]:
        """Return what runs hold: all of them at once from each of four letters on, and what is compressed."""
        padded = "".join([each + _PADS[len(each) % 4] for each in runs])
        self._budget.spend(len(padded))
        shifted = (padded, padded[1:] + "/", padded[2:] + "//", padded[3:] + "///")
        layer = [
            binascii.a2b_base64(each) for each in (["".join(shifted)] if len(padded) < _SMALL else shifted)
        ]
        if _ZLIB.search(padded) or any(mark in padded for mark in _MARKS):
            layer += [
                data
                for run in runs
                for mark in _MARK.finditer(run)
                for data in self._unpacked(run, mark.start())
            ]
        return layer

    def _unpacked(self, run: str, at: int) -> Iterator[bytes]:
        """Yield what is compressed from a letter of a run on."""
        head = _bytes(run[at : at + 2 * SHORTEST])
        name = recognised(head)
        if name in ("gzip", "zlib"):
            data = self._inflated(_bytes(run[each : each + _STEP]) for each in range(at, len(run), _STEP))
        elif name is not None:
            data = self._decompressed(name, _bytes(run[at:]))
        else:
            return
        for _ in range(DEEPEST):
            name = recognised(data)
            if name is None:
                if data:
                    yield data
                return
            if name in ("gzip", "zlib"):
                yield data
                data = self._inflated(data[each : each + _STEP] for each in range(0, len(data), _STEP))
            else:
                data = self._decompressed(name, data)
        raise Exhausted

    def _decompressed(self, name: str, data: bytes) -> bytes:
        """Return what is decompressed; what cannot be looked into counts as too much."""
        self._budget.spend(len(data))
        try:
            found = decompress(name, data, self._budget.left)
        except (ValueError, MissingExtra) as error:
            raise Exhausted from error
        self._budget.spend(len(found))
        return found

    def _inflated(self, pieces: Iterable[bytes]) -> bytes:
        """Return what can be decompressed, up to where it is cut off, damaged or something else."""
        found: list[bytes] = []
        inflater = zlib.decompressobj(47)
        for piece in pieces:
            rest = piece
            while rest:
                self._budget.spend(_STEP // 16)
                try:
                    found.append(inflater.decompress(rest, _STEP))
                except zlib.error:
                    return b"".join(found)
                self._budget.spend(len(found[-1]))
                rest = inflater.unconsumed_tail
                if inflater.eof:
                    # a second one may follow
                    rest = inflater.unused_data
                    inflater = zlib.decompressobj(47)
        while more := inflater.decompress(b"", _STEP):
            self._budget.spend(len(more))
            found.append(more)
        return b"".join(found)


def _plain(runs: Sequence[str]) -> list[str]:
    """Return the letters of runs alone, and the parts that may be encoded with nothing in front of them."""
    text = "\0".join(runs)
    parts = [
        part
        for run in runs
        if not run.isalnum()
        for part in _PART.findall(_ESCAPED.sub("\n", run[:_HEAD]) if "\\" in run else run[:_HEAD])
        if len(part) < len(run.rstrip("="))
    ]
    if "\\" in text:
        text = _ESCAPED.sub("", text)
    return [*text.translate(_PLAIN).split("\0"), *parts]


def _bytes(letters: str) -> bytes:
    # one letter more than whole bytes have is part of what stands behind it
    size = len(letters) - (len(letters) % 4 == 1)
    return binascii.a2b_base64(letters[:size] + "=" * (-size % 4))
