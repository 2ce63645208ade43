"""Convert received and peeked messages to columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from brokerkit.core.contract.garbage_collection import gc_paused
from brokerkit.core.vocabulary.attributes import Pair, type_name
from brokerkit.core.vocabulary.columns import Columns

from .amqp import APPLICATION_PROPERTIES, PROPERTIES, Malformed, sections, text_or_bytes
from .body import payload_of
from .properties import BODY_TYPE, PLACES, read_annotations, read_properties

ENQUEUED = b"x-opt-enqueued-time"
NO_TIMES = frozenset({0, -62_135_596_800_000})
"""Milliseconds that mean no time: zero, and the first instant that .NET knows."""
PARTITION_BITS = 48
"""In a partitioned entity, the bits of a sequence number above these name the partition."""


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
    key = _key(message)
    if not attributes:
        return key, payload, None
    pairs: list[Pair] = []
    for name, value in given or _forgotten(message.application_properties):
        pairs.append((_text(name), _attribute(value)))
    pairs.extend(read_properties(_properties(message) if listed is None else listed))
    if kind is not None:
        pairs.append((BODY_TYPE, kind))
    pairs.extend(read_annotations(message))
    return key, payload, pairs or None


def _key(message: Any) -> bytes | None:
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


def _text(name: Any) -> str:
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
