"""Convert messages of the library to columns, and messages to publish to arguments of the library.

A message that the library would change is refused.
"""

from __future__ import annotations

import contextlib
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from brokerkit.core.vocabulary.attributes import UNREADABLE
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage

from .fields import FIELDS, SCHEMA, arguments, is_field, is_foreign, shown
from .names import split_partition
from .positions import id_text, position_of
from .schemas import TopicSchemas

_split = lru_cache(maxsize=1024)(split_partition)


def to_columns(
    messages: Sequence[Any],
    ids: Sequence[Any] | None = None,
    *,
    data: Sequence[bytes] | None = None,
    attributes: bool = True,
    counts: bool = False,
    schemas: TopicSchemas | None = None,
) -> Columns:
    """Return the columns of messages.

    Args:
        messages: Messages of the library.
        ids: Their ids, if they are at hand.
        data: Their payloads, if they are at hand.
        attributes: Whether to include attributes.
        counts: Whether deliveries are counted.
        schemas: The schemas of the topic, as far as they are known.
    """
    ids = [message.message_id() for message in messages] if ids is None else ids
    data = [message.data() for message in messages] if data is None else data
    places = [_split(message.topic_name()) for message in messages]
    return Columns(
        len(messages),
        topic=[topic for topic, _ in places],
        partition=[partition for _, partition in places],
        position=[position_of(each) for each in ids],
        id=[id_text(each) for each in ids],
        key=[_key(message, schemas) for message in messages],
        value=[
            None if message.has_null_value() else payload
            for message, payload in zip(messages, data, strict=True)
        ],
        attributes=[_attributes(message) for message in messages] if attributes else None,
        # the client returns zero if there is none
        publish_time=[message.publish_timestamp() * 1000 or None for message in messages],
        delivery_count=[message.redelivery_count() + 1 for message in messages] if counts else None,
    )


def _key(message: Any, schemas: TopicSchemas | None) -> bytes | None:
    try:
        text: str = message.partition_key()
    except UnicodeDecodeError:
        return None
    schema = None if schemas is None else schemas.of(message)
    if schema is not None and schema.key_bytes and (text or not message.has_null_value()):
        with contextlib.suppress(ValueError):
            return b64decode(text, validate=True)
    return text.encode() or None


def _attributes(message: Any) -> tuple[tuple[str, str], ...]:
    try:
        message.partition_key()
        properties = message.properties()
        return (*((FIELDS.shown(name), value) for name, value in properties.items()), *shown(message))
    except UnicodeDecodeError:
        return ((UNREADABLE, "the properties or the key are not UTF-8, which this client cannot read"),)


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
