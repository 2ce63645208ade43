"""CSV of any separator, read so that one broken line breaks no other."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from ..arrow import Array, ChunkedArray
from .source import Source

SEPARATORS = {
    ",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", "^": "carets", "~": "tildes", ":": "colons",
    "\x1f": "unit separators", "\x01": "control characters",
}  # fmt: skip
"""What separates fields, the likely ones first, and what to call it."""
SAMPLE_LINES = 50
MOST_LINES = 1_000
"""A field of more lines is a quote that is not closed."""
MOST_BROKEN = 1_000
"""With more lines that cannot be read, something else is wrong."""
ENCODINGS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
NAMES = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
_NUMBER = re.compile(r"\s*[-+]?\d[\d.,]*\s*")
_CHUNK = 20_000


class _Unclosed(Exception):
    """A quote is not closed."""


class _Lines:
    """Lines that a reader takes, from any place on."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self.at = self.begin = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.at >= len(self._lines):
            raise StopIteration
        if self.at - self.begin >= MOST_LINES:
            raise _Unclosed
        self.at += 1
        return self._lines[self.at - 1]


def decoded(data: bytes, encoding: str | None) -> tuple[str, str]:
    """Return bytes as text, and the name of their encoding.

    Raises:
        ConfigError: They are not text in this encoding.
    """
    if encoding is None:
        encoding = next((name for mark, name in ENCODINGS if data.startswith(mark)), "utf-8")
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            encoding = "cp1252"
    try:
        return data.decode(encoding), encoding
    except (UnicodeDecodeError, LookupError) as error:
        raise ConfigError(f"it is no text in {encoding}: {error}; encoding= names another one") from error


def separator_of(lines: list[str]) -> str:
    """Return what separates the fields: with it, most lines have as many fields as the first."""
    best, chosen = (0, 0), ","
    sample = [line for line in lines[:SAMPLE_LINES] if line.strip()]
    for each in SEPARATORS:
        try:
            widths = [len(record) for record in csv.reader(sample, delimiter=each) if record]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        score = (widths.count(widths[0]), widths[0])
        if score > best:
            best, chosen = score, each
    return chosen


def read_delimited(
    given: Any, name: str, data: bytes, *, delimiter: str | None, encoding: str | None, header: bool | None
) -> Source:
    """Read CSV. Every cell is text; an empty one without quotes is no value.

    Raises:
        ConfigError: It is not CSV, or an argument cannot be used.
    """
    text, used = decoded(data, encoding)
    lines = list(io.StringIO(text, newline=""))
    separator = separator_of(lines) if delimiter is None else delimiter
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
        raise ConfigError(f"delimiter= must be one character, not {separator!r}")
    records = _records(lines, separator)
    try:
        first_line, first = next(records)
    except StopIteration:
        raise ConfigError("there is no row in it") from None
    if isinstance(first, str):
        raise ConfigError(f"line {first_line}: {first}")
    headed = _is_header(first) if header is None else header
    titles = _titles(first) if headed else [f"column {number}" for number in range(1, len(first) + 1)]
    if not headed:
        records = _records(lines, separator)
    columns, places, wrong = _columns(records, len(titles))
    return Source(
        given,
        name,
        dict(zip(titles, columns, strict=True)),
        len(places),
        places,
        wrong,
        (
            SEPARATORS.get(separator, f"separated by {separator!r}"),
            NAMES.get(used, used),
            "header line" if headed else "no header line",
        ),
        {
            "delimiter": separator if delimiter is not None else None,
            "encoding": encoding,
            "header": header,
        },
        texts=True,
    )


def _records(lines: list[str], separator: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the line that each record begins in, and its fields, or why it has none.

    After a line that cannot be read, reading goes on with the next one.
    """
    feed = _Lines(lines)
    reader = csv.reader(feed, delimiter=separator, strict=True)
    width = 0
    while True:
        feed.begin = feed.at
        problem = ""
        try:
            fields = next(reader)
        except StopIteration:
            return
        except _Unclosed:
            problem = "a quote is not closed"
        except csv.Error as error:
            problem = _reason(error)
        if not problem:
            if not fields:
                continue
            width = width or len(fields)
            if len(fields) != width:
                problem = f"{len(fields)} of {width} fields"
                if feed.at - feed.begin > 1:
                    problem += "; a quote is not closed"
        if problem:
            yield feed.begin + 1, problem
            feed.at = feed.begin + 1
            reader = csv.reader(feed, delimiter=separator, strict=True)
        else:
            yield feed.begin + 1, fields


def _reason(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote is not closed"
    if "expected after" in text:
        return "text follows a closing quote; a quote within a field is written twice"
    if "field larger" in text:
        return f"a field has more than {csv.field_size_limit():,} characters"
    return text


def _columns(
    records: Iterator[tuple[int, list[str] | str]], width: int
) -> tuple[list[ChunkedArray], list[int], dict[int, str]]:
    chunks: list[list[Array]] = [[] for _ in range(width)]
    rows: list[list[str | None]] = []
    places: list[int] = []
    wrong: dict[int, str] = {}

    def put_away() -> None:
        for column, values in zip(chunks, zip(*rows, strict=True), strict=True):
            column.append(pa.array([each or None for each in values], pa.large_string()))
        rows.clear()

    for line, fields in records:
        if isinstance(fields, str) or len(fields) != width:
            wrong[len(places)] = fields if isinstance(fields, str) else f"{len(fields)} of {width} fields"
            rows.append([None] * width)
            if len(wrong) > MOST_BROKEN:
                raise ConfigError(
                    f"more than {MOST_BROKEN:,} lines cannot be read, line {line} with {wrong[len(places)]}: "
                    "another delimiter= may be right"
                )
        else:
            rows.append([*fields])
        places.append(line)
        if len(rows) == _CHUNK:
            put_away()
    if rows:
        put_away()
    return [pa.chunked_array(column, pa.large_string()) for column in chunks], places, wrong


def _is_header(first: list[str]) -> bool:
    return all(each.strip() and not _NUMBER.fullmatch(each) for each in first) and len({*first}) == len(first)


def _titles(first: list[str]) -> list[str]:
    """Return the names of columns, each once."""
    made: list[str] = []
    for number, each in enumerate(first, 1):
        name = each.strip() or f"column {number}"
        while name in made:
            name = f"{name} ({number})"
        made.append(name)
    return made
