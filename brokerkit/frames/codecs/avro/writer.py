"""Columns and objects as payloads of one Avro schema."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...arrow import Array
from ...tabular import Column
from ..misfit import Misfit
from ..row_failure import RowFailure
from .column_bytes import joined_bytes
from .column_writers import ColumnWriters
from .objects import object_bytes
from .schema import Record, Type, type_name

_ROWS = 16_384
"""Rows that are written at once."""
_NONE = pa.scalar(None, pa.large_binary())


class AvroWriter:
    """A writer of payloads of one schema.

    Args:
        schema: The schema, parsed.
    """

    def __init__(self, schema: Type) -> None:
        self._schema = schema

    def object(self, value: Any) -> bytes:
        """Return one object, such as parsed JSON, as a payload.

        Raises:
            Misfit: A value does not fit; the text has the path of the field.
        """
        return object_bytes(self._schema, value)

    def columns(
        self, columns: dict[str, Column], length: int, prefix: bytes = b""
    ) -> tuple[Array, dict[int, RowFailure]]:
        """Return the fields of a record, by name, as payloads, one for each row.

        Args:
            columns: The columns, of the types as `AvroColumns` reads them, or of others that fit exactly.
            length: How many rows there are.
            prefix: Bytes in front of each payload.

        Returns:
            A large binary array, null where a row does not fit, and why by row.

        Raises:
            Misfit: The schema is not one of a record.
        """
        if not isinstance(self._schema, Record):
            raise Misfit(
                "", f"columns are the fields of a record, and the schema is {type_name(self._schema)}"
            )
        parts: list[Array] = []
        failures: dict[int, RowFailure] = {}
        for start in range(0, max(length, 1), _ROWS):
            some = {name: column[start : start + _ROWS] for name, column in columns.items()}
            written, wrong = self._written(some, min(_ROWS, length - start), prefix, None)
            parts.append(written)
            failures.update({start + row: each for row, each in wrong.items()})
        return pa.concat_arrays(parts), failures

    def values(self, values: Column, prefix: bytes = b"") -> tuple[Array, dict[int, RowFailure]]:
        """Return a column of values as payloads. A null is a null payload. See `columns`."""
        parts: list[Array] = []
        failures: dict[int, RowFailure] = {}
        for start in range(0, max(len(values), 1), _ROWS):
            some = values[start : start + _ROWS]
            written, wrong = self._written(None, len(some), prefix, some)
            parts.append(written)
            failures.update({start + row: each for row, each in wrong.items()})
        return pa.concat_arrays(parts), failures

    def _written(
        self, columns: dict[str, Column] | None, length: int, prefix: bytes, values: Column | None
    ) -> tuple[Array, dict[int, RowFailure]]:
        writers, rows = ColumnWriters(), np.arange(length)
        if values is not None:
            present = writers.present(values)
            live = None if present.all() else present
            found = writers.column(self._schema, values, live, rows, "")
        else:
            assert isinstance(self._schema, Record)
            present = np.ones(length, np.bool_)
            found = writers.record(self._schema, columns or {}, length, None, rows, "")
        written = joined_bytes([prefix, *found] if prefix else found, length)
        failures = dict(sorted(writers.failures.items()))
        if failures or not present.all():
            present[list(failures)] = False
            chosen: Any = pc.if_else(pa.array(present), written, _NONE)
            written = chosen
        return written, failures
