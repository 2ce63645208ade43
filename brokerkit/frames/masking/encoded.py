"""Base64 within a text, also of what is compressed or in base64 once more, for detectors to look into."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator

from ..codecs.compression import TooLong, decompress, recognised
from ..codecs.extras import MissingExtra

DEEPEST = 8
"""How many times base64 may be around a text."""
LARGEST = 2**20
"""Bytes of a text that is decompressed; a larger one counts as one that holds something."""
SHORTEST = 10
"""Letters that base64 of an address has at least."""
_SLASHES = 8

_LETTERS = "[A-Za-z0-9+/_-]"
_RUN = re.compile(rf"{_LETTERS}{{{SHORTEST},}}+={{0,2}}")
_LINES = re.compile(rf"{_LETTERS}{{{SHORTEST},}}+(?:\r?\n{_LETTERS}++)*+={{0,2}}")
_OTHERS = (("-", "+"), ("_", "/"), ("\r", ""), ("\n", ""), ("=", ""))
_MARKED = frozenset(b"\x1f\x28\x04\xff\x78")
"""The first bytes of what can be recognised as compressed."""


def encoded_spans(text: str, holds: Callable[[bytes], bool]) -> Iterator[tuple[int, int]]:
    """Yield where a text has base64 of bytes that hold something.

    Args:
        holds: Whether bytes that are not encoded hold it.
    """
    for run in _runs(text):
        if _holds(run.group(), holds, DEEPEST):
            yield run.span()


def _runs(text: str) -> Iterator[re.Match[str]]:
    return (_LINES if "\n" in text else _RUN).finditer(text)


def _holds(run: str, holds: Callable[[bytes], bool], deep: int) -> bool:
    if "/" not in run:
        return _inside(run, holds, deep)
    return any(_inside(part, holds, deep) for part in _parts(run) if len(part) >= SHORTEST)


def _parts(run: str) -> Iterator[str]:
    """Yield what may be base64: all of a run, and what is behind and between slashes, as in a path."""
    yield run
    yield from run.split("/")
    rest = run
    for _ in range(_SLASHES):
        rest = rest.partition("/")[2]
        if not rest:
            return
        yield rest


def _inside(run: str, holds: Callable[[bytes], bool], deep: int) -> bool:
    for letter, plain in _OTHERS:
        if letter in run:
            run = run.replace(letter, plain)
    # one letter more than whole bytes have may belong to what stands beside it
    size = len(run) - (len(run) % 4 == 1)
    data = binascii.a2b_base64(run[:size] + "=" * (-size % 4))
    if data[:1] and data[0] in _MARKED:
        unpacked = _unpacked(data)
        if unpacked is None:
            return True
        data = unpacked
    if holds(data):
        return True
    if deep == 1 or len(data) < SHORTEST:
        return False
    return any(_holds(each.group(), holds, deep - 1) for each in _runs(data.decode("latin-1")))


def _unpacked(data: bytes) -> bytes | None:
    """Return bytes without compressions around them; None if they cannot be looked into."""
    for _ in range(DEEPEST):
        name = recognised(data)
        if name is None:
            break
        try:
            data = decompress(name, data, LARGEST)
        except (TooLong, MissingExtra):
            return None
        except ValueError:
            break
    return data
