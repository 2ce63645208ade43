"""Arrow tables as pandas DataFrames and back, without copying the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from .masking.marks import MASKED, mask_in
from .provenance import attach
from .schema import expanded_in

if TYPE_CHECKING:
    import pandas as pd


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Return the table with every column Arrow-backed: same types, same buffers, NA where Arrow has null."""
    import pandas as pd

    from .pandas_types import know

    for kind in table.schema.types:
        know(kind)
    # as arrays, since pandas would align the index of each Series, a third of the work of a small peek
    columns = {
        position: pd.arrays.ArrowExtensionArray(column) for position, column in enumerate(table.columns)
    }
    df = pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)
    df.columns = pd.Index(table.column_names, dtype=object)
    steps = expanded_in(table.schema)
    if steps:
        attach(df, {"expanded": steps})
    mask = mask_in(table.schema)
    if mask is not None:
        attach(df, {MASKED: mask})
    return df


def from_pandas(df: pd.DataFrame) -> pa.Table:
    """Return the columns of a DataFrame as a table; its index is left out.

    Raises:
        ConfigError: Arrow has no type for the values of a column; the error names it.
    """
    names, arrays = [], []
    for position, name in enumerate(df.columns):
        series = df.iloc[:, position]
        try:
            arrays.append(pa.array(series, from_pandas=True))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise ConfigError(
                f"the column {name!r} ({series.dtype}) has values that Arrow cannot hold together: {error}; "
                "give it one type first"
            ) from error
        names.append(str(name))
    return pa.table(arrays, names=names)
