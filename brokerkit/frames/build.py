"""Columns of a backend as Arrow record batches, without a Python object per message."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.contract.garbage_collection import uncollected
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.registry import SchemaSource

from .arrays import choose
from .arrow import (
    Array,
    contains,
    fill_null,
    is_text,
    nulls,
    repeated,
    row_numbers,
)
from .attributes import attributes_array
from .auto import AutoDecoder
from .auto.sources import auto_with
from .column_arrays import as_type, column_array, ids_array
from .decoded import Decoded, PayloadDecoder, PayloadFailure, Payloads, objects_of
from .decoding import Decode, as_decoder
from .masking.batches import BatchMask
from .masking.mask import Mask
from .object_decoder import without_names
from .schema import ATTRIBUTES, SCHEMA, schema_for
from .text import TextDecoder

_DECODED = frozenset({"id", "key", "raw_key", "value", "raw", "format", "schema", "attributes"})
"""Columns that are made of several fields, or decoded."""

UNDECODED = tuple(name for name in SCHEMA.names if name not in _DECODED)
"""Columns that are a field of `Columns` as it is."""

_UNDECODED_TYPES = {name: SCHEMA.field(name).type for name in UNDECODED}
_OF_VALUE = frozenset({"value", "raw", "format", "schema"})
_OF_KEY = frozenset({"key", "raw_key"})
_PLACES = frozenset({"topic", "partition", "offset"})
"""Columns that are always built, since they say which message a failure is of."""

SMALL_ROWS = 1_000
BATCH_ROWS = 16_000
"""Parts of fewer than `SMALL_ROWS` rows are put together to about so many before they are decoded."""

SAMPLES = 10
"""How many failures a builder keeps in full; `brokerkit.frames.failures` finds all of them."""


@dataclass(slots=True)
class Counts:
    """Counts of the rows that were decoded, among which a filter chose those of the frame.

    Attributes:
        nulls: Null payloads.
        binary: Payloads that are not UTF-8, where that is not a failure.
        lenient: Payloads that are JSON only if read leniently.
        key_failures: Keys that could not be decoded.
    """

    rows: int = 0
    nulls: int = 0
    binary: int = 0
    failures: int = 0
    lenient: int = 0
    key_failures: int = 0

    def to_dict(self) -> dict[str, int]:
        known = {"rows": self.rows, "nulls": self.nulls, "binary": self.binary, "failures": self.failures}
        rare = {"lenient": self.lenient, "key_failures": self.key_failures}
        return known | {name: count for name, count in rare.items() if count}


@dataclass(frozen=True, slots=True)
class Failure:
    """One row that could not be decoded: its place among those decoded, its message, and the reason."""

    row: int
    topic: str | None
    partition: int | None
    offset: int | None
    id: str | None
    error: str


@dataclass(slots=True)
class Failures:
    """How many rows could not be decoded, and the first `SAMPLES` of them."""

    count: int = 0
    samples: list[Failure] = field(default_factory=list)


class DecodedKeys(NamedTuple):
    """The keys of some rows that are not text as they are.

    Attributes:
        texts: What was decoded, in UTF-8, by row.
        failures: The rows whose keys could not be decoded.
    """

    texts: dict[int, bytes]
    failures: list[int]


class FrameBuilder:
    """A builder of record batches of one schema from `Columns`, which counts the rows.

    Args:
        decoder: The name of a built-in or registered decoder, such as "auto", or a decoder itself.
        attributes: False leaves the column null for callers that do not need it.
        expanding: The rows are passed to `expand` afterwards, which finds payloads that are not JSON. "json"
            then need not parse every payload twice, and the failures are those of `expand`.
        schemas: Where "auto" finds the schemas that payloads name, such as a registry; None finds none.
        key_decoder: The decoder of keys, likewise.
        mask: What is hidden in the rows, before anything else sees them; None hides nothing.
        validate: Payloads that name a JSON Schema are failures where they do not fit it.
        only: The columns that are needed. Others may be left null; where rows are masked, none is.
    """

    def __init__(
        self,
        decoder: Decode | PayloadDecoder = "auto",
        attributes: bool = True,
        *,
        expanding: bool = False,
        schemas: SchemaSource | None = None,
        key_decoder: Decode | PayloadDecoder = "auto",
        mask: Mask | None = None,
        validate: bool = False,
        only: frozenset[str] | None = None,
    ) -> None:
        self.decoder = _with_schemas(as_decoder(decoder), schemas, validate)
        self.key_decoder = _with_schemas(as_decoder(key_decoder, "decode_key"), schemas, validate)
        if expanding and self.decoder == TextDecoder("json"):
            self.decoder = TextDecoder("json", judges=False)
        self._mask = None if mask is None else self._masking(mask)
        self.schema = schema_for(self.decoder, self.key_decoder)
        if self._mask is not None:
            self.schema = self._mask.schema(self.schema)
        self.counts = Counts()
        self.failures = Failures()
        self._with_attributes = attributes
        self._only = frozenset(SCHEMA.names) if only is None or self._mask is not None else only | _PLACES

    def _masking(self, mask: Mask) -> BatchMask:
        if mask.document.hides_names:
            # names that come from data are those of columns otherwise
            self.decoder, self.key_decoder = without_names(self.decoder), without_names(self.key_decoder)
        return BatchMask(mask, *(getattr(each, "field", None) for each in (self.decoder, self.key_decoder)))

    @property
    def mask(self) -> Mask | None:
        """What is hidden in the rows."""
        return None if self._mask is None else self._mask.mask

    def batch(self, columns: Columns) -> pa.RecordBatch:
        """Return the next rows of the frame."""
        if not columns.length:
            return pa.RecordBatch.from_pylist([], self.schema)
        return uncollected(self._batch, columns)

    def batches(self, parts: Iterable[Columns]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the parts, in order. Small parts are put together: each batch has its cost."""
        small: list[Columns] = []
        waiting = 0
        for part in parts:
            if part.length >= SMALL_ROWS:
                if waiting:
                    yield self.batch(Columns.concat(small))
                    small, waiting = [], 0
                yield self.batch(part)
            elif part.length:
                small.append(part)
                waiting += part.length
                if waiting >= BATCH_ROWS:
                    yield self.batch(Columns.concat(small))
                    small, waiting = [], 0
        if waiting:
            yield self.batch(Columns.concat(small))

    def to_table(self, batches: Iterable[pa.RecordBatch]) -> pa.Table:
        """Return the batches as one table, without copying; no batches make a table without rows."""
        return pa.Table.from_batches(list(batches), self.schema)

    def _batch(self, columns: Columns) -> pa.RecordBatch:
        length = columns.length
        attributes = attributes_array(columns.attributes, length) if self._with_attributes else None
        only = self._only
        decoded, formats = self._values(columns, attributes)
        arrays = _undecoded_arrays(columns, only)
        keys = None if columns.key is None or not only & _OF_KEY else self._keys(columns, attributes)
        key_type = self.schema.field("key").type
        arrays["key"] = nulls(length, key_type) if keys is None else as_type(keys.value, key_type)
        arrays["raw_key"] = nulls(length, pa.binary()) if keys is None else as_type(keys.raw, pa.binary())
        has_id = "id" in only or columns.offset is None
        arrays["id"] = ids_array(columns, arrays["offset"]) if has_id else nulls(length, pa.string())
        arrays["value"], arrays["raw"] = decoded.value, decoded.raw
        arrays["format"] = formats
        arrays["schema"] = nulls(length, pa.string()) if decoded.schema is None else decoded.schema
        arrays["attributes"] = nulls(length, ATTRIBUTES) if attributes is None else attributes
        failures = decoded.failures
        if self._mask is not None:
            arrays, failures = self._mask.columns(arrays), self._mask.failures(failures)
        batch = pa.RecordBatch.from_arrays([arrays[name] for name in SCHEMA.names], schema=self.schema)
        self.counts.failures += len(failures)
        self._note_failures(batch, failures)
        if keys is not None and keys.failures:
            self.counts.key_failures += len(keys.failures)
            wrong = keys.failures if self._mask is None else self._mask.failures(keys.failures)
            self._note_failures(batch, wrong, "key: ")
        self.counts.rows += length
        self.counts.binary += decoded.binary
        self.counts.lenient += decoded.lenient
        return batch

    def _values(self, columns: Columns, attributes: Array | None) -> tuple[Decoded, Array]:
        """Return the decoded payloads and how each was read; nulls if they are not needed."""
        if not self._only & _OF_VALUE:
            value, raw, format = (
                nulls(columns.length, kind) for kind in (self.decoder.type, pa.large_binary(), pa.string())
            )
            return Decoded(value, raw, []), format
        payloads = _payloads_of(columns, attributes)
        decoded = self.decoder.decode(payloads)
        self.counts.nulls += payloads.data.null_count
        return decoded, formats_of(decoded, payloads.data)

    def _keys(self, columns: Columns, attributes: Array | None) -> Decoded:
        return self.key_decoder.decode(_payloads_of(columns, attributes, is_key=True))

    def decoded_keys(self, columns: Columns) -> DecodedKeys:
        """Return the keys whose text is not the key itself."""
        if columns.key is None or not is_text(self.schema.field("key").type):
            return DecodedKeys({}, [])
        named = not isinstance(self.key_decoder, AutoDecoder) or self.key_decoder.schemas is not None
        attributes = None
        if self._with_attributes and named:
            attributes = attributes_array(columns.attributes, columns.length)
        found = uncollected(self._keys, columns, attributes)
        rows = row_numbers(pc.and_(found.value.is_valid(), found.raw.is_valid()))
        texts = objects_of(found.value.take(pa.array(rows, pa.int64())).cast(pa.large_binary()))
        decoded = dict(zip(rows, texts, strict=True))
        return DecodedKeys(decoded, [one.row for one in found.failures])

    def surely_without(self, text: bytes, columns: Columns) -> Array | None:
        """Return for each row whether its payload, once decoded, surely does not contain a text.

        None if the decoder does not tell before it decodes.
        """
        if not isinstance(self.decoder, AutoDecoder | TextDecoder):
            return None
        attributes = attributes_array(columns.attributes, columns.length) if self._with_attributes else None
        payloads = _payloads_of(columns, attributes)
        verbatim = self.decoder.verbatim(payloads)
        return pc.and_not(verbatim, fill_null(contains(payloads.data, text), False))

    def _note_failures(self, batch: pa.RecordBatch, failures: list[PayloadFailure], before: str = "") -> None:
        self.failures.count += len(failures)
        for one in failures[: max(0, SAMPLES - len(self.failures.samples))]:
            row = one.row
            place = {name: batch.column(name)[row].as_py() for name in ("topic", "partition", "offset", "id")}
            self.failures.samples.append(
                Failure(self.counts.rows + row, **place, error=f"{before}{one.text}")
            )


def undecoded_batch(columns: Columns) -> pa.RecordBatch:
    """Return the columns that are the same before and after decoding; see `UNDECODED`."""
    return pa.RecordBatch.from_arrays(list(_undecoded_arrays(columns).values()), names=list(UNDECODED))


def _undecoded_arrays(columns: Columns, only: Collection[str] = UNDECODED) -> dict[str, Array]:
    return {
        name: column_array(getattr(columns, name) if name in only else None, kind, columns.length)
        for name, kind in _UNDECODED_TYPES.items()
    }


def _with_schemas(decoder: PayloadDecoder, schemas: SchemaSource | None, validate: bool) -> PayloadDecoder:
    if not isinstance(decoder, AutoDecoder) or schemas is None:
        return decoder
    return auto_with(schemas, validates=validate)


def _payloads_of(columns: Columns, attributes: Array | None, *, is_key: bool = False) -> Payloads:
    value, topic = columns.key if is_key else columns.value, columns.topic
    return Payloads(
        column_array(value, pa.large_binary(), columns.length),
        value if isinstance(value, list) else None,
        attributes,
        topic if topic is None or isinstance(topic, str) else _topics(list(columns.values("topic"))),
        is_key,
    )


def _topics(topics: list[str]) -> str | list[str]:
    return topics[0] if topics and topics.count(topics[0]) == len(topics) else topics


def formats_of(decoded: Decoded, payloads: Array) -> Array:
    """Return how each payload was read; NA for a null payload."""
    if decoded.format is not None:
        return decoded.format
    if payloads.null_count:
        return choose(payloads.is_valid(), pa.scalar(decoded.format_name), pa.scalar(None, pa.string()))
    return repeated(decoded.format_name, pa.string(), len(payloads))
