"""Payloads that were damaged cost no other row, no time, and no byte."""

from __future__ import annotations

import base64
import gzip
import random
import time
from typing import Any

import cbor2
import msgspec
import pyarrow as pa
import pytest

from brokerkit.frames.auto import AutoDecoder, registered
from brokerkit.frames.decoded import Payloads

from .test_registered import GOLDEN, golden_source

COUNTS = [1_000, pytest.param(1_000_000, marks=pytest.mark.soak)]
BATCH = 1_000
SLOWEST = 0.1
"""Seconds that one row may take."""

OBJECT: dict[str, Any] = {
    "id": 7,
    "note": "größe",
    "lines": [{"price": 12.5}],
    "raw": b"\0\xff",
    "none": None,
}
SEEDS = [
    *(bytes.fromhex(each["payload"]) for each in GOLDEN["payloads"]),
    msgspec.msgpack.encode(OBJECT),
    cbor2.dumps(OBJECT),
    gzip.compress(b'{"id": 7}'),
    gzip.compress(msgspec.msgpack.encode(OBJECT)),
    base64.b64encode(gzip.compress(b"text")),
    b'{"id": 7, "big": 123456789012345678901234567890, "lines": [1.5, null, true]}',
    "größe".encode(),
]


def mutated(r: random.Random) -> bytes:
    """A payload with a few bytes changed, left out, repeated or put in."""
    data = bytearray(r.choice(SEEDS))
    for _ in range(r.randint(1, 4)):
        place = r.randrange(len(data) + 1)
        match r.randrange(6):
            case 0:
                data[place : place + 1] = r.randbytes(1)
            case 1:
                del data[place : place + r.randint(1, 4)]
            case 2:
                data[place:place] = r.randbytes(r.randint(1, 4))
            case 3:
                data[place:place] = data[place : place + r.randint(1, 16)]
            case 4:
                del data[place:]
            case _:
                data[place : place + 4] = r.choice([b"\xff\xff\xff\x7f", b"\x80\x80\x80\x80", bytes(4)])
    return bytes(data)


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("count", COUNTS)
def test_no_damaged_payload_is_lost_or_slow_or_breaks_a_read(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the ids of damaged payloads are unknown: soon no id would be asked for within a minute
    monkeypatch.setattr(registered, "MOST_UNKNOWN", count)
    r = random.Random(count)
    decoders = [AutoDecoder(golden_source(by)) for by in ("confluent", "apicurio")]
    read = 0
    for start in range(0, count, BATCH):
        part = [mutated(r) for _ in range(BATCH)]
        decoder = decoders[start // BATCH % 2]
        begin = time.process_time()
        found = decoder.decode(Payloads(pa.array(part, pa.large_binary())))
        if time.process_time() - begin > SLOWEST:
            for payload in part:
                begin = time.process_time()
                decoder.decode(Payloads(pa.array([payload], pa.large_binary())))
                assert time.process_time() - begin < SLOWEST, payload.hex()
        assert len(found.value) == len(found.raw) == BATCH
        values, raws = found.value.to_pylist(), found.raw.to_pylist()
        for payload, value, raw in zip(part, values, raws, strict=True):
            assert raw == payload or (value is not None and value.encode() == payload), payload.hex()
            read += raw is not None and value is not None
    assert read > count / 500
