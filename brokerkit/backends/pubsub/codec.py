"""Convert delivered messages to columns."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from brokerkit.core.contract.garbage_collection import gc_paused
from brokerkit.core.vocabulary.columns import Columns

_message = attrgetter("message")
_data = attrgetter("data")
_id = attrgetter("message_id")
_key = attrgetter("ordering_key")
_attributes = attrgetter("attributes")
_time = attrgetter("publish_time")
_attempt = attrgetter("delivery_attempt")


def to_columns(received: Sequence[Any], topic: str) -> Columns:
    """Return the columns of pulled messages. Attributes are sorted by name, since a map has no order."""
    if not received:
        return Columns.empty()
    with gc_paused():
        messages = list(map(_message, received))
        keys = [key.encode() if key else None for key in map(_key, messages)]
        pairs = [sorted(each.items()) if each else None for each in map(_attributes, messages)]
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
