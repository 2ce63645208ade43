"""The types of a data set's columns: they stay as they were first, and fields are only added."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.frames.arrow import ArrowType, ChunkedArray, chunked


def grown(kept: pa.Schema | None, new: pa.Schema) -> pa.Schema:
    """Return a schema with the fields of both. A field of both has the type that it had first."""
    if kept is None:
        return new.remove_metadata()
    fields = [
        pa.field(each.name, grown_type(each.type, new.field(each.name).type))
        if each.name in new.names
        else each
        for each in kept
    ]
    return pa.schema([*fields, *(each for each in new.remove_metadata() if each.name not in kept.names)])


def grown_type(kept: ArrowType, new: ArrowType) -> ArrowType:
    """Return the type of a column that had one type and now has another: structs have the fields of both."""
    first: Any = kept
    second: Any = new
    if pa.types.is_null(kept):
        return new
    if pa.types.is_struct(kept) and pa.types.is_struct(new):
        fields = {each.name: each.type for each in first}
        for each in second:
            fields[each.name] = grown_type(fields[each.name], each.type) if each.name in fields else each.type
        return pa.struct(list(fields.items()))
    if pa.types.is_list(kept) and pa.types.is_list(new):
        return pa.list_(grown_type(first.value_type, second.value_type))
    return kept


def fitted(table: pa.Table, schema: pa.Schema) -> tuple[pa.Table, dict[str, int]]:
    """Return a table with the columns of a schema, and how many values did not fit, by column.

    A column that the table lacks is NA, and so is a value that does not fit the type.
    """
    columns = []
    misfits: dict[str, int] = {}
    for each in schema:
        if each.name not in table.column_names:
            columns.append(chunked([pa.nulls(table.num_rows, each.type)], each.type))
            continue
        column = table.column(each.name)
        found = column if column.type == each.type else _as_type(column, each.type)
        lost = found.null_count - column.null_count
        if lost > 0:
            misfits[each.name] = lost
        columns.append(found)
    return pa.Table.from_arrays(columns, schema=schema), misfits


def _as_type(column: ChunkedArray, type: ArrowType) -> ChunkedArray:
    kind: Any = type
    own: Any = column.type
    if pa.types.is_struct(type) and pa.types.is_struct(column.type):
        whole: Any = column.combine_chunks()
        names = [each.name for each in own]
        parts = [
            _as_type(chunked([whole.field(each.name)], whole.field(each.name).type), each.type)
            if each.name in names
            else chunked([pa.nulls(len(whole), each.type)], each.type)
            for each in kind
        ]
        arrays: Any = [each.combine_chunks() for each in parts]
        made = pa.StructArray.from_arrays(arrays, fields=list(kind), mask=whole.is_null())
        return chunked([made], type)
    try:
        return column.cast(type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return chunked([pa.array([_value(each, type) for each in column], type)], type)


def _value(scalar: Any, type: ArrowType) -> Any:
    """Return one value as a type; None if it does not fit."""
    try:
        return pc.cast(scalar, type).as_py()
    except (pa.ArrowException, ValueError, TypeError):
        return None
