"""Convert messages of the library to columns, and messages to publish to arguments of the library.

A message that the library would change is refused.
"""

from __future__ import annotations

import contextlib
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from brokerkit.core.vocabulary.attributes import UNREADABLE
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.lazy_columns import Milliseconds
from brokerkit.core.vocabulary.messages import OutboundMessage

from .fields import FIELDS, SCHEMA, arguments, is_field, is_foreign, shown
from .names import split_partition
from .positions import pack
from .schemas import TopicSchemas, version_of

_split = lru_cache(maxsize=1024)(split_partition)
_NOT_TEXT = ((UNREADABLE, "the properties or the key are not UTF-8, which this client cannot read"),)


def to_columns(
    messages: Sequence[Any],
    *,
    found: Found | None = None,
    attributes: bool = True,
    counts: bool = False,
    schemas: TopicSchemas | None = None,
) -> Columns:
    """Return the columns of messages.

    Args:
        messages: Messages of the library, all of the same class.
        found: What is known of them already.
        attributes: Whether to include attributes.
        counts: Whether deliveries are counted.
        schemas: The schemas of the topic, as far as they are known.
    """
    found = Found.of(messages) if found is None else found
    if found.part is None:
        places = [_split(message.topic_name()) for message in messages]
        topic: Any = [topic for topic, _ in places]
        partition: Any = [partition for _, partition in places]
    else:
        topic, partition = _split(found.part)
    keys, pairs = _keys_and_attributes(messages, found.versions, schemas, attributes)
    return Columns(
        len(messages),
        topic=topic,
        partition=partition,
        position=found.positions,
        id=found.texts,
        key=keys,
        value=_values(messages, found.data),
        attributes=pairs,
        # the client returns zero if there is none
        publish_time=Milliseconds(each(messages, "publish_timestamp"), 0),
        delivery_count=[count + 1 for count in each(messages, "redelivery_count")] if counts else None,
    )


def each(objects: Sequence[Any], name: str) -> list[Any]:
    """Return what a method of the library gives for each of some objects of one class."""
    return list(map(getattr(type(objects[0]), name), objects)) if objects else []


@dataclass(slots=True)
class Found:
    """What is known of messages before their columns are made, one of each for each message.

    Attributes:
        positions: Their positions.
        texts: Their ids as text.
        data: Their payloads.
        versions: The versions of their schemas.
        part: The topic or partition that all of them are from, or None.
    """

    positions: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    versions: list[int | None] = field(default_factory=list)
    part: str | None = None

    @classmethod
    def of(
        cls,
        messages: Sequence[Any],
        ids: Sequence[Any] | None = None,
        data: list[bytes] | None = None,
        part: str | None = None,
    ) -> Found:
        """Return it for messages.

        Args:
            messages: Messages of the library, all of the same class.
            ids: Their ids of the library, if they are at hand.
            data: Their payloads, if they are at hand.
            part: The topic or partition that all of them are from, if it is one.
        """
        ids = each(messages, "message_id") if ids is None else ids
        ledgers, entries, places = each(ids, "ledger_id"), each(ids, "entry_id"), each(ids, "batch_index")
        return cls(
            list(map(pack, ledgers, entries, places)),
            texts_of(ids),
            each(messages, "data") if data is None else data,
            versions_of(messages),
            part,
        )


def texts_of(ids: Sequence[Any]) -> list[str]:
    """Return ids of the library as the texts that frames show."""
    columns = (each(ids, name) for name in ("ledger_id", "entry_id", "partition", "batch_index"))
    return [
        f"{ledger}:{entry}:{partition}:{place}"
        for ledger, entry, partition, place in zip(*columns, strict=True)
    ]


def versions_of(messages: Sequence[Any]) -> list[int | None]:
    """Return the version of the schema of each message of the library, or None without a schema."""
    with contextlib.suppress(UnicodeDecodeError):
        if not any(each(messages, "schema_version")):
            return [None] * len(messages)
    return list(map(version_of, messages))


def _values(messages: Sequence[Any], data: list[bytes]) -> Sequence[bytes | None]:
    absent = each(messages, "has_null_value")
    if not any(absent):
        return data
    return [None if null else payload for null, payload in zip(absent, data, strict=True)]


_Pairs = tuple[tuple[str, str], ...]


def _keys_and_attributes(
    messages: Sequence[Any],
    versions: Sequence[int | None],
    schemas: TopicSchemas | None,
    attributes: bool,
) -> tuple[Sequence[bytes | None], Sequence[_Pairs] | None]:
    """Return the keys and the attributes, which are None where they are not wanted."""
    plain = schemas is None or not any(
        schema is not None and schema.key_bytes for schema in map(schemas.of, set(versions))
    )
    if plain:
        with contextlib.suppress(UnicodeDecodeError):
            keys = [text.encode() if text else None for text in each(messages, "partition_key")]
            return keys, _attributes(messages, versions) if attributes else None
    read = [
        _key_and_attributes(message, version, schemas, attributes)
        for message, version in zip(messages, versions, strict=True)
    ]
    return [key for key, _ in read], [pairs for _, pairs in read] if attributes else None


def _attributes(messages: Sequence[Any], versions: Sequence[int | None]) -> list[_Pairs]:
    """Return the attributes of messages. Raises UnicodeDecodeError if those of one are not text."""
    pairs: list[_Pairs] = [
        tuple((FIELDS.shown(name), value) for name, value in properties.items()) if properties else ()
        for properties in each(messages, "properties")
    ]
    fields = ("event_timestamp", "ordering_key")
    if any(any(each(messages, name)) for name in fields) or {*versions} - {None}:
        rows = zip(pairs, messages, versions, strict=True)
        return [(*first, *shown(message, version)) for first, message, version in rows]
    return pairs


def _key_and_attributes(
    message: Any, version: int | None, schemas: TopicSchemas | None, attributes: bool
) -> tuple[bytes | None, _Pairs]:
    """Return the key and the attributes, which are none where they are not wanted."""
    try:
        text: str = message.partition_key()
    except UnicodeDecodeError:
        return None, _NOT_TEXT
    key = text.encode() or None
    schema = None if schemas is None else schemas.of(version)
    if schema is not None and schema.key_bytes and (text or not message.has_null_value()):
        with contextlib.suppress(ValueError):
            key = b64decode(text, validate=True)
    if not attributes:
        return key, ()
    try:
        properties = message.properties()
        fields = tuple(shown(message, version))
    except UnicodeDecodeError:
        return key, _NOT_TEXT
    return key, (*((FIELDS.shown(name), value) for name, value in properties.items()), *fields)


@dataclass(frozen=True, slots=True)
class Encoded:
    """The arguments of the library's `send_async`, and a note to report once it is sent."""

    content: bytes | None
    partition_key: str | None
    properties: dict[str, str] | None
    fields: dict[str, Any]
    note: str | None = None


def schema_named(message: OutboundMessage) -> str | None:
    """Return the name of the schema that a message to publish was written with, or None."""
    return next((str(value) for name, value in message.attributes if name == SCHEMA), None)


def encode(message: OutboundMessage, unset: str | None = None) -> Encoded:
    """Return the arguments for a message. Values and keys are checked before.

    Args:
        message: The message.
        unset: Why the schema that it names is not set; None if it is, or if it names none.

    In a message that was read and is sent again, an attribute that has the name of a field but no value of
    one was a property elsewhere, and is sent as a property.

    Raises:
        ConfigError: A text cannot be encoded as UTF-8, or a field of a new message has a wrong value.
    """
    properties: dict[str, str] = {}
    known: dict[str, Any] = {}
    foreign: list[str] = []
    for name, value in message.attributes:
        if not _is_text(name) or not _is_text(str(value)):
            raise ConfigError(f"attribute {name!r} has a character that UTF-8 cannot hold")
        lost = name == SCHEMA and unset is not None
        stray = lost or (message.sent_again is not None and is_foreign((name, value)))
        if is_field((name, value)) and not stray:
            known |= arguments(name, value)
            continue
        sent = name if stray else FIELDS.sent(name)
        if sent in properties:
            raise ConfigError(f"two attributes are to be sent as the property {sent!r}: leave one out")
        properties[sent] = str(value)
        if stray and not lost:
            foreign.append(name)
    key = None if message.key is None else message.key.decode()
    notes = [note for note in (FIELDS.note(foreign), _unset(unset)) if note]
    return Encoded(message.data, key, properties or None, known, "; ".join(notes) or None)


def _unset(reason: str | None) -> str | None:
    if reason is None:
        return None
    return f"sent without the version of its schema, {reason}; the property {SCHEMA!r} names it"


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
