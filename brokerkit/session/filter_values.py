"""What the function of a filter is given for each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa

from brokerkit.frames.arrow import is_text
from brokerkit.frames.decoded import objects_of
from brokerkit.frames.json_exact import is_inexact, may_be_inexact
from brokerkit.frames.json_exact import read as read_exactly
from brokerkit.frames.packed import packed_as

from .overlooked import NOT_JSON, NOT_TEXT, NULL, Overlooked


class ValuesGiven:
    """The argument of a function for each row: the parsed JSON, otherwise the text, otherwise the bytes.

    Attributes:
        items: The input of `read` for each row; `read` raises ValueError where `otherwise` must be used.
    """

    def __init__(self, batch: pa.RecordBatch, overlooked: Overlooked) -> None:
        self._batch = batch
        self._overlooked = overlooked
        self._reasons: dict[int, str | None] = {}
        self.read: Callable[[Any], Any] = orjson.loads
        values = batch.column("value")
        if not is_text(values.type):
            self.items, self.read = values.to_pylist(), _present
            return
        texts = values.cast(pa.large_binary())
        self.items = objects_of(texts)
        if may_be_inexact(texts):
            self.read = _loads_if_exact

    def otherwise(self, item: Any, row: int) -> Any:
        """Return the argument for a row that holds no plain JSON."""
        if item is None:
            raw = self._batch.column("raw")[row].as_py()
            self._reasons[row] = _of_bytes(raw)
            return raw
        try:
            value, leniency = read_exactly(item)
        except ValueError:
            self._reasons[row] = NOT_JSON
            return item.decode()
        if leniency is not None:
            self._overlooked.read_leniently(leniency)
        return value

    def failed(self, error: Exception, row: int) -> None:
        """Count a row for which the function raised."""
        first = None if self._overlooked.first else self._batch.column("id")[row].as_py()
        self._overlooked.failed(error, self._reasons.get(row), first)


def _present(value: Any) -> Any:
    """Return the value that a decoder made. Raise ValueError if it made none."""
    if value is None:
        raise ValueError("no value")
    return value


def _loads_if_exact(text: bytes | None) -> Any:
    """Return the parsed JSON. Raise ValueError if parsing it this way loses digits."""
    if text is None or is_inexact(text):
        raise ValueError("no value that is exact")
    return orjson.loads(text)


def _of_bytes(raw: bytes | None) -> str | None:
    """Return the problem of a payload that a function is given as bytes; None where it is plain text."""
    if raw is None:
        return NULL
    try:
        raw.decode()
    except UnicodeDecodeError:
        return packed_as(raw) or NOT_TEXT
    return None
