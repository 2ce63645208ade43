"""What gives the values of a decoder by name their type before a topic is read: its schemas or messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound
from brokerkit.frames.codecs.body_writers import protobuf_schema
from brokerkit.frames.codecs.extras import MissingExtra
from brokerkit.frames.codecs.framing import Framing
from brokerkit.frames.codecs.typed_bodies import Known
from brokerkit.frames.object_decoder import NAMES as OBJECT_NAMES
from brokerkit.frames.object_decoder import ObjectColumns, object_columns
from brokerkit.frames.own_schemas import NAMES, OwnSchemas
from brokerkit.frames.schema_decoder import SchemaDecoder, avro_target, protobuf_target
from brokerkit.frames.typed import TypedDecoder
from brokerkit.registry import RegisteredSchema, Registry, SchemaRef, SchemaSource
from brokerkit.registry.subjects import Subjects

from .newest_payloads import named_schemas, newest_payloads

if TYPE_CHECKING:
    from .base import BrokerSession
    from .options import ReadOptions

SEEN = 500
"""How many of the first and of the newest messages say which type MessagePack and CBOR have."""

TYPES = {"avro": "AVRO", "protobuf": "PROTOBUF"}


@dataclass(frozen=True)
class _Found:
    """A schema of a topic, and how a message names it and its part of a file."""

    known: Known
    framing: Framing | None = None


def planned(session: BrokerSession, topics: Sequence[str], reading: ReadOptions) -> ReadOptions:
    """Return the arguments of a read with decoders whose type is known.

    Raises:
        ConfigError: A decoder by name is given, and the topics have no schemas, or not those of its format.
        Unavailable: The registry or the system did not answer.
    """
    decode = _planned(session, topics, reading.decode, "decode")
    decode_key = _planned(session, topics, reading.decode_key, "decode_key")
    return replace(reading, decode=decode, decode_key=decode_key)


def _planned(session: BrokerSession, topics: Sequence[str], decode: Any, argument: str) -> Any:
    source = session.schema_source
    if isinstance(decode, TypedDecoder) and decode.skips_frame and source is not None:
        return _with_frames(decode, source)
    if isinstance(decode, str) and decode in OBJECT_NAMES:
        return _of_objects(session, topics, decode, key=argument == "decode_key") or decode
    if isinstance(decode, str) and decode in NAMES:
        decode = OwnSchemas(decode)
    if not isinstance(decode, OwnSchemas):
        return decode
    if source is None:
        raise ConfigError(
            f"{argument}={decode.format!r} reads each payload by the schema that it names, and this session "
            'has no schema registry: connect with registry="http://HOST:8081", or give the schema: '
            f"{argument}=brokerkit.{decode.format}(schema)"
        )
    try:
        if decode.format == "avro":
            return _avro(session, topics, decode, argument, source)
        return _protobuf(session, topics, decode, argument, source)
    except MissingExtra as error:
        raise ConfigError(str(error)) from error


def _of_objects(
    session: BrokerSession, topics: Sequence[str], format: str, *, key: bool
) -> ObjectColumns | None:
    """Return a decoder with the type of the first and the newest messages; None if they have none."""
    payloads: list[bytes] = []
    for topic in topics:
        for newest in (False, True):
            try:
                found = newest_payloads(session, topic, key=key, count=SEEN, newest=newest)
            except BrokerError:
                # what reads the topic says what is wrong with it
                continue
            payloads.extend(payload for payload, _ in found)
    return object_columns(format, payloads)


def _with_frames(decoder: TypedDecoder, source: SchemaSource) -> SchemaDecoder:
    """Return a decoder that reads payloads of other schemas than its own by the one that they name."""
    if decoder.format == "avro":
        known = (Known(RegisteredSchema("AVRO", decoder.reader)),)
        return SchemaDecoder("avro", decoder.name, avro_target, known, source, decoder)
    return SchemaDecoder("protobuf", decoder.name, protobuf_target, decoder.source, source, decoder)


def _avro(
    session: BrokerSession, topics: Sequence[str], decode: OwnSchemas, argument: str, source: SchemaSource
) -> SchemaDecoder:
    if decode.is_given:
        given = (Known(RegisteredSchema("AVRO", decode.reader)),)
        return SchemaDecoder("avro", avro_target(given).title, avro_target, given, source)
    found = _schemas(session, topics, decode, argument, source)
    label = found[-1].known.schema.label
    if decode.reader == "union":
        known = tuple(each.known for each in found)
        label = f"{label} and {len(known) - 1} before" if len(known) > 1 else label
        return SchemaDecoder("avro", label, avro_target, known, source)
    return SchemaDecoder("avro", label, avro_target, (found[-1].known,), source)


def _protobuf(
    session: BrokerSession, topics: Sequence[str], decode: OwnSchemas, argument: str, source: SchemaSource
) -> SchemaDecoder:
    newest = _schemas(session, topics, decode, argument, source)[-1]
    registered = newest.known.schema
    schema = protobuf_schema(registered, dict(newest.known.references))
    framing = newest.framing
    if decode.message is not None or registered.message is not None:
        message = schema.message(decode.message or registered.message)
    elif framing is not None and framing.message is not None:
        message = schema.message(framing.message)
    else:
        message = schema.message_at((0,) if framing is None or framing.indexes is None else framing.indexes)
    name = message.full_name
    return SchemaDecoder("protobuf", f"{registered.label} {name}", protobuf_target, (schema, name), source)


def _schemas(
    session: BrokerSession, topics: Sequence[str], decode: OwnSchemas, argument: str, source: SchemaSource
) -> list[_Found]:
    """Return the schemas of topics, the newest last; only the newest, if no others are wanted."""
    wanted: list[_Found] = []
    newest: list[_Found] = []
    for topic in topics:
        found = _of_topic(session, topic, decode, source, key=argument == "decode_key")
        if not found:
            raise ConfigError(
                f"no schema of {topic!r} is known to {source.name}, so that {argument}={decode.format!r} has "
                f"no type: give the schema, {argument}=brokerkit.{decode.format}(schema), or leave it to "
                f'{argument}="auto"'
            )
        type = found[-1].known.schema.type
        if type != TYPES[decode.format]:
            raise ConfigError(
                f"the newest schema of {topic!r}, {found[-1].known.schema.label}, is {type}: "
                f"{argument}={decode.format!r} cannot read it"
            )
        wanted.extend(each for each in found if each.known.schema.type == type)
        newest.append(found[-1])
    if decode.reader != "union" and len({each.known.texts for each in newest}) > 1:
        raise ConfigError(
            f"the topics have different schemas: scan them one by one, or say which type the values are to "
            f'have: {argument}=brokerkit.avro(reader="union") or brokerkit.avro(reader=schema)'
        )
    return wanted


def _of_topic(
    session: BrokerSession, topic: str, decode: OwnSchemas, source: SchemaSource, *, key: bool
) -> list[_Found]:
    """Return the schemas of one topic, the newest last, wherever they are known from first."""
    all_of_them = decode.reader == "union"
    framings: list[Framing] = []
    if decode.format == "protobuf":
        # which message of a file it is, only the messages say
        framings = [framing for _, framing in named_schemas(session, topic, source, key=key)]
    for schemas in (
        _of_registry(session, topic, all_of_them, key=key),
        _of_system(session, topic, all_of_them, source, key=key),
    ):
        found = [Known(each, tuple(source.with_references(each).items())) for each in schemas]
        if found:
            return [_Found(each, framings[-1] if framings else None) for each in found]
    return [
        _Found(Known(schema, tuple(source.with_references(schema).items())), framing)
        for schema, framing in named_schemas(session, topic, source, key=key)
    ]


def _of_registry(
    session: BrokerSession, topic: str, all_of_them: bool, *, key: bool
) -> Iterator[RegisteredSchema]:
    registry = session.registry
    if registry is None:
        return
    subject = f"{topic}-{'key' if key else 'value'}"
    with suppress(NotFound):
        if all_of_them:
            yield from _versions(registry, subject)
        else:
            yield registry.by_version(subject, "latest")
        return
    registry.client.refuse_if_no_registry()


def _versions(registry: Registry, subject: str) -> Iterator[RegisteredSchema]:
    for number in Subjects(registry.client).versions(subject):
        # a version may be deleted since it was listed
        with suppress(NotFound):
            yield registry.by_version(subject, number)


def _of_system(
    session: BrokerSession, topic: str, all_of_them: bool, source: SchemaSource, *, key: bool
) -> Iterator[RegisteredSchema]:
    kind = session.capabilities.schemas
    if not kind:
        return
    names = session.inspector.schema_names(topic)
    for name in names if all_of_them else names[-1:]:
        yield source.resolve(SchemaRef(f"{kind} key" if key else kind, name))
