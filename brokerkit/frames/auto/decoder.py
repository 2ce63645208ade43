"""The decoder `auto`: text and JSON as they are, everything else by its own evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrays import flags, replaced
from ..arrow import Array, ArrowType, nulls, starts_with
from ..decoded import Decoded, PayloadFailure, Payloads, objects_of
from ..text import split_text
from .declared import NOTHING, Declared, declared_rows
from .json_rows import not_json, with_controls
from .reading import BASE64_BEGINNINGS, Reading, read_payload

TEXT = pa.large_string()


@dataclass(frozen=True)
class AutoDecoder:
    """The decoder ``auto``: JSON text of whatever is recognised by evidence, for each row on its own.

    The first evidence counts: what attributes declare (``content-type``, ``content-encoding``), the first
    bytes of a format, JSON, text without control characters, and a map of MessagePack or CBOR with text keys.
    Anything else stays bytes. Compression and base64 around a payload are removed, in any order.
    """

    @property
    def name(self) -> str:
        return "auto"

    @property
    def type(self) -> ArrowType:
        return TEXT

    @property
    def keeps_raw(self) -> bool:
        return False

    def decode(self, payloads: Payloads) -> Decoded:
        value, raw = split_text(payloads.data)
        declared = _changing(declared_rows(payloads.attributes, len(payloads)))
        plain = value.is_valid()
        if declared:
            mask = np.zeros(len(payloads), np.bool_)
            mask[list(declared)] = True
            plain = pc.and_not(plain, pa.array(mask))
        if plain.false_count == 0:
            items = payloads.objects()
            others = not_json(value.cast(pa.large_binary()), items)
            if not others:
                return Decoded(value, raw, [], format_name="json")
            rows = np.array(others, np.int64)
        else:
            numbers = pc.indices_nonzero(plain)
            texts = value.take(numbers).cast(pa.large_binary())
            rows = numbers.to_numpy()[not_json(texts, objects_of(texts))]
        return self._mixed(payloads, value, raw, plain, rows, declared)

    def _mixed(
        self,
        payloads: Payloads,
        value: Array,
        raw: Array,
        plain: Array,
        not_json_rows: Any,
        declared: dict[int, Declared],
    ) -> Decoded:
        """Return the batch, of which some rows are not JSON."""
        length = len(payloads)
        formats = np.zeros(length, np.int32)
        formats[not_json_rows] = 1
        given = flags(payloads.data.is_valid())
        others = given & ~flags(plain)
        if len(not_json_rows):
            texts = value.take(pa.array(not_json_rows))
            strange = with_controls(texts.cast(pa.large_binary()))
            for beginning in BASE64_BEGINNINGS:
                strange |= flags(starts_with(texts, beginning[:4]))
            others[not_json_rows[strange]] = True
        words: Any = pa.array(formats, mask=~given)
        format: Array = pa.array(["json", "text"]).take(words)
        rows = np.flatnonzero(others).tolist()
        if not rows:
            return Decoded(value, raw, [], format=format)
        some = payloads.take(rows)
        told = declared_rows(some.attributes, len(rows))
        data = some.objects()
        readings = [read_payload(each or b"", told.get(row, NOTHING)) for row, each in enumerate(data)]
        mask = pa.array(others)
        failures = [
            PayloadFailure(row, *problem)
            for row, one in zip(rows, readings, strict=True)
            if (problem := one.problem) is not None
        ]
        return Decoded(
            replaced(value, mask, pa.array([one.text for one in readings], TEXT)),
            replaced(raw, mask, _raw(readings, data)),
            failures,
            binary=sum(one.text is None and one.problem is None for one in readings),
            format=replaced(format, mask, pa.array([one.format for one in readings], pa.string())),
            schema=_schemas(readings, mask, length),
        )


def _changing(declared: dict[int, Declared]) -> dict[int, Declared]:
    """Return the rows whose declaration decides before their bytes do."""
    return {row: one for row, one in declared.items() if one.layers or one.format in ("msgpack", "cbor")}


def _raw(readings: Sequence[Reading], data: Sequence[bytes | None]) -> Array:
    kept = [None if one.verbatim else each for one, each in zip(readings, data, strict=True)]
    return pa.array(kept, pa.large_binary())


def _schemas(readings: Sequence[Reading], mask: Any, length: int) -> Array | None:
    schemas = [one.schema for one in readings]
    if not any(schemas):
        return None
    return replaced(nulls(length, pa.string()), mask, pa.array(schemas, pa.string()))
