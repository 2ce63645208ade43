"""The partitions to which librdkafka's partitioners send a key."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

DEFAULT = "murmur2_random"
"""The partitioner of the Java client; librdkafka's own default is consistent_random."""
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """Return the hash of the Java client, as an unsigned 32-bit number."""
    factor = 0x5BD1E995
    found = 0x9747B28C ^ len(key)
    whole = len(key) & ~3
    for (word,) in struct.iter_unpack("<I", key[:whole]):
        mixed = word * factor & _MASK
        mixed = (mixed ^ mixed >> 24) * factor & _MASK
        found = (found * factor & _MASK) ^ mixed
    if len(key) > whole:
        found = (found ^ int.from_bytes(key[whole:], "little")) * factor & _MASK
    found = (found ^ found >> 13) * factor & _MASK
    return found ^ found >> 15


def fnv1a(key: bytes) -> int:
    """Return the hash of the Sarama client, as librdkafka computes it."""
    found = 0x811C9DC5
    for byte in key:
        found = (found ^ byte) * 0x01000193 & _MASK
    # the absolute value of the signed number
    return found if found < 2**31 else 2**32 - found


_HASHES: Mapping[str, Callable[[bytes], int]] = {
    "murmur2": lambda key: murmur2(key) & 0x7FFFFFFF,
    "murmur2_random": lambda key: murmur2(key) & 0x7FFFFFFF,
    "consistent": zlib.crc32,
    "consistent_random": zlib.crc32,
    "fnv1a": fnv1a,
    "fnv1a_random": fnv1a,
}


def place_of(properties: Mapping[str, Any], partitions: int) -> Callable[[bytes], int] | None:
    """Return a function from a key to its partition, or None for the random partitioner."""
    chosen = _HASHES.get(str(properties.get("partitioner", DEFAULT)))
    return None if chosen is None or partitions < 1 else lambda key: chosen(key) % partitions
