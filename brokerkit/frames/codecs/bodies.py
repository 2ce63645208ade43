"""What is read of bodies: values and failures by row, put together from groups of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.registry import RegisteredSchema

from ..arrays import Field, flags, taken
from ..arrow import Array, ArrowType, nulls
from ..decoded import ERROR_LENGTH, objects_of
from ..json_columns import json_texts
from ..json_exact import read
from .framing import Framing
from .row_failure import RowFailure

TEXT = pa.large_string()

Rows: TypeAlias = Any
"""A numpy array of int64."""


class Bodies(NamedTuple):
    """The values of a batch, such as JSON texts, null where a row failed, and the failures by row."""

    texts: Array
    failures: dict[int, RowFailure]


class Gathered:
    """The values of a batch, put together from groups of its rows."""

    def __init__(self, length: int, type: ArrowType = TEXT) -> None:
        self._type = type
        self._index = np.full(length, -1, np.int64)
        self._parts: list[Array] = []
        self._size = 0
        self.contradicted: set[int] = set()
        """The rows that were given two different values."""

    def put(self, rows: Rows, values: Array, given: Any = None) -> Rows:
        """Add the values of some rows. Returns the rows that got their first.

        Args:
            given: Which of them are values; None is those that are not null.
        """
        valid = flags(values.is_valid()) if given is None else given
        first = valid & (self._index[rows] < 0)
        again = rows[valid & ~first]
        if len(again):
            other: Any = values.filter(pa.array(valid & ~first))
            same = _same(self._taken(self._index[again]), other)
            self.contradicted.update(again[~same].tolist())
        self._index[rows[first]] = self._size + np.flatnonzero(first)
        self._parts.append(values)
        self._size += len(values)
        found: Rows = rows[first]
        return found

    def has(self, row: int) -> bool:
        """Return whether a row has a value."""
        return bool(self._index[row] >= 0)

    def values(self) -> Array:
        """Return one value for each row, null where none was given."""
        return self._taken(self._index)

    def _taken(self, index: Rows) -> Array:
        if not self._parts:
            return nulls(len(index), self._type)
        if len(self._parts) > 1:
            self._parts = [pa.concat_arrays(self._parts)]
        if len(index) == len(self._parts[0]) and np.array_equal(index, np.arange(len(index))):
            return self._parts[0]
        return taken(self._parts[0], index)


def _same(one: Array, other: Array) -> Any:
    """Return which values are the same."""
    if one.type != TEXT:
        # structs cannot be compared, and NaN is to be the same as NaN
        one, other = json_texts(one), json_texts(other)
    return flags(pc.equal(one, other))


class BodyReader(NamedTuple):
    """A reader of the bodies of one schema.

    Attributes:
        format: The word for its format.
        read: Reads a batch of payloads.
        is_json: Whether the values are JSON texts.
    """

    format: str
    read: Callable[[Array, Framing], Bodies]
    is_json: bool = True


class Target(Protocol):
    """What the bodies of several schemas become: values of one type."""

    @property
    def type(self) -> ArrowType: ...

    @property
    def field(self) -> Field: ...

    def reader(self, schema: RegisteredSchema, references: Mapping[str, RegisteredSchema]) -> BodyReader:
        """Return what reads the bodies that were written with a schema. Raises ConfigError, MissingExtra."""


def row_by_row(text_of: Callable[[bytes], str]) -> Callable[[Array, Framing], Bodies]:
    """Return what reads a batch with a function that returns the text of one body, or raises ValueError."""

    def read_rows(payloads: Array, framing: Framing) -> Bodies:
        texts: list[str | None] = []
        failures: dict[int, RowFailure] = {}
        for row, payload in enumerate(objects_of(payloads)):
            text = None
            try:
                text = text_of(payload[framing.start :] if framing.start else payload)
            except ValueError as error:
                failures[row] = RowFailure(None, "", str(error)[:ERROR_LENGTH])
            texts.append(text)
        return Bodies(pa.array(texts, TEXT), failures)

    return read_rows


def _json(body: bytes) -> str:
    read(body)
    return body.decode()


read_json = row_by_row(_json)
"""Reads bodies that are JSON text."""
