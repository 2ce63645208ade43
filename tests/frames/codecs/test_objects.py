"""MessagePack and CBOR as exact JSON text."""

from __future__ import annotations

import datetime
import json
import math
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import cbor2
import msgspec
import pytest

from brokerkit.frames.codecs import cbor, msgpack
from brokerkit.frames.json_exact import loads

BERLIN = datetime.timezone(datetime.timedelta(hours=2))

SAME: list[tuple[Any, str]] = [
    (None, "null"),
    (True, "true"),
    (2**63 - 1, "9223372036854775807"),
    (-(2**63), "-9223372036854775808"),
    (2**64 - 1, "18446744073709551615"),
    (0.1, "0.1"),
    (math.inf, "Infinity"),
    (-math.inf, "-Infinity"),
    ('ü\n\x00"', '"ü\\n\\u0000\\""'),
    (b"\x00\xff", '"AP8="'),
    ({"a": [1, {"b": None}], "c": b""}, '{"a":[1,{"b":null}],"c":""}'),
    ({"a": math.nan, "b": None}, '{"a":NaN,"b":null}'),
    ({1: "a", -1: "b"}, '{"1":"a","-1":"b"}'),
    (datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, datetime.UTC), '"1969-12-31T23:59:59.999999Z"'),
]


@pytest.mark.parametrize(("value", "text"), SAME, ids=[text for _, text in SAME])
def test_both_formats_become_the_same_exact_json(value: Any, text: str) -> None:
    assert msgpack.text(msgspec.msgpack.encode(value)) == text
    assert cbor.text(cbor2.dumps(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**200, str(2**200)),
        (Decimal("1.10"), "1.10"),
        (Decimal("1234567890.12345678901234567890"), "1234567890.12345678901234567890"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=BERLIN), '"2026-01-02T03:04:05+02:00"'),
        (datetime.date(1950, 1, 2), '"1950-01-02"'),
        (UUID("12345678-9abc-def0-1234-56789abcdef0"), '"12345678-9abc-def0-1234-56789abcdef0"'),
        (Fraction(1, 3), '"1/3"'),
        (cbor2.CBORTag(4711, {"a": 1}), '{"$tag":4711,"value":{"a":1}}'),
        (cbor2.undefined, '{"$simple":23}'),
        (cbor2.CBORSimpleValue(99), '{"$simple":99}'),
        ({"n": cbor2.undefined, "z": None}, '{"n":{"$simple":23},"z":null}'),
    ],
)
def test_values_of_cbor_alone_keep_what_they_say(value: Any, text: str) -> None:
    assert cbor.text(cbor2.dumps(value, timezone=datetime.UTC)) == text


def test_an_extension_of_messagepack_keeps_its_code_and_bytes() -> None:
    payload = msgspec.msgpack.encode({"x": msgspec.msgpack.Ext(5, b"\x01\x02")})
    assert msgpack.text(payload) == '{"x":{"$ext":5,"data":"AQI="}}'


@pytest.mark.parametrize("codec", [msgpack, cbor], ids=["msgpack", "cbor"])
def test_two_keys_with_one_text_are_refused(codec: Any) -> None:
    value = {1: "a", "1": "b"}
    payload = msgspec.msgpack.encode(value) if codec is msgpack else cbor2.dumps(value)
    with pytest.raises(ValueError, match="two keys of a map have the text '1'"):
        codec.text(payload)


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        (msgpack, b""),
        (msgpack, b"\x01\x02"),
        (msgpack, b"\x82\xa1a\x01"),
        (msgpack, b"\xc1"),
        (msgpack, b"\xa1\xff"),
        (msgpack, b"\xc7\x0c\xff" + bytes(4) + b"\x80" + bytes(7)),
        (msgpack, b"\xc7\x0c\xff" + b"\xff" * 12),
        (msgpack, b"\xd7\xff"),
        (msgpack, b"\x91" * 100_000),
        (cbor, b""),
        (cbor, b"\x01\x02"),
        (cbor, b"\xa2\x61a\x01"),
        (cbor, b"\x1c"),
        (cbor, b"\x61\xff"),
        (cbor, b"\x81" * 100_000),
        (cbor, b"\x9b" + b"\xff" * 8),
        (cbor, b"\xd8\x1d\x00"),
    ],
)
def test_a_payload_that_is_not_exactly_one_value_is_refused(codec: Any, payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        codec.text(payload)


@pytest.mark.parametrize("codec", [msgpack, cbor], ids=["msgpack", "cbor"])
def test_mutated_payloads_are_read_or_refused_and_never_crash(codec: Any) -> None:
    chance = random.Random(3)
    value = {
        "id": 7,
        "tags": ["a", "b"],
        "at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        "x": b"\x00",
    }
    good = msgspec.msgpack.encode(value) if codec is msgpack else cbor2.dumps(value)
    read = 0
    for _ in range(5_000):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            text = codec.text(bytes(data))
        except ValueError:
            continue
        read += 1
        loads(text)
    assert 100 < read < 4_900


def test_a_float_keeps_its_value() -> None:
    for value in (5e-324, 1.7976931348623157e308, 0.1 + 0.2, -0.0, 1e22):
        text = msgpack.text(msgspec.msgpack.encode(value))
        assert repr(json.loads(text)) == repr(value)


def timestamp(seconds: int, nanoseconds: int) -> bytes:
    return b"\xc7\x0c\xff" + nanoseconds.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"\xd7\xff" + ((123_456_789 << 34) | 1_700_000_000).to_bytes(8, "big"), "2023-11-14T22:13:20.123456789Z"),
        (b"\xd7\xff" + ((123_456_000 << 34) | 1_700_000_000).to_bytes(8, "big"), "2023-11-14T22:13:20.123456Z"),
        (timestamp(-1, 999_999_999), "1969-12-31T23:59:59.999999999Z"),
        (timestamp(-1, 0), "1969-12-31T23:59:59Z"),
        (timestamp(253_402_300_800, 0), "+10000-01-01T00:00:00.000000000Z"),
        (timestamp(-62_135_596_801, 1), "0000-12-31T23:59:59.000000001Z"),
    ],
)  # fmt: skip
def test_a_time_keeps_its_nanoseconds_and_its_year(payload: bytes, text: str) -> None:
    assert msgpack.text(payload) == f'"{text}"'
    # beside everything else that may look like one
    others = [{"k": 2**40, "f": 1.5, "s": "x" * 40, "b": payload}, [None, True, -7, -(2**40)], 2**20]
    around = msgspec.msgpack.encode([*others, msgspec.msgpack.Ext(127, payload)])
    whole = b"\x96" + around[1:] + payload + b"\x81\xa1t" + payload
    found = json.loads(msgpack.text(whole))
    assert found[4] == text
    assert found[5] == {"t": text}
    assert found[3]["$ext"] == 127
    assert found[0]["k"] == 2**40
