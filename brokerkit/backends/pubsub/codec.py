"""Convert delivered messages to columns, and encode messages for the service.

A message that the service would refuse or change is refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from brokerkit.core.contract.garbage_collection import gc_paused
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError, TooLarge
from brokerkit.core.vocabulary.messages import OutboundMessage

from .limits import (
    MAX_ATTRIBUTES,
    MAX_KEY_BYTES,
    MAX_NAME_BYTES,
    MAX_REQUEST_BYTES,
    MAX_VALUE_BYTES,
    RESERVED,
)
from .methods import PubsubMessage

FRAME_BYTES = 16
"""The most bytes that a request adds to those of a message."""

_message = attrgetter("message")
_data = attrgetter("data")
_id = attrgetter("message_id")
_ordering_key = attrgetter("ordering_key")
_attribute_map = attrgetter("attributes")
_time = attrgetter("publish_time")
_attempt = attrgetter("delivery_attempt")


def to_columns(received: Sequence[Any], topic: str) -> Columns:
    """Return the columns of pulled messages. Attributes are sorted by name, since a map has no order."""
    if not received:
        return Columns.empty()
    with gc_paused():
        messages = list(map(_message, received))
        keys = [key.encode() if key else None for key in map(_ordering_key, messages)]
        pairs = [sorted(each.items()) if each else None for each in map(_attribute_map, messages)]
        attempts = [attempt or None for attempt in map(_attempt, received)]
        # a time that is not set arrives as zero
        times = [time.seconds * 1_000_000 + time.nanos // 1_000 or None for time in map(_time, messages)]
        return Columns(
            len(messages),
            topic=topic,
            id=list(map(_id, messages)),
            key=keys if any(keys) else None,
            value=list(map(_data, messages)),
            attributes=pairs if any(pairs) else None,
            publish_time=times,
            ingestion_time=times,
            delivery_count=attempts if any(attempts) else None,
        )


def encode(message: OutboundMessage) -> Any:
    """Return the message for a publish request. Raises ConfigError or TooLarge if it cannot be carried."""
    if message.data is None:
        raise ConfigError("Pub/Sub has no null payload: publish b'' with an attribute, or leave it out")
    if not message.data and not message.attributes:
        raise ConfigError("Pub/Sub takes no message without payload and attributes: give it an attribute")
    made = PubsubMessage(data=message.data, attributes=_attributes(message), ordering_key=_key(message.key))
    if size(made) > MAX_REQUEST_BYTES:
        raise TooLarge(
            f"the message has {made.ByteSize():,} bytes with its attributes; "
            f"the service takes {MAX_REQUEST_BYTES:,} in a request"
        )
    return made


def size(made: Any) -> int:
    """Return the most bytes that an encoded message takes in a request."""
    return int(made.ByteSize()) + FRAME_BYTES


def _key(key: bytes | None) -> str:
    if key is None:
        return ""
    if not key:
        raise ConfigError("Pub/Sub cannot tell an empty key from none: use key=None or a longer key")
    if len(key) > MAX_KEY_BYTES:
        raise ConfigError(f"a key may have {MAX_KEY_BYTES:,} bytes here, not {len(key):,}")
    try:
        return key.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(
            "a key must be UTF-8 text here (an ordering key): encode it, for example as base64"
        ) from None


def _attributes(message: OutboundMessage) -> dict[str, str]:
    if len(message.attributes) > MAX_ATTRIBUTES:
        raise ConfigError(
            f"a message may have {MAX_ATTRIBUTES} attributes here, not {len(message.attributes)}"
        )
    found: dict[str, str] = {}
    for name, value in message.attributes:
        if not isinstance(value, str):
            raise TypeError(f"attribute {name!r} is {type(value).__name__}; Pub/Sub carries text only")
        if name in found:
            raise ConfigError(f"attribute {name!r} is given twice, and Pub/Sub keeps only one")
        if name.startswith(RESERVED):
            raise ConfigError(f"attribute {name!r}: names that begin with {RESERVED!r} are Google's own")
        if _length(name) > MAX_NAME_BYTES or _length(value) > MAX_VALUE_BYTES:
            raise ConfigError(
                f"attribute {name[:40]!r} is too long: a name may have {MAX_NAME_BYTES} bytes, "
                f"a value {MAX_VALUE_BYTES:,}"
            )
        found[name] = value
    return found


def _length(text: str) -> int:
    try:
        return len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise ConfigError(f"{text[:40]!r} cannot be written as UTF-8 (lone surrogates)") from None
