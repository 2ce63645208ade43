"""The columns that every frame of every backend has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .arrow import schema

if TYPE_CHECKING:
    from .decoded import PayloadDecoder

TIME = pa.timestamp("us", "UTC")
ATTRIBUTE = pa.struct([("name", pa.string()), ("value", pa.binary()), ("type", pa.string())])
ATTRIBUTES = pa.list_(ATTRIBUTE)
"""The attributes of each message in order: NA if they were not read, empty if there are none.

`value` is the attribute as bytes (a typed one as canonical text), `type` is its type: see
`brokerkit.core.vocabulary.attributes.type_name`.
"""

SCHEMA = schema(
    {
        "topic": pa.string(),
        "partition": pa.int32(),
        "offset": pa.int64(),
        "id": pa.string(),
        "key": pa.string(),
        "raw_key": pa.binary(),
        "value": pa.large_string(),
        "raw": pa.large_binary(),
        "format": pa.string(),
        "schema": pa.string(),
        "attributes": ATTRIBUTES,
        "publish_time": TIME,
        "ingestion_time": TIME,
        "delivery_count": pa.int32(),
    }
)
"""The schema with the built-in decoders; a user's decoder sets the type of `value`."""

DECODER_KEY = b"brokerkit.decoder"
"""Schema metadata: the name of the decoder that filled `value`."""

KEY_DECODER_KEY = b"brokerkit.key_decoder"
"""Schema metadata: the name of the decoder that filled `key`, unless it is "auto"."""

EXPANDED_KEY = b"brokerkit.expanded"
"""Schema metadata: JSON with the columns that were expanded, see `expanded_in`."""


def schema_for(decoder: PayloadDecoder, key_decoder: PayloadDecoder | None = None) -> pa.Schema:
    """Return the schema of frames decoded by `decoder`; its metadata names the decoders.

    Args:
        key_decoder: The decoder of keys; None is "auto".
    """
    schema = SCHEMA.set(SCHEMA.get_field_index("value"), pa.field("value", decoder.type))
    metadata = {DECODER_KEY: decoder.name.encode()}
    if key_decoder is not None and key_decoder.name != "auto":
        type = pa.string() if pa.types.is_large_string(key_decoder.type) else key_decoder.type
        schema = schema.set(SCHEMA.get_field_index("key"), pa.field("key", type))
        metadata[KEY_DECODER_KEY] = key_decoder.name.encode()
    return schema.with_metadata(metadata)


def expanded_in(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return which columns of a table were expanded, and how many of their rows could not be."""
    steps: list[dict[str, Any]] = json.loads((schema.metadata or {}).get(EXPANDED_KEY, b"[]"))
    return steps


def with_step(steps: list[dict[str, Any]], column: str, failures: int, lenient: int) -> list[dict[str, Any]]:
    """Return the steps with one more; it replaces an older one of the same column."""
    step: dict[str, Any] = {"column": column, "failures": failures}
    if lenient:
        step["lenient"] = lenient
    return [*(one for one in steps if one.get("column") != column), step]


def with_expanded(schema: pa.Schema, steps: list[dict[str, Any]]) -> dict[bytes, bytes]:
    """Return the metadata of the schema with these steps in it."""
    return {**(schema.metadata or {}), EXPANDED_KEY: json.dumps(steps).encode()}


def decoder_name_of(schema: pa.Schema, key: bytes = DECODER_KEY) -> str | None:
    """Return the decoder that a table's metadata names under this key; None if it names none."""
    name: bytes | None = (schema.metadata or {}).get(key)
    return None if name is None else name.decode("utf-8", "replace")
