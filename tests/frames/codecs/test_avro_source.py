"""Numbers and bytes of many payloads at once are those that are found one by one."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brokerkit.frames.codecs.avro import AvroColumns, parse_schema
from brokerkit.frames.codecs.avro.reader import number_at
from brokerkit.frames.codecs.avro.source import Source
from brokerkit.frames.codecs.varints import write_zigzag

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.builds(
    lambda shift, sign: sign << shift, st.integers(0, 62), st.sampled_from([1, -1])
)
FRAGMENTS = (
    st.builds(write_zigzag, NUMBERS)
    | st.binary(max_size=12)
    | st.lists(st.integers(0x80, 0xFF), max_size=11).map(bytes)
)
SCHEMA = {"type": "record", "name": "R", "fields": [
    {"name": "n", "type": "long"}, {"name": "t", "type": "string"}, {"name": "d", "type": "double"},
    {"name": "f", "type": {"type": "fixed", "name": "F", "size": 3}}]}  # fmt: skip


def source_of(data: bytes) -> Source:
    return Source(np.frombuffer(data, np.uint8))


@settings(deadline=None)
@given(st.lists(FRAGMENTS, min_size=1, max_size=40))
@example([b"\xff" * 9 + b"\x01", b"\xff" * 9 + b"\x02", b"\xff" * 8 + b"\x7f", b"\xff" * 10, b"\x80" * 9])
@example([b"\x80" * 9, b"\0"])
@example([b"\x81"])
def test_numbers_are_those_that_are_read_one_by_one(fragments: list[bytes]) -> None:
    data = b"".join(fragments)
    ends = np.cumsum([len(each) for each in fragments])
    starts = ends - [len(each) for each in fragments]
    view = memoryview(data)
    numbers, after, complete = source_of(data).variable(starts, ends)
    for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        value, then = number_at(view, start, end)
        assert complete[row] == (then >= 0)
        if then >= 0:
            assert (int(numbers[row]), int(after[row])) == (value, then)


PLACES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=30)


@settings(deadline=None)
@given(st.binary(min_size=60, max_size=60), PLACES, st.booleans())
@example(b"x" * 60, [(0, 60), (0, 60)], False)
def test_bytes_are_those_at_their_places(data: bytes, places: list[tuple[int, int]], ordered: bool) -> None:
    """In ascending order, as those of payloads are, and in any other."""
    pairs = [(min(one, other), max(one, other)) for one, other in places]
    if ordered:
        bounds = sorted(bound for pair in pairs for bound in pair)
        pairs = list(zip(bounds[::2], bounds[1::2], strict=True))
    starts = np.array([start for start, _ in pairs], np.int64)
    lengths = np.array([end - start for start, end in pairs], np.int64)
    found: Any = source_of(data).bytes_at(starts, lengths)
    found.validate(full=True)
    assert found.to_pylist() == [data[start:end] for start, end in pairs]


def test_a_look_from_the_last_byte_on_finds_zeros() -> None:
    source = source_of(b"\x80\x80ab")
    blocks = source.blocks_at(np.array([2, len(source.data) - 1, 10**6]), 16)
    assert blocks.tolist() == [[97, 98] + [0] * 14, [0] * 16, [0] * 16]
    assert source.variable(np.array([len(source.data) - 1]), np.array([4]))[2].tolist() == [False]


def payload(number: int) -> bytes:
    text = f"text {number}".encode()
    sized = write_zigzag(len(text)) + text
    return write_zigzag(number * 7919) + sized + np.float64(number).tobytes() + b"abc"


def addresses(array: Any) -> list[tuple[int, int]]:
    return [(each.address, each.address + each.size) for each in array.buffers() if each is not None]


@pytest.mark.extended
@pytest.mark.parametrize("rows", [3, 16_384])
def test_values_that_are_held_are_not_written_to_by_later_batches(rows: int) -> None:
    columns = AvroColumns(parse_schema(json.dumps(SCHEMA)))
    held: list[tuple[Any, list[Any]]] = []
    for batch in range(4):
        data: Any = pa.array([payload(batch * rows + row) for row in range(rows)], pa.large_binary())
        values, failures = columns.read(data)
        assert not failures
        held.append((values, values.to_pylist()))
        # nor do they keep the bytes of the payloads
        ours, theirs = addresses(values), addresses(data)
        assert not any(one < end and start < other for one, other in ours for start, end in theirs)
    places = sorted(place for values, _ in held for place in addresses(values))
    assert all(end <= start for (_, end), (start, _) in pairwise(places))
    assert all(values.to_pylist() == wanted for values, wanted in held)
