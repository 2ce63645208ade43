"""Payloads that are decoded in a batch, the result, and the interface of decoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from .arrow import Array, ArrowType, ChunkedArray

ERROR_LENGTH = 200
"""How many characters of an error text are kept for one row."""


@dataclass(frozen=True, slots=True)
class Payloads:
    """A batch of payloads, all values or all keys.

    Attributes:
        data: The payloads, a large binary array.
        items: The same payloads as Python objects, where they exist already.
        attributes: The column `attributes` of the same rows; None if it was not read.
        topic: The topic of all rows, or that of each; None if it is not known.
        is_key: Whether these are keys.
    """

    data: Array
    items: Sequence[bytes | None] | None = None
    attributes: Array | None = None
    topic: str | Sequence[str] | None = None
    is_key: bool = False

    def __len__(self) -> int:
        return len(self.data)

    def objects(self) -> Sequence[bytes | None]:
        """Return the payloads as Python objects."""
        return objects_of(self.data) if self.items is None else self.items

    def take(self, rows: Sequence[int]) -> Payloads:
        """Return the rows with these numbers."""
        numbers = pa.array(rows, pa.int64())
        attributes = None if self.attributes is None else self.attributes.take(numbers)
        items = None if self.items is None else [self.items[row] for row in rows]
        topic = self.topic
        if topic is not None and not isinstance(topic, str):
            topic = [topic[row] for row in rows]
        return Payloads(self.data.take(numbers), items, attributes, topic, self.is_key)


class PayloadFailure(NamedTuple):
    """Why a payload could not be decoded.

    Attributes:
        row: The row in its batch.
        reason: What was wrong.
        layer: The layer that could not be read, such as ``gzip``; empty for the payload as a whole.
        byte: The byte in this layer where reading failed; None if it is not known.
        path: The field, such as ``order.lines[].price``; None if it is not known.
    """

    row: int
    reason: str
    layer: str = ""
    byte: int | None = None
    path: str | None = None

    @property
    def text(self) -> str:
        """All of it in one line."""
        place = [] if self.byte is None else [f"byte {self.byte}"]
        place += [self.path] if self.path else []
        return ": ".join(part for part in (self.layer, ", ".join(place), self.reason) if part)

    def at(self, row: int) -> PayloadFailure:
        """Return the same failure of another row."""
        return self._replace(row=row)


class Decoded(NamedTuple):
    """One batch of payloads, decoded. No row is left out.

    Attributes:
        value: What was decoded.
        raw: The payload of each row whose `value` is not the payload itself, in UTF-8.
        failures: The rows that could not be decoded.
        binary: How many rows are not text and could not be decoded, where that is not a failure.
        lenient: How many rows are JSON only if read leniently.
        format: How each row was read, the outer layer first, such as ``gzip+json``; NA for a null payload.
            None is `format_name` for every payload.
        format_name: The format if it is the same for all rows.
        schema: The schema of each row that has one, in words; None if no row has one.
    """

    value: Array
    raw: Array
    failures: list[PayloadFailure]
    binary: int = 0
    lenient: int = 0
    format: Array | None = None
    format_name: str = ""
    schema: Array | None = None


class PayloadDecoder(Protocol):
    """An object that fills `value` and `raw`: a built-in decoder, or a `Decoder`."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> ArrowType:
        """The Arrow type of `value`."""
        ...

    @property
    def keeps_raw(self) -> bool:
        """Whether `raw` holds the payload of every row, regardless of `value`."""
        ...

    def decode(self, payloads: Payloads) -> Decoded:
        """Decode a batch."""
        ...


def error_text(error: BaseException) -> str:
    """Return the type and text of an exception, cut to `ERROR_LENGTH`, for the failure of one row."""
    try:
        text = str(error)
    except Exception as broken:  # the str() of a user's exception may raise, too
        text = f"(its text raised {type(broken).__name__})"
    return f"{type(error).__name__}: {text}"[:ERROR_LENGTH]


def objects_of(array: Array | ChunkedArray) -> list[Any]:
    """Return the values of a text or binary array as Python objects, faster than `to_pylist`."""
    if array.null_count == len(array):
        return [None] * len(array)
    chunk = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    values: list[Any] = chunk.to_numpy(zero_copy_only=False).tolist()
    return values
