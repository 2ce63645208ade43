"""The compiled check of JSON: what it is sure of is JSON for every parser, and nothing else changes."""

from __future__ import annotations

import json
import random

import msgspec
import orjson
import pyarrow as pa
import pytest

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames import FrameBuilder
from brokerkit.frames.native import json_texts
from tests.conftest import missing

from .hostile import PAYLOADS

BEGINNINGS = [
    b'{"id": 12, "name": "Ada \\u00e9 \\"x\\" \xc3\xa9\xf0\x9f\x98\x80", "total": -12.50e+3, "on": true, "off": null}',
    b' [1, 0, -0.5, [], {}, [[]], {"": [false]}]\r\n\t',
    b'"a longer text, with \\n \\t \\/ \\\\ and more than eight bytes at once"',
    b'{"customer":"customer-00042","placed":"2026-01-03T10:42:00Z","items":[{"n":1},{"n":2.25}]}',
    b"123.5e-7",
    b"null",
]
ALPHABET = b'{}[]",:\\/ \t\n\r\x00\x1f\x7fu0129dDeE+-.tfnabr\xc3\xa9'


@pytest.fixture(autouse=True)
def compiled() -> None:
    """Skips where it was not compiled, or fails where it is required."""
    if json_texts._found() is None:
        missing("native", "brokerkit was built without a C compiler", "check of JSON")


def mutated(rng: random.Random) -> bytes:
    text = bytearray(rng.choice(BEGINNINGS))
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            text[at : at + 1] = bytes([rng.choice(ALPHABET)])
        elif kind == 1:
            text[at:at] = bytes([rng.choice(ALPHABET)])
        elif kind == 2:
            del text[at : at + rng.randrange(3)]
        else:
            text[at:at] = rng.choice(BEGINNINGS)[: rng.randrange(12)]
    return bytes(text)


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def sure_of(texts: list[bytes]) -> list[bytes]:
    rows = json_texts.doubtful(pa.array(texts, pa.large_binary()))
    assert rows is not None
    doubts = set(rows.tolist())
    return [text for row, text in enumerate(texts) if row not in doubts]


def test_what_it_is_sure_of_is_json_for_every_parser() -> None:
    rng = random.Random(1)
    texts = [text for _ in range(20_000) if is_text(text := mutated(rng))]
    sure = sure_of(texts)
    assert len(texts) / 10 < len(sure) < len(texts)
    check = msgspec.json.Decoder(type=msgspec.Raw).decode
    for text in sure:
        check(text), orjson.loads(text), json.loads(text, parse_constant=lambda word: pytest.fail(word))


def test_it_is_sure_of_everyday_json_and_of_nothing_that_is_none() -> None:
    assert sure_of(BEGINNINGS) == BEGINNINGS
    odd = [
        b"", b" ", b"{}{}", b"1,2", b"01", b"-", b"1.", b".5", b"1e", b"+1", b"NaN", b"tru", b"nullx", b"'a'", b'"', b'"\\"',
        b'"\n"', b'"\\x"', b'"\\u12g4"', b'"\\ud800"', b"[1,]", b"[,1]", b"[1 2]", b"[1}", b"{]", b"]", b'{"a"}', b'{"a":}',
        b'{"a":1,}', b"{1:2}", b'{"a" 1}', b"1e400", b"9" * 200, b"[" * 61 + b"]" * 61, b"\x00", b'"\\', b'"\\u00', b"{",
    ]  # fmt: skip
    assert sure_of(odd) == []


def test_a_part_of_an_array_is_looked_at_alone() -> None:
    texts = pa.array([b"{", b"[1]", b"x", None, b"2", b"}"], pa.large_binary())
    rows = json_texts.doubtful(texts.slice(1, 4))
    assert rows is not None
    assert rows.tolist() == [1, 2]
    empty = json_texts.doubtful(texts.slice(0, 0))
    assert empty is not None
    assert empty.tolist() == []


@pytest.mark.parametrize("decoder", ["auto", "json"])
@pytest.mark.parametrize("seed", range(4))
def test_frames_are_the_same_with_it_and_without(
    decoder: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    choices = [lambda: mutated(rng), lambda: rng.choice(PAYLOADS), lambda: rng.choice(BEGINNINGS), rng.random]
    weights = rng.choice([(1, 0, 0, 0), (1, 1, 1, 0), (1, 1, 30, 0), (0, 0, 1, 0), (1, 0, 1, 9)])
    for as_list in (True, False):
        values = [
            text if text is None or isinstance(text, bytes) else f"word {text}".encode()
            for text in (make() for make in rng.choices(choices, weights, k=500))
        ]
        value = values if as_list else pa.array(values, pa.large_binary())
        columns = Columns(len(values), topic="t", value=value)
        builders = [FrameBuilder(decoder), FrameBuilder(decoder)]
        with_it = builders[0].batch(columns)
        with monkeypatch.context() as patched:
            patched.setattr(json_texts, "_found", lambda: None)
            without = builders[1].batch(columns)
        assert with_it.equals(without)
        assert builders[0].counts == builders[1].counts
        assert builders[0].failures == builders[1].failures
