"""The rows of a frame that a filter keeps, as they are in the frame."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from ..filters import Filter, Header
from ..overlooked import Overlooked
from ..read_report import ReadReport

if TYPE_CHECKING:
    import pandas as pd

NUMBER = "number of the row"
"""The column that tells which rows are left."""


def narrowed(
    frame: pd.DataFrame, key: str | bytes | None = None, header: Header | None = None, where: Any = None
) -> pd.DataFrame:
    """Return the rows of a frame of messages that a filter keeps; without one, the frame.

    Warn with `FilterWarning` if the filter could not examine some of them.

    Raises:
        ConfigError: The filter cannot be used for this frame.
    """
    if (key is None and header is None and where is None) or not hasattr(frame, "iloc"):
        # what is no frame is refused by who takes it
        return frame
    report = ReadReport(read=len(frame))
    kept = matching(frame, report.overlooked, key, header, where)
    report.matched = len(kept)
    report.warn_of_filter()
    return frame.iloc[kept]


def matching(
    frame: pd.DataFrame,
    overlooked: Overlooked,
    key: str | bytes | None = None,
    header: Header | None = None,
    where: Any = None,
) -> list[int]:
    """Return the numbers of the rows of a frame that a filter keeps.

    Args:
        frame: The messages.
        overlooked: Counts those that could not be examined.
        key, header, where: The filter, as in `peek`.

    Raises:
        ConfigError: The filter cannot be used for this frame.
    """
    table = _convertible(frame)
    wanted = Filter(key, where, table.schema, header=header)
    missing = sorted(wanted.needs.difference(table.column_names))
    if missing:
        raise ConfigError(f"a filter needs the columns as they were read; missing: {', '.join(missing)}")
    numbered = table.append_column(NUMBER, pa.array(range(len(frame)), pa.int64())).combine_chunks()
    kept = [wanted.decoded(batch, overlooked).column(NUMBER) for batch in numbered.to_batches()]
    return [int(each.as_py()) for column in kept for each in column]


def _convertible(frame: pd.DataFrame) -> pa.Table:
    """Return the columns of a frame that Arrow takes; a user may have added others."""
    columns: dict[str, Any] = {}
    for at, name in enumerate(frame.columns):
        if name != NUMBER:
            with contextlib.suppress(pa.ArrowException, TypeError, ValueError):
                columns[str(name)] = pa.array(frame.iloc[:, at], from_pandas=True)
    return pa.table(columns)
