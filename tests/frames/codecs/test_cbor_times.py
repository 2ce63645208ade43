"""Times of CBOR, read with every digit that was written."""

from __future__ import annotations

import datetime
import math

import pyarrow as pa
import pytest

from brokerkit.frames.codecs import cbor
from brokerkit.frames.codecs.misfit import Misfit
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


def seconds(number: float | str, head: bytes = b"\xc1") -> bytes:
    return b"\xa1\x62at" + head + bytes(cbor2.dumps(number))


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (1700000000.5, '"2023-11-14T22:13:20.500000Z"'),
        (1700000000.1, '"2023-11-14T22:13:20.100000Z"'),
        (1700000000.1234567, '"2023-11-14T22:13:20.123456700Z"'),
        (1700000000.1234570, '"2023-11-14T22:13:20.123457Z"'),
        (-1700000000.1234567, '"1916-02-18T01:46:39.876543300Z"'),
        (0.123456789, '"1970-01-01T00:00:00.123456789Z"'),
        (0.1234567891, '{"$tag":1,"value":0.1234567891}'),
        (5e-324, '{"$tag":1,"value":5e-324}'),
        (0.0, '"1970-01-01T00:00:00Z"'),
        (1e12, '"+33658-09-27T01:46:40.000000000Z"'),
        (10**12, '"+33658-09-27T01:46:40.000000000Z"'),
        (1e300, '{"$tag":1,"value":1e+300}'),
        (2**64 - 1, '{"$tag":1,"value":18446744073709551615}'),
        (float("inf"), '{"$tag":1,"value":Infinity}'),
    ],
)
@pytest.mark.parametrize("head", [b"\xc1", b"\xd9\x00\x01"])
def test_a_number_of_seconds_keeps_every_digit(number: float, shown: str, head: bytes) -> None:
    assert cbor.text(seconds(number, head)) == f'{{"at":{shown}}}'


def test_times_that_differ_by_less_than_a_microsecond_are_told_apart() -> None:
    first = 1700000000.25
    numbers = [first]
    while len(numbers) < 8:
        numbers.append(math.nextafter(numbers[-1], math.inf))
    assert len({cbor.text(seconds(number)) for number in numbers}) == len(numbers)


def test_what_is_not_edited_beside_a_number_of_seconds_keeps_it() -> None:
    number = 1700000000.1234567
    data = bytes(cbor2.dumps({"at": cbor2.CBORTag(1, number), "id": 7, "was": cbor2.CBORTag(1, 10**12)}))
    now = cbor.text(data).replace(":7", ":8")
    expected = {"at": cbor2.CBORTag(1, number), "id": 8, "was": cbor2.CBORTag(1, 10**12)}
    assert cbor.rewritten(data, now) == cbor2.dumps(expected)
    moved = cbor.rewritten(data, now.replace("20.123456700Z", "20.123457200Z"))
    assert moved == cbor2.dumps({**expected, "at": cbor2.CBORTag(1, 1700000000.1234572)})
    with pytest.raises(Misfit, match="every digit"):
        cbor.rewritten(data, now.replace("20.123456700Z", "20.123456701Z"))
