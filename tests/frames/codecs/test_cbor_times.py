"""Times of CBOR, read with every digit that was written."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from brokerkit.frames.codecs import cbor
from brokerkit.frames.decoded import Payloads
from brokerkit.frames.object_decoder import object_columns

cbor2 = pytest.importorskip("cbor2")


def payload(text: str) -> bytes:
    return bytes(cbor2.dumps({"at": cbor2.CBORTag(0, text)}))


@pytest.mark.parametrize(
    ("text", "shown", "nanoseconds"),
    [
        ("2020-01-01T00:00:00.123456789Z", "2020-01-01T00:00:00.123456789Z", 123456789),
        ("2020-01-01T01:00:00.1234567+01:00", "2020-01-01T00:00:00.123456700Z", 123456700),
        ("2020-01-01T00:00:00.123456000Z", "2020-01-01T00:00:00.123456Z", 123456000),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", 0),
    ],
)
def test_a_time_keeps_its_nanoseconds(text: str, shown: str, nanoseconds: int) -> None:
    data = payload(text)
    assert cbor.text(data) == f'{{"at":"{shown}"}}'
    found = object_columns("cbor", [data])
    assert found is not None
    value = found.decode(Payloads(pa.array([data], pa.large_binary()))).value.field("at")
    start = int(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC).timestamp()) * 10**9
    assert value.cast(pa.int64()).to_pylist() == [start + nanoseconds]


def test_a_time_with_more_digits_than_nanoseconds_is_a_failure() -> None:
    with pytest.raises(ValueError, match="tag 0"):
        cbor.load(payload("2020-01-01T00:00:00.1234567891Z"))
