"""What is read of bodies: texts and failures by row, put together from groups of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrays import flags, taken
from ..arrow import Array, nulls
from ..decoded import ERROR_LENGTH, objects_of
from ..json_exact import read
from .framing import Framing
from .row_failure import RowFailure

TEXT = pa.large_string()

Rows: TypeAlias = Any
"""A numpy array of int64."""


class Bodies(NamedTuple):
    """The texts of a batch, null where a row failed, and the failures by row."""

    texts: Array
    failures: dict[int, RowFailure]


class Gathered:
    """The texts of a batch, put together from groups of its rows."""

    def __init__(self, length: int) -> None:
        self._index = np.full(length, -1, np.int64)
        self._parts: list[Array] = []
        self._size = 0
        self.contradicted: set[int] = set()
        """The rows that were given two different texts."""

    def put(self, rows: Rows, texts: Array) -> Rows:
        """Add the texts of some rows, null where there is none. Returns the rows that got their first."""
        valid = flags(texts.is_valid())
        first = valid & (self._index[rows] < 0)
        again = rows[valid & ~first]
        if len(again):
            other: Any = texts.filter(pa.array(valid & ~first))
            same = flags(pc.equal(self._taken(self._index[again]), other))
            self.contradicted.update(again[~same].tolist())
        self._index[rows[first]] = self._size + np.flatnonzero(first)
        self._parts.append(texts)
        self._size += len(texts)
        found: Rows = rows[first]
        return found

    def has(self, row: int) -> bool:
        """Return whether a row has a text."""
        return bool(self._index[row] >= 0)

    def texts(self) -> Array:
        """Return one text for each row, null where none was given."""
        return self._taken(self._index)

    def _taken(self, index: Rows) -> Array:
        if not self._parts:
            return nulls(len(index), TEXT)
        if len(self._parts) > 1:
            self._parts = [pa.concat_arrays(self._parts)]
        return taken(self._parts[0], index)


class BodyReader(NamedTuple):
    """A reader of the bodies of one schema.

    Attributes:
        format: The word for its format.
        read: Reads a batch of payloads.
        is_json: Whether the texts are JSON.
    """

    format: str
    read: Callable[[Array, Framing], Bodies]
    is_json: bool = True


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
