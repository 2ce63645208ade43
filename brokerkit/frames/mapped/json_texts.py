"""Columns of JSON texts."""

from __future__ import annotations

import orjson
import pyarrow as pa

from ..arrow import ChunkedArray
from ..json_exact import loads
from ..tabular import Column


def json_column(column: Column, quoted: ChunkedArray, *, objects: bool) -> Column:
    """Return a column of JSON texts as JSON, or as the objects that a schema writes."""
    texts = column if isinstance(column, list) else column.to_pylist()
    whole = [
        orjson.dumps(text).decode() if is_string else text
        for text, is_string in zip(texts, quoted.to_pylist(), strict=True)
    ]
    if objects:
        return [None if text is None else loads(text) for text in whole]
    kind = pa.json_(pa.large_string())
    return pa.chunked_array([pa.ExtensionArray.from_storage(kind, pa.array(whole, pa.large_string()))])
