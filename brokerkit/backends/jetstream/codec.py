"""Conversion of delivered messages to columns.

The acknowledgement subject of a message contains where and when it was stored, in one of two forms::

    $JS.ACK.STREAM.CONSUMER.DELIVERED.STREAM_SEQ.CONSUMER_SEQ.NANOSECONDS.PENDING
    $JS.ACK.DOMAIN.ACCOUNT.STREAM.CONSUMER.DELIVERED.STREAM_SEQ.CONSUMER_SEQ.NANOSECONDS.PENDING[.RANDOM]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brokerkit.core.vocabulary.columns import Columns

from .client_internals import Arrived
from .headers import inbound, only_ids

SHORT_TOKENS = 9
SHORT_AT = 4
LONG_AT = 6


def delivery_at(tokens: Sequence[str]) -> int:
    """Return the index of the delivery count in the tokens of an acknowledgement subject.

    The stream sequence, the consumer sequence, the time and the number of pending messages follow it.
    """
    return SHORT_AT if len(tokens) == SHORT_TOKENS else LONG_AT


def sequence_of(reply: str) -> int:
    """Return the stream sequence in an acknowledgement subject."""
    tokens = reply.split(".")
    return int(tokens[delivery_at(tokens) + 1])


def delivered_first(reply: str) -> bool:
    """Tell by its acknowledgement subject whether a message is delivered for the first time."""
    tokens = reply.split(".")
    return tokens[delivery_at(tokens)] == "1"


def _delivery(replies: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return delivery counts, stream sequences and times of acknowledgement subjects, as texts."""
    first = replies[0].split(".")
    at = delivery_at(first)
    # nearly always all begin alike, so that half of the tokens need not be made
    start, length = ".".join(first[:at]) + ".", len(first) - at
    joined = ".".join(replies)
    rest = joined.replace(start, "")
    if len(joined) - len(rest) == len(start) * len(replies):
        tokens = rest.split(".")
        if len(tokens) == length * len(replies):
            return tokens[::length], tokens[1::length], tokens[3::length]
    split = [reply.split(".") for reply in replies]
    places = [(each, delivery_at(each)) for each in split]
    counts, ids, times = ([each[place + part] for each, place in places] for part in (0, 1, 3))
    return counts, ids, times


def to_columns(messages: Sequence[Arrived], *, attributes: bool = True, counts: bool = True) -> Columns:
    """Return messages that a pull consumer delivered as columns.

    Args:
        messages: The messages.
        attributes: Whether to fill the column of attributes.
        counts: Whether to fill the column of delivery counts.
    """
    if not messages:
        return Columns.empty()
    subjects, replies, payloads, headers = map(list, zip(*messages, strict=True))
    delivered, ids, stamps = _delivery(replies)
    times = [stamp // 1000 for stamp in map(int, stamps)]
    keys: Any = None
    pairs: Any = None
    if any(headers) and not only_ids(headers):
        read = list(map(inbound, headers))
        keys = [key for key, _ in read]
        pairs = [each for _, each in read] if attributes else None
    return Columns(
        len(ids),
        topic=subjects,
        offset=list(map(int, ids)),
        id=ids,
        key=keys,
        value=payloads,
        attributes=pairs,
        publish_time=times,
        ingestion_time=times,
        delivery_count=list(map(int, delivered)) if counts else None,
    )
