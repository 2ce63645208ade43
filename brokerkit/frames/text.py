"""The built-in decoders: payloads as text, and how strictly the text is judged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import length_hint

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from .arrow import Array, ArrowType
from .decoded import ERROR_LENGTH, Decoded, objects_of

NAMES = ("auto", "json", "text", "raw")
NOT_TEXT = "not UTF-8 text"


@dataclass(frozen=True)
class TextDecoder:
    """One of the built-in decoders. What is UTF-8 goes to `value` verbatim, anything else to `raw`.

    auto: nothing is a failure. text: what is not UTF-8 is one. json: so is what is not one JSON
    value (RFC 8259, at most 1024 levels deep, no lone surrogates). raw: every payload goes to
    `raw`, and nothing is judged.

    judges: False leaves it to `expand`, which comes after, to find what is not JSON.
    """

    name: str = "auto"
    judges: bool = True

    @property
    def type(self) -> ArrowType:
        return pa.large_string()

    @property
    def keeps_raw(self) -> bool:
        return self.name == "raw"

    def decode(self, payloads: Array, items: Sequence[bytes | None] | None = None) -> Decoded:
        if self.name == "raw":
            return Decoded(pa.nulls(len(payloads), pa.large_string()), payloads, [])
        value, raw, binary = split_text(payloads)
        if self.name == "auto":
            return Decoded(value, raw, [], len(binary))
        failures = [(row, NOT_TEXT) for row in binary]
        if self.name == "json" and self.judges:
            text = raw.null_count == len(raw)
            failures.extend(json_failures(items if items is not None and text else objects_of(value)))
            failures.sort()
        return Decoded(value, raw, failures)


def split_text(payloads: Array) -> tuple[Array, pa.Array, list[int]]:
    """`value`, `raw`, and the rows that are not UTF-8 text."""
    try:
        return payloads.cast(pa.large_string()), pa.nulls(len(payloads), pa.large_binary()), []
    except pa.ArrowInvalid:
        binary = [row for row, payload in enumerate(objects_of(payloads)) if not _is_text(payload)]
    mask = [False] * len(payloads)
    for row in binary:
        mask[row] = True
    is_binary, nothing = pa.array(mask), pa.scalar(None, pa.large_binary())
    text = pc.if_else(is_binary, nothing, payloads)
    return text.cast(pa.large_string()), pc.if_else(is_binary, payloads, nothing), binary


def json_failures(items: Sequence[bytes | str | None]) -> Iterator[tuple[int, str]]:
    """Every row that is not valid JSON, with the reason; null payloads are no failure."""
    rows = iter(items)
    while True:
        try:
            deque(map(orjson.loads, rows), maxlen=0)  # type: ignore[arg-type]  # None fails, and is told apart
            return
        except orjson.JSONDecodeError as error:
            row = len(items) - length_hint(rows) - 1
            if items[row] is not None:
                yield row, f"not valid JSON: {error}"[:ERROR_LENGTH]


def _is_text(payload: bytes | None) -> bool:
    try:
        payload is None or payload.decode()
    except UnicodeDecodeError:
        return False
    return True
