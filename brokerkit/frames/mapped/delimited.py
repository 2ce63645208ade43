"""CSV of any separator, read so that one broken line breaks no other."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from ..arrow import Array, ChunkedArray
from .encodings import BROKEN, decoded
from .header_line import is_header
from .record_ends import RecordEnds
from .source import BROKEN_CHARACTERS, Source

SEPARATORS = {
    ",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", "^": "carets", "~": "tildes", ":": "colons",
    "\x1f": "unit separators", "\x01": "control characters",
}  # fmt: skip
"""What separates fields, the likely ones first, and what to call it."""
SAMPLE_LINES = 50
MOST_LINES = 1_000
"""A field of more lines is refused: it may be a quote that is not closed."""
MOST_BROKEN = 1_000
"""With more lines that cannot be read, something else is wrong."""
NAMES = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
_COMMA_NUMBER = re.compile(r"\s*-?[0-9]+,[0-9]+\s*")
_SAID = re.compile(r"sep=(.)[\r\n]*")
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
    if chosen == "," and _has_decimal_commas(sample):
        return ";"
    return chosen


def _has_decimal_commas(lines: list[str]) -> bool:
    """Return whether semicolons separate all lines alike, and commas stand in numbers between them."""
    try:
        records = list(csv.reader(lines, delimiter=";"))
    except csv.Error:
        return False
    alike = {len(record) for record in records}
    return (
        len(alike) == 1
        and alike != {1}
        and all("," not in cell or _COMMA_NUMBER.fullmatch(cell) for record in records for cell in record)
    )


def read_delimited(
    given: Any, name: str, data: bytes, *, delimiter: str | None, encoding: str | None, header: bool | None
) -> Source:
    """Read CSV. Every cell is text; an empty one is no value, in quotes or not.

    Raises:
        ConfigError: It is not CSV, or an argument cannot be used.
    """
    text, used = decoded(data, encoding)
    lines = list(io.StringIO(text, newline=""))
    said = _SAID.fullmatch(lines[0]) if lines else None
    if said is not None:
        # the way in which Excel says it
        lines[0] = "\n"
    separator = delimiter
    if separator is None:
        separator = separator_of(lines) if said is None else said[1]
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
        raise ConfigError(f"delimiter= must be one character, not {separator!r}")
    damaged = used in ("utf-8", "utf-8-sig") and BROKEN.search(text) is not None
    records = _records(lines, separator, damaged)
    sample = list(islice(records, SAMPLE_LINES))
    if not sample:
        raise ConfigError("there is no row in it")
    first_line, _, first = sample[0]
    if isinstance(first, str):
        raise ConfigError(f"line {first_line}: {first}")
    others = [each.fields for each in sample[1:] if not isinstance(each.fields, str)]
    headed = is_header(first, others) if header is None else header
    titles = _titles(first) if headed else [f"column {number}" for number in range(1, len(first) + 1)]
    records = _records(lines, separator, damaged)
    if headed:
        next(records)
    columns, places, ends, wrong = _columns(records, len(titles))
    if not places:
        raise ConfigError("there is no row in it below the names of the columns")
    return Source(
        given,
        name,
        dict(zip(titles, columns, strict=True)),
        len(places),
        places,
        wrong,
        {
            row: lines[places[row] - 1].rstrip("\r\n")[:BROKEN_CHARACTERS].encode("utf-8", "replace").decode()
            for row in wrong
        },
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
        ends=ends,
    )


class Record(NamedTuple):
    """A record of CSV.

    Attributes:
        line: The line that it begins in, counted from 1.
        last: The line that it ends in.
        fields: Its fields, or why it has none.
    """

    line: int
    last: int
    fields: list[str] | str


def _records(lines: list[str], separator: str, damaged: bool) -> Iterator[Record]:
    """Yield the records.

    After a line that cannot be read, reading goes on with the next one; after a field that is too large, with
    the one after the field.

    Args:
        damaged: Whether there may be bytes that are no UTF-8.
    """
    feed = _Lines(lines)
    ends = RecordEnds(lines, separator)
    reader = csv.reader(feed, delimiter=separator, strict=True)
    width = 0
    while True:
        feed.begin = feed.at
        problem = ""
        end = feed.begin + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except _Unclosed:
            problem = "a quote is not closed"
            closed = ends.find(feed.begin)
            if closed is not None:
                problem = f"a field has more than {MOST_LINES:,} lines, up to line {closed:,}"
                end = closed
        except csv.Error as error:
            problem = _reason(error)
            if problem == TOO_LARGE:
                end = ends.find(feed.begin) or end
        if not problem:
            if not fields:
                continue
            width = width or len(fields)
            if len(fields) != width:
                problem = f"{len(fields)} of {width} fields"
                if feed.at - feed.begin > 1:
                    problem += "; a quote is not closed"
            elif damaged and any(map(BROKEN.search, fields)):
                problem, end = "it has bytes that are no UTF-8", feed.at
        if problem:
            yield Record(feed.begin + 1, end, problem)
            feed.at = end
            reader = csv.reader(feed, delimiter=separator, strict=True)
        else:
            yield Record(feed.begin + 1, feed.at, fields)


TOO_LARGE = "a field is too large"


def _reason(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote is not closed"
    if "expected after" in text:
        return "text follows a closing quote; a quote within a field is written twice"
    if "field larger" in text:
        return TOO_LARGE
    return text


def _columns(
    records: Iterator[Record], width: int
) -> tuple[list[ChunkedArray], list[int], dict[int, int], dict[int, str]]:
    chunks: list[list[Array]] = [[] for _ in range(width)]
    rows: list[list[str | None]] = []
    places: list[int] = []
    ends: dict[int, int] = {}
    wrong: dict[int, str] = {}

    def put_away() -> None:
        for column, values in zip(chunks, zip(*rows, strict=True), strict=True):
            column.append(pa.array([each or None for each in values], pa.large_string()))
        rows.clear()

    for line, last, fields in records:
        if last > line:
            ends[len(places)] = last
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
    return [pa.chunked_array(column, pa.large_string()) for column in chunks], places, ends, wrong


def _titles(first: list[str]) -> list[str]:
    """Return the names of columns, each once."""
    made: dict[str, None] = {}
    for number, each in enumerate(first, 1):
        name = each.strip() or f"column {number}"
        while name in made:
            name = f"{name} ({number})"
        made[name] = None
    return [*made]
