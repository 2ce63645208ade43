"""The ring keeps the newest rows, in bounded memory; the meter counts."""

from __future__ import annotations

import pyarrow as pa
import pytest

from brokerkit.widgets.tail.rate import RateMeter
from brokerkit.widgets.tail.ring import Ring

SCHEMA = pa.schema([("n", pa.int64()), ("value", pa.large_string())])


def batch(start: int, count: int, size: int = 1) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"n": list(range(start, start + count)), "value": ["x" * size] * count}, schema=SCHEMA
    )


@pytest.mark.parametrize("sizes", [[1] * 300, [7, 100, 3, 250, 1, 1], [1_000], [90, 90, 90]])
def test_a_ring_keeps_exactly_the_newest_rows(sizes: list[int]) -> None:
    ring, total = Ring(SCHEMA, rows=100), 0
    for size in sizes:
        ring.add(batch(total, size))
        total += size
        assert ring.table().column("n").to_pylist() == list(range(max(0, total - 100), total))
    assert ring.last == total
    row = ring.row(total)
    assert row is not None
    assert row.column("n").to_pylist() == [total - 1]
    assert ring.row(total - 100) is None


def test_a_ring_is_bounded_in_bytes_too_and_keeps_the_newest_row_whatever_its_size() -> None:
    ring = Ring(SCHEMA, rows=1_000, max_bytes=100_000)
    for start in range(0, 500, 50):
        ring.add(batch(start, 50, size=1_000))
        assert ring.nbytes <= 101_100
    assert ring.table().column("n").to_pylist()[-1] == 499
    ring.add(batch(500, 1, size=1_000_000))
    assert len(ring) == 1
    ring.add(batch(501, 1))
    assert ring.table().column("n").to_pylist() == [501]


def test_a_meter_spreads_what_came_over_the_time_in_which_it_came() -> None:
    meter = RateMeter(1_000.0, seconds=10)
    meter.add(400, 1_000.0, 1_004.0)
    assert meter.counts(1_004.5) == [100, 100, 100, 100]
    assert meter.counts(1_006.5) == [100, 100, 100, 100, 0, 0]
    assert meter.counts(2_000.0) == [0] * 9
