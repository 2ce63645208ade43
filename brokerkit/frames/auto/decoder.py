"""The decoder `auto`: text and JSON as they are, everything else by its own evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.registry import SchemaSource

from ..arrays import flags, replaced
from ..arrow import Array, ArrowType, nulls
from ..codecs.registered import Texts
from ..decoded import Decoded, PayloadFailure, Payloads
from ..text import split_text
from .base64_layers import base64_rows
from .declared import Declared, declared_rows
from .json_rows import not_json, with_controls
from .keys import read_keys
from .others import read_others
from .registered import RegisteredPayloads
from .strange import strange_rows

TEXT = pa.large_string()


@dataclass(frozen=True)
class AutoDecoder:
    """The decoder ``auto``: JSON text of whatever is recognised by evidence, for each row on its own.

    The first evidence counts: what attributes declare (``content-type``, ``content-encoding``), the first
    bytes of a format, JSON, text without control characters, and a map of MessagePack or CBOR with text keys.
    Anything else stays bytes. Compression and base64 around a payload are removed, in any order.

    Args:
        schemas: Where the schemas are that payloads name, such as a registry; None reads no such payload.
        validates: Payloads that name a JSON Schema are failures where they do not fit it.
    """

    schemas: SchemaSource | None = None
    validates: bool = False
    _registered: RegisteredPayloads | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = None if self.schemas is None else RegisteredPayloads(self.schemas, Texts(self.validates))
        object.__setattr__(self, "_registered", found)

    def __reduce__(self) -> Any:
        return AutoDecoder, (self.schemas, self.validates)

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
        if payloads.is_key:
            return read_keys(payloads, self._registered)
        value, raw = split_text(payloads.data)
        declared = self._declared(payloads)
        plain = value.is_valid()
        if declared:
            mask = np.zeros(len(payloads), np.bool_)
            mask[declared] = True
            plain = pc.and_not(plain, pa.array(mask))
        if plain.false_count == 0:
            others = not_json(value.view(pa.large_binary()), payloads.items)
            if not others:
                return Decoded(value, raw, [], format_name="json")
            rows = np.array(others, np.int64)
        else:
            numbers = pc.indices_nonzero(plain)
            texts = value.take(numbers).cast(pa.large_binary())
            rows = numbers.to_numpy()[not_json(texts)]
        return self._mixed(payloads, value, raw, plain, rows)

    def verbatim(self, payloads: Payloads) -> Array:
        """Return for each payload whether its own bytes are surely the text that it is decoded to."""
        others = strange_rows(payloads.data, split_text(payloads.data)[1])
        others[self._declared(payloads)] = True
        return pa.array(~others)

    def _declared(self, payloads: Payloads) -> list[int]:
        """Return the rows whose attributes say how they are read."""
        declared = [*_changing(declared_rows(payloads.attributes, len(payloads)))]
        if self._registered is not None:
            declared += self._registered.declared(payloads)
        return declared

    def _mixed(
        self,
        payloads: Payloads,
        value: Array,
        raw: Array,
        plain: Array,
        not_json_rows: Any,
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
            strange[base64_rows(texts)] = True
            others[not_json_rows[strange]] = True
        words: Any = pa.array(formats, mask=~given)
        format: Array = pa.array(["json", "text"]).take(words)
        rows = np.flatnonzero(others).tolist()
        if not rows:
            return Decoded(value, raw, [], format=format)
        found = read_others(payloads.take(rows), self._registered)
        mask = pa.array(others)
        schema = None
        if found.schemas.null_count < len(rows):
            schema = replaced(nulls(length, pa.string()), mask, found.schemas)
        return Decoded(
            replaced(value, mask, found.texts),
            replaced(raw, mask, found.raw),
            [PayloadFailure(rows[place], *problem) for place, problem in sorted(found.problems.items())],
            binary=found.binary,
            format=replaced(format, mask, found.formats),
            schema=schema,
        )


def _changing(declared: dict[int, Declared]) -> dict[int, Declared]:
    """Return the rows whose declaration decides before their bytes do."""
    return {row: one for row, one in declared.items() if one.layers or one.format in ("msgpack", "cbor")}
