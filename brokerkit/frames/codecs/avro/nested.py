"""Readers of Avro types that hold other types: unions, records, arrays and maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...arrays import kept, lists, struct, taken
from ...arrow import Array, ArrowType, nulls
from ...json_columns import HOLDS_JSON, IS_UNION, json_texts
from .reader import BaseReader, Reader, Reading, number_at, skip_number
from .source import EMPTY_ITEMS, Flags, Places, Source, repeated, scattered

DEEPEST = 64
"""Levels that a recursive value may have."""

FEW_ROWS = 32
"""With at most so many rows left in an array, its items are found one by one and then read all at once."""


class OptionalReader(BaseReader):
    """A union of null and one type."""

    def __init__(self, path: str, inner: Reader, branch: int) -> None:
        super().__init__(path, inner.type, inner.field("").metadata)
        self._inner = inner
        self._branch = branch

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        number, after, fine = _branches(self, source, rows, places, end, 2)
        having = np.flatnonzero(fine & (number == self._branch))
        if len(having) == len(rows):
            return self._inner.read(source, rows, after, end)
        if not len(having):
            return nulls(len(rows), self.type), after, fine
        values, then, read = self._inner.read(source, rows[having], after[having], end[having])
        after[having] = then
        fine[having] = read
        return scattered([(having, values)], len(rows), self.type), after, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        if place >= end or data[place] not in (0, 2):
            return -1
        return self._inner.skip(data, place + 1, end) if data[place] >> 1 == self._branch else place + 1


class UnionReader(BaseReader):
    """A union of several types: a struct in which the field of one branch is not null."""

    def __init__(self, path: str, branches: list[tuple[str, Reader | None]]) -> None:
        self._branches = branches
        self._names = [name for name, reader in branches if reader is not None]
        fields = [reader.field(name) for name, reader in branches if reader is not None]
        super().__init__(path, pa.struct(fields), {IS_UNION: b"1"})

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        number, after, fine = _branches(self, source, rows, places, end, len(self._branches))
        present = fine.copy()
        children: list[Array] = []
        for branch, (_, reader) in enumerate(self._branches):
            having = np.flatnonzero(fine & (number == branch))
            if reader is None:
                present[having] = False
                continue
            if not len(having):
                children.append(nulls(len(rows), reader.type))
                continue
            values, then, read = reader.read(source, rows[having], after[having], end[having])
            after[having] = then
            fine[having] = read
            children.append(scattered([(having, values)], len(rows), reader.type))
        return struct(children, self.type, ~present), after, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        after = skip_number(data, place, end)
        if after != place + 1 or data[place] & 1 or data[place] >> 1 >= len(self._branches):
            return -1
        reader = self._branches[data[place] >> 1][1]
        return after if reader is None else reader.skip(data, after, end)


class RecordReader(BaseReader):
    """A struct of the fields, in their order."""

    def __init__(self, path: str, fields: list[tuple[str, Reader]]) -> None:
        super().__init__(path, pa.struct([reader.field(name) for name, reader in fields]))
        self._fields = [reader for _, reader in fields]
        if all(reader.size >= 0 for reader in self._fields):
            self.size = sum(reader.size for reader in self._fields)

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        length = len(rows)
        fine = np.ones(length, np.bool_)
        alive: Places | None = None
        children: list[Array] = []
        for reader in self._fields:
            if alive is None:
                values, places, read = reader.read(source, rows, places, end)
            else:
                some, after, read = reader.read(source, rows[alive], places[alive], end[alive])
                values = scattered([(alive, some)], length, reader.type)
                places = places.copy()
                places[alive] = after
            children.append(values)
            if not read.all():
                alive = np.arange(length) if alive is None else alive
                fine[alive[~read]] = False
                alive = alive[read]
        if not children:
            return pa.array([{}] * length, self.type), places, fine
        return struct(children, self.type), places, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        for reader in self._fields:
            place = reader.skip(data, place, end)
            if place < 0:
                return -1
        return place


class RecursiveReader(BaseReader):
    """A record inside itself, as JSON text: no Arrow type contains itself."""

    def __init__(self, path: str) -> None:
        super().__init__(path, pa.large_string(), {HOLDS_JSON: b"1"})
        self.record: Reader | None = None
        self._depth = 0

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        assert self.record is not None
        if self._depth >= DEEPEST:
            every = np.ones(len(rows), np.bool_)
            source.fail(rows, every, places, self.path, f"more than {DEEPEST} levels deep")
            return nulls(len(rows), self.type), places, ~every
        self._depth += 1
        try:
            values, after, fine = self.record.read(source, rows, places, end)
        finally:
            self._depth -= 1
        return json_texts(values, self.record.field("")), after, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        assert self.record is not None
        if self._depth >= DEEPEST:
            return -1
        self._depth += 1
        try:
            return self.record.skip(data, place, end)
        finally:
            self._depth -= 1


class ItemsReader(BaseReader):
    """Arrays, and maps as arrays of entries: blocks of items, each behind its count."""

    def __init__(self, path: str, item: Reader, values: Reader | None = None) -> None:
        if values is None:
            super().__init__(path, pa.list_(item.field("item")))
        else:
            super().__init__(path, _map_type(values.field("value")))
        self._item = item

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        length = len(rows)
        places = places.copy()
        fine = np.ones(length, np.bool_)
        counts = np.zeros(length, np.int64)
        owners: list[Places] = []
        found: list[Array] = []
        open_ = np.arange(length)
        while len(open_):
            left, open_ = self._block(source, rows, places, end, fine, open_)
            while len(open_):
                owner, values = self._some(source, rows, places, end, fine, open_, left)
                owners.append(owner)
                found.append(values)
                np.add.at(counts, owner, 1)
                open_ = open_[fine[open_] & (left[open_] > 0)]
            open_ = np.flatnonzero(fine & (left >= 0))
        return self._lists(owners, found, counts, fine), places, fine

    def _block(
        self, source: Source, rows: Places, places: Places, end: Places, fine: Flags, open_: Places
    ) -> tuple[Places, Places]:
        """Read the count of the next block of each open row.

        Returns:
            By row, how many items are left in its block, -1 if its array is complete; and the rows that have
            items.
        """
        left = np.full(len(rows), -1, np.int64)
        count, after, read = source.variable(places[open_], end[open_])
        sized = np.flatnonzero(read & (count < 0))
        if len(sized):
            _, then, complete = source.variable(after[sized], end[open_[sized]])
            after[sized] = then
            read[sized] &= complete & (count[sized] != -(2**63))
            count = np.abs(count)
        room = end[open_] - after
        if self._item.size:
            read &= count <= room
        else:
            read &= count <= EMPTY_ITEMS
            read &= source.allows_empty(rows[open_], np.where(read, count, 0))
        if not read.all():
            source.fail(
                rows[open_], ~read, places[open_], self.path, "a block with more items than there are bytes"
            )
            fine[open_[~read]] = False
        places[open_] = after
        more = open_[read & (count > 0)]
        left[more] = count[read & (count > 0)]
        return left, more

    def _some(
        self,
        source: Source,
        rows: Places,
        places: Places,
        end: Places,
        fine: Flags,
        open_: Places,
        left: Places,
    ) -> tuple[Places, Array]:
        """Read whole blocks of the open rows where the places of items are known, otherwise one item each."""
        item = self._item
        count = left[open_]
        if item.size >= 0:
            at, after = repeated(places[open_], count, item.size), places[open_] + count * item.size
        elif item.variable:
            at, after = source.number_starts(places[open_], count)
        elif len(open_) <= FEW_ROWS:
            at, after, count = self._found(source, places, end, open_, count)
        else:
            count = np.ones(len(open_), np.int64)
            at = places[open_]
            values, after, read = item.read(source, rows[open_], at, end[open_])
            fine[open_[~read]] = False
            places[open_] = after
            left[open_] -= 1
            return open_[read], kept(values, read)
        owner = np.repeat(open_, count)
        inside = np.minimum(at, len(source.data) - 1)
        values, _, read = item.read(source, rows[owner], inside, end[owner])
        fine[owner[~read]] = False
        places[open_] = after
        left[open_] -= count
        beyond = after > end[open_]
        fine[open_[beyond]] = False
        complete = read & fine[owner]
        return owner[complete], kept(values, complete)

    def _found(
        self, source: Source, places: Places, end: Places, open_: Places, count: Places
    ) -> tuple[Places, Places, Places]:
        """Return where each item of a few rows begins; it ends before an item that is not complete."""
        data = source.view()
        at: list[int] = []
        after: list[int] = []
        seen: list[int] = []
        skip = self._item.skip
        for row, wanted in zip(open_.tolist(), count.tolist(), strict=True):
            place, last, number = int(places[row]), int(end[row]), 0
            while number < wanted:
                at.append(place)
                number += 1
                then = skip(data, place, last)
                if then < 0:
                    break  # reading this item finds out what is wrong with it
                place = then
            after.append(place)
            seen.append(number)
        return np.array(at, np.int64), np.array(after, np.int64), np.array(seen, np.int64)

    def _lists(self, owners: list[Places], found: list[Array], counts: Places, fine: Flags) -> Array:
        if found:
            owner = np.concatenate(owners)
            flat = pa.concat_arrays(found) if len(found) > 1 else found[0]
            if len(owners) > 1:
                flat = taken(flat, np.argsort(owner, kind="stable"))
        else:
            flat = nulls(0, self._item.type)
        offsets = np.zeros(len(counts) + 1, np.int32)
        np.cumsum(counts, out=offsets[1:])
        return lists(offsets, flat, self.type)

    def skip(self, data: memoryview, place: int, end: int) -> int:
        while True:
            count, place = number_at(data, place, end)
            if place < 0 or count == 0:
                return place
            if count < 0:
                size, place = number_at(data, place, end)
                if place < 0 or not 0 <= size <= end - place:
                    return -1
                count = -count
            if self._item.size == 0:
                continue  # `read` bounds how many there may be
            for _ in range(count):
                place = self._item.skip(data, place, end)
                if place < 0:
                    return -1


def _branches(
    reader: BaseReader, source: Source, rows: Places, places: Places, end: Places, count: int
) -> tuple[Places, Places, Flags]:
    """Read the number of the branch of a union."""
    number, after, fine = source.variable(places, end)
    fine &= (number >= 0) & (number < count)
    if not fine.all():
        source.fail(rows, ~fine, places, reader.path, f"not one of the {count} branches of a union")
    return number, after, fine


def _map_type(values: Any) -> ArrowType:
    return pa.map_(pa.large_string(), values)
