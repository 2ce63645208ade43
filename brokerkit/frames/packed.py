"""Payloads whose text cannot be searched as it is: compressed, or in an encoding other than UTF-8."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from .arrow import Array, contains, starts_with

_BEGINNINGS = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xff\x06\x00\x00sNaPpY": "snappy",
    b"\x82SNAPPY\x00": "snappy",
    b"\x04\x22\x4d\x18": "lz4",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"\x78\x01": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""The first bytes of a payload in each format. Raw snappy and deflate have no mark."""
_ALSO = {"bzip2": b"1AY&SY"}
"""Bytes that must follow soon, where the first bytes could be those of a text."""


def packed_as(payload: bytes) -> str | None:
    """Return how a payload is packed, by its first bytes; None if they do not tell."""
    for beginning, name in _BEGINNINGS.items():
        if payload.startswith(beginning) and _ALSO.get(name, b"") in payload[:16]:
            return name
    return None


def packed_rows(payloads: Array) -> Iterator[tuple[str, Array]]:
    """Yield the packed rows of a binary array by format: its name, and the numbers of the rows."""
    if payloads.null_count == len(payloads):
        return
    for beginning, name in _BEGINNINGS.items():
        rows = pc.indices_nonzero(starts_with(payloads, beginning))
        if len(rows) and name in _ALSO:
            heads = pc.binary_slice(payloads.take(rows).cast(pa.binary()), 0, 16)
            rows = rows.filter(contains(heads, _ALSO[name]))
        if len(rows):
            yield name, rows
