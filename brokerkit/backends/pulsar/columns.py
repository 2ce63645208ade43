"""Messages of the library as columns."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from brokerkit.core.columns import Columns
from brokerkit.core.errors import NotSupported

from .names import split_partition
from .positions import id_text, pack

UNREADABLE = "brokerkit.unreadable"
"""The attribute of a message whose properties or key are not UTF-8: the client cannot give them."""

_split = lru_cache(maxsize=1024)(split_partition)


def to_columns(
    messages: Sequence[Any], *, attributes: bool = True, counts: bool = False, positions: bool = True
) -> Columns:
    """Columns of messages. counts: whether their deliveries are counted.

    positions: have every message its offset, or raise NotSupported; else leave it out where it has none.
    """
    ids = [message.message_id() for message in messages]
    places = [_split(message.topic_name()) for message in messages]
    return Columns(
        len(messages),
        topic=[topic for topic, _ in places],
        partition=[partition for _, partition in places],
        offset=_offsets(ids, positions),
        id=[id_text(each) for each in ids],
        key=[_key(message) for message in messages],
        value=[None if message.has_null_value() else message.data() for message in messages],
        attributes=[_attributes(message) for message in messages] if attributes else None,
        # the client gives zero where there is none
        publish_time=[message.publish_timestamp() * 1000 or None for message in messages],
        delivery_count=[message.redelivery_count() + 1 for message in messages] if counts else None,
    )


def offset_of(message_id: Any) -> int:
    """The offset of a message. Raises NotSupported where it has none."""
    return pack(message_id.ledger_id(), message_id.entry_id(), message_id.batch_index())


def _offsets(ids: Sequence[Any], required: bool) -> list[int | None]:
    if required:
        return [offset_of(each) for each in ids]
    found: list[int | None] = []
    for each in ids:
        offset: int | None = None
        with contextlib.suppress(NotSupported):
            offset = offset_of(each)
        found.append(offset)
    return found


def _key(message: Any) -> bytes | None:
    try:
        return message.partition_key().encode() or None
    except UnicodeDecodeError:
        return None


def _attributes(message: Any) -> tuple[tuple[str, str], ...]:
    try:
        message.partition_key()
        return tuple(message.properties().items())
    except UnicodeDecodeError:
        return ((UNREADABLE, "the properties or the key are not UTF-8, which this client cannot read"),)
