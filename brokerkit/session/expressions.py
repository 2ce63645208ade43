"""Arrow expressions of filters: whether they fit, what they look at, and which ranges they rule out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.frames.schema import TIME

LATEST = 2**62
"""A time after those of all messages, in microseconds since 1970."""
PARTS = 32
"""Into how many parts a range is cut to find where the rows begin and end that may match."""


def check_expression(where: pc.Expression, schema: pa.Schema) -> None:
    """Raise ConfigError unless an expression is true or false for rows of a schema."""
    try:
        schema.empty_table().filter(where)
    except (pa.ArrowException, LookupError, TypeError) as error:
        reason = str(error).partition("\n")[0].removesuffix(f" in {schema.names[0]}: {schema.types[0]}")
        raise ConfigError(
            f"the expression {where} given as where= does not fit: {reason}; it must be true or false for "
            f"each row, over the columns {', '.join(schema.names)}"
        ) from error


def fits(where: pc.Expression, schema: pa.Schema) -> bool:
    """Return whether an expression needs no other column than these."""
    try:
        schema.empty_table().filter(where)
    except (pa.ArrowException, LookupError, TypeError):
        return False
    return True


class Expression:
    """An expression over rows of a schema, which tells what it rules out by ranges.

    Attributes:
        columns: The columns that it looks at.
    """

    def __init__(self, where: pc.Expression, schema: pa.Schema) -> None:
        self._where = where
        self._schema = schema
        self.columns = frozenset(
            name for number, name in enumerate(schema.names) if not fits(where, schema.remove(number))
        )

    def narrowed(self, slice_: Slice, *, offsets: bool) -> tuple[int, int]:
        """Return the smallest range of a slice outside of which surely no row matches.

        Args:
            slice_: The slice.
            offsets: Whether its positions are the offsets of the rows, as far as rows have offsets.
        """
        start, stop = slice_.start, slice_.end
        if not self.columns & {"partition", "offset"}:
            return start, stop
        if not offsets or self._may_hold([pc.field("offset").is_null()]):
            return (start, stop) if self._may_match([slice_], offsets=False) else (start, start)
        if not self._may_match([slice_]):
            return start, start
        if "offset" not in self.columns:
            return start, stop
        while True:
            step = -(-(stop - start) // PARTS)
            parts = [_part(slice_, at, min(stop, at + step)) for at in range(start, stop, step)]
            kept = self._may_match(parts)
            if not kept:
                return start, start
            first, last = parts[kept[0]], parts[kept[-1]]
            if (first.start, last.end) == (start, stop):
                return self._first(first), self._last(last)
            start, stop = first.start, last.end

    def _first(self, slice_: Slice) -> int:
        """Return where the rows begin that may match."""
        while slice_.end - slice_.start > 1:
            middle = (slice_.start + slice_.end) // 2
            before = _part(slice_, slice_.start, middle)
            slice_ = before if self._may_match([before]) else _part(slice_, middle, slice_.end)
        return slice_.start

    def _last(self, slice_: Slice) -> int:
        """Return the offset behind the rows that may match."""
        while slice_.end - slice_.start > 1:
            middle = (slice_.start + slice_.end) // 2
            behind = _part(slice_, middle, slice_.end)
            slice_ = behind if self._may_match([behind]) else _part(slice_, slice_.start, middle)
        return slice_.end

    def topics(self, names: Sequence[str]) -> list[str]:
        """Return those topics of which a row may match."""
        return [names[number] for number in self._may_hold([pc.field("topic") == name for name in names])]

    def times(self) -> tuple[int | None, int | None]:
        """Return the times from which on and before which all rows lie that may match.

        They are microseconds since 1970; None where there is no such limit.
        """
        time = pc.field("publish_time")
        if "publish_time" not in self.columns or self._may_hold([time.is_null()]):
            return None, None
        since = (
            None
            if self._may_hold([time < _time(1)])
            else _last(lambda at: not self._may_hold([time < _time(at)]))
        )
        rest = self._may_hold([time >= _time(LATEST)])
        until = None if rest else _last(lambda at: bool(self._may_hold([time >= _time(at)]))) + 1
        return since, until

    def _may_match(self, slices: Sequence[Slice], *, offsets: bool = True) -> list[int]:
        """Return the numbers of the slices in which a row may match."""
        return self._may_hold([_known_of(each, offsets) for each in slices])

    def _may_hold(self, known: Sequence[pc.Expression]) -> list[int]:
        """Return the numbers of those facts about a row with which it may match."""
        # Arrow itself tells which expressions contradict what is known of the rows of a file
        import pyarrow.dataset as ds
        from pyarrow.fs import LocalFileSystem

        format, here = ds.ParquetFileFormat(), LocalFileSystem()
        files = [
            format.make_fragment(str(number), here, partition_expression=each)
            for number, each in enumerate(known)
        ]
        found = ds.FileSystemDataset(files, self._schema, format, here).get_fragments(self._where)
        return sorted(int(each.path) for each in found)


def _time(microseconds: int) -> pa.Scalar[Any]:
    return pa.scalar(microseconds, pa.int64()).cast(TIME)


def _last(holds: Callable[[int], bool]) -> int:
    """Return the last moment for which something holds that holds for all before it."""
    low, high = 0, LATEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _known_of(slice_: Slice, offsets: bool) -> pc.Expression:
    """Return what is true for each row of a slice."""
    known = [pc.scalar(True)]
    if slice_.partition is not None:
        known.append(pc.field("partition") == slice_.partition)
    if offsets:
        known += [pc.field("offset") >= slice_.start, pc.field("offset") < slice_.end]
    return reduce(lambda first, second: first & second, known)


def _part(slice_: Slice, start: int, stop: int) -> Slice:
    return Slice(slice_.topic, slice_.partition, start, stop)
