"""The folders of a data set: one for each day, or for each value of a field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.arrow import ChunkedArray
from brokerkit.frames.expand import expand_column, struct_columns
from brokerkit.frames.schema import SCHEMA

DAY = "day"
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""The value in the name of a folder whose rows have none, as readers of such folders know it."""
MOST_FOLDERS = 500
"""Each has an open file while a slice is written or read, and systems limit these to about 1,000."""
LONGEST = 150


class FoldersBy:
    """What decides the folder of a row, as ``partition_by=`` says.

    Args:
        by: "day", or "value." and the path of a field; None for no folders.

    Raises:
        ConfigError: It is none of these.
    """

    def __init__(self, by: str | None) -> None:
        path = by.split(".")[1:] if isinstance(by, str) and by.startswith("value.") else []
        if by is not None and by != DAY and not all(path or [""]):
            raise ConfigError(
                f'partition_by must be "day", or a field of the value such as "value.country", not {by!r:.60}'
            )
        self._by = by
        self._path = tuple(path)
        name = path[-1] if path else DAY
        # readers add the name as a column
        self._name = name if name not in SCHEMA.names else f"value_{name}"

    def parts(self, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """Yield the rows of each folder in order, with the folder's path; "" without folders.

        Raises:
            ConfigError: There are more than `MOST_FOLDERS` different values.
        """
        if self._by is None:
            yield "", table
            return
        values: Any = self._values(table).combine_chunks().dictionary_encode()
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        names = values.dictionary.to_pylist()
        if len(names) > MOST_FOLDERS:
            raise self.too_many()
        codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        order = np.argsort(codes, kind="stable")
        found, begins = np.unique(codes[order], return_index=True)
        for code, begin, end in zip(found, begins, [*begins[1:], len(order)], strict=True):
            places: Any = order[begin:end]
            rows = table if len(found) == 1 else table.take(places)
            yield self._folder(None if code < 0 else names[code]), rows

    def too_many(self) -> ConfigError:
        """Return the error for rows that would need more than `MOST_FOLDERS` folders at once."""
        return ConfigError(
            f"partition_by={self._by!r} has more than {MOST_FOLDERS:,} different values in the rows of one "
            "part of a partition, and each would be a folder: choose a field with fewer, or smaller file_rows"
        )

    def _values(self, table: pa.Table) -> ChunkedArray:
        if self._by == DAY:
            return table.column("publish_time").cast(pa.date32()).cast(pa.string())
        value = table.column("value")
        if pa.types.is_struct(value.type):
            columns = struct_columns(value, depth=len(self._path))
        elif pa.types.is_large_string(value.type) or pa.types.is_string(value.type):
            columns, _, _ = expand_column(value, fields=[self._path[0]], depth=len(self._path))
        else:
            raise ConfigError(
                f"partition_by={self._by!r} needs values that are JSON objects or structs, not {value.type}"
            )
        found = columns.get(self._path)
        if found is None:
            return pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
        try:
            return pc.cast(found, pa.string())
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise ConfigError(
                f"partition_by={self._by!r} is a {found.type}: choose a field of text, numbers or times"
            ) from error

    def _folder(self, value: str | None) -> str:
        text = NO_VALUE if value is None else quote(value, safe="", errors="surrogatepass")
        if value == NO_VALUE:
            text = f"%5F{NO_VALUE[1:]}"
        if len(text) > LONGEST:
            raise ConfigError(
                f"partition_by={self._by!r} has the value {value!r:.60}, which is too long for the name of a "
                "folder: choose another field"
            )
        return f"{quote(self._name, safe='', errors='surrogatepass')}={text}/"
