"""Which of many texts are JSON, and which are no text at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from operator import length_hint
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from ..arrays import bytes_of, flags
from ..arrow import Array
from ..decoded import objects_of
from ..json_exact import read
from ..native.json_texts import doubtful

_check: Callable[[Any], Any] = msgspec.json.Decoder(type=msgspec.Raw).decode
_MISSES = 16
"""After so many rows that are not JSON, the others are looked at before they are parsed."""
_NUMBER = r"^\s*-?[0-9][0-9.eE+\-]*\s*$"
_WINDOW = 65_536


def not_json(texts: Array, items: Sequence[bytes | None] | None = None) -> list[int]:
    """Return the rows that are not JSON, even if read leniently.

    Args:
        texts: UTF-8 texts as a large binary array, without nulls.
        items: The same as Python objects, where they exist already.
    """
    rows = doubtful(texts)
    if rows is None:
        return _not_json(texts, objects_of(texts) if items is None else items)
    if not len(rows):
        return []
    numbers: Any = rows
    some = texts.take(numbers)
    found: list[int] = rows[_not_json(some, objects_of(some))].tolist()
    return found


def _not_json(texts: Array, items: Sequence[bytes | None]) -> list[int]:
    return [row for row in _refused(texts, items) if not _is_lenient(items[row])]


def _is_lenient(text: bytes | None) -> bool:
    text = text or b""
    if text.endswith(b"\0") and not text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[", b'"')):
        # a binary number such as 50, whose first byte is a digit
        return False
    try:
        read(text)
    except ValueError:
        return False
    return True


def is_json(text: bytes) -> bool:
    """Return whether one UTF-8 text is JSON, if need be read leniently."""
    try:
        _check(text)
    except (msgspec.DecodeError, RecursionError):
        return _is_lenient(text)
    return True


def _refused(texts: Array, items: Sequence[bytes | None]) -> Iterator[int]:
    """Yield the rows that are not plain JSON."""
    rows = iter(items)
    misses = 0
    while misses < _MISSES:
        try:
            deque(map(_check, rows), maxlen=0)
            return
        except (msgspec.DecodeError, RecursionError, TypeError):
            misses += 1
            yield len(items) - length_hint(rows) - 1
    done = len(items) - length_hint(rows)
    likely = _may_be_json(texts.slice(done))
    for row, maybe in enumerate(likely.tolist(), done):
        if maybe:
            try:
                _check(items[row])
                continue
            except (msgspec.DecodeError, RecursionError):
                pass
        yield row


def _classes(*groups: bytes) -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for number, group in enumerate(groups, 1):
        table[list(group)] = number
    return table


_OPENING = _classes(b"{", b"[", b'"', b"tf", b"n", b"NI", b"-0123456789", b" \t\r\n\xef")
_CLOSING = _classes(b"}", b"]", b'"', b"e", b"l", b"Ny", b"0123456789", b" \t\r\n\x00")
_WORDS, _NUMBERS, _SPACE = 6, 7, 8


def _may_be_json(texts: Array) -> npt.NDArray[np.bool_]:
    """Return for each text whether its first and last bytes are those of JSON."""
    offsets, data = bytes_of(texts)
    if not len(data):
        return np.zeros(len(texts), np.bool_)
    begin, end = offsets[:-1], offsets[1:]
    first = _OPENING[data[np.minimum(begin, len(data) - 1)]]
    last = _CLOSING[data[np.maximum(end - 1, 0)]]
    same = (first == last) | ((first == _NUMBERS) & (last == _WORDS))
    likely: Any = (end > begin) & (first > 0) & (same | (first == _SPACE) | (last == _SPACE))
    numbers = np.flatnonzero(likely & (first == _NUMBERS) & (last != _WORDS))
    if len(numbers):
        chosen: Any = numbers
        likely[numbers] = flags(pc.match_substring_regex(texts.take(chosen), _NUMBER))
    found: npt.NDArray[np.bool_] = likely
    return found


def with_controls(texts: Array) -> npt.NDArray[np.bool_]:
    """Return for each text whether it has a control character other than a tab or the end of a line."""
    offsets, data = bytes_of(texts)
    found = np.zeros(len(texts), np.bool_)
    low, high = int(offsets[0]), int(offsets[-1])
    for start in range(low, high, _WINDOW):
        window = data[start : min(start + _WINDOW, high)]
        controls = (window < 32) | (window == 127)
        if not controls.any():
            continue
        controls &= (window != 9) & (window != 10) & (window != 13)
        places = np.flatnonzero(controls) + start
        found[np.searchsorted(offsets, places, "right") - 1] = True
    return found
