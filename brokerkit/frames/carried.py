"""What a copy carries in attributes because its system cannot carry it otherwise, put back in its place."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

import orjson

from brokerkit.core.vocabulary.attribute_bytes import pair_of
from brokerkit.core.vocabulary.attributes import Attributes, Pair
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage

PUBLISH_TIME = "bk-publish-time"
KEY = "bk-key"
NULL = "bk-null"
ATTRIBUTES = "bk-attributes"
OURS = (PUBLISH_TIME, KEY, NULL, ATTRIBUTES)


def opened(value: bytes | None, key: bytes | None, attributes: Attributes) -> OutboundMessage:
    """Return a message as it was before its first copy.

    An attribute that cannot be read as one of brokerkit's stays as it is.
    """
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
            others = together(others, ours[ATTRIBUTES])
        kept = [pair for pair in attributes if pair[0] == PUBLISH_TIME]
        return OutboundMessage(value, key, [*others, *kept])
    except (ValueError, TypeError, ConfigError):
        return OutboundMessage(value, key, attributes)


def together(plain: Sequence[Pair], text: str) -> list[Pair]:
    """Return all attributes, with those that were packed in their places."""
    found = list(plain)
    for name, data, kind, *place in orjson.loads(b64decode(text, validate=True)):
        pair = pair_of(name, None if data is None else b64decode(data, validate=True), kind)
        found.insert(place[0] if place else len(found), pair)
    return found
