"""A mask applied to a batch of rows, as the last step before anything else sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ..arrays import Field
from ..arrow import Array, is_text, nulls
from ..decoded import PayloadFailure, objects_of
from ..json_columns import IS_UNION
from ..schema import ATTRIBUTE, ATTRIBUTES
from .marks import MASKED_KEY, marked_formats
from .mask import Mask
from .texts import TextMask
from .typed import TypedMask

_REASON = "the reason is hidden, since it may quote the payload (unmask=True shows it)"


class BatchMask:
    """A mask as it is applied to the columns of frames.

    Args:
        mask: The mask.
        value, key: The fields of the columns, if their metadata says what is a union and what is JSON text.
    """

    def __init__(self, mask: Mask, value: Field | None = None, key: Field | None = None) -> None:
        self.mask = mask
        self._value, self._key = value, key
        self._texts = TextMask(mask.document, mask.keys)
        self._typed = TypedMask(mask.document)

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema of masked rows, which says so."""
        return schema.with_metadata({**(schema.metadata or {}), MASKED_KEY: str(self.mask).encode()})

    def columns(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return the columns of a batch as the mask shows them. Bytes that are not text are gone."""
        found = dict(arrays)
        length = len(arrays["value"])
        found["value"] = self._values(arrays["value"], arrays["raw"])
        found["key"] = self._keys(arrays["key"], arrays["raw_key"])
        for name in ("raw", "raw_key"):
            found[name] = nulls(length, arrays[name].type)
        found["attributes"] = self._attributes(arrays["attributes"])
        found["format"] = marked_formats(arrays["format"])
        return found

    def failures(self, failures: list[PayloadFailure]) -> list[PayloadFailure]:
        """Return failures without what may quote the payload."""
        return [failure._replace(reason=_REASON, path=None) for failure in failures]

    def _values(self, values: Array, raw: Array) -> Array:
        if is_text(values.type):
            return self._texts.payloads(values, raw)
        return self._typed.masked(values, self._value)

    def _keys(self, keys: Array, raw: Array) -> Array:
        if is_text(keys.type):
            return self._texts.keys(keys, raw)
        is_union = self._key is not None and IS_UNION in (self._key.metadata or {})
        if self.mask.keys is not None and (is_union or not pa.types.is_nested(keys.type)):
            # a key without fields, for which the mask has a rule
            return nulls(len(keys), keys.type)
        return self._typed.masked(keys, self._key)

    def _attributes(self, attributes: Array) -> Array:
        lists: Any = attributes
        flat = lists.flatten()
        if not len(flat):
            return attributes
        names, values, types = (objects_of(part) for part in flat.flatten())
        known: dict[Any, bytes | None] = {}
        for row, pair in enumerate(zip(names, values, strict=True)):
            if pair[1] is None:
                continue
            if pair not in known:
                known[pair] = self._texts.attribute(*pair)
            if (new := known[pair]) is not None:
                values[row], types[row] = new, "string"
        parts: list[Array] = [
            pa.array(names, pa.string()),
            pa.array(values, pa.binary()),
            pa.array(types, pa.string()),
        ]
        pairs = pa.StructArray.from_arrays(parts, fields=list(ATTRIBUTE))
        lengths = lists.value_lengths().fill_null(0).to_pylist()
        offsets = [0]
        for each in lengths:
            offsets.append(offsets[-1] + each)
        return pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), pairs, type=ATTRIBUTES, mask=attributes.is_null()
        )
