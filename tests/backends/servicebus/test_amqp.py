"""Decoding AMQP values with their types; whatever the bytes are, it ends in a value or in `Malformed`."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._pyamqp.message import Message, Properties

from brokerkit.backends.servicebus.amqp import (
    APPLICATION_PROPERTIES,
    MAX_DEPTH,
    Malformed,
    Symbol,
    decode,
    sections,
)

# as the specification of AMQP 1.0, part 1, writes them
ENCODED: list[tuple[str, Any]] = [
    ("40", None),
    ("41", True),
    ("42", False),
    ("5600", False),
    ("5601", True),
    ("50ff", 255),
    ("51ff", -1),
    ("60ffff", 65535),
    ("61ffff", -1),
    ("43", 0),
    ("52ff", 255),
    ("70ffffffff", 2**32 - 1),
    ("54ff", -1),
    ("7180000000", -(2**31)),
    ("44", 0),
    ("53ff", 255),
    ("80ffffffffffffffff", 2**64 - 1),
    ("55ff", -1),
    ("818000000000000000", -(2**63)),
    ("723fc00000", 1.5),
    ("823fb999999999999a", 0.1),
    ("7300010348", "\U00010348"),
    ("8300000000000003e8", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
    ("83ffffffffffffffff", datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    ("837fffffffffffffff", 2**63 - 1),
    ("98" + "00" * 15 + "07", UUID(int=7)),
    ("9430400000000000000000000000000001", "1"),
    ("943038000000000000000000000000007b", "0.0123"),
    ("94b0400000000000000000000000000001", "-1"),
    ("947800000000000000" + "00" * 8, "Infinity"),
    ("947c00000000000000" + "00" * 8, "NaN"),
    ("a003ff00fe", b"\xff\x00\xfe"),
    ("b000000001ff", b"\xff"),
    ("a103c3bc41", "üA"),
    ("b10000000141", "A"),
    ("a30141", Symbol("A")),
    ("45", []),
]


@pytest.mark.parametrize(("text", "value"), ENCODED)
def test_every_simple_type_is_decoded(text: str, value: Any) -> None:
    buffer = memoryview(bytes.fromhex(text))
    assert decode(buffer, 0) == (value, len(buffer))
    assert type(decode(buffer, 0)[0]) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("c0050241a10178", [True, "x"]),
        ("d00000000700000002415501", [True, 1]),
        ("c10602a1016b5501"[:16], [("k", 1)]),
        ("e00a02710000000100000002", [1, 2]),
        ("e0020043", []),
        ("005375a00178", b"x"),
    ],
)
def test_lists_maps_arrays_and_described_values_are_decoded(text: str, value: Any) -> None:
    assert decode(memoryview(bytes.fromhex(text)), 0)[0] == value


def encoded(**parts: Any) -> bytes:
    output = bytearray()
    encode_payload(output, Message(**parts))
    return bytes(output)


def test_the_sections_of_a_message_cut_off_are_those_that_are_whole() -> None:
    whole = encoded(
        properties=Properties(message_id="m"), application_properties={"a": 1}, data=[b"x" * 1000]
    )
    found = list(sections(whole[:100]))
    assert [part.code for part in found] == [0x73, APPLICATION_PROPERTIES]
    assert found[1].value() == [("a", 1)]


def test_bytes_that_are_no_message_are_malformed_and_nothing_else() -> None:
    whole = encoded(
        properties=Properties(message_id="m"),
        application_properties={"a": "x", "b": 1, "c": datetime(2026, 1, 1, tzinfo=UTC), "d": UUID(int=1)},
        value={"k": [1, 2, {"x": b"y"}]},
    )
    chance = random.Random(7)
    for _ in range(5_000):
        broken = bytearray(whole)
        for _ in range(3):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        broken = broken[: chance.randrange(len(broken) + 1)]
        try:
            for part in sections(bytes(broken)):
                part.value()
        except Malformed:
            continue


def test_values_nested_too_deep_and_arrays_of_nothing_are_malformed() -> None:
    deep = b"\x45"
    for _ in range(MAX_DEPTH + 1):
        deep = b"\xd0" + (len(deep) + 4).to_bytes(4, "big") + (1).to_bytes(4, "big") + deep
    with pytest.raises(Malformed, match="deeper"):
        decode(memoryview(deep), 0)
    with pytest.raises(Malformed, match="array"):
        decode(memoryview(b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40"), 0)
