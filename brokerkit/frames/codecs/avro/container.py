"""Avro's object container files as payloads: a header with the schema, then blocks of records.

Source: the Avro specification 1.12, "Object Container Files".
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

import pyarrow as pa

from ...arrays import list_parts
from ...json_columns import item_field, json_texts
from ...json_exact import read
from ..compression import CAP, compress, decompress, inflate
from ..extras import MissingExtra
from ..varints import write_zigzag
from .branches import branches_of, moved
from .columns import AvroColumns
from .objects import Place, object_bytes
from .reader import number_at
from .schema import Array, Record, SchemaError, Type, Union, parse_schema

MAGIC = b"Obj\x01"
MOST_TEXT = 32 * 2**20
"""The most characters of the JSON text of one container: names of fields make it larger than the data."""
_SYNC = 16
_MOST_ENTRIES = 1_000


class ContainerError(ValueError):
    """A container cannot be read. `byte` is the place in it, or in one of its blocks."""

    def __init__(self, reason: str, byte: int | None = None, path: str | None = None) -> None:
        super().__init__(reason)
        self.byte = byte
        self.path = path


@lru_cache(maxsize=64)
def _columns(schema: bytes) -> AvroColumns:
    return AvroColumns(Array(parse_schema(schema)))


@lru_cache(maxsize=64)
def _least(schema: bytes) -> int:
    return least_text(parse_schema(schema))


def container_texts(payload: bytes, cap: int = CAP, most: int = MOST_TEXT) -> list[str]:
    """Return each record of a container as exact JSON text.

    Args:
        cap: The most bytes of its blocks, uncompressed.
        most: The most characters of all texts.

    Raises:
        ContainerError: The container cannot be read.
        MissingExtra: The library for its compression is not installed.
    """
    metadata, place = _header(payload)
    codec = metadata.get("avro.codec", b"null").decode("utf-8", "replace")
    try:
        columns = _columns(metadata["avro.schema"])
    except KeyError as error:
        raise ContainerError("its header has no schema", 4) from error
    except SchemaError as error:
        raise ContainerError(f"its schema: {error}", 4) from error
    sync = payload[place : place + _SYNC]
    place += _SYNC
    texts: list[str] = []
    left, least = most, _least(metadata["avro.schema"])
    view = memoryview(payload)
    while place < len(payload):
        count, after = number_at(view, place, len(payload))
        size, after = (0, -1) if after < 0 else number_at(view, after, len(payload))
        if after < 0 or count < 0 or not 0 <= size <= len(payload) - after - _SYNC:
            raise ContainerError("a block runs past the end", place)
        if payload[after + size : after + size + _SYNC] != sync:
            raise ContainerError("the marker behind a block is not that of the header", after + size)
        data = _block(codec, payload[after : after + size], place, cap)
        cap -= len(data)
        found = [] if count * least > left else _records(columns, data, count, place)
        left -= sum(map(len, found)) if found else count * least
        if left < 0:
            raise ContainerError(f"its records are more than {most:,} characters of JSON text", place)
        texts += found
        place = after + size + _SYNC
    return texts


def least_text(type: Type, above: frozenset[str] = frozenset()) -> int:
    """Return how many characters the JSON text of a value of this type has at least."""
    if isinstance(type, Union):
        return min((least_text(each, above) for each in type.branches), default=1)
    if not isinstance(type, Record) or type.name in above:
        return 1
    inside = above | {type.name}
    return 2 + sum(len(each.name) + 4 + least_text(each.type, inside) for each in type.fields)


def _header(payload: bytes) -> tuple[dict[str, bytes], int]:
    """Return the metadata, and where the marker begins."""
    metadata: dict[str, bytes] = {}
    view, end, place = memoryview(payload), len(payload), len(MAGIC)
    while True:
        count, place = number_at(view, place, end)
        if place >= 0 and count < 0:
            _, place = number_at(view, place, end)
            count = -count
        if place < 0 or count + len(metadata) > _MOST_ENTRIES:
            raise ContainerError("its header is cut off", len(MAGIC))
        if not count:
            break
        for _ in range(count):
            name, place = _bytes_at(view, place, end)
            value, place = _bytes_at(view, place, end)
            metadata[name.decode("utf-8", "replace")] = value
    if place + _SYNC > end:
        raise ContainerError("its header is cut off", place)
    return metadata, place


def _bytes_at(view: memoryview, place: int, end: int) -> tuple[bytes, int]:
    length, place = number_at(view, place, end)
    if place < 0 or not 0 <= length <= end - place:
        raise ContainerError("its header is cut off", len(MAGIC))
    return bytes(view[place : place + length]), place + length


def _block(codec: str, data: bytes, place: int, cap: int) -> bytes:
    if codec == "null":
        return data
    try:
        if codec == "snappy":
            checksum = int.from_bytes(data[-4:], "big")
            data = decompress("snappy-block", data[:-4], cap)
            if zlib.crc32(data) != checksum:
                raise ContainerError("the checksum of a block is wrong", place)
            return data
        if codec == "deflate":
            # some libraries leave a part of zlib's checksum behind it
            return inflate(data, -15, cap, "deflate")[0]
        if codec == "zstandard":
            return decompress("zstd", data, cap)
    except (ContainerError, MissingExtra):
        raise
    except ValueError as error:
        raise ContainerError(str(error), place) from error
    raise ContainerError(f"its compression {codec!r:.40} is not known here", len(MAGIC))


def _records(columns: AvroColumns, data: bytes, count: int, place: int) -> list[str]:
    """Return the records of a block: with their count in front and a zero behind they are an Avro array."""
    head = write_zigzag(count)
    values, failures = columns.read(pa.array([head + data + b"\x00"], pa.large_binary()))
    for failure in failures.values():
        path = failure.path.removeprefix("[]").removeprefix(".")
        raise ContainerError(failure.reason, place, path or None)
    _, records = list_parts(values)
    texts: list[Any] = json_texts(records, item_field(columns.type)).to_pylist()
    return texts


def container_written(payload: bytes, text: str | bytes) -> bytes:
    """Return a container with other records, and with the header and the compression of this one.

    Args:
        text: The record as JSON, or a list of them, as `container_texts` gives them.

    Raises:
        Misfit: A record does not fit the schema.
        ValueError: The text is not JSON.
    """
    metadata, place = _header(payload)
    sync = payload[place : place + _SYNC]
    schema = parse_schema(metadata["avro.schema"])
    before = [read(each).value for each in container_texts(payload)]
    value = read(text).value
    records = value if len(before) != 1 and isinstance(value, list) else [value]
    branches = moved(_record_branches(payload, schema), before, records)
    # each record on its own, so that an error names it
    path = "" if len(records) == 1 else "[{}]"
    bodies = []
    for number, record in enumerate(records):
        own = {place[1:]: branch for place, branch in branches.items() if place[:1] == (number,)}
        bodies.append(object_bytes(schema, record, own, path.format(number)))
    if not bodies:
        return payload[: place + _SYNC]
    data = _packed(metadata.get("avro.codec", b"null").decode(), b"".join(bodies))
    return payload[: place + _SYNC] + write_zigzag(len(bodies)) + write_zigzag(len(data)) + data + sync


def _record_branches(payload: bytes, schema: Type) -> dict[Place, int]:
    """Return the branches of all records of a container that was read before, by their numbers."""
    metadata, place = _header(payload)
    codec = metadata.get("avro.codec", b"null").decode()
    place += _SYNC
    view = memoryview(payload)
    data = b""
    while place < len(payload):
        count, after = number_at(view, place, len(payload))
        size, after = number_at(view, after, len(payload))
        data += (write_zigzag(count) if count else b"") + _block(
            codec, payload[after : after + size], place, CAP
        )
        place = after + size + _SYNC
    return branches_of(Array(schema), data + b"\0")


def _packed(codec: str, data: bytes) -> bytes:
    if codec == "snappy":
        return compress("snappy-block", data) + zlib.crc32(data).to_bytes(4, "big")
    names = {"deflate": "deflate", "zstandard": "zstd"}
    return data if codec == "null" else compress(names[codec], data)
