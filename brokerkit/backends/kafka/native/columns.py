"""Columns of the compiled part: arrays for Arrow, and sequences of Python objects where rows are wanted."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.lazy_columns import Milliseconds, PartitionOffsetIds

from .library import Batch, Column, Library

VALIDITY, ENDS, DATA, NAME_ENDS, NAMES, _, _, LIST_ENDS = range(8)
NO_TIME = -1
CREATED, APPENDED = 1, 2
"""The kinds of timestamps, as librdkafka numbers them."""
Pairs = list[tuple[str, bytes | None]]

# those of ctypes.pythonapi are shared with the whole process
_capsule = ctypes.PyDLL(None).PyCapsule_New
_capsule.restype, _capsule.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)


class _Memory:
    """A column of the compiled part, which is released with this object."""

    def __init__(self, library: Library, address: int) -> None:
        self.library = library
        self.address = address
        self.column = Column.from_address(address)
        self._release = library.own.brokerkit_column_release

    def __del__(self) -> None:
        self._release(self.address)

    def bytes_of(self, which: int, end: int) -> bytes:
        return ctypes.string_at(self.column.buffers[which], end) if end else b""

    def ends(self, which: int, start: int, stop: int) -> list[int]:
        """Return the numbers from `start` up to and including `stop` of a buffer with ends of 32 bits."""
        address = self.column.buffers[which] + 4 * start
        return memoryview(ctypes.string_at(address, 4 * (stop - start + 1))).cast("i").tolist()

    def wide_ends(self, start: int, stop: int) -> list[int]:
        """Return the same of the ends of 64 bits."""
        address = self.column.buffers[ENDS] + 8 * start
        return memoryview(ctypes.string_at(address, 8 * (stop - start + 1))).cast("q").tolist()

    def invalid(self, start: int, stop: int) -> list[int]:
        """Return the numbers of the values from `start` to before `stop` that are null."""
        if not self.column.nulls:
            return []
        bits = self.bytes_of(VALIDITY, (stop + 7) // 8)
        return [at for at in range(start, stop) if not bits[at >> 3] >> (at & 7) & 1]


class ArrowColumn(Sequence[Any]):
    """Rows of a column in memory, which Arrow takes without a copy and Python reads when it asks for rows."""

    def __init__(self, memory: _Memory, start: int, stop: int) -> None:
        self._memory = memory
        self._start = start
        self._stop = stop

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            start, stop, step = row.indices(len(self))
            if step != 1:
                return self._rows[row]
            return type(self)(self._memory, self._start + start, self._start + max(start, stop))
        return self._rows[row]

    def __iter__(self) -> Any:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._rows == list(other)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def _rows(self) -> list[Any]:
        raise NotImplementedError

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """Return the rows as capsules of Arrow's C data interface."""
        library, column = self._memory.library, self._memory.address
        schema = library.own.brokerkit_schema(column)
        if not schema:
            raise MemoryError
        made = _capsule(schema, b"arrow_schema", library.schema_destructor)
        array = library.own.brokerkit_array(column, self._start, self._stop)
        if not array:
            raise MemoryError
        return made, _capsule(array, b"arrow_array", library.array_destructor)


class ByteColumn(ArrowColumn):
    """A column of bytes or None."""

    @cached_property
    def _rows(self) -> list[bytes | None]:
        memory, start, stop = self._memory, self._start, self._stop
        ends = memory.wide_ends(start, stop)
        base = ends[0]
        data = ctypes.string_at(memory.column.buffers[DATA] + base, ends[-1] - base)
        rows: list[bytes | None] = [data[first - base : last - base] for first, last in pairwise(ends)]
        for row in memory.invalid(start, stop):
            rows[row - start] = None
        return rows


class HeaderColumn(ArrowColumn):
    """A column of headers: pairs, or None for a row without any."""

    @cached_property
    def _rows(self) -> list[Pairs | None]:
        memory = self._memory
        lists = memory.ends(LIST_ENDS, self._start, self._stop)
        first, last = lists[0], lists[-1]
        names = memory.ends(NAME_ENDS, first, last)
        ends = memory.ends(ENDS, first, last)
        text, data = memory.bytes_of(NAMES, names[-1]), memory.bytes_of(DATA, ends[-1])
        values: list[bytes | None] = [data[begin:end] for begin, end in pairwise(ends)]
        for at in memory.invalid(first, last):
            values[at - first] = None
        pairs = [
            (text[begin:end].decode(), value)
            for (begin, end), value in zip(pairwise(names), values, strict=True)
        ]
        return [pairs[begin - first : end - first] or None for begin, end in pairwise(lists)]


def to_columns(library: Library, batch: Batch, topic: str, partition: int) -> Columns:
    """Return the rows of a batch, whose columns are owned by the result."""
    value, key = (_Memory(library, address) for address in (batch.value, batch.key))
    headers = _Memory(library, batch.headers) if batch.headers else None
    rows = batch.rows
    numbers = _numbers(batch.offsets, rows)
    offsets: Sequence[int] = numbers
    if numbers[-1] - numbers[0] == rows - 1:
        # they only ever rise, so none is missing
        offsets = range(numbers[0], numbers[-1] + 1)
    published, ingested = _times(batch)
    return Columns(
        rows,
        topic=topic,
        partition=partition,
        offset=offsets,
        id=PartitionOffsetIds(partition, offsets),
        key=ByteColumn(key, 0, rows),
        value=ByteColumn(value, 0, rows),
        attributes=None if headers is None else HeaderColumn(headers, 0, rows),
        publish_time=published,
        ingestion_time=ingested,
    )


def _numbers(address: int, count: int) -> Any:
    return memoryview(ctypes.string_at(address, 8 * count)).cast("q")


def _times(batch: Batch) -> tuple[Any, Any]:
    """Return the publish times, and the ingestion times, which only messages have that the broker stamped."""
    counts = _numbers(batch.times, batch.rows)
    if batch.kinds == 1 << CREATED:
        return Milliseconds(counts, NO_TIME), None
    if batch.kinds == 1 << APPENDED:
        appended = Milliseconds(counts, NO_TIME)
        return appended, appended
    kinds = ctypes.string_at(batch.kind_of, batch.rows)
    times = [
        count * 1000 if kind in (CREATED, APPENDED) and count != NO_TIME else None
        for kind, count in zip(kinds, counts, strict=True)
    ]
    return times, [time if kind == APPENDED else None for kind, time in zip(kinds, times, strict=True)]
