"""Rows of a scan as a lazy frame of Polars, which reads only what a query asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError

from .polars_predicates import conditions_of

if TYPE_CHECKING:
    import polars as pl

Read: TypeAlias = Callable[
    ["Sequence[str]", "int | None", "Sequence[pc.Expression]"], "Iterator[pa.RecordBatch]"
]


def lazy_frame(schema: pa.Schema, read: Read) -> pl.LazyFrame:
    """Return a lazy frame whose queries read rows.

    Args:
        schema: The columns that there are.
        read: Returns the first rows, or all, with these columns, for which conditions hold.

    Raises:
        ConfigError: Polars is not installed.
    """
    try:
        import polars as pl
        from polars.io.plugins import register_io_source
    except ModuleNotFoundError as error:
        raise ConfigError(
            "to_polars needs Polars, which is not installed: pip install 'brokerkit-notebook[polars]'"
        ) from error

    empty: Any = pl.from_arrow(schema.empty_table())

    def frames(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        names = schema.names if columns is None else columns
        looked_at = [] if predicate is None else predicate.meta.root_names()
        if rows == 0:
            yield empty.select(names)
            return
        # with a number of rows, they are counted before the predicate
        known = [] if predicate is None or rows is not None else conditions_of(predicate, schema)
        for batch in read(list(dict.fromkeys([*names, *looked_at])), rows, known):
            frame: Any = pl.from_arrow(batch)
            yield (frame if predicate is None else frame.filter(predicate)).select(names)

    return register_io_source(frames, schema=empty.schema)
