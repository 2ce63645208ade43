"""What differs between two frames or scans: rows added, missing, changed and moved."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from html import escape
from itertools import repeat
from math import isfinite
from typing import Any, NamedTuple

import orjson
import pandas as pd
import pyarrow as pa

from brokerkit.core.vocabulary.arguments import check_count
from brokerkit.core.vocabulary.errors import ConfigError

from ..arrow import ArrowType
from ..dataframe import to_pandas
from ..provenance import attach, provenance_of
from .leaves import canonical, leaves, shown
from .source import PLACES, Source

LIMIT = 10_000
DIGEST = 16
LONGEST = 1_000
"""At most so many characters of a value."""
RESERVED = frozenset({"change", "nth", "path", "a", "b", "a_row", "b_row"})
"""The columns of the result. A field of this name is shown as "on.NAME"."""
ABSENT = (None, None)
NOTHING = object()
"""What stands for a field that is not there, which null is not."""
QUICK = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
CHANGES = ("added", "missing", "changed", "moved")


class DiffFrame(pd.DataFrame):
    """A DataFrame with one row for each row that was added or is missing, and for each field that changed.

    Its columns are `change`, the fields of ``on=``, `nth` (of rows with the same key), `path`, `a` and `b`,
    and `a_row` and `b_row`, the positions of the rows. `a` and `b` are JSON, and NA where there is no field.
    """

    @property
    def _constructor(self) -> Callable[..., DiffFrame]:
        return DiffFrame

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are the same, changed, added, missing, and moved."""
        return dict((provenance_of(self) or {}).get("diff") or {})

    @property
    def equal(self) -> bool:
        """Whether no row was added, is missing or changed. Rows may have moved."""
        counts = self.counts
        return not any(counts.get(name) for name in ("added", "missing", "changed"))

    def _headline(self) -> str | None:
        counts = self.counts
        if not counts:
            return None
        text = ", ".join(f"{counts[name]:,} {name}" for name in ("same", *CHANGES))
        cut = (provenance_of(self) or {}).get("cut")
        return f"{text}; only the first {cut:,} rows of differences are kept" if cut else text

    def __repr__(self) -> str:
        headline = self._headline()
        return super().__repr__() if headline is None else f"{headline}\n{super().__repr__()}"

    def _repr_html_(self) -> str | None:
        headline = self._headline()
        with pd.option_context("display.html.use_mathjax", False):  # payloads are not mathematics
            table = super()._repr_html_()  # type: ignore[misc]  # not in the stubs
        return table if headline is None or table is None else f"<p>{escape(headline)}</p>{table}"


class _Row(NamedTuple):
    key: tuple[str | None, ...]
    given: dict[str, Any]


def diff(
    a: Any,
    b: Any,
    *,
    on: str | Sequence[str] = "key",
    ignore: str | Sequence[str] = (),
    order: bool = False,
    limit: int = LIMIT,
) -> DiffFrame:
    """Return what differs between two frames or scans, of one system or of two.

    Rows are matched by the fields `on`; of those with the same key, the first of `a` is matched with the
    first of `b`, and so on. Frames of messages are compared by key, payload (field by field where it is JSON)
    and attributes, and not by where they are or when they were published; other frames by all their columns.

    Numbers are compared exactly, by their value and not their type; NaN equals NaN; a field that is missing
    differs from null. Attributes that a system adds (``$sb.message_id``), or that a copy carries
    (``bk-publish-time``), are left out; what these carry counts in its place.

    Scans are read in batches. About 100 bytes and the key of each row of `a` are kept in memory, and `a` is
    read again, up to what changed. A stream of Arrow that can be read once only is read into memory.

    Args:
        a, b: DataFrames, scans, or Arrow tables.
        on: The fields that name a row: columns, or paths such as "value.id" and "attributes.trace".
        ignore: Paths of fields to leave out; ``*`` stands for any characters: "value.meta.*".
        order: Also return the rows whose order among the matched ones changed. They are always counted.
        limit: At most so many rows of differences; the counts are always complete.

    Returns:
        A `DiffFrame`; its `counts` and `equal` say it in short.

    Raises:
        ConfigError: An argument cannot be used, or no row has a field of `on`.
    """
    keys = [on] if isinstance(on, str) else list(on)
    if not keys or not all(isinstance(each, str) for each in keys):
        raise ConfigError(f"on must name the fields that name a row, not {on!r}")
    ignored = [ignore] if isinstance(ignore, str) else list(ignore)
    comparing = _Comparing(Source(a, "a"), Source(b, "b"), keys, ignored, check_count(limit, "limit"))
    return comparing.run(bool(order))


class _Comparing:
    def __init__(self, a: Source, b: Source, keys: Sequence[str], ignored: Sequence[str], limit: int) -> None:
        self._a = a
        self._b = b
        self._keys = keys
        self._ignored = [
            re.compile(".*".join(map(re.escape, each.split("*"))), re.DOTALL) for each in ignored
        ]
        self._limit = limit
        self._named = [f"on.{name}" if name in RESERVED else name for name in keys]
        self._left_out: dict[str, bool] = {}
        self._rows: list[dict[str, Any]] = []
        self._cut = False
        messages = a.messages and b.messages
        self._columns = [
            name
            for name in dict.fromkeys([*a.columns, *b.columns])
            if not messages or name in keys or (name not in PLACES and name != "raw")
        ]

    def run(self, order: bool) -> DiffFrame:
        places: dict[tuple[str | None, ...], array[int]] = defaultdict(lambda: array("q"))
        digests = bytearray()
        for number, row in enumerate(self._read(self._a)):
            places[row.key].append(number)
            digests += self._digest(row)
        total = len(digests) // DIGEST
        self._check_keys(places, total)
        seen: dict[tuple[str | None, ...], int] = defaultdict(int)
        counts = {"same": 0, "changed": 0, "added": 0, "missing": 0, "moved": 0}
        matched = bytearray(total)
        sequence, numbers = array("q"), array("q")
        doubts: dict[int, tuple[int, _Row | bytes]] = {}
        for number, row in enumerate(self._read(self._b)):
            nth = seen[row.key]
            seen[row.key] = nth + 1
            known = places.get(row.key, ())
            if nth >= len(known):
                counts["added"] += 1
                self._add("added", row, nth, None, number)
                continue
            there = known[nth]
            matched[there] = 1
            sequence.append(there)
            numbers.append(number)
            if digests[there * DIGEST : (there + 1) * DIGEST] == self._digest(row):
                counts["same"] += 1
            else:
                kept = len(doubts) < self._limit
                doubts[there] = number, row if kept else self._exact_digest(row)
        counts["missing"] = total - sum(matched)
        moved = _moved(sequence)
        counts["moved"] = len(moved)
        moves = {sequence[place]: numbers[place] for place in moved} if order else {}
        if counts["missing"] or doubts or moves:
            counts["changed"] = self._describe(matched, doubts, moves)
            counts["same"] += len(doubts) - counts["changed"]
        return self._frame(counts)

    def _check_keys(self, places: dict[tuple[str | None, ...], array[int]], total: int) -> None:
        without = tuple(None for _ in self._keys)
        if total and len(places.get(without, ())) == total:
            raise ConfigError(
                f"no row of a has {' or '.join(map(repr, self._keys))}: on= names columns, or paths such as "
                f'"value.id"; the columns are {", ".join(self._a.columns[:20])}'
            )

    def _describe(
        self, matched: bytearray, doubts: dict[int, tuple[int, _Row | bytes]], moves: dict[int, int]
    ) -> int:
        """Read `a` again, for the rows that are missing, may have changed, or moved.

        Returns:
            How many changed.
        """
        changed = 0
        seen: dict[tuple[str | None, ...], int] = defaultdict(int)
        for number, row in enumerate(self._read(self._a)):
            nth = seen[row.key]
            seen[row.key] = nth + 1
            if number >= len(matched):
                break
            if not matched[number]:
                self._add("missing", row, nth, number, None)
            elif number in doubts:
                changed += self._changed(row, nth, number, *doubts[number])
            if number in moves:
                self._add("moved", row, nth, number, moves[number])
        return changed

    def _changed(self, row: _Row, nth: int, number: int, where: int, other: _Row | bytes) -> bool:
        """Add what changed in a row, and return whether anything did."""
        if isinstance(other, bytes):
            differs = other != self._exact_digest(row)
            self._cut = self._cut or differs
            return differs
        mine, theirs = self._fields(row), self._fields(other)
        paths = [
            path
            for path in dict.fromkeys([*mine, *theirs])
            if mine.get(path, ABSENT)[0] != theirs.get(path, ABSENT)[0]
        ]
        for path in paths:
            self._add("changed", row, nth, number, where, path, mine.get(path), theirs.get(path))
        return bool(paths)

    def _read(self, source: Source) -> Iterator[_Row]:
        for given in source.rows(self._columns):
            yield _Row(tuple(map(given_at, repeat(given), self._keys)), given)

    def _digest(self, row: _Row) -> bytes:
        """Return a digest. Rows with the same digest are equal; equal rows may have different ones."""
        if self._ignored:
            return self._exact_digest(row)
        digest = blake2b(digest_size=DIGEST)
        for name, value in row.given.items():
            digest.update(_quick(name, value))
        return digest.digest()

    def _exact_digest(self, row: _Row) -> bytes:
        """Return a digest that equal rows have in common, and only these."""
        digest = blake2b(digest_size=DIGEST)
        fields = self._fields(row)
        for path in sorted(fields):
            digest.update(_piece(path, fields[path][0]))
        return digest.digest()

    def _fields(self, row: _Row) -> dict[str, tuple[str, Any]]:
        return {
            path: (canonical(leaf), leaf)
            for name, value in row.given.items()
            for path, leaf in leaves(value, name)
            if not self._leaves_out(path)
        }

    def _leaves_out(self, path: str) -> bool:
        known = self._left_out.get(path)
        if known is None:
            known = any(each.fullmatch(path) for each in self._ignored)
            self._left_out[path] = known
        return known

    def _add(
        self,
        change: str,
        row: _Row,
        nth: int,
        a_row: int | None,
        b_row: int | None,
        path: str | None = None,
        a: tuple[str, Any] | None = None,
        b: tuple[str, Any] | None = None,
    ) -> None:
        if len(self._rows) >= self._limit:
            self._cut = True
            return
        named = [_text(value_at(row.given, name)) for name in self._keys]
        self._rows.append(
            {
                "change": change,
                **dict(zip(self._named, named, strict=True)),
                "nth": nth,
                "path": path,
                "a": None if a is None else shown(a[1])[:LONGEST],
                "b": None if b is None else shown(b[1])[:LONGEST],
                "a_row": a_row,
                "b_row": b_row,
            }
        )

    def _frame(self, counts: dict[str, int]) -> DiffFrame:
        text = pa.string()
        kinds: dict[str, ArrowType] = {
            "change": text,
            **dict.fromkeys(self._named, text),
            "nth": pa.int64(),
            "path": text,
            "a": text,
            "b": text,
            "a_row": pa.int64(),
            "b_row": pa.int64(),
        }
        place = {name: number for number, name in enumerate(CHANGES)}
        self._rows.sort(key=lambda row: place[row["change"]])
        table = pa.Table.from_pylist(self._rows, pa.schema(list(kinds.items())))
        made = DiffFrame(to_pandas(table))
        attach(made, {"diff": counts, **({"cut": self._limit} if self._cut else {})})
        return made


def _text(value: Any) -> str | None:
    return None if value is NOTHING else value if isinstance(value, str) else shown(value)


def given_at(given: dict[str, Any], path: str) -> str | None:
    """Return the leaf at a path in a form that equal leaves have in common. None if there is none."""
    value = value_at(given, path)
    return None if value is NOTHING else canonical(value)


def value_at(given: dict[str, Any], path: str) -> Any:
    """Return the leaf at a path, or `NOTHING`."""
    found: Any = given
    if path in given:
        found = given[path]
    elif "[" in path:
        column = path.partition("[")[0].partition(".")[0]
        return next((leaf for at, leaf in leaves(given.get(column), column) if at == path), NOTHING)
    else:
        for name in path.split("."):
            if not isinstance(found, Mapping) or name not in found:
                return NOTHING
            found = found[name]
    return NOTHING if isinstance(found, Mapping | list | tuple) and found else found


def _quick(name: str, value: Any) -> bytes:
    if isinstance(value, dict | list):
        try:
            text = orjson.dumps([name, value], option=QUICK)
            if b"null" not in text or not _is_not_finite(value):
                return text
        except TypeError:
            # a number with more digits, bytes, or a text that is not valid
            pass
    fields = ((path, canonical(leaf)) for path, leaf in leaves(value, name))
    return b"".join(_piece(path, text) for path, text in sorted(fields))


def _is_not_finite(value: Any) -> bool:
    """Return whether a number in a value is none that JSON has, such as NaN."""
    if isinstance(value, dict):
        return any(map(_is_not_finite, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_not_finite, value))
    return isinstance(value, float) and not isfinite(value)


def _piece(path: str, text: str) -> bytes:
    return f"{len(path)}:{path}{len(text)}:{text};".encode("utf-8", "surrogatepass")


def _moved(sequence: Sequence[int]) -> list[int]:
    """Return the places of the numbers that are not in one longest rising part of a sequence."""
    tails: list[int] = []
    ends: list[int] = []
    before = array("q", [-1]) * len(sequence)
    for place, number in enumerate(sequence):
        at = bisect_left(tails, number)
        before[place] = ends[at - 1] if at else -1
        if at == len(tails):
            tails.append(number)
            ends.append(place)
        else:
            tails[at], ends[at] = number, place
    kept = set()
    place = ends[-1] if ends else -1
    while place >= 0:
        kept.add(place)
        place = before[place]
    return [place for place in range(len(sequence)) if place not in kept]
