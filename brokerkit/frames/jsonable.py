"""Column values as what orjson writes as JSON, without loss and without guessing."""

from __future__ import annotations

import sys
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite, isnan, nan
from typing import Any, TypeAlias
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from .arrow import ArrowType, ChunkedArray, is_bytes
from .decoded import objects_of

RowErrors: TypeAlias = dict[int, str]

_AS_IS = frozenset({str, bool, type(None), date, time, UUID})
_FITS = range(-(2**63), 2**64)
_CAN_HOLD = "JSON can hold text, numbers, bool, null, times, UUID, Decimal, lists and dicts with text keys"


class Unsuitable(ValueError):
    """A value that JSON has no form for; the text says what it is and what to do."""


def json_values(column: ChunkedArray | list[Any]) -> tuple[list[Any], RowErrors]:
    """One value per row for orjson, and for rows that cannot be written the reason.

    Nulls, and the NaN that numpy frames use for them, become None.
    """
    if isinstance(column, list):
        return _objects(column)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return [None] * len(column), {}
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return objects_of(column), {}
    if pa.types.is_integer(kind):
        return _plain(column, 0), {}
    if pa.types.is_boolean(kind):
        return _plain(column, False), {}
    if pa.types.is_floating(kind):
        return _floats(column.cast(pa.float64()))
    if pa.types.is_timestamp(kind):
        return _timestamps(column)
    if pa.types.is_decimal(kind):
        digits = objects_of(column.cast(pa.string()))
        return [None if text is None else orjson.Fragment(text) for text in digits], {}
    if pa.types.is_date(kind):
        return _python_values(column)
    if pa.types.is_nested(kind) or pa.types.is_string_view(kind) or isinstance(kind, pa.UuidType):
        return _python_values(column)
    if pa.types.is_time(kind):
        return _python_values(column.cast(pa.time64("us")))
    return _refused(column, _REFUSALS.get(_family(kind), f"{kind} has no form in JSON; cast it first"))


_REFUSALS = {
    "binary": "bytes have no form in JSON; decode them to text first, for example with base64",
    "duration": "a duration has no form in JSON; make it a number first, for example seconds",
}


def _family(kind: ArrowType) -> str:
    if pa.types.is_duration(kind):
        return "duration"
    return "binary" if is_bytes(kind) else str(kind)


def _refused(column: ChunkedArray, reason: str) -> tuple[list[Any], RowErrors]:
    rows = pc.indices_nonzero(column.is_valid()).to_pylist()
    return [None] * len(column), dict.fromkeys(rows, reason)


def _plain(column: ChunkedArray, null: Any) -> list[Any]:
    """The values as Python objects; a column with nulls would take the slow way through `to_pylist`."""
    filled = column.fill_null(null) if column.null_count else column
    values: list[Any] = filled.to_numpy().tolist()
    if column.null_count:
        for row in pc.indices_nonzero(column.is_null()).to_pylist():
            values[row] = None
    return values


def _floats(column: ChunkedArray) -> tuple[list[Any], RowErrors]:
    # orjson writes NaN as null, and infinity as well, which is why that is looked for
    values: list[Any] = (column.fill_null(nan) if column.null_count else column).to_numpy().tolist()
    infinite = pc.indices_nonzero(pc.is_inf(column)).to_pylist()
    return values, {row: f"{values[row]} has no form in JSON" for row in infinite}


def _timestamps(column: ChunkedArray) -> tuple[list[Any], RowErrors]:
    """ISO 8601 with every digit there is; years that Python has no datetime for fail in their row."""
    zone = column.type.tz
    if column.type.unit != "ns":
        return _python_values(column)
    whole = pc.cast(column, pa.timestamp("us", zone), safe=False)
    if pc.all(pc.equal(whole.cast(column.type), column)).as_py() in (True, None):
        return _python_values(whole)
    values, wrong = _python_values(whole)
    fractions = pc.strftime(column.cast(pa.timestamp("ns")), format="%S").to_pylist()
    for row, (value, seconds) in enumerate(zip(values, fractions, strict=True)):
        if isinstance(value, datetime):
            offset = value.isoformat()[len(value.replace(tzinfo=None).isoformat()) :]
            values[row] = value.strftime("%Y-%m-%dT%H:%M:") + seconds + offset
    return values, wrong


def _python_values(column: ChunkedArray) -> tuple[list[Any], RowErrors]:
    """Values that go through Python objects, each judged on its own where the whole fails."""
    try:
        return _objects(column.to_pylist(maps_as_pydicts="strict"))
    except (ValueError, OverflowError, KeyError, TypeError):
        values: list[Any] = []
        wrong: RowErrors = {}
    for row in range(len(column)):
        try:
            values.append(jsonable(column[row].as_py(maps_as_pydicts="strict")))
        except (ValueError, OverflowError, KeyError, TypeError) as error:
            values.append(None)
            wrong[row] = str(error)
    return values, wrong


def _objects(values: list[Any]) -> tuple[list[Any], RowErrors]:
    kinds = set(map(type, values))
    if kinds <= _AS_IS or (kinds <= _AS_IS | {datetime}):
        return values, {}
    ready: list[Any] = []
    wrong: RowErrors = {}
    for row, value in enumerate(values):
        try:
            ready.append(jsonable(value))
        except (Unsuitable, RecursionError) as error:
            ready.append(None)
            wrong[row] = str(error)
    return ready, wrong


def jsonable(value: Any) -> Any:
    """`value` as orjson takes it, exactly. Raises Unsuitable for what has no form in JSON."""
    kind = type(value)
    if kind in _AS_IS:
        return value
    if kind is int:
        return value if value in _FITS else _number(str(value))
    if kind is float:
        return _float(value)
    if kind is dict:
        return {_name(name): jsonable(item) for name, item in value.items()}
    if kind is list or kind is tuple:
        return [jsonable(item) for item in value]
    if kind is Decimal:
        return None if value.is_nan() else _number(str(value), value.is_finite())
    return _foreign(value)


def _float(value: float) -> float | None:
    if isfinite(value):
        return value
    if isnan(value):
        return None
    raise Unsuitable(f"{value} has no form in JSON")


def _number(text: str, finite: bool = True) -> orjson.Fragment:
    if not finite:
        raise Unsuitable(f"{text} has no form in JSON")
    return orjson.Fragment(text)


def _name(name: Any) -> str:
    if type(name) is not str:
        raise Unsuitable(f"a dict key is {type(name).__name__}, expected text; {_CAN_HOLD}")
    return name


def _foreign(value: Any) -> Any:
    """Values of pandas and numpy, whose libraries are only looked at where they are loaded."""
    if isinstance(value, datetime):
        pandas = sys.modules.get("pandas")
        if pandas is not None and value is pandas.NaT:
            return None
        return value.isoformat()
    pandas = sys.modules.get("pandas")
    if pandas is not None and value is pandas.NA:
        return None
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.datetime64):
        return None if numpy.isnat(value) else str(value)
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.dtype.kind not in "biufO":
            raise Unsuitable(f"an array of {value.dtype} has no form in JSON; {_CAN_HOLD}")
        return jsonable(value.tolist())
    if numpy is not None and isinstance(value, numpy.bool_ | numpy.integer | numpy.floating):
        return jsonable(value.item())
    if isinstance(value, bytes | bytearray | memoryview):
        raise Unsuitable(_REFUSALS["binary"])
    raise Unsuitable(f"a {type(value).__name__} has no form in JSON; {_CAN_HOLD}")
