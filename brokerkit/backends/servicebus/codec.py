"""Convert received and peeked messages to columns, and encode messages for the client library.

A message that the library would change or refuse is refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from azure.servicebus.amqp import AmqpAnnotatedMessage

from brokerkit.core.contract.garbage_collection import gc_paused
from brokerkit.core.vocabulary.attributes import Attributes, AttributeValue, Pair, type_name
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError, TooLarge
from brokerkit.core.vocabulary.messages import OutboundMessage, to_microseconds

from .amqp import APPLICATION_PROPERTIES, PROPERTIES, Malformed, sections, text_or_bytes
from .body import KINDS, body_of, payload_of
from .properties import (
    BODY_TYPE,
    FIELDS,
    KNOWN,
    MESSAGE_ID,
    PARTITION_KEY,
    PLACES,
    PREFIX,
    READ_ONLY,
    SCHEDULED,
    TIME_TO_LIVE,
    amqp_properties,
    enqueue_time,
    milliseconds_to_live,
    read_annotations,
    read_properties,
)

ENQUEUED = b"x-opt-enqueued-time"
NO_TIMES = frozenset({0, -62_135_596_800_000})
"""Milliseconds that mean no time: zero, and the first instant that .NET knows."""
PARTITION_BITS = 48
"""In a partitioned entity, the bits of a sequence number above these name the partition."""
MAX_KEY = 128
MAX_ATTRIBUTE_BYTES = 64 * 1024
"""How large the attributes of a message may be together. The service's documentation gives the limit."""
SCHEDULED_ANNOTATION = "x-opt-scheduled-enqueue-time"
PARTITION_ANNOTATION = "x-opt-partition-key"
_INT64 = range(-(2**63), 2**63)


def to_columns(messages: Sequence[Any], topic: str, *, delivered: bool, attributes: bool = True) -> Columns:
    """Return the columns of messages.

    Args:
        messages: Messages of the client library.
        topic: The name shown for all of them.
        delivered: Whether they were taken, so that this delivery counts as well.
        attributes: Whether to include attributes.
    """
    if not messages:
        return Columns.empty()
    with gc_paused():
        rows = [_row(message, attributes) for message in messages]
        numbers = [int(message.sequence_number or 0) for message in messages]
        partitions = [number >> PARTITION_BITS or None for number in numbers]
        times = [_enqueued(message) for message in messages]
        counts = [(message.delivery_count or 0) + delivered for message in messages]
        for message in messages:
            # the columns now hold all that it said
            message.wire = b""
        keys, values, pairs = map(list, zip(*rows, strict=True))
        return Columns(
            len(messages),
            topic=topic,
            partition=partitions if any(partitions) else None,
            offset=numbers,
            id=list(map(str, numbers)),
            key=keys if any(key is not None for key in keys) else None,
            value=values,
            attributes=pairs if any(pairs) else None,
            publish_time=times,
            ingestion_time=times,
            delivery_count=counts,
        )


def _row(message: Any, attributes: bool) -> tuple[bytes | None, bytes | None, list[Pair] | None]:
    """Return the key, payload and attributes of a message."""
    try:
        parts = list(sections(message.wire))
        by_code = {part.code: part for part in parts}
        listed = by_code[PROPERTIES].value() if PROPERTIES in by_code else None
        given = by_code[APPLICATION_PROPERTIES].value() if APPLICATION_PROPERTIES in by_code else None
    except Malformed:
        parts, listed, given = [], None, None
    payload, kind = payload_of(message, parts, message.whole and bool(parts))
    key = _read_key(message)
    if not attributes:
        return key, payload, None
    pairs: list[Pair] = []
    for name, value in given or _forgotten(message.application_properties):
        pairs.append((FIELDS.shown(_as_text(name)), _attribute(value)))
    pairs.extend(read_properties(_properties(message) if listed is None else listed))
    if kind is not None:
        pairs.append((BODY_TYPE, kind))
    pairs.extend(read_annotations(message))
    return key, payload, pairs or None


def _read_key(message: Any) -> bytes | None:
    key = message.session_id if message.session_id is not None else message.partition_key
    if key is None:
        return None
    return key if isinstance(key, bytes) else str(key).encode("utf-8")


def _enqueued(message: Any) -> int | None:
    found = message.raw_amqp_message.annotations
    milliseconds = found.get(ENQUEUED) if found else None
    return None if milliseconds is None or milliseconds in NO_TIMES else int(milliseconds) * 1000


def _attribute(value: Any) -> Any:
    """Return a value as attributes hold it. Values of other types become text."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float | bytes | datetime) or value is None:
        return value
    try:
        type_name(value)
    except TypeError:
        return str(value)
    return value


def _as_text(name: Any) -> str:
    return name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else str(name)


def _forgotten(found: Any) -> list[tuple[Any, Any]]:
    """Return application properties as the client library has them, if the encoded form is missing."""
    return [(name, text_or_bytes(value)) for name, value in (found or {}).items()]


def _properties(message: Any) -> list[Any]:
    found = message.raw_amqp_message.properties
    values: list[Any] = [None] * (max(PLACES.values()) + 1)
    if found is not None:
        for name, place in PLACES.items():
            value = getattr(found, "reply_to_group_id" if name == "reply_to_session_id" else name)
            values[place] = value if name == "user_id" else text_or_bytes(value)
    return values


def encode(message: OutboundMessage, *, named: bool) -> AmqpAnnotatedMessage:
    """Return the message to send.

    Its key becomes the session id, or the partition key with ``$sb.partition_key``. In a message that was
    read and is sent again, an attribute that has the name of a property of the service but no value of one
    was a property elsewhere, and is sent as an application property.

    Args:
        message: The message to encode.
        named: Whether `dedup_id` becomes the message id, by which the entity recognizes duplicates.

    Raises:
        ConfigError: A field has a value that cannot be carried.
        TooLarge: The attributes are larger than the service accepts.
        TypeError: A field has a type that cannot be carried.
    """
    given: dict[str, AttributeValue] = {}
    carried: dict[str, Any] = {}
    for name, value in message.attributes:
        stray = message.sent_again is not None and is_foreign((name, value))
        if name.startswith(PREFIX) and not stray:
            given[name] = value
            continue
        sent = _text(name if stray else FIELDS.sent(name), "an attribute's name")
        if sent in carried:
            raise ConfigError(f"two attributes are to be sent as the property {sent!r}: leave one out")
        carried[sent] = _typed(name, value)
    if carried:
        _check_size(message.attributes)
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
        if name == TIME_TO_LIVE:
            milliseconds_to_live(value)
        elif name == SCHEDULED:
            enqueue_time(value)
        else:
            amqp_properties({name: value})
    except (ConfigError, TypeError):
        return False
    return True


def is_foreign(pair: Pair) -> bool:
    """Return whether an attribute has a name of the service and cannot be its property: one of elsewhere."""
    name, value = pair
    if not name.startswith(PREFIX) or name in READ_ONLY or (name in KNOWN and value is None):
        return False
    return not can_be_set(pair)


def keeps(pair: Pair) -> bool:
    """Return whether an attribute is read as it was sent: a property that publishing sets, or another one.

    AMQP keeps the milliseconds of a time, and integers of 64 bits.
    """
    name, value = pair
    if name.startswith(PREFIX):
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


def _check_size(attributes: Attributes) -> None:
    """Raise TooLarge if text and bytes alone are above the limit of attributes."""
    parts = (part for pair in attributes for part in pair if isinstance(part, str | bytes))
    size = sum(len(part.encode("utf-8") if isinstance(part, str) else part) for part in parts)
    if size > MAX_ATTRIBUTE_BYTES:
        raise TooLarge(
            f"the attributes have {size:,} bytes; a message may have {MAX_ATTRIBUTE_BYTES:,} of them here: "
            "put what is large into the payload"
        )


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
