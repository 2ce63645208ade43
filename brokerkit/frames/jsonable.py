"""Column values as what orjson writes as JSON, without loss and without guessing."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite, isnan, nan
from typing import Any, TypeAlias
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from .arrow import ArrowType, ChunkedArray, is_bytes
from .build import floor_to_microseconds
from .decoded import objects_of

RowErrors: TypeAlias = dict[int, str]

_AS_IS = frozenset({str, bool, type(None), date, time, UUID})
_TIMES = str(pa.time64("ns"))
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
    if pa.types.is_nested(kind) or pa.types.is_time(kind):
        try:
            return _python_values(_times_kept(column) if _TIMES in str(kind) else column)
        except pa.ArrowNotImplementedError:
            return _refused(column, f"{kind} holds times that cannot be kept; cast them to text first")
    if pa.types.is_string_view(kind) or isinstance(kind, pa.UuidType):
        return _python_values(column)
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
    if column.type.unit != "ns":
        return _python_values(column)
    counts = column.cast(pa.int64())
    floored = floor_to_microseconds(counts)
    rest = pc.subtract(counts, pc.multiply(floored, 1000))
    moments = floored.cast(pa.timestamp("us", column.type.tz))
    if not pc.any(pc.not_equal(rest, 0)).as_py():
        return _python_values(moments)
    values: list[Any] = []
    wrong: RowErrors = {}
    for row, (moment, nanoseconds) in enumerate(zip(moments, rest.to_pylist(), strict=True)):
        try:
            value = moment.as_py()
            values.append(None if value is None else _with_nanoseconds(_exact_offset(value), nanoseconds))
        except (ValueError, OverflowError) as error:
            values.append(None)
            wrong[row] = str(error)
    return values, wrong


def _with_nanoseconds(value: datetime, nanoseconds: int) -> str:
    text = value.isoformat(timespec="microseconds")
    end = len("2026-01-31T12:00:00.123456")
    return f"{text[:end]}{nanoseconds:03d}{text[end:]}"


def _odd_offset(value: Any) -> bool:
    if type(value) is not datetime or value.tzinfo is None or value.tzinfo is UTC:
        return False
    return _exact_offset(value) is not value


def _exact_offset(value: datetime) -> datetime:
    """The same moment with an offset of whole minutes, which is all that ISO 8601 in JSON has: else UTC."""
    offset = value.utcoffset()
    if offset is None or not (offset.seconds % 60 or offset.microseconds):
        return value
    return value.astimezone(UTC)


def _times_kept(column: ChunkedArray) -> ChunkedArray:
    """Times of day as Python has them or, where these have too few digits, as text; at any depth."""
    for wanted in (pa.time64("us"), pa.string()):
        with suppress(pa.ArrowInvalid):
            return column.cast(_with_times_as(column.type, wanted))
    raise AssertionError("any time has a text")


def _with_times_as(kind: ArrowType, wanted: ArrowType) -> ArrowType:
    """A type with `wanted` in the place of each time64[ns]."""
    if kind == pa.time64("ns"):
        return wanted
    if pa.types.is_dictionary(kind):
        return _with_times_as(kind.value_type, wanted) if kind.value_type == pa.time64("ns") else kind
    if pa.types.is_map(kind):
        return pa.map_(_with_times_as(kind.key_type, wanted), _with_times_as(kind.item_type, wanted))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_with_times_as(kind.value_type, wanted), kind.list_size)
    for test, make in _LISTS:
        if test(kind):
            return make(_with_times_as(kind.value_type, wanted))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_with_times_as(field.type, wanted)) for field in kind])
    return kind


_LISTS: Any = (
    (pa.types.is_list, pa.list_),
    (pa.types.is_large_list, pa.large_list),
    (pa.types.is_list_view, pa.list_view),
    (pa.types.is_large_list_view, pa.large_list_view),
)


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
    if kinds <= _AS_IS or (kinds <= _AS_IS | {datetime} and not any(map(_odd_offset, values))):
        return values, {}
    ready: list[Any] = []
    wrong: RowErrors = {}
    for row, value in enumerate(values):
        try:
            ready.append(jsonable(value))
        except (Unsuitable, RecursionError, OverflowError) as error:
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
        return _exact_offset(value).isoformat()
    pandas = sys.modules.get("pandas")
    if pandas is not None and value is pandas.NA:
        return None
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.datetime64):
        return None if numpy.isnat(value) else str(value)
    if numpy is not None and isinstance(value, numpy.timedelta64):
        raise Unsuitable(_REFUSALS["duration"])
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.dtype.kind not in "biufO":
            raise Unsuitable(f"an array of {value.dtype} has no form in JSON; {_CAN_HOLD}")
        return jsonable(value.tolist())
    if numpy is not None and isinstance(value, numpy.bool_ | numpy.integer | numpy.floating):
        return jsonable(value.item())
    if isinstance(value, bytes | bytearray | memoryview):
        raise Unsuitable(_REFUSALS["binary"])
    raise Unsuitable(f"a {type(value).__name__} has no form in JSON; {_CAN_HOLD}")
