"""CBOR payloads whose values are shared: they are read in the time that their bytes are worth."""

from __future__ import annotations

import time
from typing import Any

import pyarrow as pa
import pytest

from brokerkit.frames.auto import AutoDecoder
from brokerkit.frames.codecs import cbor
from brokerkit.frames.decoded import Payloads
from brokerkit.frames.object_decoder import ObjectDecoder, object_columns

cbor2 = pytest.importorskip("cbor2")

CYCLES = ["a16161d81c82d81d00d81d00", "a16161d81c81d81d00", "d81ca16161d81d00"]
SECONDS = 5


def doubling(levels: int) -> bytes:
    """A list of two equal lists of two equal lists, and so on: the inner one is there once."""
    data = b"\xd8\x1c\x81\x01"
    for level in range(levels, 0, -1):
        data = b"\xd8\x1c\x82" + data + b"\xd8\x1d" + bytes(cbor2.dumps(level))
    return b"\xa1\x61a" + data


def payloads(*data: bytes) -> Payloads:
    return Payloads(pa.array(data, pa.large_binary()), topic="t")


def repeating(size: int, times: int) -> bytes:
    """A map of one long text, by its number again and again."""
    again = [cbor2.CBORTag(25, 0)] * times
    return bytes(cbor2.dumps(cbor2.CBORTag(256, {"a": ["x" * size, *again]})))


@pytest.mark.parametrize(
    "payload",
    [*map(bytes.fromhex, CYCLES), doubling(40), doubling(300), repeating(100_000, 50_000)],
    ids=len,
)
def test_a_value_that_is_shared_without_end_is_a_failure_and_not_a_wait(payload: bytes) -> None:
    began = time.process_time()
    plain = bytes(cbor2.dumps({"a": [1]}))
    typed = object_columns("cbor", [plain, payload])
    assert typed is not None
    found = typed.decode(payloads(plain, payload))
    assert [one.row for one in found.failures] == [1]
    assert found.value.to_pylist() == [{"a": [1]}, None]
    found = ObjectDecoder("cbor").decode(payloads(plain, payload))
    assert [one.row for one in found.failures] == [1]
    AutoDecoder().decode(payloads(plain, payload))
    with pytest.raises(ValueError, match="shared"):
        cbor.text(payload)
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    "value",
    [{"a": ["x", "x"], "b": "x"}, {"a": [[1], [1]]}],
)
def test_a_value_that_is_shared_and_small_is_read(value: Any) -> None:
    part = [1, "text"]
    data = bytes(cbor2.dumps({"a": part, "b": part, "c": value}, value_sharing=True))
    assert b"\xd8\x1d" in data
    assert cbor.load(data) == {"a": part, "b": part, "c": value}


def test_texts_that_are_shared_are_read() -> None:
    value = {"a": ["some text"] * 300, "b": {"some text": "other text"}}
    data = bytes(cbor2.dumps(value, string_referencing=True))
    assert len(data) < 1_500
    assert cbor.load(data) == value


@pytest.mark.parametrize(
    "begin",
    [
        b"\x81",
        b"\xd8\x1c",
        *(pytest.param(each, marks=pytest.mark.extended) for each in (b"\x9f", b"\xa1\x1d")),
    ],
)
def test_a_payload_of_many_levels_is_a_failure(begin: bytes) -> None:
    for payload in (begin * 100_000 + b"\x80\x1d", begin * 100_000 + b"\xd8\x1d\x00"):
        with pytest.raises(ValueError, match=".+"):
            cbor.load(payload)


def test_a_tag_that_only_looks_like_sharing_in_a_text_or_in_bytes_is_read() -> None:
    assert cbor.load(cbor2.dumps({"a": b"\xd8\x1d\x00"})) == {"a": b"\xd8\x1d\x00"}
