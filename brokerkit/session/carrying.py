"""Messages on their way to another system, which may not carry all of what they have.

What it cannot carry travels in attributes of ours, and is put back as soon as a system can carry it:

    bk-publish-time   when it was first published: ISO 8601, UTC, microseconds
    bk-key            the key, as base64
    bk-null           "1": the payload is null, and not empty as it looks
    bk-attributes     the attributes, as base64 of a JSON list of [name, base64 of the value, type]
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from brokerkit.core.attributes import Attributes, Pair
from brokerkit.core.capabilities import Capabilities
from brokerkit.core.columns import Columns
from brokerkit.core.errors import ConfigError
from brokerkit.core.messages import OutboundMessage
from brokerkit.core.publisher import refusal
from brokerkit.frames.attributes import pair_of, parts_of

PUBLISH_TIME = "bk-publish-time"
KEY = "bk-key"
NULL = "bk-null"
ATTRIBUTES = "bk-attributes"
OURS = (PUBLISH_TIME, KEY, NULL, ATTRIBUTES)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_NAME = re.compile(r"(?!(?i:nats-|brokerkit-|goog))[A-Za-z0-9_.\-]{1,200}")
_PLAIN_VALUE = re.compile(r"(?:[!-~](?:[ -~]{0,998}[!-~])?)?")


def messages_to_copy(columns: Columns, target: Capabilities) -> list[OutboundMessage]:
    """The rows of a batch as messages that `target` gives back complete."""
    times = [_micros(value) for value in columns.values("publish_time")]
    rows = zip(
        columns.values("value"), columns.values("key"), columns.values("attributes"), times, strict=True
    )
    return [
        _carried(_opened(value, key, Attributes(attributes)), time, target)
        for value, key, attributes, time in rows
    ]


def _opened(value: bytes | None, key: bytes | None, attributes: Attributes) -> OutboundMessage:
    """A message as it was before its first copy. What does not read as ours stays as it is."""
    ours = {name: text for name in OURS if (text := attributes.text(name)) is not None}
    if not ours:
        return OutboundMessage(value, key, attributes)
    try:
        if NULL in ours:
            value = None
        if KEY in ours:
            key = b64decode(ours[KEY], validate=True)
        others: list[Pair] = [pair for pair in attributes if pair[0] not in OURS]
        if ATTRIBUTES in ours:
            others += _unpacked(ours[ATTRIBUTES])
        kept = [pair for pair in attributes if pair[0] == PUBLISH_TIME]
        return OutboundMessage(value, key, [*others, *kept])
    except (ValueError, TypeError, ConfigError):
        return OutboundMessage(value, key, attributes)


def _carried(message: OutboundMessage, time: int | None, target: Capabilities) -> OutboundMessage:
    value, key, attributes = message.data, message.key, list(message.attributes)
    first = [pair for pair in attributes if pair[0] == PUBLISH_TIME]
    others = [pair for pair in attributes if pair[0] != PUBLISH_TIME]
    if not first and time is not None:
        first = [(PUBLISH_TIME, (_EPOCH + timedelta(microseconds=time)).isoformat(timespec="microseconds"))]
    ours: list[Pair] = []
    if value is None and not target.null_value:
        value = b""
        ours.append((NULL, "1"))
    if key is not None and refusal(OutboundMessage(b"", key), target) is not None:
        ours.append((KEY, b64encode(key).decode()))
        key = None
    if others and not _survive(others, target):
        ours.append((ATTRIBUTES, _packed(others)))
        others = []
    return OutboundMessage(value, key, [*others, *ours, *first])


def _survive(attributes: Sequence[Pair], target: Capabilities) -> bool:
    """Whether a system gives these back as they are, in their order."""
    if target.duplicate_attributes and "bytes" in target.attribute_types:
        return all(parts_of(pair)[2] in target.attribute_types for pair in attributes)
    names = [name for name, _ in attributes]
    return len(set(names)) == len(names) and all(
        isinstance(value, str) and _PLAIN_NAME.fullmatch(name) and _PLAIN_VALUE.fullmatch(value)
        for name, value in attributes
    )


def _packed(attributes: Sequence[Pair]) -> str:
    rows = []
    for pair in attributes:
        name, data, kind = parts_of(pair)
        rows.append([name, None if data is None else b64encode(data).decode(), kind])
    return b64encode(orjson.dumps(rows)).decode()


def _unpacked(text: str) -> list[Pair]:
    found = []
    for name, data, kind in orjson.loads(b64decode(text, validate=True)):
        found.append(pair_of(name, None if data is None else b64decode(data, validate=True), kind))
    return found


def _micros(value: Any) -> int | None:
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    return None if value is None else int(value)
