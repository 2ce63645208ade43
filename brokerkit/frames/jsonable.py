"""Column values in the form that orjson writes as JSON, without loss and without guessing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite, isnan, nan
from typing import Any, TypeAlias, cast
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError

from .arrow import ArrowType, ChunkedArray, fill_null, row_numbers, value_type
from .column_arrays import floor_to_microseconds
from .decoded import error_text, objects_of
from .json_types import BYTES, DURATION, plain_column, type_refusal
from .tabular import Typed, missing

RowErrors: TypeAlias = dict[int, str]

_AS_IS = frozenset({str, bool, type(None), date, time, UUID})
_TIMES = str(pa.time64("ns"))
_FITS = range(-(2**63), 2**64)
_LONG_BITS = 10_000
_UNDERNEATH: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (Decimal, Decimal),
    (dict, dict),
    (list, list),
    (tuple, list),
)
"""Plain types, each with a function that converts an instance of a derived class to it."""
_CAN_HOLD = "JSON can hold text, numbers, bool, null, times, UUID, Decimal, lists and dicts with text keys"


class Unsuitable(ValueError):
    """A value that JSON cannot express; the text says what it is and what to do."""


def json_values(column: ChunkedArray | list[Any]) -> tuple[list[Any], RowErrors]:
    """Return one value per row for orjson, and the reason for each row that cannot be written.

    Nulls, and the NaN that numpy frames use for them, become None.
    """
    if isinstance(column, list):
        return _objects(column)
    if column.null_count == len(column):
        return [None] * len(column), {}
    column = plain_column(column)
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
            raise Unsuitable(f"{kind} holds times that cannot be kept; cast them to text first") from None
    if isinstance(kind, pa.JsonType):
        return _json_texts(column)
    if isinstance(kind, pa.UuidType):
        return _python_values(column)
    raise Unsuitable(type_refusal(kind) or f"{kind} has no form in JSON; cast it first")


def check_column(name: str, column: ChunkedArray | list[Any]) -> None:
    """Raise ConfigError if JSON can hold no value of a column, because of its type."""
    refusal: str | None = None
    if isinstance(column, list):
        if isinstance(column, Typed):
            _, wrong = _objects([value for value in column if not missing(value)][:1])
            refusal = wrong.get(0)
    elif column.null_count < len(column):
        refusal = type_refusal(column.type)
        try:
            json_values(column[:1] if refusal is None else column[:0])
        except (Unsuitable, pa.ArrowException) as error:
            refusal = str(error)
    if refusal is not None:
        kind = column.dtype if isinstance(column, Typed) else getattr(column, "type", "")
        raise ConfigError(
            f"the column {name!r} ({kind}) cannot be published as JSON: {refusal}; "
            "or leave it out with columns=[...]"
        )


def _json_texts(column: ChunkedArray) -> tuple[list[Any], RowErrors]:
    """Return texts that are JSON already, as they are."""
    stored = cast("list[pa.ExtensionArray[Any]]", column.chunks)
    texts = objects_of(pa.chunked_array([chunk.storage for chunk in stored]))
    values: list[Any] = []
    wrong: RowErrors = {}
    for row, text in enumerate(texts):
        values.append(None if text is None else orjson.Fragment(text))
        try:
            text is None or orjson.loads(text)
        except orjson.JSONDecodeError as error:
            wrong[row] = f"not valid JSON: {error}"
    return values, wrong


def _plain(column: ChunkedArray, null: Any) -> list[Any]:
    """Return the values as Python objects; for a column with nulls, `to_pylist` would be slow."""
    values: list[Any] = fill_null(column, null).to_numpy().tolist()
    if column.null_count:
        for row in row_numbers(column.is_null()):
            values[row] = None
    return values


def _floats(column: ChunkedArray) -> tuple[list[Any], RowErrors]:
    # orjson writes NaN and infinity as null, so check for them
    values: list[Any] = fill_null(column, nan).to_numpy().tolist()
    infinite = row_numbers(pc.is_inf(column))
    return values, {row: f"{values[row]} has no form in JSON" for row in infinite}


def _timestamps(column: ChunkedArray) -> tuple[list[Any], RowErrors]:
    """Return ISO 8601 with every digit; rows with years that Python's datetime cannot hold fail."""
    if column.type.unit != "ns":
        return _python_values(column)
    counts: ChunkedArray = column.cast(pa.int64())
    floored = floor_to_microseconds(counts)
    rest = pc.subtract(counts, pc.multiply(floored, 1000))
    moments: ChunkedArray = floored.cast(pa.timestamp("us", column.type.tz))
    if not pc.any(pc.not_equal(rest, pa.scalar(0))).as_py():
        return _python_values(moments)
    values: list[Any] = []
    wrong: RowErrors = {}
    parts: list[Any] = rest.to_pylist()
    for row, (moment, nanoseconds) in enumerate(zip(moments, parts, strict=True)):
        try:
            value: Any = moment.as_py()
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
    """Return the same moment with an offset of whole minutes, as ISO 8601 requires; otherwise in UTC."""
    offset = value.utcoffset()
    if offset is None or not (offset.seconds % 60 or offset.microseconds):
        return value
    return value.astimezone(UTC)


def _times_kept(column: ChunkedArray) -> ChunkedArray:
    """Return times of day as Python has them, or as text where these have too few digits; at any depth."""
    for wanted in (pa.time64("us"), pa.string()):
        with suppress(pa.ArrowInvalid):
            return column.cast(_with_times_as(column.type, wanted))
    raise AssertionError("any time has a text")


def _with_times_as(kind: Any, wanted: ArrowType) -> ArrowType:
    """Return a type with `wanted` in place of each time64[ns]."""
    if kind == pa.time64("ns"):
        return wanted
    if pa.types.is_dictionary(kind):
        return wanted if value_type(kind) == pa.time64("ns") else cast("ArrowType", kind)
    if pa.types.is_map(kind):
        return pa.map_(_with_times_as(kind.key_type, wanted), _with_times_as(kind.item_type, wanted))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_with_times_as(value_type(kind), wanted), cast("int", kind.list_size))
    for test, make in _LISTS:
        if test(kind):
            listed: ArrowType = make(_with_times_as(value_type(kind), wanted))
            return listed
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_with_times_as(field.type, wanted)) for field in kind])
    return cast("ArrowType", kind)


_LISTS: Any = (
    (pa.types.is_list, pa.list_),
    (pa.types.is_large_list, pa.large_list),
    (pa.types.is_list_view, pa.list_view),
    (pa.types.is_large_list_view, pa.large_list_view),
)


def _python_values(column: ChunkedArray) -> tuple[list[Any], RowErrors]:
    """Convert values through Python objects; if the whole fails, each is judged alone."""
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
        except RecursionError:
            ready.append(None)
            wrong[row] = "it is nested too deeply for JSON, or contains itself"
        except Exception as error:  # an object of a user's class may raise anything
            ready.append(None)
            wrong[row] = str(error) if isinstance(error, Unsuitable) else error_text(error)
    return ready, wrong


def jsonable(value: Any) -> Any:
    """Return `value` in a form that orjson writes exactly.

    Raises:
        Unsuitable: JSON cannot express the value.
    """
    kind = type(value)
    if kind in _AS_IS:
        return value
    if kind is int:
        return value if value in _FITS else _number(_digits(value))
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


def _digits(value: int) -> str:
    """Return a whole number in decimal; Python itself refuses to write one of some thousand digits."""
    return str(value) if value.bit_length() < _LONG_BITS else f"{Decimal(value):f}"


def _number(text: str, finite: bool = True) -> orjson.Fragment:
    if not finite:
        raise Unsuitable(f"{text} has no form in JSON")
    return orjson.Fragment(text)


def _name(name: Any) -> str:
    if type(name) is not str:
        raise Unsuitable(f"a dict key is {type(name).__name__}, expected text; {_CAN_HOLD}")
    return name


def _foreign(value: Any) -> Any:
    """Return the plain value of another type: a derived class, or a type of pandas or numpy.

    These libraries are only used if they are loaded.
    """
    for plain, made in _UNDERNEATH:
        if isinstance(value, plain):
            return jsonable(made(value))
    if isinstance(value, UUID):
        return UUID(int=value.int)
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
        raise Unsuitable(DURATION)
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.dtype.kind not in "biufOU":
            raise Unsuitable(f"an array of {value.dtype} has no form in JSON; {_CAN_HOLD}")
        return jsonable(value.tolist())
    if numpy is not None and isinstance(value, numpy.longdouble):
        return None if numpy.isnan(value) else _number(str(value), bool(numpy.isfinite(value)))
    if numpy is not None and isinstance(value, numpy.bool_ | numpy.integer | numpy.floating):
        return jsonable(value.item())
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        raise Unsuitable(DURATION)
    if isinstance(value, bytes | bytearray | memoryview):
        raise Unsuitable(BYTES)
    raise Unsuitable(f"a {type(value).__name__} has no form in JSON; {_CAN_HOLD}")
