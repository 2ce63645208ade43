"""Values as the bodies of payloads that name their schema in a registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.registry import RegisteredSchema

from ..decoded import objects_of
from ..json_exact import read
from .avro import SchemaError
from .avro.branches import branches_of, moved
from .avro.objects import object_bytes
from .avro.schema import Type, parse_schemas
from .framing import Framing, with_message
from .json_schema import JsonSchema
from .misfit import Misfit
from .protobuf import ProtobufSchema
from .registered import body_reader


class BodyWriter(Protocol):
    """A writer of bodies of one schema."""

    def rewritten(self, payload: bytes, framing: Framing, before: str, now: str | bytes) -> bytes:
        """Return a payload with another value, behind the same bytes in front of its body.

        Args:
            payload: The payload that was read.
            framing: The framing with which it was read.
            before: The JSON text that was read.
            now: The JSON text as it is now.

        Raises:
            Misfit: A value does not fit the schema; the text has its path.
            ValueError: The text is not JSON.
        """


def body_writer(schema: RegisteredSchema, references: Mapping[str, RegisteredSchema]) -> BodyWriter:
    """Return what writes the bodies of a schema.

    Args:
        references: The schemas that it uses, each after those that it uses itself.

    Raises:
        ConfigError: The schema cannot be used.
        MissingExtra: A library is not installed.
    """
    if schema.type == "AVRO":
        return AvroBodies(avro_type(schema, references))
    if schema.type == "PROTOBUF":
        return ProtobufBodies(protobuf_schema(schema, references), schema, references)
    if schema.type == "JSON":
        return JsonBodies(JsonSchema(schema.text, {name: each.text for name, each in references.items()}))
    raise ConfigError(
        f"a schema of the type {schema.type!r:.40} cannot be used; expected AVRO, PROTOBUF or JSON"
    )


def avro_type(schema: RegisteredSchema, references: Mapping[str, RegisteredSchema]) -> Type:
    """Return a registered Avro schema, parsed with those that it uses. Raises ConfigError."""
    try:
        return parse_schemas([*(each.text for each in references.values()), schema.text])
    except SchemaError as error:
        raise ConfigError(f"the Avro schema cannot be used: {error}") from error


def protobuf_schema(schema: RegisteredSchema, references: Mapping[str, RegisteredSchema]) -> ProtobufSchema:
    """Return a registered Protobuf schema with those that it uses. Raises ConfigError, MissingExtra."""
    return ProtobufSchema.from_registered(schema.text, {name: each.text for name, each in references.items()})


class AvroBodies:
    """Bodies of an Avro schema."""

    def __init__(self, type: Type) -> None:
        self._type = type

    def rewritten(self, payload: bytes, framing: Framing, before: str, now: str | bytes) -> bytes:
        if framing.encoding == "json":
            return _json(now)
        value = read(now).value
        branches = moved(branches_of(self._type, payload, framing.start), read(before).value, value)
        return payload[: framing.start] + object_bytes(self._type, value, branches)


class ProtobufBodies:
    """Bodies of the messages of a Protobuf schema."""

    def __init__(
        self, schema: ProtobufSchema, registered: RegisteredSchema, references: Mapping[str, RegisteredSchema]
    ) -> None:
        self._schema = schema
        self._message = registered.message
        self._read = body_reader(registered, references).read

    def rewritten(self, payload: bytes, framing: Framing, before: str, now: str | bytes) -> bytes:
        if framing.encoding == "json":
            return _json(now)
        value = read(now).value
        for each in self._messages(payload, framing, before):
            body = self._schema.writer(each[0]).changed(payload[each[1] :], value)
            return payload[: each[1]] + body
        raise ValueError("the message in which it was read is not known")

    def _messages(self, payload: bytes, framing: Framing, before: str) -> list[tuple[Any, int]]:
        """Return the messages that the payload may be, with the place of the body."""
        found: list[tuple[Any, int]] = []
        for each in with_message(framing, payload):
            try:
                if each.message is None and each.indexes is not None:
                    message = self._schema.message_at(each.indexes)
                else:
                    message = self._schema.message(each.message or self._message)
            except ConfigError:
                continue
            found.append((message, each.start))
        if len(found) > 1:
            found = [one for one in found if self._text(one, payload) == before]
        return found

    def _text(self, message: tuple[Any, int], payload: bytes) -> str | None:
        data: Any = pa.array([payload[message[1] :]], pa.large_binary())
        text: str | None = objects_of(self._schema.columns(message[0]).texts(data)[0])[0]
        return text


class JsonBodies:
    """Bodies that are JSON text."""

    def __init__(self, schema: JsonSchema) -> None:
        self._schema = schema

    def rewritten(self, payload: bytes, framing: Framing, before: str, now: str | bytes) -> bytes:
        """Return the payload; see `BodyWriter`."""
        return payload[: framing.start] + self.checked(now)

    def checked(self, now: str | bytes) -> bytes:
        """Return a JSON text, if the schema allows it. Raises Misfit."""
        for failure in self._schema.check([now]):
            raise Misfit(failure.path or "", failure.reason)
        return now.encode() if isinstance(now, str) else now


def _json(now: str | bytes) -> bytes:
    read(now)
    return now.encode() if isinstance(now, str) else now
