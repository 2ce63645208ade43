"""Convert the fields that only messages of Pulsar have to and from attributes.

The fields are::

    $pulsar.event_time     when it happened, by its producer: milliseconds since 1970
    $pulsar.ordering_key   the key that selects the consumer of a key_shared subscription, if not its key
    $pulsar.schema         the schema it was written with: its topic and the version, as ``TOPIC@3``

They are set again when a message with these attributes is published: the third where it comes from the
same brokers and the client library can be given that schema; else it is sent as a property of this name. A
property that a producer gave one of these names is shown with ``bk-`` before it. The client library does not
tell the delivery time and the sequence id of a message, or sets them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from brokerkit.core.contract.own_fields import OwnFields
from brokerkit.core.vocabulary.attributes import Pair
from brokerkit.core.vocabulary.errors import ConfigError

from .definitions import AT, schema_name
from .names import split_partition

PREFIX = "$pulsar."
EVENT_TIME = "$pulsar.event_time"
ORDERING_KEY = "$pulsar.ordering_key"
SCHEMA = "$pulsar.schema"
FIELDS = OwnFields(PREFIX)
MOST_MILLIS = 2**64 - 1


def shown(message: Any, version: int | None) -> Iterator[tuple[str, str]]:
    """Yield the fields of a message of the library, and of its schema.

    Raises UnicodeDecodeError for a key that is not text.
    """
    millis = message.event_timestamp()
    if millis:
        yield EVENT_TIME, str(millis)
    key = message.ordering_key()
    if key:
        yield ORDERING_KEY, key
    if version is not None:
        yield SCHEMA, _schema_of(message.topic_name(), version)


@lru_cache(maxsize=1024)
def _schema_of(topic: str, version: int) -> str:
    return schema_name(split_partition(topic)[0], version)


def arguments(name: str, value: object) -> dict[str, Any]:
    """Return the library's arguments for an attribute that is such a field; none for a schema.

    Raises ConfigError.
    """
    text = str(value)
    if name == ORDERING_KEY and text:
        return {"ordering_key": text}
    if name == EVENT_TIME and text.isascii() and text.isdigit() and 0 < int(text) <= MOST_MILLIS:
        return {"event_timestamp": int(text)}
    if name == SCHEMA and AT in text:
        return {}
    if name in (EVENT_TIME, ORDERING_KEY):
        wanted = "milliseconds since 1970, above 0" if name == EVENT_TIME else "a non-empty string"
        raise ConfigError(f"attribute {name!r} must be {wanted}, not {text!r:.60}")
    raise ConfigError(f"Pulsar has no message field {name!r}: expected {EVENT_TIME} or {ORDERING_KEY}")


def can_be_set(pair: Pair) -> bool:
    """Return whether an attribute is a field that may be given to `arguments`."""
    try:
        return is_field(pair) and isinstance(pair[1], str) and arguments(*pair) is not None
    except ConfigError:
        return False


def keeps(pair: Pair) -> bool:
    """Return whether an attribute is read as it was sent: a field that publishing sets, or a property."""
    name, value = pair
    if name == SCHEMA:
        return False
    return can_be_set(pair) or (isinstance(value, str) and not name.startswith(PREFIX))


def is_field(pair: Pair) -> bool:
    """Return whether an attribute is a field of the message rather than a property."""
    return pair[0].startswith(PREFIX)


def is_foreign(pair: Pair) -> bool:
    """Return whether an attribute has the name of a field and cannot be one: a property of another system."""
    return is_field(pair) and not can_be_set(pair)
