"""Messages as they are in a table, and as columns."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.messages import OutboundMessage, to_microseconds

from .tables import Row


def row_of(message: OutboundMessage) -> Row:
    """Return a message as the columns of its table, without its number."""
    own = message.publish_time
    published = time.time_ns() // 1000 if own is None else to_microseconds(own)
    return message.key, message.data, _written(message.attributes), published


def to_columns(topic: str, rows: Sequence[Row]) -> Columns:
    """Return rows of `MESSAGE` as columns."""
    if not rows:
        return Columns.empty()
    numbers, keys, values, attributes, times = zip(*rows, strict=True)
    return Columns(
        length=len(rows),
        topic=topic,
        offset=numbers,
        id=[str(number) for number in numbers],
        key=keys,
        value=values,
        attributes=[_read(text) for text in attributes],
        publish_time=times,
    )


def _written(attributes: Attributes) -> str | None:
    """Return attributes as JSON: bytes are ``{"hex": ...}``. None if there are none."""
    pairs = [
        (name, {"hex": value.hex()} if isinstance(value, bytes) else value) for name, value in attributes
    ]
    return json.dumps(pairs) if pairs else None


def _read(text: str | None) -> tuple[tuple[str, Any], ...]:
    pairs = () if text is None else json.loads(text)
    return tuple(
        (name, bytes.fromhex(value["hex"]) if isinstance(value, dict) else value) for name, value in pairs
    )
