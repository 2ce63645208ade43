"""Columns of partitions and publish times."""

from __future__ import annotations

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import checked_partition, checked_time

from ..arrow import is_text
from ..tabular import Column, missing
from .cell_types import typed_cells


def placed_column(name: str, column: Column, part: str) -> tuple[Column, dict[int, str]]:
    """Return a column of partitions or times, and by row why a cell is none.

    Raises:
        ConfigError: It is of another type.
    """
    if isinstance(column, pa.ChunkedArray):
        if is_text(column.type):
            column, wrong = typed_cells(column, "integer" if part == "partition" else "time")
            if part == "partition":
                wrong |= {
                    row: f"{value} is no partition: they are counted from 0"
                    for row, value in enumerate(column.to_pylist())
                    if value is not None and value < 0
                }
            return column, wrong
        if column.null_count == len(column):
            return column, {}
        fits = pa.types.is_timestamp(column.type)
        if part == "partition":
            fits = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        if not fits:
            raise ConfigError(
                f"the column {name!r} for the {part.replace('publish_', '')} is {column.type}: expected "
                + (
                    "whole numbers"
                    if part == "partition"
                    else "times, for example of pd.to_datetime(..., utc=True)"
                )
            )
        if part != "partition":
            return column, {}
    wrong = {}
    for row, value in enumerate(column if isinstance(column, list) else column.to_pylist()):
        if missing(value):
            continue
        try:
            if part != "partition":
                checked_time(value)
            else:
                checked_partition(int(value) if isinstance(value, float) and value.is_integer() else value)
        except (TypeError, ConfigError) as error:
            wrong[row] = str(error)
    return column, wrong
