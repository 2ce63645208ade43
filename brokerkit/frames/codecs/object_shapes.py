"""The Arrow type of objects without a schema, from those that were seen, and values of it.

A field is null where an object does not have it. Whole numbers are int64, or uint64 where one needs it and
none is negative; with other numbers they are float64, if that has each of them exactly. Times in UTC are
timestamps in nanoseconds. A field of several kinds, a map with other keys than text, one with more than
`MOST_FIELDS` keys, and every other kind of value is exact JSON text.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..arrays import Field
from ..arrow import ArrowType
from ..json_columns import HOLDS_JSON
from .misfit import Misfit, shown
from .msgpack import Timestamp
from .objects import Special, object_text

MOST_FIELDS = 200
"""Keys of one map from which on they are taken for data."""
DEEPEST = 32
"""Levels of maps and lists that have types of their own."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_SCALARS: dict[str, ArrowType] = {
    "nothing": pa.null(),
    "bool": pa.bool_(),
    "int": pa.int64(),
    "uint": pa.uint64(),
    "float": pa.float64(),
    "text": pa.large_string(),
    "bytes": pa.large_binary(),
    "time": pa.timestamp("ns", "UTC"),
    "json": pa.large_string(),
}


@dataclass(frozen=True)
class Shape:
    """The type of a value: a scalar's by its kind, or that of a ``map`` or a ``list``."""

    kind: str
    fields: tuple[tuple[str, Shape], ...] = ()
    item: Shape | None = None

    @property
    def type(self) -> ArrowType:
        """The Arrow type."""
        if self.kind == "map":
            return pa.struct([each.field(name) for name, each in self.fields])
        if self.item is not None:
            return pa.list_(self.item.field("item"))
        return _SCALARS[self.kind]

    def field(self, name: str) -> Field:
        """Return the Arrow field; its metadata says what is JSON text."""
        return pa.field(name, self.type, metadata={HOLDS_JSON: b"1"} if self.kind == "json" else None)


@dataclass
class _Seen:
    kinds: set[str] = field(default_factory=set)
    low: int = 0
    high: int = 0
    fields: dict[str, _Seen] = field(default_factory=dict)
    item: _Seen | None = None

    def add(self, value: Any, levels: int) -> None:
        kind = _kind(value)
        if kind == "nothing":
            return
        if kind in ("map", "list") and not levels:
            kind = "json"
        self.kinds.add(kind)
        if kind == "int":
            self.low, self.high = min(self.low, value), max(self.high, value)
        elif kind == "list":
            self.item = self.item or _Seen()
            for each in value:
                self.item.add(each, levels - 1)
        elif kind == "map" and len(self.fields) <= MOST_FIELDS:
            for name, each in value.items():
                self.fields.setdefault(name, _Seen()).add(each, levels - 1)

    def shape(self) -> Shape:
        kinds = self.kinds
        if not kinds:
            return Shape("nothing")
        if kinds == {"map"} and 0 < len(self.fields) <= MOST_FIELDS:
            return Shape("map", tuple((name, each.shape()) for name, each in self.fields.items()))
        if kinds == {"list"} and self.item is not None:
            return Shape("list", item=self.item.shape())
        if kinds == {"int"} and self.high < 2**64 and self.low >= -(2**63):
            return (
                Shape("uint" if self.high >= 2**63 else "int") if self.high < 2**63 or not self.low else _JSON
            )
        if kinds == {"int", "float"} and max(self.high, -self.low) <= 2**53:
            return Shape("float")
        (kind, *others) = kinds
        return Shape(kind) if not others and kind in _SCALARS and kind != "int" else _JSON


_JSON = Shape("json")


def shape_of(values: Iterable[Any]) -> Shape:
    """Return the type of values that were seen."""
    seen = _Seen()
    for value in values:
        seen.add(value, DEEPEST)
    return seen.shape()


def shaped(shape: Shape, value: Any, special: Special, path: str = "") -> Any:
    """Return a value as pyarrow takes it for the type of a shape.

    Raises:
        Misfit: It is of another kind, or has a field that the shape does not have; the text has its path.
    """
    if value is None:
        return None
    kind = shape.kind
    if kind == "json":
        return object_text(value, special)
    found = _kind(value)
    if kind == "map" and found == "map":
        return _fields(shape, value, special, path)
    if kind == "list" and found == "list" and shape.item is not None:
        return [shaped(shape.item, each, special, f"{path}[{n}]") for n, each in enumerate(value)]
    convert = _CONVERTED.get((kind, found))
    if convert is None:
        raise Misfit(
            path, f"{shown(value)} is no {_WORDS.get(kind, kind)}, as it was where the type was found"
        )
    return convert(value, path)


def _fields(shape: Shape, value: Mapping[str, Any], special: Special, path: str) -> dict[str, Any]:
    known = {
        name: shaped(each, value.get(name), special, f"{path}.{name}" if path else name)
        for name, each in shape.fields
    }
    if len(value) > len(known) or not value.keys() <= known.keys():
        name = next(name for name in value if name not in known)
        raise Misfit(f"{path}.{name}" if path else name, "the field was not there where the type was found")
    return known


def _kind(value: Any) -> str:
    exact = _KINDS.get(type(value))
    if exact is not None:
        return exact
    if isinstance(value, Mapping):
        return "map" if all(type(key) is str for key in value) else "json"
    if isinstance(value, datetime.datetime):
        return "time" if value.utcoffset() == datetime.timedelta(0) else "json"
    return "time" if isinstance(value, Timestamp) else "json"


_KINDS: dict[type, str] = {
    type(None): "nothing",
    bool: "bool",
    int: "int",
    float: "float",
    str: "text",
    bytes: "bytes",
    list: "list",
    tuple: "list",
}
_WORDS = {"int": "number of 64 bits", "uint": "number of 64 bits", "bool": "boolean", "nothing": "null"}


def _same(value: Any, path: str) -> Any:
    return value


def _signed(value: int, path: str) -> int:
    if not -(2**63) <= value < 2**63:
        raise Misfit(path, f"{shown(value)} does not fit 64 bits")
    return value


def _unsigned(value: int, path: str) -> int:
    if not 0 <= value < 2**64:
        raise Misfit(path, f"{shown(value)} does not fit 64 bits without a sign")
    return value


def _as_float(value: int, path: str) -> float:
    if abs(value) > 2**53:
        raise Misfit(path, f"{shown(value)} does not fit a float exactly")
    return float(value)


def _nanoseconds(value: Any, path: str) -> int:
    if isinstance(value, Timestamp):
        count = value.seconds * 10**9 + value.nanoseconds
    else:
        count = (value - _EPOCH) // _MICROSECOND * 1000
    if not -(2**63) < count < 2**63:
        raise Misfit(path, f"{value} is not between 1677 and 2262")
    return count


_CONVERTED: dict[tuple[str, str], Callable[[Any, str], Any]] = {
    ("bool", "bool"): _same,
    ("int", "int"): _signed,
    ("uint", "int"): _unsigned,
    ("float", "float"): _same,
    ("float", "int"): _as_float,
    ("text", "text"): _same,
    ("bytes", "bytes"): _same,
    ("time", "time"): _nanoseconds,
}
