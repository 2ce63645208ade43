"""Random Avro schemas with values that fit them, for property tests."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

UTC = datetime.UTC
EARLIEST, LATEST = datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30)


def _scaled(text: str) -> Decimal:
    return Decimal(f"{text}E-3")


def _cut(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _one_nan(value: float) -> float:
    """JSON has no sign of NaN."""
    return math.nan if math.isnan(value) else value


def ordered(value: Any) -> str:
    """A value as text, whatever the order of the fields of its records."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name!r}:{ordered(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return f"[{','.join(map(ordered, value))}]"
    return repr(value)


_MOMENTS = st.datetimes(EARLIEST, LATEST).map(lambda each: each.replace(fold=0))
PLAIN: list[tuple[Any, SearchStrategy[Any]]] = [
    ("null", st.none()),
    ("boolean", st.booleans()),
    ("int", st.integers(-(2**31), 2**31 - 1)),
    ("long", st.integers(-(2**63), 2**63 - 1)),
    ("float", st.floats(width=32).map(_one_nan)),
    ("double", st.floats().map(_one_nan)),
    ("bytes", st.binary(max_size=20)),
    ("string", st.text(max_size=20)),
    ({"type": "int", "logicalType": "date"}, st.dates()),
    ({"type": "long", "logicalType": "timestamp-millis"}, _MOMENTS.map(_cut).map(lambda each: each.replace(tzinfo=UTC))),
    ({"type": "long", "logicalType": "timestamp-micros"}, _MOMENTS.map(lambda each: each.replace(tzinfo=UTC))),
    ({"type": "long", "logicalType": "local-timestamp-micros"}, _MOMENTS),
    ({"type": "long", "logicalType": "time-micros"}, st.times().map(lambda each: each.replace(fold=0))),
    ({"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 3},
     st.integers(-(10**38) + 1, 10**38 - 1).map(lambda each: _scaled(str(each)))),
]  # fmt: skip


@st.composite
def schemas(draw: DrawFn, depth: int = 3) -> tuple[Any, SearchStrategy[Any]]:
    """A schema, and the values that fit it."""
    return _schema(draw, [0], depth, union=True)


def _schema(draw: DrawFn, number: list[int], depth: int, *, union: bool) -> tuple[Any, SearchStrategy[Any]]:
    kinds = ["plain", "plain", "enum", "fixed"]
    if depth:
        kinds += ["array", "map", "record", "record", *(["optional", "union"] if union else [])]
    kind = draw(st.sampled_from(kinds))
    number[0] += 1
    name = f"N{number[0]}"
    if kind == "plain":
        return draw(st.sampled_from(PLAIN))
    if kind == "enum":
        symbols = ["A", "B", "LONG_NAME"]
        return {"type": "enum", "name": name, "symbols": symbols}, st.sampled_from(symbols)
    if kind == "fixed":
        size = draw(st.integers(1, 20))
        return {"type": "fixed", "name": name, "size": size}, st.binary(min_size=size, max_size=size)
    if kind == "record":
        fields, values = [], {}
        for index in range(draw(st.integers(1, 4))):
            inner, each = _schema(draw, number, depth - 1, union=True)
            fields.append({"name": f"f{index}", "type": inner})
            values[f"f{index}"] = each
        return {"type": "record", "name": name, "fields": fields}, st.fixed_dictionaries(values)
    if kind == "union":
        # their values differ in type, so that each has one branch
        branches = draw(st.lists(st.sampled_from(PLAIN[:2] + PLAIN[3:4] + PLAIN[5:8]), min_size=1, unique_by=lambda each: each[0]))  # fmt: skip
        return [schema for schema, _ in branches], st.one_of([values for _, values in branches])
    inner, each = _schema(draw, number, depth - 1, union=kind != "optional")
    if kind == "optional":
        if inner == "null":
            return inner, each
        return ["null", inner] if draw(st.booleans()) else [inner, "null"], st.none() | each
    if kind == "array":
        return {"type": "array", "items": inner}, st.lists(each, max_size=3)
    return {"type": "map", "values": inner}, st.dictionaries(st.text(max_size=5), each, max_size=3)
