"""What `auto` accepts of damaged payloads is what the reference library of the format reads."""

from __future__ import annotations

import base64
import io
import json
import math
import random
from collections.abc import Callable
from typing import Any

import cbor2
import pyarrow as pa
import pytest

from brokerkit.frames.auto import AutoDecoder
from brokerkit.frames.decoded import Payloads

msgpack = pytest.importorskip("msgpack", reason="the Python has no wheel of msgpack")

COUNTS = [6_000, pytest.param(300_000, marks=pytest.mark.soak)]
BATCH = 1_000
OBJECT: dict[str, Any] = {
    "id": 7, "big": 2**63 - 1, "note": "größe", "lines": [{"price": 12.5, "n": -3}], "raw": b"\0\xff",
    "none": None, "yes": True, "much": ["x" * 40, 1e300, [], {}],
}  # fmt: skip
PLAIN = {name: each for name, each in OBJECT.items() if name != "raw"}


class Extension:
    """An extension, which the reference library has with some codes only."""

    def __init__(self, code: int, data: bytes) -> None:
        self.code, self.data = code, data


class Unexplained(Exception):
    """A value that has no one form in JSON, such as an extension."""


def comparable(value: Any) -> Any:
    """A value as JSON text shows it, with floats by their digits."""
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise Unexplained
        return {name: comparable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(each) for each in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else repr(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    raise Unexplained


def read_cbor(data: bytes) -> Any:
    stream = io.BytesIO(data)
    try:
        value = cbor2.load(stream)
    except cbor2.CBORDecodeError as error:
        if "epoch-form datetime" not in str(error):
            raise
        # seconds since 1970 that Python's datetime does not have are read here
        raise Unexplained from error
    if stream.tell() != len(data):
        raise ValueError("bytes are left over")
    return value


READERS: dict[str, Callable[[bytes], Any]] = {
    "json": json.loads,
    "msgpack": lambda data: msgpack.unpackb(data, strict_map_key=False, timestamp=1, ext_hook=Extension),
    "cbor": read_cbor,
}
SEEDS = {
    "json": json.dumps(PLAIN, ensure_ascii=False).encode(),
    "msgpack": msgpack.packb(OBJECT),
    "cbor": cbor2.dumps(OBJECT),
}


def mutated(r: random.Random, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(r.randint(1, 3)):
        place = r.randrange(len(data) + 1)
        match r.randrange(4):
            case 0:
                data[place : place + 1] = r.randbytes(1)
            case 1:
                del data[place : place + r.randint(1, 3)]
            case 2:
                data[place:place] = r.randbytes(r.randint(1, 2))
            case _:
                data[place:place] = data[place : place + r.randint(1, 8)]
    return bytes(data)


@pytest.mark.extended
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("format", READERS)
def test_an_accepted_payload_has_the_value_of_the_reference_library(format: str, count: int) -> None:
    r = random.Random(count)
    decoder = AutoDecoder()
    compared = unexplained = 0
    for _ in range(0, count, BATCH):
        rows = [mutated(r, SEEDS[format]) for _ in range(BATCH)]
        found = decoder.decode(Payloads(pa.array(rows, pa.large_binary())))
        formats = [found.format_name] * BATCH if found.format is None else found.format.to_pylist()
        for payload, text, said in zip(rows, found.value.to_pylist(), formats, strict=True):
            if said != format or text is None:
                continue
            try:
                expected = comparable(READERS[format](payload))
            except (Unexplained, TypeError):
                # Python has no maps with lists as keys; they are text in JSON
                unexplained += 1
                continue
            except ValueError:
                # JSON is read leniently, which is counted and documented
                assert format == "json", payload.hex()
                unexplained += 1
                continue
            assert comparable(json.loads(text)) == expected, payload.hex()
            compared += 1
    assert compared > count / 30
    assert unexplained < compared
