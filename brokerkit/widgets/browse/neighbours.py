"""Steps from one message to the next on the broker: by position, or with the same key or header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.positions import AtPlace
from brokerkit.display.sanitize import plain
from brokerkit.session.read.peek import new_peek
from brokerkit.session.read.ranges import parse_range

from .gaps import beyond, stepped_over
from .message import MessageView
from .query import Query

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


def neighbour(
    session: DataSession,
    message: MessageView,
    query: Query,
    by: int,
    along: str,
    header: str | None,
    cancellation: Cancellation,
) -> tuple[pa.Table, str]:
    """Return the row after (1) or before (-1) a message in its partition, and what is known to lie between.

    Args:
        along: "partition" for any row, "key" for one of the same key, "header" for one with the same header.
        header: The name of the header.

    Raises:
        ConfigError: There is none.
    """
    key, wanted, what = None, None, ""
    if along == "key":
        key, what = message.key, "of this key "
        if key is None:
            raise ConfigError("this message has no key to follow")
    elif along == "header":
        wanted, what = header_of(message, header), "with this header "
    try:
        place = session.inspector.place(message.offset, message.identity)
    except NotSupported:
        raise ConfigError("this system has no positions to step along") from None
    start, partitions = place_of(message.partition, AtPlace(place + 1))
    end, _ = place_of(message.partition, AtPlace(place))
    span = parse_range(start, None) if by > 0 else parse_range(None, end)
    look = new_peek(session, 1, query.reading_all(key, wanted))
    look.plan(query.topic, span, newest=by < 0, partitions=partitions)
    look.read(cancellation, progress=False)
    found = look.table()
    if not found.num_rows:
        rest = beyond(session, query.topic, message.partition, place, by) if along == "partition" else ""
        raise ConfigError(
            f"there is no {'later' if by > 0 else 'earlier'} message {what}in its partition{rest}"
        )
    return found, stepped_over(session, message, found, along)


def header_of(message: MessageView, name: str | None) -> dict[str, Any]:
    """Return a header of a message as `peek` takes it.

    Raises:
        ConfigError: The message has no such header, or its value is no text.
    """
    for each in message.attributes:
        if each["name"] == name and each["value"] is not None and each["type"] in ("string", "bytes"):
            return {each["name"]: _value(each["value"])}
    raise ConfigError(f"this message has no header {plain(str(name), 60)!r} whose value is text or bytes")


def _value(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def place_of(partition: int | None, position: Any) -> tuple[Any, list[int] | None]:
    """Return a position of one partition as one of the topic, and the partitions to read."""
    return (position, None) if partition is None else ({partition: position}, [partition])
