"""What columns tell of their rows: how large they are, and where a row lies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.contract.consumer import RecordDriver
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.lazy_columns import Milliseconds

ROWS = 7
FIELDS = [
    {},
    {"key": [None] * ROWS, "value": [b"x" * row for row in range(ROWS)]},
    {"key": b"same", "value": [None, b"a", b"", b"bb", None, b"c", b"d"]},
    {"value": pa.array([b"x" * row for row in range(ROWS)], pa.large_binary())},
    {"attributes": [None, (), (("a", b"bc"),), (("n", 1), ("t", "é")), None, [("x", 2.5)], ()]},
]


@pytest.mark.parametrize("fields", FIELDS)
def test_the_size_of_rows_is_the_sum_of_the_sizes_of_each(fields: dict[str, Any]) -> None:
    columns = Columns(ROWS, topic="t", **fields)
    for start in range(ROWS + 1):
        for stop in range(start, ROWS + 1):
            sizes = list(columns.sizes(start, stop))
            assert columns.size(start, stop) == sum(sizes)
            for room in range(sum(sizes) + 2):
                fitting = max(count for count in range(len(sizes) + 1) if sum(sizes[:count]) <= room)
                assert columns.fitting(start, stop, room) == (fitting, sum(sizes[:fitting]))


def test_one_value_is_that_of_its_row_in_every_kind_of_column() -> None:
    columns = Columns(
        3,
        topic="t",
        offset=range(5, 8),
        value=pa.array([b"a", None, b"c"]),
        publish_time=Milliseconds([1, 2, -1], absent=-1),
    )
    for name in ("topic", "key", "offset", "value", "publish_time"):
        assert [columns.value_at(name, row) for row in range(3)] == columns.to_list(name)
    assert [columns.position_at(row) for row in range(3)] == columns.positions()


def test_a_pull_takes_no_step_for_the_size_of_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    sizes = Columns.sizes

    def counted(columns: Columns, start: int, stop: int) -> Iterable[int]:
        for size in sizes(columns, start, stop):
            taken.append(size)
            yield size

    monkeypatch.setattr(Columns, "sizes", counted)
    with bk.connect("inmem://") as s:
        s.create_topic("t", partitions=2)
        s.publish_batch("t", ["x"] * 1_000)
        assert len(s.pull("t", 1_000, subscription="me", start="earliest", timeout=60)) == 1_000
        assert len(s.peek("t", 1_000)) == 1_000
    assert not taken


def test_an_acknowledgement_asks_once_for_the_position_of_each_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    next_offset = RecordDriver.next_offset

    def counted(driver: RecordDriver, offset: int) -> int:
        asked.append(offset)
        return next_offset(driver, offset)

    monkeypatch.setattr(RecordDriver, "next_offset", counted)
    with bk.connect("inmem://") as s:
        s.create_topic("t", partitions=1)
        s.publish_batch("t", ["x"] * 1_000)
        consumer = s.consumer("t", "me", start="earliest", model="record")
        with consumer:
            (received,) = consumer.fetch_many(1_000, 60)
            received.ack()
        assert asked == [999]
