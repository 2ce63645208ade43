"""Decoders whose type is that of the schemas of a topic, which are looked for before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError

from .codecs.avro.schema import SchemaError, parse_schema

NAMES = ("avro", "protobuf")
"""The formats that a decoder by name reads by the schemas that payloads name."""

READERS = ("newest", "union")


@dataclass(frozen=True)
class OwnSchemas:
    """A decoder of payloads that each name their own schema, for a topic that is not known yet.

    Attributes:
        format: The format, ``avro`` or ``protobuf``.
        reader: What the values are: as the newest schema of the topic has them (``newest``), as all of its
            schemas do together (``union``), or the text of an Avro schema.
        message: The full name of the Protobuf message, or the end of it; None is that of the topic.
    """

    format: str
    reader: str = "newest"
    message: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether the reader's schema is known without the topic."""
        return self.reader not in READERS


def avro_of_topic(reader: Any) -> OwnSchemas:
    """Return the decoder of Avro payloads by their own schemas. Raises ConfigError for a wrong reader."""
    if reader in READERS:
        return OwnSchemas("avro", reader)
    if not isinstance(reader, str):
        known = ", ".join(map(repr, READERS))
        raise ConfigError(f"reader={reader!r:.60} cannot be used; expected {known} or the text of a schema")
    try:
        parse_schema(reader)
    except SchemaError as error:
        known = ", ".join(map(repr, READERS))
        raise ConfigError(
            f"reader= is none of {known}, and no Avro schema that can be used: {error}"
        ) from error
    return OwnSchemas("avro", reader)
