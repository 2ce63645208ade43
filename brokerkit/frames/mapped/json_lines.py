"""JSON lines: each line is a payload as it is, and its fields can become parts of the message."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from ..arrow import Array
from .delimited import MOST_BROKEN
from .source import BROKEN_CHARACTERS, Source

LINE = "(line)"
"""The column of whole lines."""
MOST_COLUMNS = 200
_CHUNK = 10_000
_INEXACT = re.compile(rb"[0-9][.eE]|-0|[0-9]{19}")
"""What `orjson` may not read to the digit."""


def read_json_lines(given: Any, name: str, data: bytes) -> Source:
    """Read JSON lines. The fields of objects are columns of text, every number as it is written.

    Raises:
        ConfigError: There is no line in it, or it is another kind of JSON.
    """
    found = _Fields()
    lines: list[bytes | None] = []
    places: list[int] = []
    wrong: dict[int, str] = {}
    broken: dict[int, str] = {}
    whole = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    _refuse_document(whole)
    for number, line in enumerate((each.rstrip(b"\r") for each in whole), 1):
        if not line.strip():
            continue
        row = len(places)
        places.append(number)
        try:
            value = _read(line)
        except ValueError as error:
            wrong[row] = f"it is not JSON: {error}"
            if len(wrong) > MOST_BROKEN:
                raise ConfigError(
                    f"more than {MOST_BROKEN:,} lines are not JSON: each line is to be a value of its own"
                ) from error
            value = None
            broken[row] = line[:BROKEN_CHARACTERS].decode("utf-8", "replace")
            lines.append(None)
        else:
            lines.append(line)
        found.add(value if isinstance(value, dict) else {})
    if not places:
        raise ConfigError("there is no line in it")
    columns: dict[str, Any] = {LINE: pa.chunked_array([pa.array(lines, pa.large_binary())])}
    texts = {}
    for field, (column, quoted) in found.columns().items():
        title = field if field != LINE else f"{LINE} (field)"
        columns[title] = column
        texts[title] = quoted
    return Source(
        given,
        name,
        columns,
        len(places),
        places,
        wrong,
        broken,
        ("JSON lines",),
        whole=LINE,
        json_texts=texts,
    )


def _refuse_document(lines: list[bytes]) -> None:
    """Raise ConfigError for a file that is one JSON value."""
    begin = next((line for line in lines if line.strip()), b"").lstrip()
    if begin[:1] not in (b"[", b"{"):
        return
    some = [line for line in lines[:10_000] if line.strip()]
    if begin.startswith(b"{") and len(some) == 1:
        return
    try:
        orjson.loads(b"\n".join(lines))
    except ValueError:
        return
    raise ConfigError(
        "it is one JSON value, and not one on each line: for an array of objects, give the frame "
        "pd.DataFrame(json.load(file))"
    )


def _read(line: bytes) -> Any:
    """Return the value of a line, in which numbers that are not surely exact are as they are written.

    Raises:
        ValueError: It is not JSON.
    """
    value = orjson.loads(line)
    if isinstance(value, dict) and _INEXACT.search(line):
        try:
            return json.loads(line, parse_int=orjson.Fragment, parse_float=orjson.Fragment)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
    return value


class _Fields:
    """The fields of lines as columns: texts, and which of them are JSON strings."""

    def __init__(self) -> None:
        self._rows = 0
        self._now: dict[str, dict[int, Any]] = {}
        self._chunks: dict[str, list[tuple[Array, Array]]] = {}
        self._before: list[tuple[Array, Array]] = []
        """Nothing, for each chunk: all columns without a value there have the same."""

    def add(self, values: dict[str, Any]) -> None:
        """Add the fields of the next line."""
        for field, value in values.items():
            column = self._now.get(field)
            if column is None:
                if field not in self._chunks:
                    if len(self._chunks) >= MOST_COLUMNS:
                        continue
                    self._chunks[field] = [*self._before]
                column = self._now[field] = {}
            column[self._rows] = value
        self._rows += 1
        if self._rows == _CHUNK:
            self._put_away()

    def columns(self) -> dict[str, tuple[Any, Any]]:
        """Return the columns."""
        if self._rows:
            self._put_away()
        return {
            field: (
                pa.chunked_array([texts for texts, _ in chunks], pa.large_string()),
                pa.chunked_array([quoted for _, quoted in chunks], pa.bool_()),
            )
            for field, chunks in self._chunks.items()
        }

    def _put_away(self) -> None:
        rows = range(self._rows)
        nothing = (pa.nulls(self._rows, pa.large_string()), pa.array([False] * self._rows))
        for field, chunks in self._chunks.items():
            values = self._now.get(field)
            if values is None:
                chunks.append(nothing)
                continue
            some = [values.get(row) for row in rows]
            texts = [each if each is None or isinstance(each, str) else _json(each) for each in some]
            quoted = [isinstance(each, str) for each in some]
            chunks.append((pa.array(texts, pa.large_string()), pa.array(quoted)))
        self._before.append(nothing)
        self._now.clear()
        self._rows = 0


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
