"""One attribute of every message: its values as a column, and which rows have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError

from .arrow import Array
from .decoded import objects_of
from .schema import ATTRIBUTES
from .tabular import Column, describe_columns, table_of

if TYPE_CHECKING:
    import pandas as pd


def attr(df: pd.DataFrame, name: str) -> pd.Series:
    """Return one attribute of every row as text.

    If a message has the attribute several times, the last one counts. It is NA where the attribute is missing
    or null. Bytes are read as UTF-8; those that are not valid become U+FFFD.

    Args:
        df: A frame with the column `attributes`.
        name: The name of the attribute.

    Raises:
        ConfigError: The frame has no column `attributes`.
    """
    import pandas as pd

    if "attributes" not in df.columns:
        nothing: Column = pa.chunked_array([], pa.null())
        columns = dict.fromkeys(map(str, df.columns), nothing)
        raise ConfigError(f"there is no column 'attributes'; the frame has {describe_columns(columns)}")
    column = table_of(df[["attributes"]]).column("attributes")
    chunks = [_last(chunk.cast(ATTRIBUTES), name) for chunk in column.chunks]
    texts = pa.chunked_array(chunks, pa.large_string())
    return pd.Series(pd.arrays.ArrowExtensionArray(texts), index=df.index, name=name)


def rows_with(attributes: Array, name: str, data: bytes | None = None) -> Array:
    """Return for each row whether it has the attribute.

    Args:
        attributes: The column of attributes.
        name: The name of the attribute.
        data: Only with exactly this value, as the frame has it.
    """
    column: Any = attributes if attributes.type == ATTRIBUTES else attributes.cast(ATTRIBUTES)
    names, values, _ = column.flatten().flatten()
    here = pc.equal(names, pa.scalar(name))
    if data is not None:
        here = pc.and_kleene(here, pc.equal(values, pa.scalar(data)))
    rows = pc.list_parent_indices(column).filter(pc.fill_null(here, False))
    found: Array = pc.is_in(pa.array(range(len(column)), rows.type), value_set=rows)
    return found


def _last(lists: Any, name: str) -> Array:
    parents = pc.list_parent_indices(lists)
    names, values, _ = lists.flatten().flatten()
    here = pc.equal(names, pa.scalar(name))
    rows, found = parents.filter(here), values.filter(here)
    if not len(rows):
        return pa.nulls(len(lists), pa.large_string())
    # parents are sorted, so the last of a run is where the next one differs
    following = pa.concat_arrays([rows.slice(1), pa.array([-1], rows.type)])
    last = pc.not_equal(rows, following)
    rows, found = rows.filter(last), _text(found.filter(last))
    place = pc.index_in(pa.array(range(len(lists)), rows.type), value_set=rows)
    return found.take(place)


def _text(values: Array) -> Array:
    wide = values.cast(pa.large_binary())
    try:
        return wide.cast(pa.large_string())
    except pa.ArrowInvalid:
        texts = [None if value is None else value.decode("utf-8", "replace") for value in objects_of(wide)]
        return pa.array(texts, pa.large_string())
