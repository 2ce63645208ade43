"""Which messages of a read are wanted: by key, by text, by a predicate, by an Arrow expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.columns import Columns
from brokerkit.core.errors import ConfigError

ERROR_SAMPLES = 5


class Filter:
    """Picks rows, and counts what it looked at.

    key: the exact key, text is UTF-8. where: a text that the value contains; an Arrow expression
    over the frame's columns; or a function of the value: what its JSON says, else its text, else
    its bytes, None for a null payload. A function that raises does not match; `errors` counts it.
    """

    def __init__(self, key: str | bytes | None = None, where: Any = None) -> None:
        if key is not None and not isinstance(key, str | bytes):
            raise ConfigError(f"key must be str or bytes, not {type(key).__name__}")
        if where is not None and not (isinstance(where, str | pc.Expression) or callable(where)):
            raise ConfigError(
                f"where must be a text, a function of the decoded value, or a pyarrow expression, "
                f"not {type(where).__name__}"
            )
        self._key = key.encode("utf-8") if isinstance(key, str) else key
        self._where = where
        self.errors = 0
        self.error_samples: list[str] = []

    @property
    def active(self) -> bool:
        return self._key is not None or self._where is not None

    def __str__(self) -> str:
        parts = []
        if self._key is not None:
            parts.append(f"key={self._key!r}")
        if self._where is not None:
            shown = getattr(self._where, "__name__", None) or repr(self._where)
            parts.append(f"where={shown[:60]}")
        return ", ".join(parts)

    def columns(self, columns: Columns) -> Columns:
        """Only the rows with the key, before anything is decoded."""
        if self._key is None:
            return columns
        rows = [row for row, key in enumerate(columns.values("key")) if key == self._key]
        return columns if len(rows) == columns.length else columns.take(rows)

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Only the rows that `where` wants."""
        if self._where is None or not batch.num_rows:
            return batch
        if isinstance(self._where, pc.Expression):
            table = pa.Table.from_batches([batch]).filter(self._where).combine_chunks()
            found = table.to_batches()
            return found[0] if found else batch.slice(0, 0)
        return batch.filter(self._mask(batch))

    def _mask(self, batch: pa.RecordBatch) -> pa.Array:
        values = batch.column("value")
        if isinstance(self._where, str):
            if not (pa.types.is_large_string(values.type) or pa.types.is_string(values.type)):
                values = pc.cast(values, pa.large_string())
            return pc.fill_null(pc.match_substring(values, self._where), False)
        return pa.array(self._matches(batch), pa.bool_())

    def _matches(self, batch: pa.RecordBatch) -> list[bool]:
        values = batch.column("value").to_pylist()
        raws = batch.column("raw").to_pylist()
        wanted: Callable[[Any], Any] = self._where
        found = []
        for value, raw in zip(values, raws, strict=True):
            try:
                found.append(bool(wanted(_decoded(raw if value is None else value))))
            except Exception as error:  # the user's function: a row it cannot judge does not match
                self.errors += 1
                if len(self.error_samples) < ERROR_SAMPLES:
                    self.error_samples.append(f"{type(error).__name__}: {error}"[:200])
                found.append(False)
        return found


def _decoded(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value
