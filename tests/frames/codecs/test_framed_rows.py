"""The rows of a batch are found by the same framings as one by one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokerkit.frames.codecs.framed_rows import framed_rows
from brokerkit.frames.codecs.framing import Framing, framings

PAYLOADS = st.none() | st.binary(max_size=30) | st.builds(bytes.__add__, st.sampled_from([b"\0", b"\0\0\0\0", b"\0\0\0\0\7", b"\1", b"\3\0", b"\3\5", b"\xc3\1"]), st.binary(max_size=30))  # fmt: skip


def one_by_one(payloads: list[bytes | None]) -> dict[Framing, list[int]]:
    found: dict[Framing, list[int]] = {}
    for row, payload in enumerate(payloads):
        for framing in framings(payload, {}, "value") if payload is not None else ():
            found.setdefault(framing, []).append(row)
    return found


def by_batch(array: pa.Array) -> dict[Framing, list[int]]:
    found = {}
    for framing, rows in framed_rows(array):
        assert framing not in found
        found[framing] = rows.tolist()
    return found


@settings(deadline=None)
@given(st.lists(PAYLOADS, max_size=30), st.integers(0, 5))
def test_a_batch_has_the_framings_of_its_rows(payloads: list[bytes | None], left: int) -> None:
    array = pa.array(payloads, pa.large_binary())
    assert by_batch(array) == one_by_one(payloads)
    # a slice shares the buffers of its array
    assert by_batch(array.slice(left)) == one_by_one(payloads[left:])


@pytest.mark.parametrize("payloads", [[], [None], [None, None], [b""], [b"\0"], [b"", None]])
def test_a_batch_without_bytes_has_none(payloads: list[bytes | None]) -> None:
    assert by_batch(pa.array(payloads, pa.large_binary())) == {}


def test_an_id_of_another_sign_is_none() -> None:
    assert by_batch(pa.array([b"\0\xff\xff\xff\xffx", b"\0\0\0\0\0x"], pa.large_binary())) == {}


def test_an_id_of_four_bytes_and_its_body_is_no_group_for_each_row() -> None:
    payloads = [b"\0\0\0\0\7" + number.to_bytes(8, "big") for number in range(2**40, 2**40 + 1000)]
    bodies = [payload[:5] + payload[9:] for payload in payloads]
    found = list(framed_rows(pa.array(bodies, pa.large_binary()), None, 2**32))
    assert {framing.width for framing, _ in found} == {4}
    assert {len(rows) for _, rows in found} == {1000}
    assert list(framed_rows(pa.array(bodies, pa.large_binary()), frozenset({"guid"}))) == []
