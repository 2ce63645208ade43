"""The result of decoding a batch of payloads, and the interface of decoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from .arrow import Array, ArrowType, ChunkedArray

ERROR_LENGTH = 200
"""How many characters of an error text are kept for one row."""


class Decoded(NamedTuple):
    """One batch of payloads, decoded. No row is left out.

    Attributes:
        failures: Pairs of the row in the batch and the reason.
        binary: How many rows are not UTF-8 text, where that is not a failure.
        lenient: How many rows are JSON only if read leniently.
    """

    value: Array
    raw: Array
    failures: list[tuple[int, str]]
    binary: int = 0
    lenient: int = 0


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

    def decode(self, payloads: Array, items: Sequence[bytes | None] | None = None) -> Decoded:
        """Decode a batch; `items` are the same payloads as Python objects, where they exist."""
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
