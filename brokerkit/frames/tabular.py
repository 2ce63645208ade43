"""Frames of any library as columns by name: Arrow arrays, or Python objects where Arrow would guess."""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from .arrow import ChunkedArray


class Typed(list[Any]):
    """Values of a pandas type for which Arrow has none. `dtype` is its name."""

    def __init__(self, values: list[Any], dtype: str) -> None:
        super().__init__(values)
        self.dtype = dtype


Column: TypeAlias = "ChunkedArray | list[Any]"
"""The values of one column. A list if they are Python objects, which Arrow would unify or refuse."""

EXPECTED = "a pandas or polars DataFrame, or a pyarrow Table or RecordBatch"


def columns_of(frame: Any) -> dict[str, Column]:
    """Return the columns of a frame, in order.

    Raises:
        ConfigError: It is not a frame, or the names of its columns are not unique text.
    """
    if is_pandas(frame):
        _check_names(list(frame.columns))
        return {name: _pandas_column(frame[name]) for name in frame.columns}
    table = table_of(frame)
    _check_names(table.column_names)
    return dict(zip(table.column_names, table.columns, strict=True))


def table_of(frame: Any) -> pa.Table:
    """Return a Table, RecordBatch, pandas DataFrame, or any object with an Arrow C stream as a table."""
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if is_pandas(frame):
        from .dataframe import from_pandas

        return from_pandas(frame)
    if hasattr(frame, "__arrow_c_stream__"):
        try:
            return pa.table(frame)
        except pa.ArrowException as error:
            raise ConfigError(
                f"Arrow cannot read this {type(frame).__name__} as a frame: {error}; expected {EXPECTED}, "
                "of plain types: cast unusual columns first"
            ) from error
    raise ConfigError(f"{type(frame).__name__} is not a frame; expected {EXPECTED}")


def describe_columns(columns: dict[str, Column]) -> str:
    """Return the names and types of the first twenty columns for an error text."""
    shown = [
        f"{name} ({'objects' if isinstance(column, list) else column.type})"
        for name, column in list(columns.items())[:20]
    ]
    more = len(columns) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "") or "no columns"


def index_names(frame: Any) -> list[Any]:
    """Return the levels of a pandas index that carry data: named ones, and any that are not row numbers."""
    if not is_pandas(frame):
        return []
    index = frame.index
    plain = not len(index) or (index.nlevels == 1 and index.name is None and index.dtype.kind in "iu")
    return [] if plain else ["index" if name is None else name for name in index.names]


def is_pandas(frame: Any) -> bool:
    """Return whether it is a pandas DataFrame, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(frame, pandas.DataFrame)


def missing(value: Any) -> bool:
    """Return whether an object of a pandas column stands for NA."""
    if value is None or (type(value) is float and value != value):
        return True
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def _check_names(names: list[Any]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise ConfigError(
                f"the column name {name!r} is {type(name).__name__}, expected text; "
                "rename with df.columns = df.columns.map(str)"
            )
    repeated = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if repeated:
        raise ConfigError(f"column names must be unique, these repeat: {', '.join(sorted(repeated))}")


def _pandas_column(series: Any) -> Column:
    if series.dtype == object:
        values: list[Any] = series.tolist()
        return values
    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):  # such as complex numbers and intervals
        return Typed(series.tolist(), str(series.dtype))
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
