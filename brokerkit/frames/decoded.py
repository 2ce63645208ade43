"""What decoding a batch of payloads gives, whoever does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from .arrow import Array, ArrowType, ChunkedArray

ERROR_LENGTH = 200
"""Characters of an error text that are kept for one row."""


class Decoded(NamedTuple):
    """One batch of payloads, decoded. No row is ever left out.

    failures: (row in the batch, what was wrong). binary: how many rows are not UTF-8 text where
    that is no failure. lenient: how many were judged to be JSON in a lenient reading only.
    """

    value: Array
    raw: Array
    failures: list[tuple[int, str]]
    binary: int = 0
    lenient: int = 0


class PayloadDecoder(Protocol):
    """What fills `value` and `raw`: one of the built-in ones, or a `Decoder`."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> ArrowType:
        """The Arrow type of `value`."""
        ...

    @property
    def keeps_raw(self) -> bool:
        """Whether `raw` holds the payload of every row, whatever `value` says."""
        ...

    def decode(self, payloads: Array, items: Sequence[bytes | None] | None = None) -> Decoded:
        """Decode a batch; `items` are the same payloads as Python objects, where they exist."""
        ...


def error_text(error: BaseException) -> str:
    """What one row's failure says: the exception's type and text, cut to `ERROR_LENGTH`."""
    try:
        text = str(error)
    except Exception as broken:  # an exception of the user's own may fail even at that
        text = f"(its text raised {type(broken).__name__})"
    return f"{type(error).__name__}: {text}"[:ERROR_LENGTH]


def objects_of(array: Array | ChunkedArray) -> list[Any]:
    """The values of a text or binary array as Python objects: several times faster than `to_pylist`."""
    if array.null_count == len(array):
        return [None] * len(array)
    chunk = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    values: list[Any] = chunk.to_numpy(zero_copy_only=False).tolist()
    return values
