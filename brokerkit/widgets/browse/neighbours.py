"""Steps from one message to the next on the broker: by position, or with the same key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.positions import AtPlace
from brokerkit.session.read.peek import new_peek
from brokerkit.session.read.ranges import parse_range

from .message import MessageView
from .query import Query

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


def neighbour(
    session: DataSession,
    message: MessageView,
    query: Query,
    by: int,
    same_key: bool,
    cancellation: Cancellation,
) -> pa.Table:
    """Return the row after (1) or before (-1) a message in its partition.

    Raises:
        ConfigError: There is none.
    """
    try:
        place = session.inspector.place(message.offset, message.identity)
    except NotSupported:
        raise ConfigError("this system has no positions to step along") from None
    if same_key and message.key is None:
        raise ConfigError("this message has no key to follow")
    start, partitions = place_of(message.partition, AtPlace(place + 1))
    end, _ = place_of(message.partition, AtPlace(place))
    span = parse_range(start, None) if by > 0 else parse_range(None, end)
    look = new_peek(session, 1, query.reading_all(message.key if same_key else None))
    look.plan(query.topic, span, newest=by < 0, partitions=partitions)
    look.read(cancellation, progress=False)
    found = look.table()
    if not found.num_rows:
        what = "of this key " if same_key else ""
        raise ConfigError(f"there is no {'later' if by > 0 else 'earlier'} message {what}in its partition")
    return found


def place_of(partition: int | None, position: Any) -> tuple[Any, list[int] | None]:
    """Return a position of one partition as one of the topic, and the partitions to read."""
    return (position, None) if partition is None else ({partition: position}, [partition])
