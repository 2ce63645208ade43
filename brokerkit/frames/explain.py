"""Why the payload of one row of a frame is read as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from brokerkit.core.vocabulary.attribute_bytes import parts_of
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.registry import SchemaSource

from .attributes import attributes_array
from .auto.declared import NOTHING, declared_rows
from .auto.explaining import Explanation, explained
from .masking.marks import PREFIX
from .message_rows import attributes_of
from .tabular import is_pandas, missing, table_of


def explained_row(row: Any, source: SchemaSource | None = None) -> Explanation:
    """Return how `auto` reads the payload and the key of a row, and why.

    Args:
        source: Where the schemas are that they may name; None if there is no source.
        row: A Series, a dict, or a frame with one row.

    Raises:
        ConfigError: It is not one row of messages.
    """
    values = _values(row)
    if "raw" not in values and "value" not in values:
        raise ConfigError("a row of messages has the columns 'value' and 'raw'; this one has neither")
    format = values.get("format")
    if isinstance(format, str) and format.startswith(PREFIX):
        return Explanation(format, failure="the row is masked, and has no payload that could be explained")
    attributes = attributes_of(values.get("attributes"))
    column = attributes_array([attributes], 1)
    declared = declared_rows(column, 1).get(0, NOTHING)
    named = {name: data or b"" for name, data, _ in map(parts_of, attributes)}
    found = explained(_payload(values), declared, named, "value", source, column)
    key = _payload(values, ("raw_key", "key"))
    if key is None:
        return found
    return replace(found, key=explained(key, NOTHING, named, "key", source, column))


def _values(row: Any) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return row
    if hasattr(row, "to_dict") and not is_pandas(row):
        found: Mapping[str, Any] = row.to_dict()
        return found
    table = table_of(row)
    if table.num_rows != 1:
        raise ConfigError(f"explain needs one row, not {table.num_rows:,}: give df.iloc[0], for example")
    values: dict[str, Any] = table.to_pylist()[0]
    return values


def _payload(values: Mapping[str, Any], names: Sequence[str] = ("raw", "value")) -> bytes | None:
    for name in names:
        value = values.get(name)
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, bytes):
            return value
        if not missing(value):
            raise ConfigError(f"the column {name!r} of this row is neither text nor bytes")
    return None
