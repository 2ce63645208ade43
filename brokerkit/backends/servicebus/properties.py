"""Convert the properties of Service Bus to and from attributes whose names begin with ``$sb.``.

These are read, and set again on publishing::

    $sb.message_id, $sb.correlation_id, $sb.subject, $sb.to, $sb.reply_to, $sb.reply_to_session_id,
    $sb.content_type, $sb.content_encoding, $sb.user_id
    $sb.time_to_live             seconds, rounded to milliseconds: the protocol has no shorter time
    $sb.scheduled_enqueue_time   a datetime, or its ISO text: not delivered before; to the millisecond as well
    $sb.partition_key            if the key is not a session id
    $sb.body_type                if the body is not data, see `body`

These are read, and have no effect on publishing::

    $sb.state                    "deferred" or "scheduled"
    $sb.dead_letter_source       the entity in which it was dead-lettered
    $sb.enqueued_sequence_number its first number, if it was forwarded

An application property that a producer gave a name beginning with ``$sb.`` is shown with ``bk-`` before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from azure.servicebus import ServiceBusMessageState

from brokerkit.core.contract.own_fields import OwnFields
from brokerkit.core.vocabulary.attributes import AttributeValue, Pair
from brokerkit.core.vocabulary.errors import ConfigError

PREFIX = "$sb."
FIELDS = OwnFields(PREFIX)
BODY_TYPE = PREFIX + "body_type"
PARTITION_KEY = PREFIX + "partition_key"
TIME_TO_LIVE = PREFIX + "time_to_live"
SCHEDULED = PREFIX + "scheduled_enqueue_time"
MESSAGE_ID = PREFIX + "message_id"

PLACES: Mapping[str, int] = {
    "message_id": 0,
    "user_id": 1,
    "to": 2,
    "subject": 3,
    "reply_to": 4,
    "correlation_id": 5,
    "content_type": 6,
    "content_encoding": 7,
    "reply_to_session_id": 12,
}
"""Where each stands in the list of a message's properties."""
READ_ONLY = frozenset(PREFIX + name for name in ("state", "dead_letter_source", "enqueued_sequence_number"))
KNOWN = frozenset(
    {PREFIX + name for name in PLACES} | {BODY_TYPE, PARTITION_KEY, TIME_TO_LIVE, SCHEDULED} | READ_ONLY
)

_IDS = frozenset({PREFIX + "message_id", PREFIX + "correlation_id"})
_MAX_ID = 128
_MAX_TTL_MS = 2**32 - 1


def read_properties(values: list[Any]) -> list[Pair]:
    """Return the properties of a received message as attributes. `values` is the encoded list."""
    return [
        (PREFIX + name, _attribute(values[place]))
        for name, place in PLACES.items()
        if place < len(values) and values[place] is not None
    ]


def _attribute(value: AttributeValue) -> AttributeValue:
    return str(value) if isinstance(value, str) else value


def read_annotations(message: Any) -> list[Pair]:
    """Return the annotations that the service adds to a message as attributes."""
    found: list[Pair] = []
    header = message.raw_amqp_message.header
    if header is not None and header.time_to_live:
        seconds, rest = divmod(header.time_to_live, 1000)
        found.append((TIME_TO_LIVE, seconds + rest / 1000 if rest else seconds))
    if message.raw_amqp_message.annotations:
        found.extend(_annotations(message))
    return found


def _annotations(message: Any) -> list[Pair]:
    scheduled, state = message.scheduled_enqueue_time_utc, message.state
    shown: list[tuple[str, AttributeValue]] = [
        (PARTITION_KEY, None if message.session_id is not None else message.partition_key),
        (SCHEDULED, scheduled if isinstance(scheduled, datetime) else None),
        (PREFIX + "dead_letter_source", message.dead_letter_source),
    ]
    if state in (ServiceBusMessageState.DEFERRED, ServiceBusMessageState.SCHEDULED):
        shown.append((PREFIX + "state", state.name.lower()))
    first = message.enqueued_sequence_number
    if first is not None and first not in (0, message.sequence_number):
        shown.append((PREFIX + "enqueued_sequence_number", first))
    return [(name, value) for name, value in shown if value is not None]


def amqp_properties(given: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Return `$sb.` attributes as the properties of an outgoing message. Raises ConfigError or TypeError."""
    made: dict[str, Any] = {}
    for name in PLACES:
        value = given.get(PREFIX + name)
        if value is None:
            continue
        made["reply_to_group_id" if name == "reply_to_session_id" else name] = _checked(PREFIX + name, value)
    return made


def _checked(name: str, value: AttributeValue) -> Any:
    if name in _IDS:
        if not isinstance(value, str | bytes | UUID | int) or isinstance(value, bool):
            raise TypeError(f"{name} must be text, bytes, a UUID or an integer, not {type(value).__name__}")
        if isinstance(value, str | bytes) and len(value) > _MAX_ID:
            raise ConfigError(f"{name} may have {_MAX_ID} characters, not {len(value):,}")
        if isinstance(value, int) and not 0 <= value < 2**64:
            raise ConfigError(f"{name} must be an unsigned 64-bit integer, not {value}")
    elif name == PREFIX + "user_id":
        if not isinstance(value, bytes):
            raise TypeError(f"{name} must be bytes, not {type(value).__name__}")
    elif not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {type(value).__name__}")
    return value


def milliseconds_to_live(value: AttributeValue) -> int:
    """Return the milliseconds of a `$sb.time_to_live`. Raises ConfigError."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value * 1000 <= _MAX_TTL_MS:
        raise ConfigError(
            f"{TIME_TO_LIVE} must be a number of seconds above 0 and at most {_MAX_TTL_MS // 1000:,}"
        )
    return max(1, round(value * 1000))


def enqueue_time(value: AttributeValue) -> datetime:
    """Return the moment of a `$sb.scheduled_enqueue_time`. Raises ConfigError."""
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise ConfigError(f"{SCHEDULED} is not an ISO time: {value!r}") from error
    if not isinstance(moment, datetime):
        raise ConfigError(f"{SCHEDULED} must be a datetime or an ISO time, not {value!r}")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
