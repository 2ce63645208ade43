"""Values of a column as headers."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from ..arrow import is_bytes, is_text
from ..json_types import plain_column
from ..jsonable import json_values, jsonable
from ..tabular import Column


def header_values(column: Column) -> tuple[list[str | bytes | None], dict[int, str]]:
    """Return text and bytes as they are, other values as JSON has them, and why some rows have none."""
    if isinstance(column, pa.ChunkedArray):
        column = plain_column(column)
        if is_text(column.type) or is_bytes(column.type) or pa.types.is_null(column.type):
            return column.to_pylist(), {}
        values, wrong = json_values(column)
        return [
            each if each is None else _header_text(each, row, wrong) for row, each in enumerate(values)
        ], wrong
    made: list[str | bytes | None] = [None] * len(column)
    wrong = {}
    for row, value in enumerate(column):
        if isinstance(value, str | bytes):
            made[row] = value
            continue
        try:
            plain = jsonable(value)
        except Exception as error:  # an object of a user's class may raise anything
            wrong[row] = str(error) or type(error).__name__
        else:
            made[row] = None if plain is None else _header_text(plain, row, wrong)
    return made, wrong


def _header_text(value: Any, row: int, wrong: dict[int, str]) -> str | None:
    if isinstance(value, str):
        return value
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        wrong[row] = str(error)
        return None
    return None if text == b"null" else str(orjson.loads(text)) if text.startswith(b'"') else text.decode()


def check_header(name: str, column: Column) -> None:
    """Raise ConfigError if a column has a type that no header can hold."""
    if isinstance(column, pa.ChunkedArray) and not is_bytes(column.type):
        try:
            header_values(column[:1])
        except (ValueError, pa.ArrowException) as error:
            raise ConfigError(f"the column {name!r} for a header is {column.type}: {error}") from error
