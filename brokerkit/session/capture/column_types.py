"""The types of a data set's columns: they stay as they were first, and fields are only added."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa

from brokerkit.frames.arrow import Array, ArrowType, chunked, is_text
from brokerkit.frames.expand import field_parts
from brokerkit.frames.json_kinds import STRING, common_kind

from .exact_values import as_type, lists_with, number_of_json


def grown(kept: pa.Schema | None, new: pa.Schema) -> pa.Schema:
    """Return a schema with the fields of both. A field of both has the type that it had first."""
    if kept is None:
        return new.remove_metadata()
    fields = [
        each.with_type(grown_type(each.type, new.field(each.name).type)) if each.name in new.names else each
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
    if _is_list(kept) and _is_list(new):
        inner = grown_type(first.value_type, second.value_type)
        return pa.list_(inner) if pa.types.is_list(kept) else pa.large_list(inner)
    if pa.types.is_map(kept) and pa.types.is_map(new) and first.key_type == second.key_type:
        return pa.map_(first.key_type, grown_type(first.item_type, second.item_type))
    return kept


def fitted(table: pa.Table, schema: pa.Schema) -> tuple[pa.Table, dict[str, int]]:
    """Return a table with the columns of a schema, and how many values did not fit, by column.

    A column that the table lacks is NA, and so is a value that does not fit the type: one that the type would
    change. Inside of structs, lists and maps each value is looked at on its own.
    """
    columns = []
    misfits: dict[str, int] = {}
    strings = _strings(table, schema)
    for each in schema:
        if each.name not in table.column_names:
            columns.append(chunked([pa.nulls(table.num_rows, each.type)], each.type))
            continue
        column = table.column(each.name)
        found, lost = column, 0
        if column.type != each.type:
            whole: Any = column.combine_chunks()
            if isinstance(whole, pa.ChunkedArray):
                whole = pa.concat_arrays(whole.chunks)
            array, lost = _fitting(whole, each.type, strings=each.name in strings)
            found = chunked([array], each.type)
        if lost:
            misfits[each.name] = lost
        columns.append(found)
    return pa.Table.from_arrays(columns, schema=schema), misfits


def _strings(table: pa.Table, schema: pa.Schema) -> Collection[str]:
    """Return the columns of text that are strings, and not the JSON of values of several kinds."""
    changed = [
        each.name
        for each in schema
        if each.name in table.column_names and is_text(table.field(each.name).type) and not is_text(each.type)
    ]
    fields = [name.removeprefix("value.") for name in changed if name.startswith("value.")]
    if not fields or not is_text(table.field("value").type):
        return changed
    parts = field_parts(table.column("value"), fields, 1)
    mixed = {f"value.{path[0]}" for path, each in parts.items() if common_kind(each) != STRING}
    return [name for name in changed if name not in mixed]


def _is_list(type: ArrowType) -> bool:
    return pa.types.is_list(type) or pa.types.is_large_list(type)


def _fitting(column: Array, type: ArrowType, *, strings: bool = True) -> tuple[Array, int]:
    """Return the values as a type, and how many are null because they do not fit."""
    kind: Any = type
    own: Any = column.type
    if own == kind:
        return column, 0
    whole: Any = column
    if pa.types.is_struct(type) and pa.types.is_struct(own):
        parts = dict(zip((each.name for each in own), whole.flatten(), strict=True))
        fitting = [
            _fitting(parts[each.name], each.type)
            if each.name in parts
            else (pa.nulls(len(whole), each.type), 0)
            for each in kind
        ]
        arrays: Any = [array for array, _ in fitting]
        made: Any = pa.StructArray.from_arrays(arrays, fields=list(kind), mask=whole.is_null())
        return made, sum(lost for _, lost in fitting)
    if _is_list(type) and _is_list(own):
        values, lost = _fitting(whole.flatten(), kind.value_type)
        return lists_with(whole, values, type), lost
    if pa.types.is_map(type) and pa.types.is_map(own) and kind.key_type == own.key_type:
        lists = whole.cast(pa.list_(pa.struct([own.key_field, own.item_field])))
        keys, items = lists.flatten().flatten()
        items, lost = _fitting(items, kind.item_type)
        entries: Any = pa.StructArray.from_arrays([keys, items], fields=[kind.key_field, kind.item_field])
        return lists_with(lists, entries, type), lost
    if is_text(own) and not strings:
        found = pa.array([number_of_json(each, type) for each in whole.to_pylist()], type)
    else:
        found = as_type(whole, type)
    return found, found.null_count - column.null_count
