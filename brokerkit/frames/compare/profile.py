"""What the fields of a frame or scan hold, and how that drifts between two windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from html import escape
from random import Random
from typing import Any

import pandas as pd
import pyarrow as pa

from ..arrow import ArrowType
from ..dataframe import to_pandas
from ..provenance import attach, provenance_of
from .leaves import PlainText, canonical, leaves, shown
from .source import PLACES, Source

DISTINCT = 1_000
"""So many different values of a field are counted one by one."""
SAMPLE = 2_000
"""So many numbers of a field are kept to compare how they are spread."""
MAX_FIELDS = 5_000
EXAMPLES = 3
EXAMPLE_LENGTH = 60
RATE_DRIFT = 0.05
SPREAD_DRIFT = 0.2
LEFT_OUT = frozenset(PLACES) - {"publish_time"} | {"raw"}
"""The columns of messages that say where they were and how they were read."""
KINDS = {
    type(None): "null", bool: "boolean", int: "integer", float: "number", Decimal: "decimal", str: "string",
    bytes: "bytes", PlainText: "text",
}  # fmt: skip
SIMPLE = (str, int, float, bool, type(None))
COLUMNS: dict[str, ArrowType] = {
    "field": pa.string(),
    "types": pa.string(),
    "rows": pa.int64(),
    "missing_rate": pa.float64(),
    "null_rate": pa.float64(),
    "distinct": pa.int64(),
    "min": pa.string(),
    "max": pa.string(),
    "examples": pa.string(),
}


class ProfileFrame(pd.DataFrame):
    """A DataFrame with one row for each field.

    Its columns are `field`, `types` with their counts, `rows` that have the field, `missing_rate` and
    `null_rate`, `distinct` values (NA if they are more than 1,000), `min` and `max` of numbers and times, or
    of the lengths of texts, and `examples`. With ``against=`` also `drift`, in words.
    """

    @property
    def _constructor(self) -> Callable[..., ProfileFrame]:
        return ProfileFrame

    def _headline(self) -> str | None:
        known = (provenance_of(self) or {}).get("profile")
        if known is None:
            return None
        cut = f"; only the first {MAX_FIELDS:,} fields are shown" if known.get("cut") else ""
        against = f" against {known['against']:,} rows" if "against" in known else ""
        return f"{len(self):,} fields of {known['rows']:,} rows{against}{cut}"

    def __repr__(self) -> str:
        headline = self._headline()
        return super().__repr__() if headline is None else f"{headline}\n{super().__repr__()}"

    def _repr_html_(self) -> str | None:
        headline = self._headline()
        with pd.option_context("display.html.use_mathjax", False):  # payloads are not mathematics
            table = super()._repr_html_()  # type: ignore[misc]  # not in the stubs
        return table if headline is None or table is None else f"<p>{escape(headline)}</p>{table}"


def profile(frame: Any, *, against: Any = None, examples: int = EXAMPLES) -> ProfileFrame:
    """Return what the fields of a frame or scan hold: types, nulls, ranges, examples.

    Payloads and attributes of messages are taken apart; the items of a list are one field, ``value.items[]``.
    Numbers are compared exactly. Rows are read in batches, and the memory needed depends on the number of
    fields, not of rows.

    Args:
        frame: A DataFrame, a scan, or an Arrow table.
        against: Another one, such as an earlier window: `drift` says in words what is new, gone, of another
            type, null or missing more often, outside of its range, or spread otherwise.
        examples: So many values of each field.

    Raises:
        ConfigError: It is none of these.
    """
    now = _Fields(Source(frame, "frame"), examples)
    known: dict[str, Any] = {"rows": now.rows, **({"cut": True} if now.cut else {})}
    rows = [now.row(path) for path in now.fields]
    columns = dict(COLUMNS)
    if against is not None:
        before = _Fields(Source(against, "against"), examples)
        known["against"] = before.rows
        columns["drift"] = pa.string()
        rows = [
            {**row, "drift": "; ".join(_drift(now, before, row["field"])) or None}
            for row in [*rows, *(before.row(path) for path in before.fields if path not in now.fields)]
        ]
    made = ProfileFrame(to_pandas(pa.Table.from_pylist(rows, pa.schema(list(columns.items())))))
    attach(made, {"profile": known})
    return made


class _Field:
    """What is known of one field, in bounded memory."""

    def __init__(self) -> None:
        self.rows = 0
        self.nulls = 0
        self.values = 0
        self.types: Counter[str] = Counter()
        self.counts: Counter[str] | None = Counter()
        self.examples: dict[str, str] = {}
        self.low: dict[str, Any] = {}
        self.high: dict[str, Any] = {}
        self.sample: list[float] = []
        self._last_row = -1
        self._chance = Random(0)

    def add(self, value: Any, row: int, examples: int) -> None:
        if row != self._last_row:
            self.rows += 1
            self._last_row = row
        self.values += 1
        kind = kind_of(value)
        self.types[kind] += 1
        if value is None:
            self.nulls += 1
            return
        if self.counts is not None:
            text = f'"{value}' if kind == "string" else canonical(value)
            self.counts[text] += 1
            if len(self.examples) < examples and text not in self.examples:
                self.examples[text] = shown(value)[:EXAMPLE_LENGTH]
            if len(self.counts) > DISTINCT:
                self.counts = None
        self._measure(value, kind)

    def _measure(self, value: Any, kind: str) -> None:
        measure: Any = value
        if kind in ("string", "text", "bytes"):
            kind, measure = "length", len(value)
        elif kind in ("integer", "number", "decimal"):
            if value != value:
                return
            kind = "number"
        elif kind != "time":
            return
        if kind not in self.low:
            self.low[kind] = self.high[kind] = measure
        else:
            try:
                self.low[kind] = min(self.low[kind], measure)
                self.high[kind] = max(self.high[kind], measure)
            except TypeError:
                # times with and without a zone have no order
                return
        if kind == "number":
            self._keep(measure)

    def _keep(self, number: Any) -> None:
        try:
            found = float(number)
        except OverflowError:
            return
        if len(self.sample) < SAMPLE:
            self.sample.append(found)
            return
        place = self._chance.randrange(self.values)
        if place < SAMPLE:
            self.sample[place] = found

    def bound(self, which: dict[str, Any]) -> str | None:
        """Return a bound as text: of numbers, else of times, else of lengths."""
        for kind in ("number", "time"):
            if kind in which:
                return shown(which[kind]).strip('"')
        return f"length {which['length']:,}" if "length" in which else None


class _Fields:
    """The fields of all rows."""

    def __init__(self, source: Source, examples: int) -> None:
        self.fields: dict[str, _Field] = {}
        self.rows = 0
        self.cut = False
        # the fields of payloads are taken from these, and are there once more in a frame with expand=True
        columns = [
            name
            for name in source.columns
            if not source.messages or not (name in LEFT_OUT or name.startswith("value."))
        ]
        for given in source.rows(columns):
            for name, value in given.items():
                if type(value) in SIMPLE:
                    self._at(name, value, examples)
                    continue
                for path, leaf in leaves(value, name):
                    self._at(_general(path) if "[" in path else path, leaf, examples)
            self.rows += 1

    def _at(self, path: str, value: Any, examples: int) -> None:
        field = self.fields.get(path)
        if field is None:
            if len(self.fields) >= MAX_FIELDS:
                self.cut = True
                return
            field = self.fields[path] = _Field()
        field.add(value, self.rows, examples)

    def row(self, path: str) -> dict[str, Any]:
        field = self.fields[path]
        return {
            "field": path,
            "types": ", ".join(f"{kind} {count:,}" for kind, count in field.types.most_common()),
            "rows": field.rows,
            "missing_rate": self.missing(path),
            "null_rate": field.nulls / field.values,
            "distinct": None if field.counts is None else len(field.counts),
            "min": field.bound(field.low),
            "max": field.bound(field.high),
            "examples": ", ".join(field.examples.values()),
        }

    def missing(self, path: str) -> float:
        return 1 - self.fields[path].rows / self.rows if self.rows else 0.0


def kind_of(value: Any) -> str:
    """Return the kind of a leaf, in words of JSON where it has one."""
    known = KINDS.get(type(value))
    if known is not None:
        return known
    match value:
        case dict():
            return "empty object"
        case list() | tuple():
            return "empty list"
    return "time" if hasattr(value, "isoformat") else type(value).__name__


def _general(path: str) -> str:
    """Return a path with all items of a list as one."""
    parts = path.split("[")
    return parts[0] + "".join(
        f"[{each}" if each[:1] == '"' else f"[{each[each.index(']') :]}" for each in parts[1:]
    )


def _drift(now: _Fields, before: _Fields, path: str) -> list[str]:
    """Return in words how a field differs from before."""
    new, old = now.fields.get(path), before.fields.get(path)
    if old is None:
        return ["new"]
    if new is None:
        return ["gone"]
    found = []
    kinds = sorted(set(new.types) - set(old.types) - {"null"})
    if kinds:
        found.append(f"now also {', '.join(kinds)}")
    for kind in sorted(set(new.types) & set(old.types) - {"null"}):
        one, two = old.types[kind] / old.values, new.types[kind] / new.values
        if two - one >= RATE_DRIFT and len(set(new.types) - {"null"}) > 1:
            found.append(f"{kind} in {two:.1%}, was {one:.1%}")
    for what, one, two in (
        ("null", old.nulls / old.values, new.nulls / new.values),
        ("missing", before.missing(path), now.missing(path)),
    ):
        if abs(two - one) >= RATE_DRIFT:
            found.append(f"{what} in {two:.1%}, was {one:.1%}")
    for kind in new.low.keys() & old.low.keys():
        try:
            if new.low[kind] < old.low[kind]:
                found.append(f"{_of(kind)}down to {new.low[kind]}, was {old.low[kind]}")
            if new.high[kind] > old.high[kind] and kind != "time":
                found.append(f"{_of(kind)}up to {new.high[kind]}, was {old.high[kind]}")
        except TypeError:
            # times with and without a zone have no order
            continue
    distance = _distance(new, old)
    if distance is not None and distance >= SPREAD_DRIFT:
        found.append(f"spread otherwise (distance {distance:.2f} of 1)")
    return found


def _of(kind: str) -> str:
    return "lengths " if kind == "length" else ""


def _distance(new: _Field, old: _Field) -> float | None:
    """Return how far the values are from being spread alike, from 0 to 1. None if that cannot be told.

    It is the largest distance of the distributions of numbers, or half the sum of the differences of the
    shares of other values.
    """
    if new.sample and old.sample:
        points = sorted({*new.sample, *old.sample})
        return max(abs(_share(new.sample, point) - _share(old.sample, point)) for point in _some(points))
    if not new.counts or not old.counts:
        return None
    if len(new.counts) > 50 or len(old.counts) > 50:
        # names and ids differ between any two windows
        return None
    all_new, all_old = sum(new.counts.values()), sum(old.counts.values())
    values = new.counts.keys() | old.counts.keys()
    return sum(abs(new.counts[value] / all_new - old.counts[value] / all_old) for value in values) / 2


def _some(points: list[float]) -> list[float]:
    step = max(1, len(points) // 100)
    return points[::step]


def _share(sample: list[float], point: float) -> float:
    return sum(each <= point for each in sample) / len(sample)
