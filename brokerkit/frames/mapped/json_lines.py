"""JSON lines: each line is a payload as it is, and its fields can become parts of the message."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from .source import Source

LINE = "(line)"
"""The column of whole lines."""
MOST_COLUMNS = 200


def read_json_lines(given: Any, name: str, data: bytes) -> Source:
    """Read JSON lines. The fields of objects are columns of text; other values are JSON.

    Raises:
        ConfigError: There is no line in it.
    """
    lines: list[bytes | None] = []
    places: list[int] = []
    wrong: dict[int, str] = {}
    fields: dict[str, list[str | None]] = {}
    whole = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate((each.rstrip(b"\r") for each in whole), 1):
        if not line.strip():
            continue
        row = len(places)
        places.append(number)
        try:
            value = orjson.loads(line)
        except ValueError as error:
            wrong[row] = f"it is not JSON: {error}"
            lines.append(None)
            continue
        lines.append(line)
        if isinstance(value, dict):
            for field, one in value.items():
                if field not in fields and len(fields) < MOST_COLUMNS:
                    fields[field] = []
                column = fields.get(field)
                if column is not None:
                    column.extend([None] * (row - len(column)))
                    column.append(_text(one))
    if not places:
        raise ConfigError("there is no line in it")
    columns: dict[str, Any] = {LINE: pa.chunked_array([pa.array(lines, pa.large_binary())])}
    for field, column in fields.items():
        column.extend([None] * (len(places) - len(column)))
        title = field if field != LINE else f"{LINE} (field)"
        columns[title] = pa.chunked_array([pa.array(column, pa.large_string())])
    return Source(given, name, columns, len(places), places, wrong, ("JSON lines",), texts=False, whole=LINE)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
