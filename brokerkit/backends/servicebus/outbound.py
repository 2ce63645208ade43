"""Encode messages for the client library. A message that it would change or refuse is refused here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from azure.servicebus.amqp import AmqpAnnotatedMessage

from brokerkit.core.vocabulary.attributes import AttributeValue, Pair
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage, to_microseconds

from .body import KINDS, body_of
from .properties import (
    BODY_TYPE,
    KNOWN,
    MESSAGE_ID,
    PARTITION_KEY,
    PREFIX,
    READ_ONLY,
    SCHEDULED,
    TIME_TO_LIVE,
    amqp_properties,
    enqueue_time,
    milliseconds_to_live,
)

MAX_KEY = 128
SCHEDULED_ANNOTATION = "x-opt-scheduled-enqueue-time"
PARTITION_ANNOTATION = "x-opt-partition-key"
_INT64 = range(-(2**63), 2**63)


def encode(message: OutboundMessage, *, named: bool) -> AmqpAnnotatedMessage:
    """Return the message to send.

    Its key becomes the session id, or the partition key with ``$sb.partition_key``.

    Args:
        message: The message to encode.
        named: Whether `dedup_id` becomes the message id, by which the entity recognizes duplicates.

    Raises:
        ConfigError: A field has a value that cannot be carried.
        TypeError: A field has a type that cannot be carried.
    """
    given: dict[str, AttributeValue] = {}
    carried: dict[str, Any] = {}
    for name, value in message.attributes:
        if name.startswith(PREFIX):
            given[name] = value
        else:
            carried[_text(name, "an attribute's name")] = _typed(name, value)
    if unknown := sorted(given.keys() - KNOWN):
        raise ConfigError(
            f"attribute {unknown[0]!r}: names that begin with {PREFIX!r} are those of Service Bus's own "
            f"properties: {', '.join(sorted(KNOWN))}"
        )
    properties = amqp_properties(given)
    if named and message.dedup_id is not None and given.get(MESSAGE_ID) is None:
        properties["message_id"] = message.dedup_id
    annotations: dict[str, Any] = {}
    key = _key(message.key)
    partition_key = given.get(PARTITION_KEY)
    if partition_key is not None:
        if key not in (None, partition_key):
            raise ConfigError(f"{PARTITION_KEY} and the key of a message must be the same")
        annotations[PARTITION_ANNOTATION] = partition_key
    elif key is not None:
        properties["group_id"] = key
    if given.get(SCHEDULED) is not None:
        annotations[SCHEDULED_ANNOTATION] = enqueue_time(given[SCHEDULED])
    header: dict[str, Any] = {}
    if given.get(TIME_TO_LIVE) is not None:
        header["time_to_live"] = milliseconds_to_live(given[TIME_TO_LIVE])
    if message.data is None and not (properties or carried):
        # an encoded message must have at least one section
        header["durable"] = True
    return AmqpAnnotatedMessage(
        **body_of(message.data, _body_type(given.get(BODY_TYPE))),
        header=header or None,
        properties=properties or None,
        application_properties=carried or None,
        annotations=annotations or None,
    )


def can_be_set(pair: Pair) -> bool:
    """Return whether an attribute is a property that publishing sets, with a value that it accepts."""
    name, value = pair
    if name not in KNOWN - READ_ONLY or value is None:
        return False
    if name == BODY_TYPE:
        return value in KINDS
    if name == PARTITION_KEY:
        return isinstance(value, str)
    try:
        encode(OutboundMessage(b"", attributes=[pair]), named=False)
    except (ConfigError, TypeError):
        return False
    return True


def keeps(pair: Pair) -> bool:
    """Return whether an attribute is read as it was sent: a property that publishing sets, or another one.

    AMQP keeps the milliseconds of a time, and integers of 64 bits.
    """
    name, value = pair
    if name[:1] in ("", "$"):
        return can_be_set(pair)
    if isinstance(value, datetime):
        return value.microsecond % 1000 == 0
    return not isinstance(value, int) or -(2**63) <= value < 2**64


def _body_type(value: AttributeValue) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{BODY_TYPE} must be text, not {value!r}")
    return value


def _key(key: bytes | None) -> str | None:
    if key is None:
        return None
    try:
        text = key.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(
            "a key must be UTF-8 text here (a session id): encode it, for example as base64"
        ) from None
    if not text:
        raise ConfigError("Service Bus cannot tell an empty key from none: use key=None or a longer key")
    if len(text) > MAX_KEY:
        raise ConfigError(f"a key may have {MAX_KEY} characters here (a session id), not {len(text):,}")
    return text


def _text(text: str, what: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(f"{what}, {text[:40]!r}, cannot be written as UTF-8 (lone surrogates)") from None
    return text


def _typed(name: str, value: AttributeValue) -> Any:
    """Return a value that the client library encodes with its own type."""
    if isinstance(value, str):
        return _text(value, f"the value of attribute {name!r}")
    if isinstance(value, bytes):
        return {"TYPE": "BINARY", "VALUE": value}
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        if value in _INT64:
            return {"TYPE": "LONG", "VALUE": value}
        if 0 <= value < 2**64:
            return {"TYPE": "ULONG", "VALUE": value}
        raise ConfigError(f"attribute {name!r} is {value}, which does not fit 64 bits")
    if isinstance(value, datetime):
        microseconds = to_microseconds(value)
        if microseconds % 1000:
            raise ConfigError(
                f"attribute {name!r} is a time with microseconds, and AMQP keeps milliseconds: round it"
            )
        return {"TYPE": "TIMESTAMP", "VALUE": microseconds // 1000}
    return value
