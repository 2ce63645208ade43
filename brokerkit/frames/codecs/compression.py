"""Compressed payloads: known by their first bytes, or by name where a message declares them.

Every decompressor stops at a cap: 48 kB of gzip can hold 50 MB of zero bytes, and more.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from .extras import extra

CAP = 64 * 2**20
"""The most bytes that a payload may have when it is decompressed."""

_SNAPPY_HEAD = b"\xff\x06\x00\x00sNaPpY"
_SNAPPY_BLOCK = 65_536


class TooLong(ValueError):
    """A payload is longer than the cap when it is decompressed."""


def recognised(payload: bytes) -> str | None:
    """Return the compression that the first bytes of a payload name; None for no compression.

    zlib is recognised by two bytes only; its checksum at the end decides.
    """
    if payload.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if payload.startswith(b"\x04\x22\x4d\x18"):
        return "lz4"
    if payload.startswith(_SNAPPY_HEAD):
        return "snappy"
    if len(payload) > 8 and payload[0] == 0x78 and (payload[0] << 8 | payload[1]) % 31 == 0:
        return "zlib"
    return None


def decompress(name: str, payload: bytes, cap: int = CAP) -> bytes:
    """Return the decompressed payload.

    Args:
        name: ``gzip``, ``zlib``, ``deflate`` (without a header), ``zstd``, ``lz4``, ``snappy`` (framed) or
            ``snappy-block``.
        cap: The most bytes to return.

    Raises:
        TooLong: It has more bytes than `cap`.
        ValueError: The payload is not what the name says, is cut off, or has bytes behind its end.
        MissingExtra: The library for it is not installed.
        KeyError: The name is not known.
    """
    return _READERS[name](payload, cap)


def compress(name: str, payload: bytes) -> bytes:
    """Return the compressed payload; the names are those of `decompress`.

    Raises:
        MissingExtra: The library for it is not installed.
        KeyError: The name is not known.
    """
    return _WRITERS[name](payload)


def _gzip(payload: bytes, cap: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    # a gzip file may have several members, one after the other
    while payload:
        part, payload = inflate(payload, 31, cap - size, "gzip")
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _zlib(payload: bytes, cap: int) -> bytes:
    return _whole(payload, 15, cap, "zlib")


def _deflate(payload: bytes, cap: int) -> bytes:
    return _whole(payload, -15, cap, "deflate")


def _whole(payload: bytes, window: int, cap: int, name: str) -> bytes:
    data, rest = inflate(payload, window, cap, name)
    if rest:
        raise ValueError(f"{name}: byte {len(payload) - len(rest)}: {len(rest)} bytes are left over")
    return data


def inflate(payload: bytes, window: int, cap: int, name: str) -> tuple[bytes, bytes]:
    """Decompress one member; `window` is that of `zlib.decompressobj`. Returns it and the bytes behind it."""
    inflater = zlib.decompressobj(window)
    try:
        data = inflater.decompress(payload, cap + 1)
    except zlib.error as error:
        raise ValueError(f"{name}: {error}") from error
    if len(data) > cap:
        raise _too_long(name, cap)
    if not inflater.eof:
        raise ValueError(f"{name}: byte {len(payload)}: the data is cut off")
    return data, inflater.unused_data


def _zstd(payload: bytes, cap: int) -> bytes:
    zstandard = extra("zstandard", "compression", "zstd")
    parts: list[bytes] = []
    size = 0
    while payload:
        inflater = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        try:
            declared = zstandard.frame_content_size(payload)
            if declared > cap - size:
                raise _too_long("zstd", cap)
            part = (
                _bounded(inflater.decompress, payload, cap - size)
                if declared >= 0
                else _zstd_stream(zstandard, inflater, payload, cap - size)
            )
        except zstandard.ZstdError as error:
            raise ValueError(f"zstd: {error}") from error
        if not inflater.eof:
            raise ValueError(f"zstd: byte {len(payload)}: the data is cut off")
        parts.append(part)
        size += len(part)
        payload = inflater.unused_data
    return b"".join(parts)


def _bounded(decompress: Callable[[bytes], bytes], payload: bytes, cap: int) -> bytes:
    data = decompress(payload)
    if len(data) > cap:
        raise _too_long("zstd", cap)
    return data


def _zstd_stream(zstandard: Any, inflater: Any, payload: bytes, cap: int) -> bytes:
    """Decompress a frame that does not say its size, a little at a time."""
    reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
        payload, read_across_frames=False
    )
    if len(reader.read(cap + 1)) > cap:
        raise _too_long("zstd", cap)
    data: bytes = inflater.decompress(payload)
    return data


def _lz4(payload: bytes, cap: int) -> bytes:
    frame = extra("lz4.frame", "compression", "lz4")
    inflater = frame.LZ4FrameDecompressor()
    try:
        data: bytes = inflater.decompress(payload, cap + 1)
    except RuntimeError as error:
        raise ValueError(f"lz4: {error}") from error
    if len(data) > cap:
        raise _too_long("lz4", cap)
    if not inflater.eof:
        raise ValueError(f"lz4: byte {len(payload)}: the data is cut off")
    if inflater.unused_data:
        raise ValueError(f"lz4: {len(inflater.unused_data)} bytes are left over")
    return data


def _snappy(payload: bytes, cap: int) -> bytes:
    """Decompress the framed format, after a look at the sizes of its chunks, which cramjam does not cap."""
    place, size = 0, 0
    while place < len(payload):
        kind, length = payload[place], int.from_bytes(payload[place + 1 : place + 4], "little")
        if place + 4 + length > len(payload):
            raise ValueError(f"snappy: byte {place}: the data is cut off")
        if kind == 0:
            size += min(_declared(payload[place + 8 : place + 13]), _SNAPPY_BLOCK + 1)
        elif kind == 1:
            size += max(0, length - 4)
        if size > cap:
            raise _too_long("snappy", cap)
        place += 4 + length
    return _cramjam("decompress", payload)


def _snappy_block(payload: bytes, cap: int) -> bytes:
    if _declared(payload[:5]) > cap:
        raise _too_long("snappy", cap)
    return _cramjam("decompress_raw", payload)


def _cramjam(function: str, payload: bytes) -> bytes:
    cramjam = extra("cramjam", "compression", "snappy")
    try:
        return bytes(getattr(cramjam.snappy, function)(payload))
    except cramjam.DecompressionError as error:
        raise ValueError(f"snappy: {error}") from error


def _declared(start: bytes) -> int:
    """Return the size that a block of snappy declares in its first bytes."""
    size = 0
    for number, byte in enumerate(start):
        size |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return size
    raise ValueError("snappy: its size is cut off or too large")


def _too_long(name: str, cap: int) -> TooLong:
    return TooLong(f"{name}: more than {cap:,} bytes when decompressed")


_READERS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "zlib": _zlib,
    "deflate": _deflate,
    "zstd": _zstd,
    "lz4": _lz4,
    "snappy": _snappy,
    "snappy-block": _snappy_block,
}


def _raw_deflate(payload: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(payload) + deflater.flush()


_WRITERS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": lambda payload: gzip.compress(payload, mtime=0),
    "zlib": zlib.compress,
    "deflate": _raw_deflate,
    "zstd": lambda payload: bytes(
        extra("zstandard", "compression", "zstd").ZstdCompressor().compress(payload)
    ),
    "lz4": lambda payload: bytes(extra("lz4.frame", "compression", "lz4").compress(payload)),
    "snappy": lambda payload: bytes(extra("cramjam", "compression", "snappy").snappy.compress(payload)),
    "snappy-block": lambda payload: bytes(
        extra("cramjam", "compression", "snappy").snappy.compress_raw(payload)
    ),
}
NAMES = tuple(_READERS)
