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
        messages: Messages of the library.
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
    read = [
        _key_and_attributes(message, version, schemas, attributes)
        for message, version in zip(messages, found.versions, strict=True)
    ]
    return Columns(
        len(messages),
        topic=topic,
        partition=partition,
        position=found.positions,
        id=found.ids,
        key=[key for key, _ in read],
        value=[
            None if message.has_null_value() else payload
            for message, payload in zip(messages, found.data, strict=True)
        ],
        attributes=[pairs for _, pairs in read] if attributes else None,
        # the client returns zero if there is none
        publish_time=[message.publish_timestamp() * 1000 or None for message in messages],
        delivery_count=[message.redelivery_count() + 1 for message in messages] if counts else None,
    )


@dataclass(slots=True)
class Found:
    """What is known of messages that were read. Each call of the library takes a part of a microsecond.

    Attributes:
        positions: Their positions.
        ids: Their ids as text.
        data: Their payloads.
        versions: The versions of their schemas.
        part: The name of the partition or the topic of all of them; None if each says it.
    """

    positions: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    versions: list[int | None] = field(default_factory=list)
    part: str | None = None

    @classmethod
    def of(cls, messages: Sequence[Any]) -> Found:
        """Return it for messages of which nothing is known."""
        found = cls()
        for message in messages:
            found.add(message, message.message_id())
        return found

    def add(self, message: Any, message_id: Any) -> None:
        """Add a message and its id."""
        ledger, entry, batch = message_id.ledger_id(), message_id.entry_id(), message_id.batch_index()
        self.positions.append(pack(ledger, entry, batch))
        self.ids.append(f"{ledger}:{entry}:{message_id.partition()}:{batch}")
        self.data.append(message.data())
        self.versions.append(version_of(message))


def _key_and_attributes(
    message: Any, version: int | None, schemas: TopicSchemas | None, attributes: bool
) -> tuple[bytes | None, tuple[tuple[str, str], ...]]:
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
