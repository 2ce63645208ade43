"""Readers of values that one schema wrote and another one reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...arrays import Field, struct, taken
from ...arrow import Array, ArrowType, nulls
from .reader import BaseReader, Reader, Reading, lengths_at, skip_bytes, skip_number
from .source import Flags, Places, Source, scattered

Convert = Callable[[Array], "tuple[Array, Flags | None]"]
"""Returns values of another type, and which of them fit if not all do."""


class SkippedReader(BaseReader):
    """Values that the reader's schema does not have: null, whatever they are.

    Args:
        size: The bytes of each value; -1 if each is one number, -2 if its length is in front.
    """

    def __init__(self, path: str, size: int) -> None:
        super().__init__(path, pa.null())
        self.size = max(size, -1)
        self.variable = size == -1
        self._bytes = size == -2

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        if self.variable:
            _, after, fine = source.variable(places, end)
            if not fine.all():
                source.fail(rows, ~fine, places, self.path, "a number runs past the end, or over 64 bits")
        elif self._bytes:
            length, at, fine = lengths_at(self, source, rows, places, end)
            after = at + length
        else:
            after = places + self.size
            fine = after <= end
            if not fine.all():
                source.fail(rows, ~fine, places, self.path, f"{self.size} bytes were expected")
        return nulls(len(rows), self.type), after, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        if self.variable:
            return skip_number(data, place, end)
        return skip_bytes(data, place, end) if self._bytes else super().skip(data, place, end)


class _Wrapper(BaseReader):
    """A reader that makes other values of those that another one reads."""

    def __init__(self, inner: Reader, target: Field) -> None:
        super().__init__(inner.path, target.type, target.metadata)
        self._inner = inner
        self.size, self.variable = inner.size, inner.variable

    def skip(self, data: memoryview, place: int, end: int) -> int:
        return self._inner.skip(data, place, end)


class ConvertedReader(_Wrapper):
    """Values in another unit, width or kind of number."""

    def __init__(self, inner: Reader, target: Field, convert: Convert) -> None:
        super().__init__(inner, target)
        self._convert = convert

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        values, after, fine = self._inner.read(source, rows, places, end)
        values, fits = self._convert(values)
        if fits is not None:
            reason = f"a value that does not fit {self.type} exactly"
            source.fail(rows, fine & ~fits, places, self.path, reason)
            fine = fine & fits
        return values, after, fine


class RefusedReader(_Wrapper):
    """Values that the reader's schema cannot hold: a row with one of them is a failure.

    Args:
        at: The path of the failure; None is that of the values.
    """

    def __init__(self, inner: Reader, target: Field, reason: str, at: str | None = None) -> None:
        super().__init__(inner, target)
        self._reason = reason
        self._at = self.path if at is None else at

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        every = np.ones(len(rows), np.bool_)
        source.fail(rows, every, places, self._at, self._reason)
        return nulls(len(rows), self.type), places, ~every


class BranchReader(_Wrapper):
    """Values of one branch of a union that the reader's schema has, and the writer's does not."""

    def __init__(self, inner: Reader, target: Field, branch: str | None) -> None:
        super().__init__(inner, target)
        self._branch = branch

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        values, after, fine = self._inner.read(source, rows, places, end)
        if self._branch is None:
            return nulls(len(rows), self.type), after, fine
        kind: Any = self.type
        children = [
            values if kind.field(number).name == self._branch else nulls(len(rows), kind.field(number).type)
            for number in range(kind.num_fields)
        ]
        return struct(children, self.type), after, fine


class BranchesReader(BaseReader):
    """A union of the writer's schema: each branch is read as the reader's schema has it."""

    def __init__(self, path: str, branches: Sequence[Reader], target: Field) -> None:
        super().__init__(path, target.type, target.metadata)
        self._branches = branches

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        number, after, fine = source.variable(places, end)
        fine &= (number >= 0) & (number < len(self._branches))
        if not fine.all():
            reason = f"not one of the {len(self._branches)} branches of a union"
            source.fail(rows, ~fine, places, self.path, reason)
        parts: list[tuple[Places, Array]] = []
        for branch, reader in enumerate(self._branches):
            having = np.flatnonzero(fine & (number == branch))
            if not len(having):
                continue
            values, then, read = reader.read(source, rows[having], after[having], end[having])
            after[having] = then
            fine[having] = read
            parts.append((having, values))
        return scattered(parts, len(rows), self.type), after, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        after = skip_number(data, place, end)
        if after != place + 1 or data[place] & 1 or data[place] >> 1 >= len(self._branches):
            return -1
        return self._branches[data[place] >> 1].skip(data, after, end)


class ResolvedRecordReader(BaseReader):
    """A record of the writer's schema as the reader's schema has it.

    Args:
        written: The fields in the order in which they were written, each with its number in `fields`; None
            for a field that is not wanted.
        fields: The fields of the values.
        defaults: By the number of a field that was not written, an array of its default.
    """

    def __init__(
        self,
        path: str,
        written: Sequence[tuple[Reader, int | None]],
        fields: Sequence[Field],
        defaults: dict[int, Array],
    ) -> None:
        super().__init__(path, pa.struct(list(fields)))
        self._written = written
        self._defaults = defaults
        self._default_bytes = sum(default.nbytes for default in defaults.values())
        if all(reader.size >= 0 for reader, _ in written):
            self.size = sum(reader.size for reader, _ in written)

    def read(self, source: Source, rows: Places, places: Places, end: Places) -> Reading:
        length = len(rows)
        if not source.allows_repeated(length * self._default_bytes):
            every = np.ones(length, np.bool_)
            source.fail(rows, every, places, self.path, "its items repeat too many bytes of defaults")
            return nulls(length, self.type), places, ~every
        kind: Any = self.type
        children: list[Any] = [None] * kind.num_fields
        fine = np.ones(length, np.bool_)
        alive: Places | None = None
        for reader, number in self._written:
            if alive is None:
                values, places, read = reader.read(source, rows, places, end)
            else:
                some, after, read = reader.read(source, rows[alive], places[alive], end[alive])
                values = scattered([(alive, some)], length, reader.type)
                places = places.copy()
                places[alive] = after
            if number is not None:
                children[number] = values
            if not read.all():
                alive = np.arange(length) if alive is None else alive
                fine[alive[~read]] = False
                alive = alive[read]
        for number, default in self._defaults.items():
            children[number] = taken(default, np.zeros(length, np.int64))
        if not children:
            return pa.array([{}] * length, self.type), places, fine
        return struct(children, self.type), places, fine

    def skip(self, data: memoryview, place: int, end: int) -> int:
        for reader, _ in self._written:
            place = reader.skip(data, place, end)
            if place < 0:
                return -1
        return place


def scaled(type: ArrowType, factor: int, divisor: int) -> Convert:
    """Return what converts whole numbers to another unit, exactly."""
    low, high = -(2**63 // factor), (2**63 - 1) // factor

    def convert(values: Array) -> tuple[Array, Flags | None]:
        width = values.type.bit_width
        numbers = values.view(pa.int32() if width == 32 else pa.int64()).to_numpy().astype(np.int64)
        fits: Flags
        if divisor > 1:
            found, fits = numbers // divisor, numbers % divisor == 0
        else:
            found, fits = numbers * factor, (numbers >= low) & (numbers <= high)
        return pa.array(found).view(type), None if fits.all() else fits

    return convert


def cast_to(type: ArrowType) -> Convert:
    """Return what converts values to a type that holds most of them."""

    def convert(values: Array) -> tuple[Array, Flags | None]:
        if not pa.types.is_floating(type):
            return _cast(values, type)
        numbers = values.to_numpy(zero_copy_only=False)
        found: Any = numbers.astype(np.float32 if type.bit_width == 32 else np.float64)
        if pa.types.is_floating(values.type):
            return pa.array(found), None
        fits = (found >= -(2.0**63)) & (found < 2.0**63)
        fits[fits] = found[fits].astype(np.int64) == numbers[fits]
        return pa.array(found), None if fits.all() else fits

    return convert


def _cast(values: Array, type: ArrowType) -> tuple[Array, Flags | None]:
    """Cast values. Halving finds few that do not fit among many that do in few calls."""
    try:
        return values.cast(type), None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(values) == 1:
            return nulls(1, type), np.zeros(1, np.bool_)
    half = len(values) // 2
    left, fit_left = _cast(values[:half], type)
    right, fit_right = _cast(values[half:], type)
    fits = [
        np.ones(len(part), np.bool_) if flags is None else flags
        for part, flags in ((left, fit_left), (right, fit_right))
    ]
    return pa.concat_arrays([left, right]), np.concatenate(fits)
