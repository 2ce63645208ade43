"""The decoders `json`, `text` and `raw`: payloads as they are, and the rules for text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import length_hint
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import choose
from .arrow import Array, ArrowType, nulls, row_numbers
from .decoded import Decoded, PayloadFailure, Payloads, objects_of
from .json_exact import read
from .native.json_texts import doubtful

NAMES = ("json", "text", "raw")
NOT_TEXT = "not UTF-8 text"

_UTF8 = (  # RFC 3629; Arrow matches binary by bytes here, and could otherwise judge only whole arrays
    r"^(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    r"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    r"|\xf4[\x80-\x8f][\x80-\xbf]{2})*\z"
)
_JUDGED_BY_ROW = 65_536
"""An array of at most so many bytes is checked row by row; a larger one is halved until it is text."""


@dataclass(frozen=True)
class TextDecoder:
    """A decoder that changes nothing: UTF-8 goes to `value` verbatim, anything else to `raw`.

    The decoders differ in what counts as a failure:

    - ``text``: a payload that is not UTF-8.
    - ``json``: also one that is not one JSON value (RFC 8259, at most 1024 levels deep). NaN, infinity, a
      byte-order mark, zero bytes at the end, and control characters and lone surrogates in strings are not
      failures, since brokerkit reads them; they are counted as lenient.
    - ``raw``: nothing; every payload goes to `raw`.

    Args:
        name: The name of the decoder.
        judges: False leaves it to `expand`, which runs later, to find payloads that are not JSON.
    """

    name: str = "text"
    judges: bool = True

    @property
    def type(self) -> ArrowType:
        return pa.large_string()

    @property
    def keeps_raw(self) -> bool:
        return self.name == "raw"

    def decode(self, payloads: Payloads) -> Decoded:
        data = payloads.data
        if self.name == "raw":
            return Decoded(nulls(len(data), pa.large_string()), data, [], format_name="bytes")
        value, raw = split_text(data)
        rows = row_numbers(raw.is_valid()) if raw.null_count < len(raw) else []
        failures = [PayloadFailure(row, NOT_TEXT) for row in rows]
        format = _formats(value, raw, self.name) if rows else None
        lenient = 0
        if self.name == "json" and self.judges:
            wrong, lenient = _json_failures(value.cast(pa.large_binary()), None if rows else payloads.items)
            failures = sorted(failures + [PayloadFailure(row, reason) for row, reason in wrong])
        return Decoded(value, raw, failures, lenient=lenient, format=format, format_name=self.name)

    def verbatim(self, payloads: Payloads) -> Array:
        """Return for each payload whether its own bytes are surely the text that it is decoded to."""
        text = split_text(payloads.data)[0]
        if self.name != "raw":
            return text.is_valid()
        # of bytes as they are, those that look packed are told apart
        return pc.and_not(text.is_valid(), pc.match_substring_regex(payloads.data, r"[\x00-\x1f]|\ABZh"))


def _formats(value: Array, raw: Array, name: str) -> Array:
    """Return the name for text, "bytes" for anything else, and NA for null payloads."""
    text, data, nothing = pa.scalar(name), pa.scalar("bytes"), pa.scalar(None, pa.string())
    return choose(value.is_valid(), text, choose(raw.is_valid(), data, nothing))


def split_text(data: Array) -> tuple[Array, Array]:
    """Return bytes as text where they are UTF-8, and as bytes where they are not; null is null in both.

    Binary gives string, large binary gives large string.
    """
    kind = pa.string() if pa.types.is_binary(data.type) else pa.large_string()
    if (text := _as_text(data, kind)) is not None:
        return text, nulls(len(data), data.type)
    is_text, nothing = pa.concat_arrays(list(_text_rows(data, kind))), pa.scalar(None, data.type)
    return pc.if_else(is_text, data, nothing).view(kind), pc.if_else(is_text, nothing, data)


def _as_text(data: Array, kind: ArrowType) -> Array | None:
    """Return the same buffers as text, a fifth of the work of a cast; None if a row is not UTF-8."""
    text = data.view(kind)
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return text


def _text_rows(data: Array, kind: ArrowType) -> Iterator[Array]:
    """Yield whether each row is UTF-8 text, in pieces; a piece that is text as a whole takes one check."""
    if _as_text(data, kind) is not None:
        yield pa.repeat(pa.scalar(True), len(data))
    elif len(data) == 1:
        yield pa.array([False])
    elif data.nbytes <= _JUDGED_BY_ROW:
        yield pc.match_substring_regex(data, _UTF8)
    else:
        half = len(data) // 2
        yield from _text_rows(data.slice(0, half), kind)
        yield from _text_rows(data.slice(half), kind)


def _json_failures(texts: Array, items: Sequence[bytes | None] | None) -> tuple[list[tuple[int, str]], int]:
    """Return what `json_failures` does of texts, which may exist as Python objects."""
    doubts = doubtful(texts)
    if doubts is None:
        return json_failures(objects_of(texts) if items is None else items)
    if not len(doubts):
        return [], 0
    numbers: Any = doubts
    failures, lenient = json_failures(objects_of(texts.take(numbers)))
    return [(int(doubts[place]), reason) for place, reason in failures], lenient


def json_failures(items: Sequence[bytes | None]) -> tuple[list[tuple[int, str]], int]:
    """Return every row that is not JSON, with the reason, and how many are JSON only if read leniently.

    Null payloads are not failures.
    """
    # null is no text: it fails, and is told apart
    rows: Iterator[Any] = iter(items)
    failures: list[tuple[int, str]] = []
    lenient = 0
    while True:
        try:
            deque(map(orjson.loads, rows), maxlen=0)
            return failures, lenient
        except orjson.JSONDecodeError:
            row = len(items) - length_hint(rows) - 1
        item = items[row]
        if item is None:
            continue
        try:
            lenient += read(item).leniency is not None
        except ValueError as error:
            failures.append((row, str(error)))
