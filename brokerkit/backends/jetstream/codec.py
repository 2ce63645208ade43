"""Conversion of delivered messages to columns.

The acknowledgement subject of a message contains where and when it was stored, in one of two forms::

    $JS.ACK.STREAM.CONSUMER.DELIVERED.STREAM_SEQ.CONSUMER_SEQ.NANOSECONDS.PENDING
    $JS.ACK.DOMAIN.ACCOUNT.STREAM.CONSUMER.DELIVERED.STREAM_SEQ.CONSUMER_SEQ.NANOSECONDS.PENDING[.RANDOM]
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from brokerkit.core.vocabulary.columns import Columns

from .headers import inbound, only_ids

SHORT_TOKENS = 9
SHORT_AT = 4
LONG_AT = 6

_subject = attrgetter("subject")
_reply = attrgetter("reply")
_data = attrgetter("data")
_headers = attrgetter("headers")


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
    length = replies[0].count(".") + 1
    at = SHORT_AT if length == SHORT_TOKENS else LONG_AT
    tokens = ".".join(replies).split(".")
    if len(tokens) == length * len(replies) and tokens[::length].count("$JS") == len(replies):
        return tokens[at::length], tokens[at + 1 :: length], tokens[at + 3 :: length]
    split = [reply.split(".") for reply in replies]
    places = [(each, delivery_at(each)) for each in split]
    counts, ids, times = ([each[place + part] for each, place in places] for part in (0, 1, 3))
    return counts, ids, times


def to_columns(messages: Sequence[Any], *, attributes: bool = True, counts: bool = True) -> Columns:
    """Return messages that a pull consumer delivered as columns.

    Args:
        messages: The messages of nats-py.
        attributes: Whether to fill the column of attributes.
        counts: Whether to fill the column of delivery counts.
    """
    if not messages:
        return Columns.empty()
    delivered, ids, stamps = _delivery(list(map(_reply, messages)))
    times = [stamp // 1000 for stamp in map(int, stamps)]
    keys: Any = None
    pairs: Any = None
    headers = list(map(_headers, messages))
    if any(headers) and not only_ids(headers):
        read = list(map(inbound, headers))
        keys = [key for key, _ in read]
        pairs = [each for _, each in read] if attributes else None
    return Columns(
        len(ids),
        topic=list(map(_subject, messages)),
        offset=list(map(int, ids)),
        id=ids,
        key=keys,
        value=list(map(_data, messages)),
        attributes=pairs,
        publish_time=times,
        ingestion_time=times,
        delivery_count=list(map(int, delivered)) if counts else None,
    )
