"""The columns that every frame of every backend has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from .decoded import PayloadDecoder

TIME = pa.timestamp("us", "UTC")
ATTRIBUTE = pa.struct([("name", pa.string()), ("value", pa.binary()), ("type", pa.string())])
ATTRIBUTES = pa.list_(ATTRIBUTE)
"""Per message its attributes in order: NA where they were not read, empty where there are none.

`value` is the attribute as bytes (a typed one as canonical text), `type` says what it was: see
`brokerkit.core.attributes.type_name`.
"""

SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("id", pa.string()),
        ("key", pa.binary()),
        ("value", pa.large_string()),
        ("raw", pa.large_binary()),
        ("attributes", ATTRIBUTES),
        ("publish_time", TIME),
        ("ingestion_time", TIME),
        ("delivery_count", pa.int32()),
    ]
)
"""The frame as it is with the built-in decoders; a decoder of the user's own types `value`."""

DECODER_KEY = b"brokerkit.decoder"
"""Schema metadata: the name of the decoder that filled `value`."""


def schema_for(decoder: PayloadDecoder) -> pa.Schema:
    """The schema of frames decoded by `decoder`; its metadata names the decoder."""
    index = SCHEMA.get_field_index("value")
    schema = SCHEMA.set(index, pa.field("value", decoder.type))
    return schema.with_metadata({DECODER_KEY: decoder.name.encode()})


def decoder_name_of(schema: pa.Schema) -> str | None:
    """The decoder that a table's metadata names, if it does."""
    name: bytes | None = (schema.metadata or {}).get(DECODER_KEY)
    return None if name is None else name.decode("utf-8", "replace")
