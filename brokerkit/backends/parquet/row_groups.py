"""Rows of a partition in order, from files that may overlap because their folders go by another criterion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .codec import is_plain
from .manifest import DataFile


class _Next(NamedTuple):
    """A file that is not open yet, or a row group of an open one, by its first position."""

    first: int
    last: int
    number: int
    group: int
    file: Any


def ordered_tables(
    folder: Path, files: Sequence[DataFile], start: int, end: int, position: str, columns: Sequence[str]
) -> Iterator[Any]:
    """Yield the rows from `start` up to but excluding `end` as tables, in order.

    Args:
        folder: The folder of the data set.
        files: The files of one partition.
        start: The first position.
        end: The position after the last.
        position: The column with the positions.
        columns: The columns to read; typed ones are left out.
    """
    inside = [file for file in files if file.start < end and file.end > start]
    heap = [_Next(file.start, -1, number, -1, None) for number, file in enumerate(inside)]
    heapify(heap)
    waiting: list[Any] = []
    while heap:
        this = heappop(heap)
        if this.file is None:
            opened = pq.ParquetFile(inside[this.number].place(folder))
            for each in _groups(opened, this.number, position):
                if each.first < end and each.last >= start:
                    heappush(heap, each)
        else:
            waiting.append(_cut(_read(this, columns), position, start, end))
        horizon = heap[0].first if heap else end
        waiting, ready = _until(waiting, position, horizon)
        if ready is not None and ready.num_rows:
            yield ready


def _groups(opened: Any, number: int, position: str) -> Iterator[_Next]:
    place = opened.schema_arrow.get_field_index(position)
    for group in range(opened.metadata.num_row_groups):
        column = next(
            each
            for index in range(opened.metadata.num_columns)
            if (each := opened.metadata.row_group(group).column(index)).path_in_schema == position
        )
        known = column.statistics
        if known is not None and known.has_min_max:
            yield _Next(known.min, known.max, number, group, opened)
        else:
            values = opened.read_row_group(group, columns=[position]).column(0)
            if place < 0 or not len(values):
                continue
            yield _Next(values[0].as_py(), values[-1].as_py(), number, group, opened)


def _read(this: _Next, columns: Sequence[str]) -> Any:
    schema = this.file.schema_arrow
    wanted = [
        name
        for name in columns
        if name in schema.names and (name not in ("key", "value") or is_plain(schema.field(name).type))
    ]
    return this.file.read_row_group(this.group, columns=wanted)


def _cut(table: Any, position: str, start: int, end: int) -> Any:
    """Return the rows of a table, which is in order, from `start` to before `end`."""
    values = table.column(position)
    if not table.num_rows or (values[0].as_py() >= start and values[-1].as_py() < end):
        return table
    after, before = pc.greater_equal(values, pa.scalar(start)), pc.less(values, pa.scalar(end))
    return table.filter(pc.and_(after, before))


def _until(waiting: list[Any], position: str, horizon: int) -> tuple[list[Any], Any]:
    """Return the rows that must wait, and those before `horizon` in order."""
    ready: list[Any] = []
    rest: list[Any] = []
    for table in waiting:
        if not table.num_rows:
            continue
        if table.column(position)[-1].as_py() < horizon:
            ready.append(table)
        elif table.column(position)[0].as_py() >= horizon:
            rest.append(table)
        else:
            before = pc.less(table.column(position), pa.scalar(horizon))
            ready.append(table.filter(before))
            rest.append(table.filter(pc.invert(before)))
    if len(ready) < 2:
        return rest, ready[0] if ready else None
    return rest, pa.concat_tables(ready, promote_options="permissive").sort_by(position)
