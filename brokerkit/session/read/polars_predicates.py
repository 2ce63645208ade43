"""Conditions of Polars as expressions of Arrow, as far as both surely say the same."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from brokerkit.frames.arrow import is_text

if TYPE_CHECKING:
    import polars as pl

_COMPARING: tuple[Callable[[Any, Any], Any], ...] = (
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
)
_JOINING: tuple[Callable[[Any, Any], Any], ...] = (operator.and_, operator.or_)
_CLOSED: tuple[tuple[Literal["both", "left", "right", "none"], Any, Any], ...] = (
    ("both", operator.ge, operator.le),
    ("left", operator.ge, operator.lt),
    ("right", operator.gt, operator.le),
    ("none", operator.gt, operator.lt),
)


def conditions_of(predicate: pl.Expr, schema: pa.Schema) -> list[pc.Expression]:
    """Return conditions of which each holds for every row for which a predicate holds.

    Polars does not tell the parts of an expression: they are found by building it again from its inputs.

    Args:
        predicate: What Polars asks for. Parts that are not understood are left out.
        schema: The columns that it may look at.
    """
    return [found for each in _all_of(predicate) if (found := _same(each, schema)) is not None]


def _all_of(expression: pl.Expr) -> Iterator[pl.Expr]:
    """Yield the parts of which all must hold."""
    parts = expression.meta.pop()
    if len(parts) == 2:
        for first, second in (parts, parts[::-1]):
            if expression.meta.eq(first & second):
                yield from _all_of(first)
                yield from _all_of(second)
                return
    yield expression


def _same(expression: pl.Expr, schema: pa.Schema) -> pc.Expression | None:
    """Return an expression that is true, false and null for the same rows; None if none is known."""
    parts = expression.meta.pop()
    if len(parts) == 1:
        return _of_one(expression, parts[0], schema)
    if len(parts) == 2:
        return _of_two(expression, parts, schema) or _of_two(expression, parts[::-1], schema)
    if len(parts) == 3:
        return _between(expression, parts[::-1], schema)
    return None


def _of_one(expression: pl.Expr, inner: pl.Expr, schema: pa.Schema) -> pc.Expression | None:
    name = _column(inner, schema)
    if name is not None and expression.meta.eq(inner.is_null()):
        return pc.field(name).is_null()
    if name is not None and expression.meta.eq(inner.is_not_null()):
        valid: Any = pc.field(name).is_valid()
        return cast("pc.Expression", valid)
    if expression.meta.eq(~inner):
        found = _same(inner, schema)
        return None if found is None else ~found
    return None


def _of_two(expression: pl.Expr, parts: list[pl.Expr], schema: pa.Schema) -> pc.Expression | None:
    first, second = parts
    for joined in _JOINING:
        if expression.meta.eq(joined(first, second)):
            both = [_same(each, schema) for each in parts]
            known = [each for each in both if each is not None]
            whole: pc.Expression | None = joined(*known) if len(known) == 2 else None
            return whole
    name = _column(first, schema)
    if name is None or not second.meta.is_literal():
        return None
    for compare in _COMPARING:
        if expression.meta.eq(compare(first, second)):
            value = _value(second, schema.field(name).type)
            found: pc.Expression | None = None if value is None else compare(pc.field(name), value)
            return found
    if expression.meta.eq(first.is_in(second)):
        return _one_of(name, second, schema.field(name).type)
    return None


def _between(expression: pl.Expr, parts: list[pl.Expr], schema: pa.Schema) -> pc.Expression | None:
    inner, low, high = parts
    name = _column(inner, schema)
    if name is None or not (low.meta.is_literal() and high.meta.is_literal()):
        return None
    kind = schema.field(name).type
    values = _value(low, kind), _value(high, kind)
    if None in values:
        return None
    for closed, above, below in _CLOSED:
        if expression.meta.eq(inner.is_between(low, high, closed)):
            found: pc.Expression = above(pc.field(name), values[0]) & below(pc.field(name), values[1])
            return found
    return None


def _column(expression: pl.Expr, schema: pa.Schema) -> str | None:
    """Return the name of a column whose values both compare alike; None for any other expression."""
    if not expression.meta.is_column():
        return None
    name: str = expression.meta.output_name()
    if name not in schema.names:
        return None
    kind = schema.field(name).type
    known = types.is_integer(kind) or is_text(kind) or (types.is_timestamp(kind) and kind.unit == "us")
    return name if known else None


def _value(literal: pl.Expr, kind: pa.DataType) -> pa.Scalar[Any] | None:
    """Return a literal as a value of a column's type; None if it is no such value."""
    return _scalar(_object(literal), kind)


def _one_of(name: str, literal: pl.Expr, kind: pa.DataType) -> pc.Expression | None:
    given = _object(literal)
    if not hasattr(given, "to_list"):
        return None
    values = [_scalar(each, kind) for each in given.to_list()]
    known = [pc.field(name) == each for each in values if each is not None]
    if not known or len(known) < len(values):
        return None
    return reduce(operator.or_, known)


def _object(literal: pl.Expr) -> Any:
    """Return the value of a literal; None for many values."""
    import polars as pl

    values = pl.select(literal).to_series()
    return values[0] if len(values) == 1 else None


def _scalar(value: Any, kind: pa.DataType) -> pa.Scalar[Any] | None:
    if isinstance(value, bool | float) or value is None:
        return None
    try:
        return pa.scalar(value, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
