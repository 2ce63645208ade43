"""Rows of a scan as a relation of DuckDB, which reads only what a query asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from brokerkit.core.vocabulary.errors import ConfigError

if TYPE_CHECKING:
    import duckdb

Read: TypeAlias = Callable[
    ["Sequence[str] | None", "pc.Expression | None"], "tuple[pa.Schema, Iterator[pa.RecordBatch]]"
]


def relation_of(
    schema: pa.Schema, read: Read, connection: duckdb.DuckDBPyConnection | None
) -> duckdb.DuckDBPyRelation:
    """Return a relation whose queries read rows.

    Args:
        schema: The columns that there are.
        read: Returns the rows with these columns, for which a filter is true.
        connection: The connection that queries them; None opens one in memory.
    """
    opened = open_memory() if connection is None else connection
    dataset: Any = PushedDown(schema, read)
    return opened.from_arrow(dataset)


class PushedDown(ds.Dataset):
    """A data set of Arrow that reads again for each query, with the columns and the filter of the query.

    DuckDB calls `scanner` and `to_reader` of a data set, and nothing else. What is inherited must not be
    called: there is no data set of Arrow's own underneath.
    """

    def __init__(self, schema: pa.Schema, read: Read) -> None:
        self._schema = schema
        self._read = read

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def scanner(
        self, columns: list[str] | None = None, filter: pc.Expression | None = None, *_: Any, **__: Any
    ) -> Rows:
        """Return the rows of one query."""
        return Rows(*self._read(columns, filter))


class Rows(ds.Scanner):
    """The rows of one query, as a stream."""

    def __init__(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        self._schema = schema
        self._batches = batches

    @property
    def projected_schema(self) -> pa.Schema:
        return self._schema

    def to_reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._schema, self._batches)


def open_memory() -> duckdb.DuckDBPyConnection:
    """Return a new connection in memory. Raises ConfigError if DuckDB is not installed."""
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise ConfigError(
            "this needs DuckDB, which is not installed: pip install 'brokerkit-notebook[duckdb]'"
        ) from error
    return duckdb.connect()
