"""Parquet files of others, which may be much larger once they are unpacked."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from brokerkit.core.vocabulary.errors import ConfigError

from ..arrow import is_bytes, is_text

MOST_UNPACKED = 500_000_000
MOST_CELLS = 50_000_000
_ROWS, _NESTED_ROWS = 10_000, 64


def unpacked(data: bytes, name: str) -> pa.Table:
    """Return a Parquet file as a table.

    Raises:
        ConfigError: It is much larger once it is unpacked.
    """
    facts = pyarrow.parquet.read_metadata(io.BytesIO(data))
    stated = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    if stated > MOST_UNPACKED or facts.num_rows * facts.num_columns > MOST_CELLS:
        raise ConfigError(_too_large(name))
    schema = facts.schema.to_arrow_schema()
    # a value that many rows share stands in the file once, and is read once
    shared = [field.name for field in schema if is_text(field.type) or is_bytes(field.type)]
    nested = any(pa.types.is_nested(field.type) for field in schema)
    batches, size = [], 0
    file = pyarrow.parquet.ParquetFile(io.BytesIO(data), read_dictionary=shared)
    for batch in file.iter_batches(batch_size=_NESTED_ROWS if nested else _ROWS, use_threads=False):
        size += sum(map(_size, batch.columns))
        if size > MOST_UNPACKED:
            raise ConfigError(_too_large(name))
        batches.append(
            pa.RecordBatch.from_arrays(
                [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)],
                schema=schema,
            )
        )
    return pa.Table.from_batches(batches, schema)


def _size(column: Any) -> int:
    """Return how large a column is once each row has its own value."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).cast(pa.int64()).take(column.indices)
    return pc.sum(lengths).as_py() or 0


def _too_large(name: str) -> str:
    return f"{name} is too large once it is unpacked: bk.read_rows(PATH) reads it where the kernel is"
