"""base64 around what can be recognised, also around base64 of it."""

from __future__ import annotations

import base64
import re

import numpy as np
import numpy.typing as npt

from ..arrays import bytes_of, flags, overlapping
from ..arrow import Array
from ..codecs.avro.container import MAGIC as AVRO_CONTAINER
from ..codecs.compression import recognised

MOST_LAYERS = 8
"""Compressions and encodings around one payload; with more it is not read."""

_MARKS = (
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"\xff\x06\x00\x00sNaPpY",
    AVRO_CONTAINER,
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]+={0,2}\s*")


def _beginnings() -> frozenset[bytes]:
    """Return the first letters of base64 of what can be recognised, one to as many times as is allowed."""
    found: set[bytes] = set()
    heads = list(_MARKS)
    for _ in range(MOST_LAYERS):
        # a letter holds six bits, and one that also holds others is not known
        heads = [base64.b64encode(head)[: len(head) * 8 // 6] for head in heads]
        found.update(head[:4] for head in heads)
    return frozenset(found)


BEGINNINGS = _beginnings()
_WORDS = np.array(sorted(int.from_bytes(each, "little") for each in BEGINNINGS), np.uint32)
_LETTERS = np.zeros(256, np.bool_)
_LETTERS[[each[0] for each in BEGINNINGS]] = True


def base64_rows(payloads: Array) -> npt.NDArray[np.int64]:
    """Return the rows that begin as base64 of something that can be recognised.

    Args:
        payloads: A large array of bytes or of text.
    """
    offsets, data = bytes_of(payloads)
    begin = offsets[:-1]
    rows = np.flatnonzero(np.diff(offsets) > 4)
    rows = rows[_LETTERS[data[begin[rows]]]]
    if payloads.null_count:
        rows = rows[flags(payloads.is_valid())[rows]]
    if len(rows):
        rows = rows[np.isin(overlapping(data, "<u4")[begin[rows]], _WORDS)]
    return rows


def inside_base64(data: bytes, most: int = MOST_LAYERS) -> bytes | None:
    """Return what base64 holds; None if it is not base64 of something that can be recognised.

    That base64 is around base64 is no evidence: what is inside all of it must say by its first bytes what it
    is, since words, ids and keys are often base64 of something by chance.

    Args:
        most: How many times it may be around itself.
    """
    if not most or len(data) <= 4 or data[:4] not in BEGINNINGS or _BASE64.fullmatch(data) is None:
        return None
    try:
        found = base64.b64decode(b"".join(data.split()), validate=True)
    except ValueError:
        return None
    marked = recognised(found) is not None or found.startswith(AVRO_CONTAINER)
    return found if marked or inside_base64(found, most - 1) is not None else None
