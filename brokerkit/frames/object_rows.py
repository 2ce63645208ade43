"""Each row of a frame as one JSON object."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import orjson

from brokerkit.core.contract.garbage_collection import uncollected
from brokerkit.core.vocabulary.outbound_rows import Item, OutboundRows

from .decoded import error_text
from .jsonable import check_column, json_values
from .keys import Keys
from .message_rows import row_errors
from .tabular import Column


class ObjectRows:
    """Rows published as JSON objects of the given columns.

    Raises:
        ConfigError: JSON cannot express the type of a column.
    """

    def __init__(self, columns: dict[str, Column], length: int, keys: Keys) -> None:
        for name, column in columns.items():
            check_column(name, column)
        self._columns = columns
        self._length = length
        self._keys = keys

    def __len__(self) -> int:
        return self._length

    def items(self, start: int, stop: int) -> list[Item]:
        """Return the rows from `start` up to but excluding `stop`, one item each."""
        return uncollected(list, self.batch(start, stop))

    def batch(self, start: int, stop: int) -> OutboundRows:
        """Return the same rows as columns."""
        return uncollected(self._batch, start, stop)

    def _batch(self, start: int, stop: int) -> OutboundRows:
        wrong: dict[int, str] = {}
        lists: list[list[Any]] = []
        for name, column in self._columns.items():
            values, errors = _values(column, start, stop)
            lists.append(values)
            for row, reason in errors.items():
                wrong.setdefault(row, f"column {name!r}: {reason}")
        keys, errors = self._keys.values(start, stop)
        for row, reason in errors.items():
            wrong.setdefault(row, reason)
        rows = list(map(dict, map(zip, repeat(list(self._columns)), zip(*lists, strict=True))))
        try:
            texts: list[bytes | None] = list(map(orjson.dumps, rows))
        except orjson.JSONEncodeError:
            texts = [_dumped(values, row, wrong) for row, values in enumerate(rows)]
        return OutboundRows(texts, keys, wrong=row_errors(wrong, start))


def _values(column: Column, start: int, stop: int) -> tuple[list[Any], dict[int, str]]:
    """Return the values of these rows; if that fails, row by row, so that each row fails alone."""
    try:
        return json_values(column[start:stop])
    except Exception as error:  # any exception of Arrow or of a value's own methods
        if stop - start == 1:
            return [None], {0: error_text(error)}
    middle = (start + stop) // 2
    values, wrong = _values(column, start, middle)
    others, more = _values(column, middle, stop)
    return values + others, wrong | {row + middle - start: reason for row, reason in more.items()}


def _dumped(values: dict[str, Any], row: int, wrong: dict[int, str]) -> bytes | None:
    """Return one row as JSON; if it cannot be written, add the reason and the column to `wrong`."""
    try:
        return orjson.dumps(values)
    except orjson.JSONEncodeError as whole:
        reason = f"it has no form in JSON: {whole}"
    for name, value in values.items():
        try:
            orjson.dumps(value)
        except orjson.JSONEncodeError as error:
            reason = f"column {name!r}: {error}"
            break
    wrong.setdefault(row, reason)
    return None
