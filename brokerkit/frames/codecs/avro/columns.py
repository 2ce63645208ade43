"""Avro's binary encoding to Arrow columns, for all rows of a batch at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays import Field, bytes_of, taken
from ...arrow import Array, ArrowType
from ..row_failure import RowFailure
from .reader import Reader
from .readers import reader_of
from .resolving import resolving_reader
from .schema import SchemaError, Type
from .source import Source


class AvroColumns:
    """A reader of payloads that were written with one schema.

    Types: `timestamp-*` become timestamps in UTC, `local-timestamp-*` without a zone, `decimal` a decimal of
    the declared precision, `uuid` its text, `duration` a struct, an enum its symbol, a map an Arrow map. A
    union of one type and null is that type; a union of several is a struct with one field for each branch, of
    which one is not null. What is recursive, and what no Arrow type holds, is JSON text.

    Args:
        schema: The schema of the writer.
        reader: The schema whose types the values have; see `resolving_reader`. None is that of the writer.

    Raises:
        SchemaError: The schema has so many fields that no frame could show them, or is nested too deeply.
    """

    def __init__(self, schema: Type, reader: Type | None = None) -> None:
        try:
            self._reader: Reader = reader_of(schema) if reader is None else resolving_reader(schema, reader)
        except RecursionError as error:
            raise SchemaError("the schema is nested too deeply") from error
        self.field: Field = self._reader.field("value")
        """The Arrow field of the values; its metadata says what is a union and what is JSON text."""

    @property
    def type(self) -> ArrowType:
        """The Arrow type of the values."""
        kind: ArrowType = self.field.type
        return kind

    def read(self, payloads: Array, starts: Any = None) -> tuple[Array, dict[int, RowFailure]]:
        """Read a batch.

        Args:
            payloads: A large binary array; a null payload is a null value.
            starts: Where the Avro data begins in each payload; None is at its first byte.

        Returns:
            The values, null where a row failed, and the failures by row.
        """
        length = len(payloads)
        offsets, data = bytes_of(payloads)
        low, high = int(offsets[0]), int(offsets[-1])
        source = Source(data[low:high])
        begin, end = offsets[:-1] - low, offsets[1:] - low
        rows, last = np.arange(length), end
        places = np.minimum(begin + (0 if starts is None else np.asarray(starts, np.int64)), end)
        if payloads.null_count:
            rows = rows[payloads.is_valid().to_numpy(zero_copy_only=False)]
            places, last = places[rows], end[rows]
        values, after, fine = self._reader.read(source, rows, places, last)
        left = fine & (after != last)
        if left.any():
            source.fail(rows, left, after, "", "bytes are left over behind the value")
            fine &= ~left
        if len(rows) < length or not fine.all():
            index = np.full(length, -1, np.int64)
            index[rows[fine]] = np.flatnonzero(fine)
            values = taken(values, index)
        failures = {
            row: RowFailure(place - int(begin[row]), path, reason)
            for row, (place, path, reason) in sorted(source.failures.items())
        }
        return values, failures
