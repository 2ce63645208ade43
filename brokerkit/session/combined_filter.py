"""Several filters of one read, of which all must hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames.build import DecodedKeys, FrameBuilder

from .filters import Filter
from .overlooked import Overlooked


class CombinedFilter:
    """A filter with the methods of `Filter` that keeps the rows that all of several filters keep."""

    def __init__(self, filters: Sequence[Filter]) -> None:
        self._filters = [each for each in filters if each.active]

    @property
    def active(self) -> bool:
        return bool(self._filters)

    def columns(
        self,
        columns: Columns,
        overlooked: Overlooked | None = None,
        decoded_keys: Callable[[Columns], DecodedKeys] | None = None,
    ) -> Columns:
        """Keep only the rows with the keys, before payloads are decoded; see `Filter.columns`."""
        for each in self._filters:
            columns = each.columns(columns, overlooked, decoded_keys)
        return columns

    def undecoded(self, columns: Columns, builder: FrameBuilder) -> Columns:
        """Keep the rows that may match, as far as that shows before they are decoded."""
        for each in self._filters:
            columns = each.undecoded(columns, builder)
        return columns

    def batch(
        self, batch: pa.RecordBatch, overlooked: Overlooked | None = None, limit: int | None = None
    ) -> pa.RecordBatch:
        """Keep only the rows that match, `limit` at most; see `Filter.batch`."""
        for each in self._filters[:-1]:
            batch = each.batch(batch, overlooked)
        if self._filters:
            return self._filters[-1].batch(batch, overlooked, limit)
        return batch if limit is None else batch.slice(0, limit)
