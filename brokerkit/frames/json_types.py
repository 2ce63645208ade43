"""Arrow types that JSON can express, and columns without dictionaries, runs and views."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from .arrow import ArrowType, ChunkedArray, chunked, is_bytes, is_text, value_type

BYTES = "bytes have no form in JSON; decode them to text first, for example with base64"
DURATION = "a duration has no form in JSON; make it a number first, for example seconds"
_TO_TEXT = "has no form in JSON; make it text first, for example with astype(str)"
_PANDAS = {"pandas.interval": f"an interval {_TO_TEXT}", "pandas.period": f"a period {_TO_TEXT}"}
_HELD = (pa.UuidType, pa.JsonType, pa.Bool8Type)


def type_refusal(kind: ArrowType) -> str | None:
    """Return why JSON can hold no value of this type, and what to do; None if it can."""
    types = pa.types
    if is_bytes(kind):
        return BYTES
    if types.is_duration(kind):
        return DURATION
    if types.is_interval(kind):
        return f"an interval of months, days and nanoseconds {_TO_TEXT}"
    if isinstance(kind, pa.BaseExtensionType):
        if isinstance(kind, _HELD):
            return None
        return _PANDAS.get(kind.extension_name, f"{kind} is an extension type; cast it to a plain type first")
    if isinstance(kind, pa.TimestampType) and kind.tz is not None:
        return _zone_refusal(kind)
    if types.is_map(kind):
        if not is_text(_inner(kind.key_type)):
            return f"a map with keys of {kind.key_type} has no form in JSON; make the keys text first"
        return type_refusal(kind.item_type)
    if types.is_struct(kind) or types.is_union(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        if types.is_struct(kind) and len({field.name for field in fields}) < len(fields):
            return f"{kind} has two fields of one name; rename one first"
        return next(filter(None, (type_refusal(field.type) for field in fields)), None)
    inner = _inner(kind)
    return None if inner is kind else type_refusal(inner)


def _inner(kind: ArrowType) -> ArrowType:
    """Return the type of the values of a nested or encoded type; otherwise the type itself."""
    types = pa.types
    encoded = types.is_dictionary(kind) or types.is_run_end_encoded(kind)
    listed = (
        types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        or types.is_list_view(kind) or types.is_large_list_view(kind)
    )  # fmt: skip
    return value_type(kind) if encoded or listed else kind


def _zone_refusal(kind: pa.TimestampType[Any, Any]) -> str | None:
    try:
        pa.scalar(0, kind).as_py()
    except Exception as error:  # each library of time zones raises an error of its own
        return f"the time zone {kind.tz!r} is not known here ({error}); convert the times to UTC first"
    return None


def _without_dictionary(column: ChunkedArray) -> ChunkedArray:
    nothing = plain_column(chunked([], value_type(column.type)))
    chunks = []
    for chunk in cast("list[pa.DictionaryArray[Any, Any]]", column.chunks):
        # Arrow cannot take values from an array of views
        values = plain_column(pa.chunked_array([chunk.dictionary]))
        chunks.append(values.combine_chunks().take(chunk.indices))
    return pa.chunked_array(chunks, nothing.type)


def plain_column(column: ChunkedArray) -> ChunkedArray:
    """Return the same values without dictionaries, runs and views."""
    while True:
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = _without_dictionary(column)
        elif pa.types.is_run_end_encoded(kind):
            chunks = [pc.call_function("run_end_decode", [chunk]) for chunk in column.chunks]
            column = chunked(chunks, value_type(kind))
        elif isinstance(kind, pa.Bool8Type):
            stored = cast("list[pa.ExtensionArray[Any]]", column.chunks)
            chunks = [chunk.storage.cast(pa.bool_()) for chunk in stored]
            column = pa.chunked_array(chunks, pa.bool_())
        elif pa.types.is_string_view(kind):
            column = column.cast(pa.large_string())
        elif pa.types.is_binary_view(kind):
            column = column.cast(pa.large_binary())
        else:
            return column
