"""SQL over scans and frames, which stand in the query by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .duckdb import open_memory
from .scan import Scan

if TYPE_CHECKING:
    import duckdb


def sql(query: str, /, **tables: Any) -> duckdb.DuckDBPyRelation:
    """Return the result of a query of DuckDB over scans and frames::

        bk.sql("select key, count(*) from orders where partition = 0 group by key", orders=s.scan("orders"))

    A scan is read when the result is, each time again, in bounded memory. Only the columns of the query are
    built. DuckDB gives many comparisons of ``where`` to the scan; those of partition and offset decide what
    is read of the topic. Fields of payloads are columns once they are selected:
    ``orders=s.scan("orders").select("offset", "value.total")`` has the column ``"value.total"``.

    Args:
        query: A statement of DuckDB.
        **tables: What the names in the query stand for: scans, DataFrames, Arrow tables, and what else
            DuckDB reads.

    Returns:
        A lazy relation of DuckDB: `.df()`, `.arrow()`, `.pl()` and `.fetchall()` read it. None for a
        statement without a result.

    Raises:
        ConfigError: DuckDB is not installed, or a scan has `expand`.
    """
    connection = open_memory()
    for name, table in tables.items():
        if isinstance(table, Scan):
            table.to_duckdb(connection).create_view(name)
        else:
            connection.register(name, table)
    return connection.sql(query)
