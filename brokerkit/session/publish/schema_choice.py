"""The schema and the framing with which values are published."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound
from brokerkit.frames.auto.fingerprints import KIND, fingerprint_ref
from brokerkit.frames.codecs.avro.schema import SchemaError, parse_schema
from brokerkit.frames.codecs.body_writers import avro_type, protobuf_schema
from brokerkit.frames.codecs.extras import MissingExtra
from brokerkit.frames.codecs.framing import (
    FRAMINGS,
    Framing,
    FramingName,
    framing_like,
    framing_word,
    new_framing,
    written,
)
from brokerkit.frames.codecs.json_schema import JsonSchema
from brokerkit.frames.codecs.payload_writers import (
    AvroValues,
    JsonValues,
    ObjectValues,
    PayloadWriter,
    ProtobufValues,
    Values,
)
from brokerkit.frames.codecs.protobuf import ProtobufSchema
from brokerkit.frames.codecs.protobuf.descriptors import is_same, place_of
from brokerkit.frames.own_schemas import OwnSchemas
from brokerkit.frames.typed import TypedDecoder
from brokerkit.registry import RegisteredSchema, Registry, SchemaRef
from brokerkit.registry.subjects import Subjects

from .topic_framing import framing_of

if TYPE_CHECKING:
    from ..base import BrokerSession

Schema: TypeAlias = "str | int | bool | TypedDecoder | OwnSchemas"

FORMATS = ("msgpack", "cbor")


def payload_writer(
    session: BrokerSession,
    topic: str,
    schema: Schema | None,
    framing: FramingName | None = None,
    format: str | None = None,
) -> PayloadWriter | None:
    """Return what writes the payloads for a topic; None if no schema and no format is given.

    Args:
        schema: As in `Session.publish`.
        framing: As in `Session.publish`.
        format: As in `Session.publish`.

    Raises:
        ConfigError: There is no such schema, it cannot be used, or an argument is wrong.
    """
    if framing is not None and framing not in FRAMINGS:
        known = ", ".join(map(repr, FRAMINGS))
        raise ConfigError(f"framing={framing!r} cannot be used; expected one of {known}, or None")
    if format is not None:
        return _without_schema(schema, framing, format)
    if schema is None or schema is False:
        if framing is not None:
            raise ConfigError("framing= is for payloads with a schema: give schema=, too")
        return None
    try:
        if isinstance(schema, TypedDecoder):
            return _of_decoder(session, topic, schema, framing)
        registry = _registry(session)
        if isinstance(schema, OwnSchemas):
            found = _of_topic(registry, topic, schema)
            return _framed(session, topic, registry, found, framing, schema.message)
        found = _registered(registry, topic, schema)
        return _framed(session, topic, registry, found, framing)
    except MissingExtra as error:
        raise ConfigError(str(error)) from error


def when_json(session: BrokerSession, topic: str, given: object) -> Callable[[], None]:
    """Return what is called for each object that becomes JSON.

    Args:
        given: What says how objects are to be written, such as a schema or False; None if nothing does.
    """
    if given is not None or session.read_only:
        return _nothing

    def tell() -> None:
        session.schema_notes.tell(topic)

    return tell


def _nothing() -> None:
    return None


def _without_schema(schema: Schema | None, framing: str | None, format: str) -> PayloadWriter:
    if format not in FORMATS:
        known = " or ".join(map(repr, FORMATS))
        raise ConfigError(f"format={format!r} cannot be used; expected {known}, or schema=")
    if schema is not None or framing is not None:
        raise ConfigError(f"format={format!r} has no schema: leave schema= and framing= out")
    return PayloadWriter(ObjectValues(format), format)


def _registry(session: BrokerSession) -> Registry:
    if session.registry is None:
        raise ConfigError(
            'this session has no schema registry: connect with registry="http://HOST:8081", or give '
            "schema=brokerkit.avro(...) or brokerkit.protobuf(...) to write payloads that name no schema"
        )
    return session.registry


def _of_topic(registry: Registry, topic: str, schema: OwnSchemas) -> RegisteredSchema:
    """Find the newest schema of a topic, for a decoder without a schema of its own."""
    if schema.reader != "newest":
        raise ConfigError(
            "reader= is for reading: publishing takes the newest schema of the topic without it"
        )
    found = _registered(registry, topic, True)
    if found.type != schema.format.upper():
        raise ConfigError(f"{found.label} is a schema of the type {found.type!r:.40}, not of {schema.format}")
    return found


def _registered(registry: Registry, topic: str, schema: str | int | bool) -> RegisteredSchema:
    """Find a schema by its subject, perhaps with a version, or by its id."""
    if schema is True:
        return _of_values(registry, topic)
    if isinstance(schema, int):
        return replace(registry.resolve(SchemaRef("id", schema)), ref=SchemaRef("id", schema))
    if not isinstance(schema, str) or not schema:
        raise ConfigError(
            f"schema={schema!r:.60} cannot be used; expected True for the topic's own, a subject such as "
            "'orders-value' or 'orders-value:3', an id, brokerkit.avro(...) or brokerkit.protobuf(...)"
        )
    subject, colon, version = schema.rpartition(":")
    if colon and subject and version.isdecimal():
        return registry.by_version(subject, int(version))
    return _newest(registry, topic, [schema, f"{schema}-value"])


def _of_values(registry: Registry, topic: str) -> RegisteredSchema:
    try:
        return _newest(registry, topic, [f"{topic}-value"])
    except ConfigError as error:
        try:
            registry.by_version(topic)
        except BrokerError:
            raise error from None
        own = f"{topic}-value"
        raise ConfigError(
            f"the schema registry {registry.name} has no subject {own!r} for this topic, but one "
            f"{topic!r}: schema={topic!r} takes that, and s.register_schema({own!r}, schema) registers "
            "one for the topic"
        ) from error


def _newest(registry: Registry, topic: str, subjects: list[str]) -> RegisteredSchema:
    for subject in subjects:
        with suppress(NotFound):
            return registry.by_version(subject)
    registry.client.refuse_if_no_registry()
    tried = " or ".join(map(repr, subjects))
    raise ConfigError(
        f"the schema registry {registry.name} has no subject {tried}: s.register_schema({topic!r}, schema) "
        "registers one, and s.schemas() lists what there is"
    )


def _of_decoder(
    session: BrokerSession, topic: str, decoder: TypedDecoder, framing: FramingName | None
) -> PayloadWriter:
    """Return the writer for a schema that was given itself, and is looked for in the registry, if any."""
    values: Values
    if decoder.format == "avro":
        try:
            values = AvroValues(parse_schema(decoder.source))
        except SchemaError as error:
            raise ConfigError(f"the Avro schema cannot be used: {error}") from error
        given = RegisteredSchema("AVRO", decoder.source)
    else:
        schema, name = decoder.source
        values = ProtobufValues(schema, schema.message(name))
        given = None
    if framing == "single-object" and given is not None:
        prefix, _ = written(new_framing(framing, fingerprint_ref(given, {})), b"", "value")
        return PayloadWriter(values, "the avro schema that was given, framing single-object", prefix)
    if framing == "bare" or (framing is None and session.registry is None):
        return PayloadWriter(values, f"the {values.format} schema that was given, bare")
    registry = _registry(session)
    subject = f"{topic}-value"
    if given is not None:
        found = Subjects(registry.client).find(subject, given)
    else:
        found = _with_message(registry, topic, *decoder.source)
    if found is None:
        raise ConfigError(
            f"the schema is not registered under {subject!r}: s.register_schema({topic!r}, schema) registers "
            'it, and framing="bare" writes payloads that name no schema'
        )
    indexes = None if given is not None else place_of(decoder.source[0].message(decoder.source[1]))
    return _named(session, topic, registry, found, framing, values, indexes)


def _with_message(registry: Registry, topic: str, schema: Any, name: str) -> RegisteredSchema | None:
    """Return the newest schema of a topic, if it has the same message."""
    found = _newest(registry, topic, [f"{topic}-value"])
    if found.type != "PROTOBUF":
        return None
    with suppress(ConfigError):
        other = protobuf_schema(found, registry.with_references(found)).message(name)
        mine = schema.message(name)
        if is_same(mine, other):
            return found
    return None


def _framed(
    session: BrokerSession,
    topic: str,
    registry: Registry,
    found: RegisteredSchema,
    framing: FramingName | None,
    message: str | None = None,
) -> PayloadWriter:
    references = registry.with_references(found)
    if found.type == "AVRO":
        values: Values = AvroValues(avro_type(found, references))
    elif found.type == "JSON":
        values = JsonValues(JsonSchema(found.text, {name: each.text for name, each in references.items()}))
    elif found.type == "PROTOBUF":
        return _protobuf(session, topic, registry, found, framing, message)
    else:
        raise ConfigError(
            f"{found.label} is a schema of the type {found.type!r:.40}, which is not written here"
        )
    return _named(session, topic, registry, found, framing, values, None)


def _protobuf(
    session: BrokerSession,
    topic: str,
    registry: Registry,
    found: RegisteredSchema,
    framing: FramingName | None,
    name: str | None,
) -> PayloadWriter:
    """Return the writer for a message: the named one, or that of the topic, or the first of the file."""
    schema = protobuf_schema(found, registry.with_references(found))
    message = _message_of_topic(session, topic, registry, schema) if name is None else schema.message(name)
    return _named(
        session, topic, registry, found, framing, ProtobufValues(schema, message), place_of(message), message
    )


def _message_of_topic(session: BrokerSession, topic: str, registry: Registry, schema: ProtobufSchema) -> Any:
    here = framing_of(session, topic, registry)
    indexes = here.indexes if here is not None and here.indexes is not None else (0,)
    with suppress(ConfigError):
        return schema.message(here.message) if here and here.message else schema.message_at(indexes)
    return schema.message_at((0,))


def _named(
    session: BrokerSession,
    topic: str,
    registry: Registry,
    found: RegisteredSchema,
    name: FramingName | None,
    values: Values,
    indexes: tuple[int, ...] | None,
    message: Any = None,
) -> PayloadWriter:
    """Return the writer with the framing that names a registered schema."""
    if name == "bare":
        return PayloadWriter(values, f"{values.format} of {found.label}, bare")
    framing = _framing(name, found, registry, framing_of(session, topic, registry) if name is None else None)
    if framing.encoding is not None and values.format != "json":
        # the topic may have other messages as JSON
        framing = replace(framing, encoding="binary")
    if values.format == "protobuf":
        by_name = framing.ref.kind in ("global", "content")
        full = None if message is None else message.full_name
        framing = replace(framing, indexes=None if by_name else indexes, message=full if by_name else None)
    try:
        prefix, attributes = written(framing, b"", "value")
    except ValueError as error:
        raise ConfigError(f"{found.label} cannot be named so: {error}") from error
    said = f"{found.label} ({framing.ref})" if found.label != str(framing.ref) else found.label
    return PayloadWriter(
        values, f"{values.format} of {said}, framing {framing_word(framing)}", prefix, attributes
    )


def _framing(
    name: FramingName | None, found: RegisteredSchema, registry: Registry, here: Framing | None
) -> Framing:
    """Return the framing of a name, or one like that of the topic, for a schema."""
    if found.ref is None:
        raise ConfigError(f"the registry does not say the id of {found.label}")
    if name == "single-object" or (here is not None and here.ref.kind == KIND):
        if found.type != "AVRO":
            raise ConfigError(f"framing='single-object' is for Avro, and {found.label} is {found.type}")
        return new_framing("single-object", fingerprint_ref(found, registry.with_references(found)))
    if here is not None:
        own = here.ref.kind in ("id", "guid")
        return framing_like(here, found.ref if own else _native_ref(here.ref.kind, found, registry))
    return new_framing(name, found.ref if name != "apicurio" else _native_ref("global", found, registry))


def _native_ref(kind: str, found: RegisteredSchema, registry: Registry) -> SchemaRef:
    if found.subject is None or found.version is None:
        raise ConfigError(
            f"this framing needs the subject of {found.label}: give it as schema='SUBJECT:VERSION'"
        )
    try:
        return SchemaRef(kind, registry.native_ids(found.subject, found.version)[kind])
    except BrokerError as error:
        raise ConfigError(f"the {kind} id of {found.label} is not known: {error}") from error
