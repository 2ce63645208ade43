"""Columns of text: of strings, or of the JSON of values of several kinds. Each stays what it was first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from brokerkit.frames.arrow import chunked, is_text
from brokerkit.frames.expand import field_parts
from brokerkit.frames.json_exact import loads
from brokerkit.frames.json_kinds import STRING, common_kind, json_text, text_array

PREFIX = "value."
MARK = b"brokerkit.text"
JSON = b"json"
"""What the field of a column of JSON has beside its type."""

_BEGINS = re.compile(r'["\[{]|(?:true|false|NaN|-?Infinity|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\Z')
"""How every text begins that `json_text` writes. NaN and infinity are among them, which is not valid JSON."""


def as_first(table: pa.Table, kept: pa.Schema | None) -> pa.Table:
    """Return a table whose columns of text are what they were first.

    In a column of strings a string is as it is, and a value of another kind is its JSON. In a column of JSON
    a string has its quotes. A new column of JSON is marked.
    """
    for name, json in _json_columns(table).items():
        at = table.column_names.index(name)
        field = table.field(at)
        known = kept.field(name) if kept is not None and name in kept.names else None
        if known is None or not is_text(known.type):
            if json:
                table = table.set_column(at, field.with_metadata({MARK: JSON}), table.column(at))
        elif json != _is_json(known):
            made = [None if each is None else _text(each, json) for each in table.column(at).to_pylist()]
            table = table.set_column(at, field, chunked([text_array(made).cast(field.type)], field.type))
    return table


def _is_json(field: Any) -> bool:
    """Return whether a column of text has JSON."""
    return bool(field.metadata and field.metadata.get(MARK) == JSON)


def _json_columns(table: pa.Table) -> Mapping[str, bool]:
    """Return the columns of text that are fields of JSON values, and whether each has JSON or strings."""
    if not is_text(table.field("value").type):
        return {}
    names = [each.name for each in table.schema if each.name.startswith(PREFIX) and is_text(each.type)]
    unsure = [name for name in names if _may_be_json(table.column(name))]
    kinds: dict[str, bool] = {}
    if unsure:
        parts = field_parts(table.column("value"), [name.removeprefix(PREFIX) for name in unsure], 1)
        kinds = {f"{PREFIX}{path[0]}": common_kind(each) != STRING for path, each in parts.items()}
    return {name: kinds.get(name, False) for name in names}


def _may_be_json(column: Any) -> bool:
    """Return whether every text looks like JSON, which is soon known of most columns of strings."""
    found = False
    for chunk in column.chunks:
        for value in chunk:
            text = value.as_py()
            if text is not None:
                found = True
                if _BEGINS.match(text) is None:
                    return False
    return found


def _text(text: str, json: bool) -> str:
    """Return a string as JSON, or JSON of a string as the string; JSON of another kind stays."""
    if not json:
        return json_text(text)
    if not text.startswith('"'):
        return text
    value: str = loads(text)
    return value
