"""Delivered messages as columns: the acknowledgement subject says where and when each was stored.

$JS.ACK.STREAM.CONSUMER.DELIVERED.STREAM_SEQ.CONSUMER_SEQ.NANOSECONDS.PENDING
$JS.ACK.DOMAIN.ACCOUNT.STREAM.CONSUMER.DELIVERED.STREAM_SEQ.CONSUMER_SEQ.NANOSECONDS.PENDING[.RANDOM]
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from brokerkit.core.vocabulary.columns import Columns

from .headers import inbound

SHORT_TOKENS = 9
SHORT_AT = 4
LONG_AT = 6

_subject = attrgetter("subject")
_reply = attrgetter("reply")
_data = attrgetter("data")
_headers = attrgetter("headers")


def delivery_at(tokens: Sequence[str]) -> int:
    """Where the delivery count is among the tokens; the stream sequence and the time follow."""
    return SHORT_AT if len(tokens) == SHORT_TOKENS else LONG_AT


def sequence_of(reply: str) -> int:
    """The stream sequence that an acknowledgement subject names."""
    tokens = reply.split(".")
    return int(tokens[delivery_at(tokens) + 1])


def to_columns(messages: Sequence[Any], *, attributes: bool = True, counts: bool = True) -> Columns:
    """Columns from messages of nats-py that a pull consumer delivered."""
    if not messages:
        return Columns.empty()
    tokens = [reply.split(".") for reply in map(_reply, messages)]
    at = delivery_at(tokens[0])
    ids = [each[at + 1] for each in tokens]
    times = [int(each[at + 3]) // 1000 for each in tokens]
    keys: Any = None
    pairs: Any = None
    headers = list(map(_headers, messages))
    if any(headers):
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
        delivery_count=[int(each[at]) for each in tokens] if counts else None,
    )
